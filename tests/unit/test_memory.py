"""Memory for answers: used again, never while somebody looks at it."""

import gc

import numpy as np

from runtime.protocol.memory import Memory

MEGABYTE = 1 << 20


def place(view: memoryview) -> int:
    return int(np.frombuffer(view, np.uint8).ctypes.data)


def test_a_buffer_is_handed_out_again_once_no_view_of_it_is_left():
    memory = Memory()
    first = memory.take(3 * MEGABYTE)
    where, part = place(first), first[10:20]
    del first
    second = memory.take(3 * MEGABYTE)  # a slice, or an array over it, is a view as well
    column = np.frombuffer(part, np.uint8)
    del part
    third = memory.take(3 * MEGABYTE)
    assert len({where, place(second), place(third)}) == 3
    del column
    gc.collect()
    assert place(memory.take(2 * MEGABYTE)) == where


def test_what_is_in_a_buffer_stays_while_others_are_filled():
    memory, kept = Memory(4 * MEGABYTE), []
    for number in range(20):
        view = memory.take(MEGABYTE + number)
        assert len(view) >= MEGABYTE + number
        view[:] = bytes([number]) * len(view)
        kept.append(view[: number + 1])
        if number % 3 == 0:
            kept.pop(0)
    assert all(set(bytes(view)) == {len(view) - 1} for view in kept)


def test_no_more_is_kept_than_was_allowed():
    memory = Memory(4 * MEGABYTE)
    small = memory.take(2 * MEGABYTE)
    where = place(small)
    del small
    large = memory.take(3 * MEGABYTE)  # both together are too much: the one that is free goes
    other = memory.take(5 * MEGABYTE)
    assert len(large) == 3 * MEGABYTE
    assert len(other) == 5 * MEGABYTE
    kept = place(large)
    del large, other
    assert kept != where
    assert place(memory.take(MEGABYTE)) == kept
