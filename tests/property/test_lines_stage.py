"""The laws of the ``lines`` stage: batching changes nothing, nor does a cut, nor how much is kept decoded."""

import json
from collections import Counter
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.columns import Columns
from schemas.config import Domain
from streams.core import slots
from streams.core.lines.parse import parse
from streams.core.lines.stage import LinesStage
from streams.core.stage import PARTITION_KEY
from tests.factories import Record, columns, config, raw, rows_of
from tests.line_factories import equity, line, mode_config, mode_unknown, run_end, stored_config

MODES = st.sampled_from(["a", "b", "c"])
NUMBERS = st.integers(1, 12)
FILES = st.sampled_from(["f1", "f2", "again:f1"])
STRANDS = st.sampled_from(["s1", "s2"])
ITEMS = st.lists(
    st.one_of(
        st.builds(equity, st.sampled_from([1, 2.5, "3", None]), st.sampled_from([None, "x"])),
        st.just({"t": "open", "price": 1}),
        st.just({}),
    ),
    min_size=1,
    max_size=3,
)


@st.composite
def lines(draw: st.DrawFn) -> Record:
    return line(draw(MODES), draw(NUMBERS), *draw(ITEMS), file_id=draw(FILES))


RECORDS = st.lists(
    st.one_of(
        lines(),
        lines(),
        st.builds(
            lambda mode, strand, number, file_id, scanned, live: mode_config(
                mode, strand, number, file_id=file_id, scanned=scanned, live=live
            ),
            MODES, STRANDS, NUMBERS, FILES, st.booleans(), st.booleans(),
        ),
        st.builds(stored_config, MODES, STRANDS),
        st.builds(mode_unknown, MODES),
        st.builds(lambda mode, number, name: run_end(mode, number, file_id=name), MODES, NUMBERS, FILES),
        st.builds(
            lambda version, size, on: config(Domain(version, parked_lines=size, equity_on_change=on)),
            st.integers(1, 4), st.integers(0, 3), st.booleans(),
        ),
        st.sampled_from([raw(b"\x00"), line("", 1, data=b"?"), line("a", 3, data=b"{")]),
    ),
    max_size=30,
)  # fmt: skip
CUTS = st.lists(st.integers(0, 30), max_size=4)


class Played:
    """A stage, and all it has put out since it was made."""

    def __init__(self, decoded: int = 4_096) -> None:
        self.stage = LinesStage(0, decoded)
        self.topics: dict[str, list[Record]] = {}
        self.counts: Counter[str] = Counter()

    def step(self, records: list[Record], first: int) -> None:
        self.take(columns("lines.raw", 0, *records, first_offset=first))

    def take(self, batch: Columns) -> None:
        outputs = self.stage.step(batch)
        self.counts.update(outputs.counts)
        for topic, found in outputs.topics.items():
            self.topics.setdefault(topic, []).extend(rows_of(found))


def played(records: list[Record], cuts: list[int], decoded: int = 4_096) -> Played:
    play = Played(decoded)
    bounds = sorted({0, len(records), *(cut for cut in cuts if cut < len(records))})
    for low, high in pairwise(bounds):
        play.step(records[low:high], low)
    return play


@given(RECORDS, CUTS)
@settings(deadline=None)
def test_batching_changes_nothing(records: list[Record], cuts: list[int]) -> None:
    whole, parts = played(records, []), played(records, cuts)
    assert whole.topics == parts.topics
    assert +whole.counts == +parts.counts
    assert whole.stage.take_dirty() == parts.stage.take_dirty()


@given(RECORDS, CUTS)
@settings(deadline=None)
def test_how_many_modes_are_kept_decoded_changes_nothing(records: list[Record], cuts: list[int]) -> None:
    assert played(records, cuts, decoded=1).topics == played(records, []).topics


@given(RECORDS, CUTS)
@settings(deadline=None)
def test_every_record_is_accounted_for(records: list[Record], cuts: list[int]) -> None:
    play = played(records, cuts)
    named = [play.counts[name] for name in ("out", "rejected", "late", "duplicate", "held")]
    assert play.counts["in"] == sum(named) == sum(record["record"] != "Config" for record in records)
    codes = [play.counts[name] for name in play.counts if name.startswith("rejected.")]
    assert play.counts["rejected"] == sum(codes)


@given(RECORDS, st.integers(0, 30), st.integers(0, 30), st.data())
@settings(deadline=None, max_examples=200)
def test_a_crash_loses_nothing_and_changes_nothing(
    records: list[Record], first: int, second: int, data: st.DataObject
) -> None:
    """A crash while the second checkpoint is being written: some modes newer than the partition's state."""
    low, high = sorted((min(first, len(records)), min(second, len(records))))
    before = Played()
    before.step(records[:low], 0)
    saved = before.stage.take_dirty()
    before.step(records[low:high], low)
    newer = before.stage.take_dirty()
    assert PARTITION_KEY not in list(newer)[:-1]  # R10
    newer.pop(PARTITION_KEY, None)
    written = data.draw(st.sets(st.sampled_from(sorted(newer)))) if newer else set()
    after = Played()
    after.stage.restore(saved | {key: newer[key] for key in written})
    after.step(records[low:], low)
    whole = played(records, [])
    for topic in whole.topics:
        seen = [*before.topics.get(topic, []), *after.topics.get(topic, [])]
        assert identities(seen) == identities(whole.topics[topic])
    assert set(before.topics) | set(after.topics) == set(whole.topics)
    kept = saved | {key: newer[key] for key in written} | after.stage.take_dirty()
    assert bodies(kept) == bodies(whole.stage.take_dirty())


def identities(records: list[Record]) -> set[str]:
    return {repr(record) for record in records}


def bodies(states: dict[bytes, bytes]) -> dict[bytes, bytes]:
    return {key: state[slots.HEADER_SIZE :] for key, state in states.items()}


@given(st.binary(max_size=200), st.sampled_from([b"", b"m"]))
def test_any_bytes_are_read_without_an_error(data: bytes, mode: bytes) -> None:
    assert parse(data, mode) is not None


_JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["t", "equity", "b", "x", "value"]), inner, max_size=4),
    ),
    max_leaves=8,
)


@given(st.fixed_dictionaries({"timestamp": _JSON, "value": _JSON}))
def test_any_json_is_read_without_an_error(body: dict[str, Any]) -> None:
    play = Played()
    play.step([mode_config("m"), line("m", 2, data=json.dumps({"mode": "m", **body}).encode())], 0)
    assert play.counts["in"] == play.counts["out"] + play.counts["rejected"] == 2
