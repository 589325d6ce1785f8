"""What an indicator is: a few numbers of state and a step that moves them on by one closed bar."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from streams.core.analytics.rows import Floats, Row

CONVERGED: Final = 1e-6
"""A value has converged when history that was not seen weighs less than this."""

Step: TypeAlias = Callable[[Floats, int, Row, int, int, int, float, Floats, int], float]
"""(state, at, bar, first, second, third, factor, values, to) -> weight of unseen history, 0 to 1.

``state[at:]`` are the numbers of this indicator, all zeros before the first bar; they become those after the
bar. ``values[to:]`` receive its values, NaN while not ready. The parameters are whole numbers, at most three
(0 where it has less), and one factor.
"""

Across: TypeAlias = Callable[[Floats, int, Floats, int, int, int, float, Floats, int, Floats], None]
"""(state, at, bars, first, second, third, factor, out, to, sums): the same for the symbols of a block.

Rows of ``lane``: those of ``state`` from ``at`` on are the numbers of this indicator, those of ``bars`` a bar
each; those of ``out`` from ``to`` on receive its values and after them the weight. ``sums`` is room for four.
"""

Width: TypeAlias = Callable[[int, int, int], int]
"""Numbers of state for three parameters."""


@dataclass(frozen=True, slots=True, eq=False)
class Indicator:
    """The formula of one kind of ``schemas.indicators``; a new one is a new file and a line in ``steps``.

    Attributes:
        kind: its name in the configuration.
        step: the kernel.
        width: size of its state.
    """

    kind: str
    step: Step
    width: Width
