"""The embedded engine killed in the middle of inserts, and on a disk that is too small."""
# ruff: noqa: S608  # the statements are put together from names that the tests make up

import random
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from tests.clickhouse_server import Server, command, free_port, serving

pytestmark = pytest.mark.stack

BATCH = 1_000


def insert_until_it_dies(client: Client, batches: Iterator[int]) -> set[int]:
    """Insert batches of numbers; returns those that were acknowledged."""
    acked: set[int] = set()
    try:
        for batch in batches:
            numbers = np.arange(batch * BATCH, (batch + 1) * BATCH, dtype="uint64")
            client.insert("t", [numbers], column_names=["k"], column_oriented=True)
            acked.add(batch)
    except (ClickHouseError, OSError):
        pass
    return acked


def stored(server: Server) -> dict[int, int]:
    """Rows stored by batch."""
    with server.client() as client:
        sql = f"select intDiv(k, {BATCH}), uniqExact(k) from t group by 1"
        return {int(batch): int(count) for batch, count in client.query(sql).result_rows}


def test_no_acknowledged_row_is_lost_to_kill_9(tmp_path: Path):
    rng = random.Random(3)
    port = free_port()
    argv = command(tmp_path / "engine", tmp_path / "users.json", port)
    batches = iter(range(1_000_000))
    acked: set[int] = set()
    for _ in range(4):
        with serving(argv, port) as server, server.client() as client:
            client.command("create table if not exists t (k UInt64) engine = MergeTree order by k")
            assert acked <= stored(server).keys()
            killer = threading.Timer(rng.uniform(0.1, 0.6), server.process.kill)
            killer.start()
            acked |= insert_until_it_dies(client, batches)
            killer.join()
    with serving(argv, port) as server:
        found = stored(server)
    assert acked, "nothing was inserted, so nothing was tested"
    assert acked <= found.keys()
    assert set(found.values()) == {BATCH}


def test_a_full_disk_is_an_error_and_what_was_acknowledged_is_there(tmp_path: Path):
    if not shutil.which("unshare"):
        pytest.skip("needs unshare")
    (tmp_path / "small").mkdir()
    port = free_port()
    mount = 'mount -t tmpfs -o size=48m tmpfs "$1" && shift && exec "$@"'
    own = ["unshare", "-rm", "sh", "-c", mount, "sh", str(tmp_path / "small")]
    if subprocess.run([*own, "true"], check=False, capture_output=True).returncode:
        pytest.skip("may not make a mount namespace")
    argv = [*own, *command(tmp_path / "small" / "engine", tmp_path / "users.json", port)]
    with serving(argv, port) as server, server.client() as client:
        client.command("create table t (k UInt64) engine = MergeTree order by tuple()")
        acked, refused = insert_until_refused(client)
        assert acked > 0
        assert "243" in refused or "No space left" in refused
        assert client.command("select count() from t") == acked


def insert_until_refused(client: Client) -> tuple[int, str]:
    """Insert until an insert fails; returns the rows acknowledged and the error."""
    rng = np.random.default_rng(5)
    acked = 0
    for _ in range(500):
        numbers = rng.integers(0, 2**63, 200_000, dtype="uint64")
        try:
            acked += client.insert("t", [numbers], column_names=["k"], column_oriented=True).written_rows
        except ClickHouseError as error:
            return acked, str(error)
    raise AssertionError("the disk never was full")
