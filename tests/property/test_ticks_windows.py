"""Windows of remembered numbers against a plain set, with leaps over the whole of them."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.core.ticks.moving import windows_of
from streams.core.ticks.packing import clear_all_forgotten
from streams.core.ticks.rows import ADMITTED, BELOW_WINDOW, SEGMENT, TICK_NUMBERS, V16
from streams.core.ticks.state import Shape, State, new_state, set_up
from tests.unit.ticks.seen import seen

WORDS = 2
WINDOW = 100  # of the 128 numbers that two words hold
STEPS = st.one_of(st.integers(-140, 3), st.integers(1, 140), st.sampled_from([127, 128, 129, 5_000]))


def state() -> State:
    """One pair that has seen nothing."""
    found = new_state(Shape(1, 1, 1, 3 * WORDS), np.zeros(0, SEGMENT))
    found = found._replace(places=np.array([[-1, 0]], np.int32))
    set_up(found, 0, WORDS)
    found.pairs["window"] = WINDOW
    return found


def expected(numbers: list[int]) -> list[int]:
    """Verdicts by a set that forgets nothing."""
    known: set[int] = set()
    verdicts = []
    for number in numbers:
        if known and number <= max(known) - WINDOW:
            verdicts.append(BELOW_WINDOW)
        else:
            verdicts.append(V16 if number in known else ADMITTED)
            known.add(number)
    return verdicts


@settings(deadline=None, max_examples=300)
@given(steps=st.lists(STEPS, min_size=1, max_size=40), saved=st.sets(st.integers(0, 40)))
def test_a_window_says_what_a_set_says_wherever_it_is_saved(steps: list[int], saved: set[int]) -> None:
    numbers, top = [], 1_000
    for step in steps:
        numbers.append(max(top + step, 0))
        top = max(top, numbers[-1])
    one, found = state(), []
    for at, number in enumerate(numbers):
        if at in saved:
            clear_all_forgotten(one)
        found.append(seen(one, TICK_NUMBERS, number))
    assert found == expected(numbers)


@settings(deadline=None, max_examples=100)
@given(steps=st.lists(STEPS, min_size=1, max_size=40))
def test_a_saved_window_holds_the_numbers_of_the_set_and_no_others(steps: list[int]) -> None:
    one, top = state(), 1_000
    known: set[int] = set()
    for step in steps:
        number = max(top + step, 0)
        top = max(top, number)
        if seen(one, TICK_NUMBERS, number) == ADMITTED:
            known.add(number)
    clear_all_forgotten(one)
    bits = np.unpackbits(windows_of(one, 0)[TICK_NUMBERS].view(np.uint8), bitorder="little")
    size = WORDS * 64
    held = {number for number in range(max(known) - size + 1, max(known) + 1) if bits[number % size]}
    assert held == {number for number in known if number > max(known) - size}
