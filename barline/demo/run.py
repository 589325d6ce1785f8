"""The demo from start to verdict."""

import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Final

import clickhouse_connect
from rich.console import Console

from barline.cli.topics import carry_out, compare, wanted
from barline.demo.arrival import GROUPS, Arrival
from barline.demo.check import Findings, check
from barline.demo.day import Day
from barline.demo.play import Play
from barline.demo.report import report
from barline.stack.plan import plan_programs
from barline.stack.running import Stack
from barline.verify.recorded import Recorded
from connectors.sinks.clickhouse.migrate import migrate
from connectors.sinks.clickhouse.store import Store
from connectors.sources.jsnl import LinesSource
from connectors.sources.trading_instances import TradingInstances
from runtime.kafka import KafkaSettings, security
from schemas.registry import register_all
from schemas.topics import TOPICS

PROGRAMS: Final = ("worker", "sink", "resolver")
VICTIMS: Final = ("worker", "sink")
_EVERY: Final = 2.0  # seconds between lines of progress


class Demo:
    """One run of the demo on running servers.

    Args:
        stack: the servers.
        day: what is played.
        console: where progress goes.
        partitions: of every topic.
    """

    def __init__(self, stack: Stack, day: Day, console: Console, partitions: int) -> None:
        self._stack = stack
        self._day = day
        self._console = console
        self._kafka = KafkaSettings(stack.endpoints.kafka, security())
        self._ids = self._prepare(partitions)
        self._play = Play(self._kafka, self._ids)
        self._arrival = Arrival(self._kafka, GROUPS)
        self._said = 0.0
        self.kills = 0

    def _prepare(self, partitions: int) -> dict[str, int]:
        """Topics, schemas, tables, stored modes, then the programs."""
        carry_out(compare(wanted(partitions, "barline"), self._kafka), self._kafka, -1)
        ids = register_all(self._stack.endpoints.registry)
        settings = self._stack.endpoints.clickhouse_settings()
        migrate(Store(settings))
        if self._day.stored:
            table = TradingInstances(settings)
            table.write(self._day.stored)
            table.close()
        self._stack.add(*plan_programs(self._stack.home, self._stack.endpoints, names=PROGRAMS))
        self._stack.wait_ready()
        return ids

    def run(self, seconds: float, kills: int, seed: int = 1) -> Findings:
        """Play, wait until everything has arrived, and compare.

        Args:
            seconds: how long the play takes.
            kills: how often the worker or the sink is killed with SIGKILL on the way.
            seed: of the moments of the kills.
        """
        self._play.configure(self._day.domain)
        with self._killing(seconds, kills, seed):
            self._play.lines(LinesSource(self._day.lines))
            self._play.market(self._day.market.blocks(), seconds, self._progress)
        self._console.print("sent; waiting until everything has arrived")
        self._arrival.wait()
        return self._check()

    def close(self) -> None:
        """Close all connections."""
        self._play.close()
        self._arrival.close()

    def _check(self) -> Findings:
        self._console.print("arrived; recomputing and comparing every row")
        recorded = Recorded.read(self._kafka, tuple(TOPICS))
        client = clickhouse_connect.get_client(**self._stack.endpoints.clickhouse_settings(reader=True))
        try:
            play = self._play
            return check(recorded, client, self._ids, play.sent, self._day.planted, play.minutes)
        finally:
            client.close()

    def _progress(self) -> None:
        if time.monotonic() - self._said < _EVERY:
            return
        self._said = time.monotonic()
        lags = {lag.group: lag for lag in self._arrival.lags()}
        ends = lags["barline-sink"].ends
        bars = sum(end for place, end in ends.items() if place.topic == "bars.1m")
        refused = sum(end for place, end in ends.items() if place.topic in {"dead-letters", "late"})
        self._console.print(
            f"{self._play.done:6.1%}  sent {len(self._play.sent):>9,}  on bars.1m {bars:>7,}  refused "
            f"{refused:>5,}  lag worker {lags['barline'].records:>7,}  "
            f"sink {lags['barline-sink'].records:>7,}"
        )

    @contextmanager
    def _killing(self, seconds: float, kills: int, seed: int) -> Iterator[None]:
        """Kill worker or sink at random moments of the play, each time waiting until it is back."""
        done = threading.Event()
        with ThreadPoolExecutor(1) as pool:
            killing = pool.submit(self._kill, seconds, kills, seed, done)
            try:
                yield
            finally:
                done.set()
            killing.result()

    def _kill(self, seconds: float, kills: int, seed: int, done: threading.Event) -> None:
        chance = random.Random(seed)  # noqa: S311 (moments of kills, not secrets)
        for number in range(kills):
            # What is left when the play is over comes at once, while the rest is on its way.
            done.wait(chance.uniform(0.2, 1.0) * seconds / kills)
            victim = VICTIMS[number % len(VICTIMS)]
            self._console.print(f"kill -9 {victim}")
            self._stack[victim].kill()
            self.kills += 1


def demo(
    stack: Stack,
    day: Day,
    console: Console,
    *,
    partitions: int,
    seconds: float,
    kills: int,
    say: Callable[[str], None],
) -> bool:
    """Run the demo on running servers and print what was found.

    Returns:
        Whether everything is as it must be.
    """
    say("making topics, schemas and tables; starting worker, sink and resolver")
    one = Demo(stack, day, console, partitions)
    try:
        findings = one.run(seconds, kills)
    finally:
        one.close()
    report(findings, console)
    if kills:
        console.print(f"killed with SIGKILL on the way: {one.kills}")
    return findings.equal
