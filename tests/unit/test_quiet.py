"""What the interpreter does beside the work: garbage is looked for when told, threads get their turn soon."""

import gc
import sys
import weakref
from collections.abc import Iterator

import pytest

from runtime.quiet import settle, unsettle

DEFAULT_TURN_S = 0.005


class Ring:
    """An object that only the garbage collector can free."""

    def __init__(self) -> None:
        self.own = self


@pytest.fixture(autouse=True)
def interpreter() -> Iterator[None]:
    """As it was when the test ends."""
    threshold, turn = gc.get_threshold(), sys.getswitchinterval()
    yield
    gc.unfreeze()
    gc.set_threshold(*threshold)
    sys.setswitchinterval(turn)


def old_runs() -> int:
    return int(gc.get_stats()[2]["collections"])


def rings(count: int) -> list[Ring]:
    return [Ring() for _ in range(count)]


def test_what_is_there_is_looked_through_no_more():
    kept = rings(1_000)
    settle()
    assert gc.get_freeze_count() > len(kept)
    assert not any(one is found for one in kept[:3] for found in gc.get_objects())


def test_the_old_are_left_alone_however_many_young_ones_come():
    settle()
    before = old_runs()
    for _ in range(15):
        rings(30_000)
    assert old_runs() == before


def test_without_it_the_old_are_looked_through_in_between():
    gc.set_threshold(700, 10, 1)
    before = old_runs()
    for _ in range(15):
        rings(30_000)
    assert old_runs() > before


def test_young_garbage_is_found_between_two_turns():
    settle()
    seen = weakref.ref(Ring())
    rings(60_000)
    assert seen() is None


def test_settling_again_frees_what_was_dropped_meanwhile():
    settle()
    kept = rings(10)
    settle()  # now they are out of sight
    seen = weakref.ref(kept[0])
    kept.clear()
    gc.collect()
    assert seen() is not None
    unsettle()
    settle()
    assert seen() is None


def test_other_threads_get_their_turn_sooner():
    sys.setswitchinterval(DEFAULT_TURN_S)
    settle()
    assert sys.getswitchinterval() < DEFAULT_TURN_S / 5
