"""Names to numbers."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.batches.lookup import Lookup
from schemas.records import SPAN

NAMES = st.lists(st.binary(max_size=20), max_size=40)


@settings(deadline=None)
@given(names=NAMES, wanted=NAMES)
def test_a_lookup_finds_what_a_list_finds(names: list[bytes], wanted: list[bytes]) -> None:
    asked = [*wanted, *names]
    starts = np.cumsum([0, *map(len, asked)])
    spans = np.array([(at, len(name)) for at, name in zip(starts, asked, strict=False)], SPAN)
    found = Lookup(names).find(np.frombuffer(b"".join(asked), np.uint8), spans)
    assert found.tolist() == [names.index(name) if name in names else -1 for name in asked]


def test_null_is_never_found() -> None:
    spans = np.array([(0, -1), (0, 0)], SPAN)
    assert Lookup([b""]).find(np.zeros(0, np.uint8), spans).tolist() == [-1, 0]
