"""Places where a test can stop the process: ``BARLINE_CRASH_AT=<place>[:<nth time>]``, nothing otherwise.

A checkpoint has five of them, in this order (see ``lane``)::

    after-outputs  between-states  after-states  after-partition-state  before-commit
"""

import os
import signal
from typing import Final

_PLACE, _, _TIMES = os.environ.get("BARLINE_CRASH_AT", "").partition(":")
_left = int(_TIMES or 1)

PLACES: Final = ("after-outputs", "between-states", "after-states", "after-partition-state", "before-commit")


def wanted(place: str) -> bool:
    """Whether the process is to be stopped here, this time."""
    global _left  # noqa: PLW0603 (a count of the whole process)
    if place != _PLACE:
        return False
    _left -= 1
    return _left == 0


def now() -> None:
    """Stop as a power cut would."""
    os.kill(os.getpid(), signal.SIGKILL)
