"""The database killed, refusing parts, or on a full disk while the sink works: it waits, and nothing is lost.

``BARLINE_OUTAGE`` says for how many seconds the database is down; short by default. For the full run::

    BARLINE_OUTAGE=120 pytest tests/faults/test_sink_outages.py -s
"""

import os
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest

from connectors.sinks.clickhouse.sink import Sink
from runtime.endpoints import Endpoints
from tests.clickhouse_server import PASSWORD, command, free_port, serving
from tests.eventually import eventually
from tests.faults.full_broker import fill
from tests.integration.test_sink import sinking
from tests.sinks import (
    MINUTE,
    T0,
    Feed,
    caught_up,
    feeding,
    from_now_on,
    own_database,
    store_of,
    stored_bars,
    stored_equity,
)

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]

OUTAGE_S = float(os.environ.get("BARLINE_OUTAGE", "3"))
ROWS = 200
Unique = Callable[[str], str]


def database_at(stack: Endpoints, port: int) -> Endpoints:
    """The database ``outage`` of a server of the test's own."""
    server = f"http://default:{quote(PASSWORD, safe='')}@127.0.0.1:{port}/barline"
    return own_database(replace(stack, clickhouse=server), "outage")


def feed_turn(feed: Feed, mode: str, turn: int) -> None:
    """Bars, live equity and a simulation with its end."""
    for n in range(turn * ROWS, (turn + 1) * ROWS):
        feed.bar(n % 4, symbol=mode, ts_open=T0 + n * MINUTE)
        feed.equity(1, mode=mode, strand_id="live", ts_event=T0 + n, equity=float(n))
        feed.equity(2, mode=mode + ".s", strand_id=f"s{turn}", live=False, ts_event=T0 + n, equity=float(n))
    feed.run_end(2, mode=mode + ".s", strand_id=f"s{turn}")
    feed.flush()


def complete(database: Endpoints, mode: str, turns: int) -> bool:
    """Whether the tables hold all of it, each once."""
    bars = [key for key in stored_bars(database) if key[0] == mode]
    found = stored_equity(database)
    live = {key[3] - T0: value for key, value in found.items() if key[0] == mode}
    simulated = {(key[1], key[3] - T0): value for key, value in found.items() if key[0] == mode + ".s"}
    every = range(turns * ROWS)
    return (
        len(bars) == len(every)
        and live == {n: float(n) for n in every}
        and simulated == {(f"s{n // ROWS}", n): float(n) for n in every}
    )


def waits(sink: Sink) -> bool:
    """Whether the sink is not ready and says why."""
    return "clickhouse must" in sink.problem


def test_a_database_that_is_killed_and_comes_back_lacks_nothing(
    stack: Endpoints, unique: Unique, tmp_path: Path
) -> None:
    mode, port = unique("mode"), free_port()
    argv = command(tmp_path / "engine", tmp_path / "users.json", port)
    with feeding(stack) as feed, serving(argv, port) as server:
        database, group = database_at(stack, port), unique("outage")
        from_now_on(database, group)
        with sinking(database, group) as sink:
            feed_turn(feed, mode, 0)
            eventually(lambda: caught_up(database, group))
            feed_turn(feed, mode, 1)
            server.process.kill()
            server.process.wait()
            feed_turn(feed, mode, 2)
            eventually(lambda: waits(sink))
            time.sleep(OUTAGE_S)
            feed_turn(feed, mode, 3)
            assert not caught_up(database, group)
            with serving(argv, port):
                eventually(lambda: caught_up(database, group), timeout_s=180)
                assert sink.problem == ""
                assert complete(database, mode, 4)


def test_parts_that_are_refused_are_waited_for(stack: Endpoints, unique: Unique, tmp_path: Path) -> None:
    mode, port = unique("mode"), free_port()
    argv = command(tmp_path / "engine", tmp_path / "users.json", port)
    with serving(argv, port), feeding(stack) as feed:
        database, group = database_at(stack, port), unique("outage")
        from_now_on(database, group)
        with store_of(database) as store, sinking(database, group) as sink:
            feed_turn(feed, mode, 0)
            eventually(lambda: caught_up(database, group))
            store.command("ALTER TABLE equity MODIFY SETTING max_parts_in_total = 1")
            feed_turn(feed, mode, 1)
            eventually(lambda: waits(sink))
            assert "TOO_MANY_PARTS" in sink.problem or "252" in sink.problem
            assert not caught_up(database, group)
            store.command("ALTER TABLE equity RESET SETTING max_parts_in_total")
            eventually(lambda: caught_up(database, group))
            assert complete(database, mode, 2)


def test_a_full_disk_of_the_database_is_waited_for(stack: Endpoints, unique: Unique, tmp_path: Path) -> None:
    if not shutil.which("unshare"):
        pytest.skip("needs unshare")
    small, port, mode = tmp_path / "small", free_port(), unique("mode")
    small.mkdir()
    mount = 'mount -t tmpfs -o size=64m tmpfs "$1" && shift && exec "$@"'
    own = ["unshare", "-rm", "sh", "-c", mount, "sh", str(small)]
    if subprocess.run([*own, "true"], check=False, capture_output=True).returncode:
        pytest.skip("may not make a mount namespace")
    argv = [*own, *command(small / "engine", tmp_path / "users.json", port)]
    with serving(argv, port) as server, feeding(stack) as feed:
        database, group = database_at(stack, port), unique("outage")
        ballast = Path(f"/proc/{server.process.pid}/root{small}/ballast")
        from_now_on(database, group)
        with sinking(database, group) as sink:
            feed_turn(feed, mode, 0)
            eventually(lambda: caught_up(database, group))
            fill(ballast)
            feed_turn(feed, mode, 1)
            eventually(lambda: waits(sink))
            assert "243" in sink.problem or "space" in sink.problem
            assert not caught_up(database, group)
            ballast.unlink()
            eventually(lambda: caught_up(database, group))
            assert complete(database, mode, 2)
