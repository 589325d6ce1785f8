"""A set of strategy files with faults, through the source, the stage and the sink, with kills on the way.

In full with ``BARLINE_LINES=5000000`` (lines; 200 files, 60 modes, 20 kills); in short by default. In buckets
of modes with ``BARLINE_BUCKETS=8``.
"""

import json
import os
import random
import re
import signal
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import click
import pytest

from connectors.sinks.clickhouse.limits import Limits
from connectors.sources.jsnl import LinesSource, Positions
from runtime.endpoints import Endpoints
from tests.faults.test_sink_kills import STEPS, ends_with, finished, process
from tests.line_plane import PARTITIONS, Plane
from tests.line_set import LineSet, write
from tests.sinks import own_database, store_of

pytestmark = [pytest.mark.stack, pytest.mark.timeout(7_200)]

COUNT: Final = int(os.environ.get("BARLINE_LINES", "8000"))
FULL: Final = COUNT > 100_000
BUCKETS: Final = int(os.environ.get("BARLINE_BUCKETS", "0"))
LIMITS: Final = Limits(20_000 if FULL else 500, 0.5 if FULL else 0.05, buckets=BUCKETS)
PLAIN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:@+-]{0,127}")
Unique = Callable[[str], str]


@contextmanager
def reading(endpoints: Endpoints, prefix: str) -> Iterator[dict[tuple[str, str], set[int]]]:
    """A reader that looks all the time how many rows of each simulation there are."""
    seen: dict[tuple[str, str], set[int]] = defaultdict(set)
    stop = threading.Event()
    query = (
        "SELECT mode, strand_id, uniqExact(broker, ts_event) FROM equity "
        "WHERE NOT live AND startsWith(mode, {prefix:String}) GROUP BY mode, strand_id"
    )

    def look() -> None:
        with store_of(endpoints) as store:
            while not stop.wait(0.02):
                for mode, strand, count in store.rows(query, {"prefix": prefix}):
                    seen[mode, strand].add(int(count))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        stop.set()
        thread.join()


