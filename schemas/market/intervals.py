"""Intervals: the length of a bar by its name, such as ``1m`` or ``1d``."""

import re
from dataclasses import dataclass
from functools import cache
from typing import Final

from schemas.errors import ConfigurationError

SECOND: Final = 1_000_000_000
"""Nanoseconds of a second."""
MINUTE: Final = 60 * SECOND
"""Nanoseconds of a minute."""
HOUR: Final = 60 * MINUTE
"""Nanoseconds of an hour."""
DAY: Final = 24 * HOUR
"""Nanoseconds of a day of 24 hours; a ``1d`` bar of a market is as long as its trade date."""

_UNITS: Final = {"d": DAY, "h": HOUR, "m": MINUTE, "s": SECOND}
_NAME: Final = re.compile(r"([1-9][0-9]{0,5})([smhd])")


@dataclass(frozen=True, slots=True, order=True)
class Interval:
    """One interval; intervals are ordered by length.

    Attributes:
        ns: nominal length in nanoseconds.
        name: number and unit, in the largest unit that fits: ``1h``, never ``60m``.

    Example:
        >>> Interval.parse("5m") < Interval.parse("1h")
        True
    """

    ns: int
    name: str

    @property
    def minutes(self) -> int:
        """Nominal length in whole minutes, 0 below a minute."""
        return self.ns // MINUTE

    @property
    def is_daily(self) -> bool:
        """Whether it counts days, which markets and clocks make longer or shorter."""
        return self.ns >= DAY

    @staticmethod
    def parse(name: str) -> "Interval":
        """The interval of a name.

        Raises:
            ConfigurationError: the name is no number and unit (s, m, h, d), not in its largest unit, or a
                length above a minute that is not whole minutes.
        """
        return _parse(name)

    def __str__(self) -> str:
        return self.name


@cache
def _parse(name: str) -> Interval:
    match = _NAME.fullmatch(name)
    if match is None:
        raise ConfigurationError(f"interval must be a number and one of s, m, h, d, was {name!r}")
    ns = int(match[1]) * _UNITS[match[2]]
    right = next(f"{ns // size}{unit}" for unit, size in _UNITS.items() if ns % size == 0)
    if right != name:
        raise ConfigurationError(f"interval must be written {right!r}, was {name!r}")
    if ns > MINUTE and ns % MINUTE:
        raise ConfigurationError(f"interval must be whole minutes above 1m, was {name!r}")
    return Interval(ns, name)
