"""Kill -9 of the sink: at random, and at every step of a publication; then a control that must lose rows."""

import dataclasses
import multiprocessing
import random
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.process import BaseProcess

import pytest

from connectors.sinks.clickhouse.limits import Limits
from runtime.endpoints import Endpoints
from tests.eventually import eventually
from tests.faults.sink_process import LIMITS, run
from tests.sinks import (
    MINUTE,
    T0,
    Feed,
    caught_up,
    expected_bars,
    expected_equity,
    feeding,
    own_database,
    store_of,
    stored_bars,
    stored_equity,
)

pytestmark = [pytest.mark.stack, pytest.mark.timeout(900)]

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["tests.faults.sink_process"])
STEPS = ["flush.stored", *(f"publish.{step}" for step in
         ("copied", "attached", "verified", "journaled", "committed", "cleared"))]  # fmt: skip

Unique = Callable[[str], str]


@pytest.fixture
def database(stack: Endpoints, unique: Unique) -> Endpoints:
    return own_database(stack, unique("kill").replace("-", "_"))


@contextmanager
def process(
    endpoints: Endpoints, group: str, *, kind: str = "", crash_at: str = "", limits: Limits = LIMITS
) -> Iterator[BaseProcess]:
    """A sink in a process of its own, past its start."""
    environment = {**endpoints.environment(), "BARLINE_CRASH_AT": crash_at}
    answer, ready = FORKS.Pipe(duplex=False)
    found = FORKS.Process(
        target=run, args=(environment, group, ready), kwargs={"kind": kind, "limits": limits}
    )
    found.start()
    try:
        assert answer.poll(120)
        assert answer.recv() == "ready"
        yield found
    finally:
        found.kill()
        found.join(60)
        for end in (answer, ready, found):
            end.close()


def ends_with(sink: BaseProcess, code: int) -> bool:
    """Wait for its end; whether it was that one."""
    sink.join(120)
    return sink.exitcode == code


def finished(endpoints: Endpoints, group: str, limits: Limits = LIMITS, seconds: float = 90.0) -> None:
    """Run a sink until everything is stored, and end it in good order."""
    with process(endpoints, group, limits=limits) as sink:
        eventually(lambda: caught_up(endpoints, group), timeout_s=seconds)
        sink.terminate()
        assert ends_with(sink, 0)


def feed_some(feed: Feed, symbol: str, mode: str, turn: int) -> None:
    """Bars with revisions, live equity, and a simulation that ends every other turn."""
    for n in range(400):
        at = turn * 400 + n
        feed.bar(n % 4, symbol=symbol, ts_open=T0 + at * MINUTE, ts_close=T0 + (at + 1) * MINUTE)
        feed.bar(n % 4, symbol=symbol, ts_open=T0 + at * MINUTE, revision=1, close=float(turn))
        feed.equity(1, mode=mode, strand_id="live", ts_event=T0 + at, equity=float(at))
        feed.equity(2, mode=mode, strand_id=f"s{turn // 2}", live=False, ts_event=T0 + at, equity=float(at))
    if turn % 2:
        feed.run_end(2, mode=mode, strand_id=f"s{turn // 2}", replace=turn % 4 == 3)
    feed.flush()


def test_ten_kills_at_random_leave_the_tables_equal(database: Endpoints, unique: Unique) -> None:
    symbol, mode, group, chance = unique("SYM"), unique("mode"), unique("kill"), random.Random(7)
    killed = 0
    with feeding(database) as feed:
        for turn in range(10):
            feed_some(feed, symbol, mode, turn)
            with process(database, group) as sink:
                sink.join(chance.uniform(0.05, 4.0))
                sink.kill()
                killed += ends_with(sink, -signal.SIGKILL)
    assert killed == 10
    finished(database, group)
    assert stored_bars(database) == expected_bars(database)
    assert stored_equity(database) == expected_equity(database)


@pytest.mark.parametrize(
    ("replace", "buckets"), [(False, 0), (True, 0), (True, 4)], ids=["added", "replaced", "in buckets"]
)
def test_a_kill_at_every_step_of_a_publication_changes_nothing(
    stack: Endpoints, unique: Unique, buckets: int, *, replace: bool
) -> None:
    mode, group = unique("mode"), unique("kill")
    database = own_database(stack, group.replace("-", "_"), buckets)
    limits = dataclasses.replace(LIMITS, buckets=buckets)
    with feeding(database) as feed:
        for turn, step in enumerate(STEPS):
            for n in range(30):
                feed.equity(
                    3, mode=mode, strand_id="kept", live=False, ts_event=T0 + turn * 30 + n, equity=float(n)
                )
                feed.equity(
                    3, mode=mode, strand_id="s", live=False, ts_event=T0 + turn * 10 + n, equity=float(turn)
                )
            feed.run_end(3, mode=mode, strand_id="s", replace=replace)
            feed.run_end(3, mode=mode, strand_id="kept")
            feed.flush()
            with process(database, group, crash_at=step, limits=limits) as sink:
                assert ends_with(sink, -signal.SIGKILL), step
    finished(database, group, limits)
    assert stored_equity(database) == expected_equity(database)
    with store_of(database) as store:
        left = "SELECT count() FROM equity_staging WHERE mode = {mode:String}"
        eventually(lambda: store.value(left, {"mode": mode}) == 0)
        assert not store.rows("SHOW TABLES LIKE 'equity_run_%'")


def test_committing_before_the_insert_loses_rows_and_is_seen(database: Endpoints, unique: Unique) -> None:
    symbol, group = unique("SYM"), unique("eager")
    with feeding(database) as feed:
        for n in range(200):
            feed.bar(n % 4, symbol=symbol, ts_open=T0 + n * MINUTE)
        feed.flush()
    with process(database, group, kind="eager", crash_at="eager.committed") as sink:
        assert ends_with(sink, -signal.SIGKILL)
    finished(database, group)
    assert stored_bars(database) != expected_bars(database)