def fed(plane: Plane, made: LineSet, kept: Path, chance: random.Random, times: int) -> Iterator[None]:
    """Read the files with a source that dies now and then, and tell about so many times."""
    folder, share = made.paths[0].parent, max(len(made.paths) // times, 1)
    source, turn = LinesSource([folder], Positions(kept)), 0
    left = True
    while left:
        left = False
        for block in source.poll(final=True):
            plane.take(block)
            turn += 1
            if turn % share == 0:
                plane.crash(chance.randrange(PARTITIONS))
                yield
            if chance.random() < 0.1:  # a crash before the position was kept: the block comes again
                source.close()
                source, left = LinesSource([folder], Positions(kept)), True
                break
            source.commit()
    source.close()
    yield


def expected(plane: Plane, prefix: str) -> tuple[bytes, bytes]:
    """Both tables by the oracle, as lines of text in their order."""
    equity = [
        (*key, value)
        for oracle in plane.oracles
        for key, value in oracle.published().items()
        if PLAIN.fullmatch(key[0]) and key[0].startswith(prefix)
    ]
    trades = [
        (*key, json.dumps(item, sort_keys=True))
        for oracle in plane.oracles
        for key, item in oracle.trades.items()
        if key[0].startswith(prefix)
    ]
    return text_of(equity), text_of(trades)


def stored(endpoints: Endpoints, prefix: str) -> tuple[bytes, bytes]:
    """Both tables as they are."""
    of_set = {"prefix": prefix}
    with store_of(endpoints) as store:
        equity = store.rows(
            "SELECT mode, strand_id, broker, toUnixTimestamp64Nano(ts_event), equity FROM equity FINAL "
            "WHERE startsWith(mode, {prefix:String}) ORDER BY mode, strand_id, broker, ts_event", of_set,
        )  # fmt: skip
        trades = store.rows(
            "SELECT mode, strand_id, toUnixTimestamp64Nano(ts_event), type, lines_offset, item, data "
            "FROM trades FINAL WHERE startsWith(mode, {prefix:String})", of_set,
        )  # fmt: skip
    return text_of(list(map(tuple, equity)), ordered=True), text_of(
        [(*row[:6], json.dumps(json.loads(row[6]), sort_keys=True)) for row in trades]
    )


def text_of(rows: list[tuple[Any, ...]], *, ordered: bool = False) -> bytes:
    """Rows as text, a line each."""
    found = rows if ordered else sorted(rows, key=lambda row: tuple(_sortable(cell) for cell in row[:-1]))
    return "".join(f"{row!r}\n" for row in found).encode()


def _sortable(cell: Any) -> Any:
    return cell.encode() if isinstance(cell, str) else cell


def test_a_set_with_every_fault_ends_in_the_tables_of_the_oracle(
    stack: Endpoints, unique: Unique, tmp_path: Path
) -> None:
    prefix, chance = unique("set").replace("-", ""), random.Random(5)
    database = own_database(stack, prefix, BUCKETS)
    sizes = {"files": 200, "modes": 60} if FULL else {"files": 20, "modes": 6}
    made = write(tmp_path / "lines", prefix, lines=COUNT, **sizes)
    plane, hits = Plane(stack, made.stored), []
    with reading(database, prefix) as seen:
        plan = [*STEPS, *["at random"] * (20 if FULL else 2)]
        chance.shuffle(plan)
        for _ in fed(plane, made, tmp_path / "positions.json", chance, len(plan)):
            if plan:
                hits.append(killed(database, prefix, plan.pop(), chance))  # noqa: PERF401 (one a turn)
        hits += [killed(database, prefix, step, chance) for step in plan]
        finished(database, prefix, LIMITS, 3_600)
    plane.close()
    click.echo(f"\n{made.count} lines, planted {dict(made.planted)}\ncounts {dict(plane.counts)}")
    click.echo("\n".join(hits))
    wanted = [set(found.letters.items()) for found in plane.oracles]
    found = [set(letters.items()) for letters in plane.letters]
    assert [one ^ other for one, other in zip(wanted, found, strict=True)] == [set()] * PARTITIONS
    assert same(stored(database, prefix), expected(plane, prefix))
    assert all(made.planted.values())
    assert sum("killed" in hit for hit in hits) >= len(STEPS) - 2
    runs = final_counts(database, prefix)
    assert len(runs) > sizes["files"] // 3
    assert {run: counts for run, counts in seen.items() if counts != {runs[run]}} == {}


def same(found: tuple[bytes, bytes], wanted: tuple[bytes, bytes]) -> bool:
    """Whether both tables are equal byte for byte; the first difference is shown."""
    for name, one, other in zip(("equity", "trades"), found, wanted, strict=True):
        if one != other:
            pairs = zip(one.splitlines(), other.splitlines(), strict=False)
            click.echo(f"{name}: {next(((a, b) for a, b in pairs if a != b), 'one is shorter')}")
    click.echo(f"rows of equity and trades: {[len(table.splitlines()) for table in found]}")
    return found == wanted


def killed(endpoints: Endpoints, group: str, step: str, chance: random.Random) -> str:
    """Run a sink until it dies at a step, or at random; what the kill hit."""
    at_random = step == "at random"
    with process(endpoints, group, limits=LIMITS, crash_at="" if at_random else step) as sink:
        sink.join(chance.uniform(0.2, 6.0 if FULL else 2.0) if at_random else 60 if FULL else 8)
        died = "killed" if at_random or sink.exitcode == -signal.SIGKILL else "not reached"
        sink.kill()
        assert ends_with(sink, -signal.SIGKILL)
    with store_of(endpoints) as store:
        staged = store.value("SELECT count() FROM equity_staging")
        halfway = len(store.rows("SHOW TABLES LIKE 'equity_run_%'"))
        out = store.value("SELECT count() FROM equity")
    return f"{step}: {died} with {staged} rows staged, {halfway} runs on their way, {out} rows out"


def final_counts(endpoints: Endpoints, prefix: str) -> dict[tuple[str, str], int]:
    """Rows of each simulation in the end."""
    query = (
        "SELECT mode, strand_id, count() FROM equity FINAL "
        "WHERE NOT live AND startsWith(mode, {prefix:String}) GROUP BY mode, strand_id"
    )
    with store_of(endpoints) as store:
        return {(row[0], row[1]): int(row[2]) for row in store.rows(query, {"prefix": prefix})}
