"""The sender behind Faust's producer face, and nothing else: one producer (R11).

The shell sends by itself, to explicit partitions; what is left for Faust is to wait before it commits.
"""

from typing import Any

from faust.transport import base

from streams.transport.library import library_log


class Producer(base.Producer):  # type: ignore[misc]  # Faust has no types
    """Waits for everything that the worker's sender was given."""

    logger = library_log

    async def flush(self) -> None:
        """Return when everything sent before has arrived.

        Raises:
            DeliveryError: any delivery ever failed.
        """
        await self.app.sender.flush()

    async def send(self, topic: str, *_: Any, **__: Any) -> Any:
        """Refuse: outputs and states are sent by the shell."""
        raise NotImplementedError(f"records for {topic} must be sent by the shell, was Faust")

    async def create_topic(self, topic: str, *_: Any, **__: Any) -> None:
        """Refuse: topics are created with ``barline topics apply``."""
        raise NotImplementedError(f"topic {topic} must be created with `barline topics apply`, was Faust")
