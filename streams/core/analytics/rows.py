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
        ("open", "<f8"),
        ("high", "<f8"),
        ("low", "<f8"),
        ("close", "<f8"),
        ("volume", "<f8"),
        ("notional", "<f8"),  # NaN for null
        ("trades", "<i8"),  # NULL for null, here and below
        ("ts_first", "<i8"),
        ("ts_last", "<i8"),
        ("coverage", "<f8"),
        ("flags", "<i4"),
        ("revision", "<i4"),  # NONE: not published
        ("values_revision", "<i4"),  # of its indicator values
        ("source", "<i4"),  # number in the symbol's list of names
        ("last", "<i4"),  # of a derived bar: place of the last minute that is there
        ("expected", "<i2"),
        ("actual", "<i2"),
        ("filled", "<i2"),
        ("known", "<i2"),  # of a derived bar, here and below: minutes that are there or known not to come
        ("halted", "<i2"),  # minutes that are halts
        ("quiet", "<i2"),  # minutes without trades
        ("starts", "<i1"),  # 1 for the first slot of a trade date
        ("fill", "<i1"),
        ("due", "<i1"),  # heartbeats until the values of functions are computed, 0 where they are
        ("cause", "<i1"),  # of a minute without a real bar, NONE where unknown
        ("unfilled", "<i1"),  # 1: reported as a minute that no bar will fill
        ("waits", "<i1"),  # of a derived bar; 1: has minutes, but is not published
    ],
    align=True,
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
