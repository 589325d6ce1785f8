"""A configuration as the ticks stage reads it, refused where it would keep too much in memory."""

from typing import Final

import msgspec

from schemas.config import Domain, decode
from schemas.errors import ConfigurationError
from schemas.market.intervals import DAY
from schemas.rules import AssetRules
from streams.core.ticks.rows import PRICES
from streams.core.ticks.rule_rows import Rules
from streams.core.watermark import is_name

_MS: Final = 1_000_000
_LONGEST: Final = 2 * DAY  # lateness beyond it would keep thousands of minutes a symbol in memory
_WIDEST: Final = 1 << 20  # numbers of a window of identities: 128 KiB
_MOST_KEPT: Final = 1 << 22  # prints of a symbol kept for corrections: 288 MiB


def read(version: int, body: bytes | str) -> Domain:
    """The configuration in a record.

    Raises:
        ConfigurationError: it is none, or of another version, or says what cannot be.
    """
    try:
        domain = decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"configuration must be readable: {error}") from None
    if domain.version != version:
        raise ConfigurationError(f"version must be that of the record, {version}, was {domain.version!r}")
    for symbol in domain.symbols:
        if symbol.calendar not in domain.calendars:
            raise ConfigurationError(f"calendar of {symbol.symbol} must be known, was {symbol.calendar!r}")
        if symbol.conditions not in {"", *domain.conditions}:
            said = symbol.conditions
            raise ConfigurationError(f"conditions of {symbol.symbol} must be known, was {said!r}")
    for name in [*(symbol.symbol for symbol in domain.symbols), *(source.name for source in domain.sources)]:
        if not is_name(name.encode()) or "|" in name or name.startswith("!"):
            raise ConfigurationError(f"a name must be short and free of '|' and '!', was {name!r}")
    return domain


def check_limits(domain: Domain, rules: Rules) -> None:
    """Refuse what would keep too much in memory.

    Raises:
        ConfigurationError: it would.
    """
    if max(domain.lateness_ms * _MS, *(reach(one) for one in rules.all())) > _LONGEST:
        raise ConfigurationError(f"lateness must be at most two days, was {domain.lateness_ms!r} ms")
    for one in rules.all():
        if not 0 <= one.correction_prints <= _MOST_KEPT:
            said = one.correction_prints
            raise ConfigurationError(f"correction_prints must be at most {_MOST_KEPT}, was {said!r}")
        if not (0 <= one.outlier_prints <= PRICES and 64 <= one.identity_window <= _WIDEST):
            raise ConfigurationError(
                f"outlier_prints must be at most {PRICES} and identity_window 64 to {_WIDEST}, "
                f"was {one.outlier_prints!r} and {one.identity_window!r}"
            )


def reach(rules: AssetRules) -> int:
    """How far apart the watermark and a print that is not refused can be, in ns."""
    return (rules.disorder_ms + rules.future_ms) * _MS
