"""Closed bars in their shortest form: what indicators are warmed up with, and windows are made of."""

from collections.abc import Iterable
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from schemas.config import Domain, IndicatorConfig
from schemas.indicators import KINDS, is_windowed
from schemas.market.intervals import MINUTE, Interval

HISTORY: Final = np.dtype(
    [
        ("ts_open", "<i8"),
        ("session_date", "<i8"),
        *((name, "<f8") for name in ("open", "high", "low", "close", "volume", "notional")),
    ]
)
"""A closed bar: 64 bytes; ``session_date`` in days, ``notional`` NaN where unknown."""

Rows: TypeAlias = NDArray[np.void]

MOST: Final = 150_000
"""Bars of one record: 9.6 MB, so that those of every interval of a symbol fit its saved state (64 MB)."""

_E6: Final = 13.815510557964274  # of 1e-6, the natural logarithm
_SESSION: Final = 1_440


def read(data: bytes) -> Rows | None:
    """The bars of a record; None where they are none, not ascending, or of numbers that are not finite."""
    if not data or len(data) % HISTORY.itemsize or len(data) > MOST * HISTORY.itemsize:
        return None
    rows = np.frombuffer(data, HISTORY)
    numbers = [rows[name] for name in ("open", "high", "low", "close", "volume")]
    ascending = bool(np.all(np.diff(rows["ts_open"]) > 0))
    return rows if ascending and all(bool(np.isfinite(one).all()) for one in numbers) else None


def bars_needed(config: IndicatorConfig, minutes: int = 1) -> int:
    """Bars of so many minutes after which the values of an indicator have converged."""
    if is_windowed(config):
        return config.window
    given = {one.name: config.parameters.get(one.name, one.default) for one in KINDS[config.kind].parameters}
    length = config.length
    if config.kind in ("rsi", "atr"):
        needed = length + 1 + _E6 * length
    elif config.kind == "adx":
        needed = 2 * length + 1.3 * _E6 * length
    elif config.kind in ("ema", "keltner"):
        needed = length + 1 + _E6 * (length + 1) / 2
    elif config.kind == "macd":
        slow, signal = max(given["fast"] or 0, given["slow"] or 0), given["signal"] or 0
        needed = slow + signal + 1.3 * _E6 * (max(slow, signal) + 1) / 2
    elif config.kind == "vwap":
        needed = _SESSION / minutes
    else:
        needed = length + sum(given[name] or 0 for name in ("smooth", "signal") if name in given) + 1
    return int(needed) + 1


def needed(domain: Domain, interval: str) -> int:
    """Bars of an interval after which all its indicators have converged, 0 where it has none."""
    minutes = Interval.parse(interval).ns // MINUTE
    wanted = [one for one in domain.indicators if not one.intervals or interval in one.intervals]
    return max((bars_needed(one, minutes) for one in wanted), default=0)


def too_long(indicators: Iterable[IndicatorConfig]) -> list[str]:
    """A line for each indicator that needs more bars to converge than warm-up has."""
    needs = ((one.name, bars_needed(one)) for one in indicators)
    return [
        f"{name} must need at most {MOST:,} bars to be warmed up, was {bars:,} (it begins unconverged)"
        for name, bars in needs
        if bars > MOST
    ]
