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
