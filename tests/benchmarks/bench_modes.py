"""Many modes at once in ``equity``: a partition for each mode, and 32 buckets of modes.

Run with ``python -m tests.benchmarks.bench_modes [MODES]``. A round stores one value of every mode, as the
sink does when all of them are live. Both tables are filled alike on an embedded engine of their own, one
after the other; inserts touch 50 partitions at most.
"""

import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import click

from connectors.sinks.clickhouse.layout import Layout, lay_out
from connectors.sinks.clickhouse.migrate import migrate
from connectors.sinks.clickhouse.store import Store
from connectors.sinks.clickhouse.tables import chunk_of_rows
from tests.clickhouse_server import PASSWORD, Server, command, free_port, serving

MODES: Final = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000
ROUNDS: Final = 2
BUCKETS: Final = 32
T0: Final = 1_720_000_000
LAYOUTS: Final = {"a partition a mode": 50, f"{BUCKETS} buckets": MODES}


@contextmanager
def store_of(server: Server) -> Iterator[Store]:
    """A store that is closed at the end."""
    store = Store({
        "host": "127.0.0.1", "port": server.port, "username": "default", "password": PASSWORD,
        "database": "barline", "autogenerate_session_id": False,
    })  # fmt: skip
    try:
        yield store
    finally:
        store.close()


def put(store: Store, number: int, together: int) -> float:
    """Seconds of one round."""
    begin = time.perf_counter()
    for first in range(0, MODES, together):
        rows: list[dict[str, str | int]] = [
            {"mode": f"mode{mode}", "strand_id": "s", "broker": "", "ts_event": T0 + number,
             "equity": mode + number, "live": 1, "lines_offset": number, "version": number}
            for mode in range(first, min(first + together, MODES))
        ]  # fmt: skip
        store.insert("equity", [chunk_of_rows(rows)])
    return time.perf_counter() - begin


def asked(store: Store) -> float:
    """Seconds to read the curve of one mode, the median of nine."""
    times = []
    for mode in range(9):
        begin = time.perf_counter()
        store.rows("SELECT * FROM equity FINAL WHERE mode = {mode:String}", {"mode": f"mode{mode * 7}"})
        times.append(time.perf_counter() - begin)
    return sorted(times)[len(times) // 2]


def resident(server: Server) -> float:
    """Megabytes of memory of the engine."""
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def measured(name: str, together: int) -> dict[str, float]:
    """All figures of a layout."""
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        argv = command(Path(folder) / "engine", Path(folder) / "users.json", port)
        with serving(argv, port) as server, store_of(server) as store:
            migrate(store)
            if "buckets" in name:
                lay_out(store, Layout(BUCKETS))
            rounds = [put(store, number, together) for number in range(ROUNDS)]
            parts = "SELECT count(), sum(bytes_on_disk) FROM system.parts WHERE active AND table = 'equity'"
            [(count, size)] = store.rows(parts)
            found = {
                "first round, s": rounds[0],
                "a later round, s": min(rounds[1:]),
                "parts after all rounds": float(count),
                "on disk, MB": int(size) / 1e6,
                "memory of the engine, MB": resident(server),
                "curve of one mode, ms": asked(store) * 1e3,
                "rows": float(store.value("SELECT count() FROM equity FINAL")),
            }
            server.process.kill()
            server.process.wait()
        begin = time.perf_counter()
        with serving(argv, port):
            found["start of the engine, s"] = time.perf_counter() - begin
    return found


def main() -> None:
    """Print a table."""
    found = [measured(name, together) for name, together in LAYOUTS.items()]
    assert all(one["rows"] == MODES * ROUNDS for one in found), "every row must be there"
    click.echo(f"{MODES} modes, {ROUNDS} rounds of a value each")
    click.echo(f"{'':<28}" + "".join(f"{name:>22}" for name in LAYOUTS))
    for name in found[0]:
        click.echo(f"{name:<28}" + "".join(f"{one[name]:>22,.2f}" for one in found))


if __name__ == "__main__":
    main()
