"""The worker process: checks what it needs, warms its kernels, joins the group, works until told to stop."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from runtime import heap, quiet
from runtime.health import HealthServer
from runtime.kafka import KafkaSettings
from runtime.process import finish, leave, leave_when_told, stop_event
from runtime.protocol.security import client_options
from schemas.batches import builder
from schemas.topics import INPUTS, TOPICS, changelog
from streams.transport import stored
from streams.transport.app import Agent, WorkerApp, add_agent, new_app
from streams.transport.checks import check_topics
from streams.transport.codec import Codec
from streams.transport.lane import Lane
from streams.transport.settings import WorkerSettings
from streams.transport.warm import warm

_LOG: Final = logging.getLogger(__name__)


def run(
    kafka: KafkaSettings,
    settings: WorkerSettings,
    agents: Sequence[Agent],
    codec: Codec,
    *,
    group: str,
    new_lane: Callable[..., Lane] = Lane,
) -> None:
    """Carry agents until SIGTERM or SIGINT; does not return, the process ends with 0.

    Args:
        kafka: how to reach the brokers.
        settings: of the worker.
        agents: what to carry.
        codec: with the schema ids of the registry.
        group: consumer group.
        new_lane: makes the lanes.

    Raises:
        ConfigurationError: the worker's clients do not know a setting of the security.
        DependencyError: no broker answers.
        SchemaError: a topic is missing or is not what it must be.
    """
    leave_when_told()  # until the loop runs
    heap.keep()
    client_options(kafka.security)  # so that what is wrong is said at once
    inputs = {agent.input: changelog(settings.name, agent.name) for agent in agents}
    partitions = check_topics(kafka, group, inputs, _outputs(agents))
    warm_all(agents, codec)
    quiet.settle()
    asyncio.run(_work(kafka, settings, agents, codec, group, partitions, new_lane))


def warm_all(agents: Iterable[Agent], codec: Codec) -> None:
    """Compile the kernels of agents; they are kept for later processes."""
    for agent in agents:
        warm(agent.name, agent.stage, agent.input, _outputs([agent]), codec)
    builder.warm()
    stored.warm()


async def _work(
    kafka: KafkaSettings,
    settings: WorkerSettings,
    agents: Sequence[Agent],
    codec: Codec,
    group: str,
    partitions: int,
    new_lane: Callable[..., Lane],
) -> None:
    app = new_app(kafka, settings, group, partitions)
    for agent in agents:
        add_agent(app, agent, codec, settings, new_lane)
    health = HealthServer(ready=app.not_ready, alive=app.not_alive)
    _LOG.info("worker carries %s; health on %s", ", ".join(agent.name for agent in agents), health.url)
    await _until_stopped(app)


async def _until_stopped(app: WorkerApp) -> None:
    stop = stop_event()
    try:
        await app.run(stop)
    except (Exception, asyncio.CancelledError) as failure:  # noqa: BLE001 (R9: no unwinding through Faust)
        leave(failure)
    _LOG.info("worker stopped, everything is committed")
    finish(0)


def _outputs(agents: Iterable[Agent]) -> list[str]:
    writers = {agent.name for agent in agents}
    writers |= {"agents"} if writers & set(INPUTS) else set()
    return [topic.name for topic in TOPICS.values() if writers & set(topic.written_by)]
