"""Calendars that end: told in time, and no work taken for what they no longer know."""

import logging
from collections.abc import Iterable, Mapping
from typing import Final

from streams.core.stage import Scheduled, Stage
from streams.transport.figures import CALENDAR_LEFT

_LOG: Final = logging.getLogger(__name__)
_SECOND: Final = 1_000_000_000
_DAY: Final = 86_400 * _SECOND
_SOON: Final = 30


def calendars_left(stages: Iterable[Stage]) -> dict[str, int]:
    """How long each calendar of some stages still is, in ns of event time."""
    left: dict[str, int] = {}
    for stage in stages:
        if isinstance(stage, Scheduled):
            for name, ns in stage.calendars_left().items():
                left[name] = min(ns, left.get(name, ns))
    return left


class Horizons:
    """Says of calendars how long they still are."""

    def __init__(self) -> None:
        self._ended: list[str] = []
        self._warned: dict[str, int] = {}

    def show(self, left: Mapping[str, int]) -> None:
        """Take up how long each calendar still is, in ns; below 30 days each is warned about once a day."""
        self._ended = sorted(name for name, ns in left.items() if ns <= 0)
        for name, ns in left.items():
            CALENDAR_LEFT.labels(name).set(ns / _SECOND)
            days = max(ns, 0) // _DAY
            if days < _SOON and self._warned.get(name) != days:
                _LOG.warning(
                    "calendar %s must reach %d days ahead, was known for %d more "
                    "(fix: `barline config apply`, [calendars.%s] until)", name, _SOON, days, name,
                )  # fmt: skip
                self._warned[name] = days

    def not_ready(self) -> str:
        """Why no work should be given to this process; empty when all is well."""
        if not self._ended:
            return ""
        return f"calendar {', '.join(self._ended)} has ended (fix: `barline config apply`)"
