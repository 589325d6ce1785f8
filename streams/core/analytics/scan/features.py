"""What one bar says: its fields by the codes that programs name them by."""

from typing import Final

import numpy as np

from schemas import flags
from schemas.jit import inlined
from streams.core.analytics.rows import FLAT, NO_TRADES, NULL, REFETCHED, Row
from streams.core.analytics.scan.meaning import FIELDS
from streams.core.analytics.scan.meaning import QUALITY as _QUALITY
from streams.core.analytics.scan.tree import TRUTHS

_FLAGS: Final[dict[str, int]] = {
    name.lower(): bit for name, bit in vars(flags).items() if name.lower() in TRUTHS
}
_BAR_CODES: Final = {name: code for code, name in enumerate(FIELDS)}
_COMPLETE, _IS_FLAT, _IS_REFETCHED, QUALITY, VALUE, _FLAG = 100, 101, 102, 103, 104, 200
_OPEN, _HIGH, _LOW, _CLOSE, _VOLUME, _NOTIONAL, _TRADES, _COVERAGE, _EXPECTED, _ACTUAL, _FILLED = range(
    len(FIELDS)
)
_STATES: Final = {"complete": _COMPLETE, "flat": _IS_FLAT, "refetched": _IS_REFETCHED, _QUALITY: QUALITY}


def code_of(name: str) -> int:
    """Code of a column: a field, ``QUALITY``, or ``VALUE`` for a name that is none of ours."""
    if name in _FLAGS:
        return _FLAG + _FLAGS[name].bit_length() - 1
    return _STATES.get(name, _BAR_CODES.get(name, VALUE))


@inlined
def _price(bar: Row, code: int) -> float:
    value = np.nan
    if code == _OPEN:
        value = bar["open"]
    elif code == _HIGH:
        value = bar["high"]
    elif code == _LOW:
        value = bar["low"]
    elif code == _CLOSE:
        value = bar["close"]
    elif code == _VOLUME:
        value = bar["volume"]
    elif code == _NOTIONAL:
        value = bar["notional"]
    elif bar["trades"] != NULL:
        value = 1.0 * bar["trades"]
    return value


@inlined
def _of_minute(bar: Row, code: int) -> float:
    """A minute is one expected minute, real or flat."""
    flat = bar["fill"] == FLAT
    value = 1.0
    if code == _ACTUAL:
        value = 0.0 if flat else 1.0
    elif code == _FILLED:
        value = 1.0 if flat else 0.0
    elif code == _COVERAGE:
        value = 0.0 if flat and bar["cause"] != NO_TRADES else 1.0
    return value


@inlined
def _of_derived(bar: Row, code: int) -> float:
    value = 1.0 if bar["actual"] + bar["filled"] == bar["expected"] else 0.0
    if code == _COVERAGE:
        value = bar["coverage"]
    elif code == _EXPECTED:
        value = 1.0 * bar["expected"]
    elif code == _ACTUAL:
        value = 1.0 * bar["actual"]
    elif code == _FILLED:
        value = 1.0 * bar["filled"]
    return value


@inlined
def field(bar: Row, code: int, is_minute: bool) -> float:
    """A field of a bar, NaN for null."""
    if code <= _TRADES:
        return _price(bar, code)
    if code >= _FLAG:
        return 1.0 if (bar["flags"] >> (code - _FLAG)) & 1 else 0.0
    if code == _IS_FLAT:
        return 1.0 if bar["fill"] == FLAT else 0.0
    if code == _IS_REFETCHED:
        return 1.0 if bar["fill"] == REFETCHED else 0.0
    return _of_minute(bar, code) if is_minute else _of_derived(bar, code)
