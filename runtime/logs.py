"""Logs: one line an event, and warnings that cannot flood.

::

    2026-01-02T03:04:05.678Z WARNING streams.transport.lane: a record must be ..., was ... (17 more like it)
"""

import logging
import sys
import time
from typing import Final

_FORMAT: Final = "%(asctime)s.%(msecs)03dZ %(levelname)s %(name)s: %(message)s"
_REPEATING: Final = "aiokafka"
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
    stream.addFilter(Seldom())
    stream.setFormatter(_OneLine(_FORMAT, "%Y-%m-%dT%H:%M:%S"))
    logging.basicConfig(level=level, handlers=[stream], force=True)
    for name in _NOISY:
        logging.getLogger(name).setLevel(library_level)
    logging.getLogger("mode.timers").setLevel("ERROR")  # warns of every timer that a busy loop delays


class Seldom(logging.Filter):
    """Lets a line of a library that repeats it at each attempt through once a period, and counts the others.

    Args:
        period: seconds.
    """

    def __init__(self, period: float = 10.0) -> None:
        super().__init__()
        self._period = period
        self._next: dict[str, float] = {}  # by the text without what differs from line to line
        self._kept: dict[str, int] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a line is to be seen."""
        key, now = str(record.msg), time.monotonic()
        if not record.name.startswith(_REPEATING):
            return True
        if now < self._next.get(key, 0.0):
            self._kept[key] = self._kept.get(key, 0) + 1
            return False
        self._next[key] = now + self._period
        if kept := self._kept.pop(key, 0):
            record.msg, record.args = f"{record.getMessage()} ({kept} more like it)", ()
        return True
