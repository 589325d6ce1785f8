"""Quality of a symbol's session: how many of its expected minutes are known to be true.

quality = 100 * (real + refetched + no_trades minutes) / expected minutes so far.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streams.core.bars.state import EMPTY, FLAT, HALT, NO_TRADES, OUTAGE, REAL, REFETCHED, UNDECIDED


class Parts(NamedTuple):
    """Minutes of a session so far, and records that went wrong in it."""

    expected: int
    real: int
    refetched: int
    flat: int
    no_trades: int
    rejected: int
    late: int
    outage: int

    @property
    def quality(self) -> float | None:
        """0 to 100, None where no minute is expected."""
        if self.expected == 0:
            return None
        return 100.0 * (self.real + self.refetched + self.no_trades) / self.expected


def parts(rows: NDArray[np.void]) -> Parts:
    """Parts of the quality over the decided minutes of a trade date; a halted minute is not expected."""
    kind, cause = rows["kind"], rows["cause"]
    missing = (kind == FLAT) | (kind == EMPTY)
    halted = missing & (cause == HALT)
    return Parts(
        expected=int(np.count_nonzero(kind != UNDECIDED) - np.count_nonzero(halted)),
        real=int(np.count_nonzero(kind == REAL)),
        refetched=int(np.count_nonzero(kind == REFETCHED)),
        flat=int(np.count_nonzero(kind == FLAT)),
        no_trades=int(np.count_nonzero(missing & (cause == NO_TRADES))),
        rejected=int(rows["rejected"].sum()),
        late=int(rows["late"].sum()),
        outage=int(np.count_nonzero(missing & (cause == OUTAGE))),
    )
