"""What a stage is: decisions over columns, with state that can be taken out and put back.

There are four: ``ticks``, ``bars``, ``analytics`` and ``lines``, each in ``streams/core/<stem>/stage.py``.
A stage belongs to one partition. Its result depends on its state and the records alone: never on where a
batch begins or ends, on a clock, or on the worker it runs in.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol, runtime_checkable

from schemas.columns import Columns

PARTITION_KEY: Final = b"!partition"
"""State key of what spans the symbols of a partition. It is written after all others (R10)."""


@dataclass(frozen=True, slots=True)
class Outputs:
    """What one step puts out.

    Attributes:
        topics: columns by topic name, in log order; all of the partition of the input.
        counts: by metric name, counted in this step: ``in``, ``out``, ``rejected``, ``late``, ``duplicate``,
            ``held``, and ``rejected.<code>`` for each code.
    """

    topics: dict[str, Columns] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)


class Stage(Protocol):
    """Decisions of one agent over one partition."""

    def step(self, batch: Columns) -> Outputs:
        """Apply records in log order.

        Records at or below the offset that a symbol's state reflects have no effect on that symbol (R3).
        """
        ...

    def take_dirty(self) -> Mapping[bytes, bytes]:
        """Finished copies of every state that changed since the last call, the partition's own last, by key.

        Each begins with the header of ``streams.core.slots``; a stage of many symbols gives ``States``.
        """
        ...

    def restore(self, states: Mapping[bytes, bytes]) -> None:
        """Take up saved states; called once, before the first step."""
        ...


@runtime_checkable
class Scheduled(Protocol):
    """A stage that goes by calendars."""

    def calendars_left(self) -> dict[str, int]:
        """By calendar in use, how far its end is from the newest heartbeat, in ns; empty before one."""
        ...


@runtime_checkable
class Waiting(Protocol):
    """A stage whose steps may wait for code that is not ours, and then must not hold up others."""

    @property
    def waits(self) -> bool:
        """Whether they may now."""
        ...
