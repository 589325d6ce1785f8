"""The one row that a bar is while ``analytics`` works on it, for minutes and for derived intervals alike."""

from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from schemas.records import record_type

Rows: TypeAlias = NDArray[np.void]
Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]
Bools: TypeAlias = NDArray[np.bool_]
Row: TypeAlias = Any
"""One row inside a kernel, where its fields have types of their own that Python cannot tell."""

BAR: Final = np.dtype(
    [
        ("ts_open", "<i8"),
        ("ts_close", "<i8"),
        ("session_date", "<i8"),
        ("starts", "<i8"),  # 1 for the first slot of a trade date
        ("open", "<f8"),
        ("high", "<f8"),
        ("low", "<f8"),
        ("close", "<f8"),
        ("volume", "<f8"),
        ("notional", "<f8"),  # NaN for null
        ("trades", "<i8"),  # NULL for null, here and below
        ("ts_first", "<i8"),
        ("ts_last", "<i8"),
        ("fill", "<i8"),
        ("expected", "<i8"),
        ("actual", "<i8"),
        ("filled", "<i8"),
        ("coverage", "<f8"),
        ("source", "<i8"),  # number in the symbol's list of names
        ("flags", "<i8"),
        ("revision", "<i8"),  # NONE: not published
        ("values_revision", "<i8"),  # of its indicator values
        ("due", "<i8"),  # heartbeats until the values of functions are computed, 0 where they are
        ("cause", "<i8"),  # of a minute without a real bar, NONE where unknown
        ("unfilled", "<i8"),  # 1: reported as a minute that no bar will fill
        ("waits", "<i8"),  # of a derived bar, here and below; 1: has minutes, but is not published
        ("known", "<i8"),  # minutes that are there or known not to come
        ("halted", "<i8"),  # minutes that are halts
        ("quiet", "<i8"),  # minutes without trades
        ("last", "<i8"),  # place of the last minute that is there
    ]
)
"""A bar or the place where one may come: its geometry is set, ``revision`` is NONE until there is one."""

NONE: Final = -1
NULL: Final = -(2**63)
"""An integer that is null."""

REAL: Final = record_type("Bar").code("fill", "real")
REFETCHED: Final = record_type("Bar").code("fill", "refetched")
FLAT: Final = record_type("Bar").code("fill", "flat")
HALT: Final = record_type("MinuteStatus").code("cause", "halt")
NO_TRADES: Final = record_type("MinuteStatus").code("cause", "no_trades")
