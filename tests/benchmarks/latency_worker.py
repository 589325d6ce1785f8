"""The worker as it is deployed, that also notes how long each of its checkpoints took.

A checkpoint begins where the dirty states are copied and ends when all of it is acknowledged. One line each,
agent and seconds, goes to the file that is named on the command line.
"""

import os
import sys
import time
from collections.abc import Mapping

from runtime.endpoints import Endpoints
from runtime.kafka import KafkaSettings
from runtime.logs import configure
from schemas.registry import Registry, registered
from streams.agents import NAMES, load
from streams.transport.codec import Codec
from streams.transport.lane import Lane, Surroundings
from streams.transport.settings import WorkerSettings
from streams.transport.worker import run

_OUT = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND)


class NotingLane(Lane):
    """A lane that writes down what its checkpoints took."""

    def __init__(self, around: Surroundings, *rest: object) -> None:
        super().__init__(around, *rest)  # type: ignore[arg-type]
        self._agent = around.agent

    async def _make_durable(self, states: Mapping[bytes, bytes], end: int) -> None:
        start = time.monotonic()
        await super()._make_durable(states, end)
        os.write(_OUT, f"{self._agent} {time.monotonic() - start}\n".encode())


def main() -> None:
    """Carry all agents until told to stop."""
    configure("INFO")
    endpoints, settings = Endpoints.load(), WorkerSettings()
    codec = Codec(registered(endpoints.registry), writer_schema=Registry(endpoints.registry).schema)
    kafka = KafkaSettings(endpoints.kafka)
    agents = [load(name) for name in NAMES]
    run(kafka, settings, agents, codec, group=settings.name, new_lane=NotingLane)


if __name__ == "__main__":
    main()
