"""The Faust app of a worker: our transport, our tables, our rules; agents are added to it."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import faust
from faust.types.tuples import TP

from runtime import quiet
from runtime.kafka import KafkaSettings
from runtime.process import leave
from runtime.protocol.security import client_options
from runtime.sending.sender import Sender
from schemas.topics import INPUTS
from streams.core.stage import Stage
from streams.transport.chunk import ChunkSchema
from streams.transport.codec import Codec
from streams.transport.credentials import credentials
from streams.transport.driver import broker_urls
from streams.transport.horizon import Horizons
from streams.transport.lane import Lane, Surroundings
from streams.transport.library import library_log
from streams.transport.pace import Pace
from streams.transport.recovery import TableManager
from streams.transport.rush import Rush
from streams.transport.settings import WorkerSettings
from streams.transport.shell import Shell
from streams.transport.table import new_table
from streams.transport.watchdog import Watchdog

_LOG: Final = logging.getLogger(__name__)
_QUEUE: Final = 2  # events by partition: it is in one at a time, so a queue is never full
_LAG_PERIOD: Final = 1.0
_COMMIT_PERIOD: Final = 0.25
_STOP_TIMEOUT: Final = 10.0
_GOODBYE_TIMEOUT: Final = 3.0


@dataclass(frozen=True, slots=True)
class Agent:
    """What makes an agent: its stem names topic, table, metrics and folder.

    Attributes:
        name: the stem.
        stage: makes the stage of a partition.
        topic: its input topic; empty for the one of ``schemas.topics.INPUTS``.
    """

    name: str
    stage: Callable[[int], Stage]
    topic: str = ""

    @property
    def input(self) -> str:
        """Name of its input topic."""
        return self.topic or INPUTS[self.name]


class WorkerApp(faust.App):  # type: ignore[misc]  # Faust has no types
    """A Faust app that leaves when anything fails (R9), and closes its lanes before it stops.

    Attributes:
        sender: of the process (R11).
        shells: of the agents.
        watchdog: of the process.
        restored: whether the states of the first assignment are there.
        horizons: of the calendars in use.
        rush: what is on its way between its lanes.
        pace: of their checkpoints.
    """

    logger = library_log

    def __init__(self, *args: Any, sender: Sender, watchdog: Watchdog, pace: Pace, **options: Any) -> None:
        super().__init__(*args, **options)
        self.sender = sender
        self.watchdog = watchdog
        self.shells: list[Shell] = []
        self.restored = False
        self.horizons = Horizons()
        self.rush = Rush()
        self.pace = pace
        self._told = asyncio.Event()  # to leave
        self._closing = asyncio.Lock()
        self._closed = asyncio.Event()  # for good: the last work is committed
        self.on_partitions_revoked.connect(self._close_lanes)

    async def run(self, stop: asyncio.Event) -> None:
        """Work until ``stop`` is set, then end in good order; also while states are still restored."""
        self._told = stop
        beside = self.watchdog.run(), self._show_lag(), quiet.run()
        _, *unneeded = [asyncio.create_task(one) for one in beside]  # the watchdog looks to the end
        await self.sender.start()
        await self.start()
        await stop.wait()
        for task in unneeded:
            task.cancel()
        await self._leave(asyncio.create_task(self.stop()))

    async def _leave(self, stopping: asyncio.Task[None]) -> None:
        """Wait until all work is committed, and a little for the group, which may wait for others itself.

        Raises:
            TimeoutError: the brokers did not take the last work.
        """
        closed = asyncio.create_task(self._closed.wait())
        await asyncio.wait([stopping, closed], timeout=_STOP_TIMEOUT, return_when=asyncio.FIRST_COMPLETED)
        if not self._closed.is_set() and not stopping.done():
            raise TimeoutError(f"the last work must be committed within {_STOP_TIMEOUT:g} s")
        await asyncio.wait([stopping], timeout=_GOODBYE_TIMEOUT)
        if stopping.done():
            stopping.result()

    def not_ready(self) -> str:
        """Why no records are processed at the moment; empty when they are.

        Asked from another thread: Faust's services bind to the loop of whoever touches them first.
        """
        if not self.restored:
            return "states are being restored"
        return "partitions are being reassigned" if self.rebalancing else self.horizons.not_ready()

    def not_alive(self) -> str:
        """Why the process should be started anew; empty when all is well."""
        stalled = self.watchdog.stalled()
        return f"the event loop stood still for {stalled:.1f} s" if stalled > _COMMIT_PERIOD * 8 else ""

    async def _wait_for_table_recovery_completed(self) -> bool:
        """Whether it was told to leave first: a start may take long, and there is nothing in hand."""
        restored = super()._wait_for_table_recovery_completed()
        await self.wait_first(restored, self._told.wait())
        return self.should_stop or self._told.is_set()

    async def _close_lanes(self, *_: Any, **__: Any) -> None:
        """Finish all work in hand and commit it (R7)."""
        had_lanes = any(shell.has_lanes for shell in self.shells)
        async with self._closing:  # who leaves may find that partitions are just being revoked
            await asyncio.gather(*(shell.close_lanes() for shell in self.shells))
            await self.consumer.commit()
        if had_lanes:
            quiet.unsettle()

    async def _on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Let who leaves commit first: Faust closes the connection where partitions are revoked meanwhile."""
        if self.should_stop:
            await self._closed.wait()
        await super()._on_partitions_revoked(revoked)

    async def _stop_consumer(self) -> None:
        if self._consumer is not None:
            self._consumer.stop_flow()
            self.flow_control.suspend()
            self.flow_control.clear()
            await self._close_lanes()
        self._closed.set()
        await super()._stop_consumer()

    async def _show_lag(self) -> None:
        while True:
            await asyncio.sleep(_LAG_PERIOD)
            for shell in self.shells:
                shell.update_lag()
                if left := shell.calendars_left():
                    self.horizons.show(left)

    async def crash(self, reason: BaseException) -> None:
        """Leave at once (R9)."""
        leave(reason)

    def _crash(self, reason: BaseException) -> None:
        leave(reason)

    def _create_directories(self) -> None:
        """Nothing of ours is kept in files."""


