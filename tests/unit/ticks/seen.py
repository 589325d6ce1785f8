"""One number against the windows of a pair, as the run asks it."""

from schemas.jit import kernel
from streams.core.ticks.identity import identify
from streams.core.ticks.rows import Int
from streams.core.ticks.state import State


@kernel
def seen(state: State, window: Int, number: Int) -> Int:
    """Verdict on a number of the first pair, which is remembered."""
    return identify(state.bits, state.recent, 0, state.pairs[0], state.pairs[0], window, number)
