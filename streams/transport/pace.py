"""How long lanes rest between two checkpoints, so that all of them together leave the loop to the records.

A state costs the same whenever it is saved, and of a hundred thousand symbols nearly all are, each time:
every 200 ms that would take longer than the records themselves.
"""

from typing import Final

SHARE: Final = 0.05
"""Of the time of the loop that the checkpoints of all lanes take, as long as no rest has to be too long."""


class Pace:
    """What the last checkpoint of each lane took of the event loop of this process.

    Args:
        longest: seconds that a rest may take; as much is read again after a crash.
    """

    def __init__(self, longest: float) -> None:
        self._longest = longest
        self._spent: dict[object, float] = {}

    def note(self, lane: object, seconds: float) -> None:
        """A lane has taken a checkpoint."""
        self._spent[lane] = seconds

    def forget(self, lane: object) -> None:
        """A lane takes none any more."""
        self._spent.pop(lane, None)

    @property
    def rest(self) -> float:
        """Seconds that a lane waits before its next checkpoint is due."""
        return min(sum(self._spent.values()) * (1 / SHARE - 1), self._longest)
