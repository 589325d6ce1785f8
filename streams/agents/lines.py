"""Strategy lines become modes, equity and trades.

Topic ``lines.raw``, table ``lines``, stage ``streams.core.lines``. That lines are ignored is said in the log.
"""

import logging
import time
from collections.abc import Callable
from typing import Final

from schemas.columns import Columns
from streams.core.lines.stage import LinesStage
from streams.core.stage import Outputs
from streams.transport.app import Agent

_LOG: Final = logging.getLogger(__name__)

PAUSE_S: Final = 30.0
"""Seconds between two warnings about ignored lines; what is ignored meanwhile is in the next one."""

_MOST: Final = 3  # modes named in a warning


class Warner:
    """Says that lines are ignored because nobody knows their mode, and not too often.

    Args:
        now: monotonic seconds.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._again = 0.0
        self._count = 0
        self._modes: dict[bytes, None] = {}

    def take(self, outputs: Outputs) -> None:
        """Look at what a step put out."""
        count = outputs.counts.get("rejected.unresolved", 0)
        if count:
            self._count += count
            self._note(outputs.topics["dead-letters"])
        if self._count and self._now() >= self._again:
            names = ", ".join(repr(mode.decode("utf-8", "replace")) for mode in self._modes)
            _LOG.warning(
                "%d lines of unknown modes were ignored, such as of %s "
                "(fix: `barline modes add`, then `barline lines replay`)", self._count, names,
            )  # fmt: skip
            self._again = self._now() + PAUSE_S
            self._count = 0
            self._modes.clear()

    def _note(self, letters: Columns) -> None:
        for row in letters.table("DeadLetter"):
            if len(self._modes) == _MOST:
                return
            if letters.bytes_at(row["code"]) == b"unresolved":
                self._modes[letters.bytes_at(row["key"])] = None


_WARNER: Final = Warner()


class WarningStage(LinesStage):
    """The stage, with a warning for people; what it puts out is the same."""

    def step(self, batch: Columns) -> Outputs:
        """Apply records in log order."""
        outputs = super().step(batch)
        _WARNER.take(outputs)
        return outputs


AGENT: Final = Agent("lines", WarningStage)
