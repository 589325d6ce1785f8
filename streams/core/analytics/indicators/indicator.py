"""What an indicator is: a row of state and a kernel that moves it on by one closed bar after the other."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np

from streams.core.analytics.rows import Floats, Rows

CONVERGED: Final = 1e-6
"""A value has converged when history that was not seen weighs less than this."""

Advance: TypeAlias = Callable[[Rows, Rows, int, int, int, Floats, Floats], None]
"""(states[n + 1], bars[n], first, end, length, values[n], unseen[n]).

For each i in [first, end): ``states[i + 1]`` becomes ``states[i]`` moved on by ``bars[i]``, or a copy where
no bar is published; ``values[i]`` the value, NaN while it is not ready; ``unseen[i]`` the weight, 0 to 1, of
bars before the first one seen.
"""


@dataclass(frozen=True, slots=True, eq=False)
class Indicator:
    """One kind of indicator; a new one is a new file in this folder.

    Attributes:
        kind: its name in the configuration.
        state: a row of state; all zeros before the first bar.
        advance: the kernel.
        has_length: whether it takes a length in bars.
    """

    kind: str
    state: np.dtype[np.void]
    advance: Advance
    has_length: bool

    def peek(self, state: Rows, bar: Rows, length: int) -> float:
        """Value that a bar would give, which advances nothing; NaN while not ready.

        Args:
            state: the state before the bar, an array of one.
            bar: the bar, forming or closed, an array of one with a revision of 0 or more.
            length: the length in bars, 0 where it has none.
        """
        states = np.zeros(2, self.state)
        states[0] = state[0]
        values, unseen = np.empty(1), np.empty(1)
        self.advance(states, bar, 0, 1, length, values, unseen)
        return float(values[0])
