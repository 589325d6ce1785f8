"""Logs: one line an event, and warnings that cannot flood.

::

    2026-01-02T03:04:05.678Z WARNING streams.transport.lane: a record must be ..., was ... (17 more like it)
"""

import logging
import sys
import time
from typing import Final

_FORMAT: Final = "%(asctime)s.%(msecs)03dZ %(levelname)s %(name)s: %(message)s"
_NOISY: Final = ("aiokafka", "asyncio", "faust", "httpcore", "httpx", "httpx2", "mode")


class _OneLine(logging.Formatter):
    """Keeps an event on one line, tracebacks apart."""

    @staticmethod
    def converter(timestamp: float | None) -> time.struct_time:
        return time.gmtime(timestamp)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 (the name is logging's)
        return super().formatMessage(record).replace("\n", " | ")


def configure(level: str = "INFO", library_level: str = "WARNING") -> None:
    """Log to stderr; called once, when a process starts.

    Args:
        level: what of our own is shown.
        library_level: what of Faust, aiokafka and asyncio is shown; their news is about themselves.
    """
    stream = logging.StreamHandler(sys.stderr)
    stream.setFormatter(_OneLine(_FORMAT, "%Y-%m-%dT%H:%M:%S"))
    logging.basicConfig(level=level, handlers=[stream], force=True)
    for name in _NOISY:
        logging.getLogger(name).setLevel(library_level)
    logging.getLogger("mode.timers").setLevel("ERROR")  # warns of every timer that a busy loop delays


class RateLimited:
    """Logs at most one warning a period for each key, and says how many were kept back.

    Args:
        logger: where to.
        period: seconds.
    """

    def __init__(self, logger: logging.Logger, period: float = 10.0) -> None:
        self._logger = logger
        self._period = period
        self._next: dict[str, float] = {}
        self._kept: dict[str, int] = {}

    def warning(self, key: str, text: str, *args: object) -> None:
        """Log a warning unless one of the same key was logged within the period.

        Args:
            key: what kind of event it is; one of a few.
            text: as for ``Logger.warning``.
            *args: as for ``Logger.warning``.
        """
        now = time.monotonic()
        if now < self._next.get(key, 0.0):
            self._kept[key] = self._kept.get(key, 0) + 1
            return
        self._next[key] = now + self._period
        if kept := self._kept.pop(key, 0):
            text = f"{text} ({kept} more like it)"
        self._logger.warning(text, *args)