def new_app(
    kafka: KafkaSettings,
    settings: WorkerSettings,
    group: str,
    partitions: int,
) -> WorkerApp:
    """An app without agents.

    Args:
        kafka: how to reach the brokers.
        settings: of the worker.
        group: consumer group.
        partitions: number of partitions of all topics.

    Raises:
        ConfigurationError: the worker's clients do not know a setting of the security.
    """
    security = client_options(kafka.security)
    sender = Sender(
        kafka.bootstrap,
        f"{settings.name}-worker",
        security,
        delivery_timeout_ms=settings.delivery_timeout_ms,
        on_failure=leave,
    )
    return WorkerApp(
        group,
        sender=sender,
        watchdog=Watchdog(settings.stall_limit),
        pace=Pace(settings.stall_limit),
        broker=broker_urls(kafka.bootstrap),
        broker_client_id=f"{settings.name}-worker",
        broker_credentials=credentials(security),
        broker_session_timeout=settings.session_timeout,
        broker_heartbeat_interval=settings.session_timeout / 4,
        broker_rebalance_timeout=settings.session_timeout * 2,
        broker_request_timeout=max(30.0, settings.session_timeout * 3),
        broker_commit_interval=_COMMIT_PERIOD,
        consumer_auto_offset_reset="earliest",
        consumer_group_instance_id=settings.instance or None,
        consumer_max_fetch_size=settings.fetch_bytes,
        processing_guarantee="at_least_once",
        store="memory://",
        stream_wait_empty=False,  # closing the lanes waits; a chunk dropped by R6 is never acknowledged
        table_standby_replicas=0,
        topic_partitions=partitions,
        topic_allow_declare=False,
        topic_disable_leader=True,
        web_enabled=False,
        TableManager=TableManager,
    )


def add_agent(
    app: WorkerApp, agent: Agent, codec: Codec, settings: WorkerSettings, new_lane: Callable[..., Lane] = Lane
) -> None:
    """Let the app carry an agent.

    Args:
        app: the app.
        agent: what it does.
        codec: of the process.
        settings: of the worker.
        new_lane: makes its lanes.
    """
    partitions = app.conf.topic_partitions
    table = new_table(app, agent.name, partitions, settings.name)
    around = Surroundings(
        agent.name, agent.input, table, app.sender, codec, app.watchdog, settings, app.rush, app.pace
    )
    app.rush.follow(agent.input)
    shell = Shell(app, around, agent.stage, new_lane)
    app.shells.append(shell)
    topic = app.topic(agent.input, schema=ChunkSchema(), partitions=partitions, maxsize=_QUEUE * partitions)
    app.agent(topic, name=agent.name)(shell.run)
