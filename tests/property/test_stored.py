"""States in memory beside a dict."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.batches.encode import Encoded
from schemas.batches.frames import from_records
from schemas.errors import StateError
from streams.core.slots import offset_of, pack
from streams.transport.stored import Stored

KEYS = st.integers(0, 400).map(b"S%05d|feed|m00".__mod__) | st.binary(max_size=20)
STATES = st.builds(pack, st.just(1), st.integers(0, 5), st.binary(max_size=90))
WRITES = st.lists(st.lists(st.tuples(KEYS, st.none() | STATES), max_size=120), max_size=8)


def put(stored: Stored, writes: list[tuple[bytes, bytes | None]]) -> None:
    keys, states = [key for key, _ in writes], [state for _, state in writes]
    stored.put(Encoded.of(keys, states, np.zeros(len(keys), np.int64)))


def check(stored: Stored, known: dict[bytes, bytes]) -> None:
    assert stored.states() == known
    assert len(stored) == len(known)
    assert all(key in stored for key in known)
    assert b"no such key" not in stored


@given(WRITES)
def test_the_last_one_put_is_there(lots: list[list[tuple[bytes, bytes | None]]]):
    stored, known = Stored(), dict[bytes, bytes]()
    for lot in lots:
        put(stored, lot)
        for key, state in lot:
            if state is None:
                known.pop(key, None)
            else:
                known[key] = state
        check(stored, known)


@given(WRITES)
def test_of_what_is_recovered_the_one_that_reflects_most(lots: list[list[tuple[bytes, bytes | None]]]):
    stored, known = Stored(), dict[bytes, bytes]()
    for lot in lots:
        stored.recover(from_records((at, 0, key, state) for at, (key, state) in enumerate(lot)))
        for key, state in lot:
            if state is None:
                known.pop(key, None)
            elif key not in known or offset_of(state) >= offset_of(known[key]):
                known[key] = state
        check(stored, known)


def test_many_states_that_grow_and_shrink():
    stored, known, chance = Stored(), dict[bytes, bytes](), np.random.default_rng(1)
    for size in (10, 400, 30, 2_000, 100):
        found = {b"S%d" % number: pack(1, size, bytes(int(chance.integers(size)))) for number in range(5_000)}
        put(stored, list(found.items()))
        known |= found
    check(stored, known)


def test_what_is_left_behind_takes_little():
    stored, size = Stored(), 0
    while size < 100_000:
        size += 100
        put(stored, [(b"grows", pack(1, 0, bytes(size)))])
    assert len(stored._memory.slab) < 7 * size


def test_keys_are_found_beyond_what_a_span_can_say():
    stored, keys = Stored(), [b"S%05d" % number for number in range(100)]
    stored._memory = stored._memory._replace(slab=np.empty((1 << 32) + (1 << 16), np.uint8))
    stored._memory.used[1] = 1 << 32  # nothing below is ever touched
    put(stored, [(key, pack(1, 1, key)) for key in keys])
    assert len(stored) == len(keys)
    assert all(key in stored for key in keys)


@pytest.mark.parametrize("state", [b"", b"short"])
def test_a_state_without_a_header_is_refused(state: bytes):
    stored = Stored()
    with pytest.raises(StateError, match="must have 12 bytes"):
        stored.recover(from_records([(0, 0, b"a", pack(1, 1, b"")), (1, 0, b"b", state)]))
    check(stored, {})
