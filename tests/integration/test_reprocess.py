"""Indicators computed anew over stored bars: beside the live ones, then all at once."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from barline.cli.reprocess import command
from connectors.sinks.clickhouse.beside import left
from connectors.sinks.clickhouse.store import Store
from runtime.endpoints import Endpoints
from schemas.config import IndicatorConfig
from schemas.errors import SinkError
from schemas.history import bars_needed
from streams.core.analytics.indicators.indicator import CONVERGED
from tests.anew import BARS, EMA, RANGE, SETTINGS, START, prepared, put_bars, put_live, run, table_of, values
from tests.eventually import eventually
from tests.sinks import store_of
from tests.unit.analytics.library import chain_of, random_bars

pytestmark = pytest.mark.stack


@pytest.fixture
def database(
    stack: Endpoints, unique: Callable[[str], str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Endpoints:
    return prepared(stack, unique("anew").replace("-", "_"), monkeypatch, tmp_path)


def test_a_range_is_computed_anew_and_replaces_what_was_live(database: Endpoints):
    run(*RANGE)
    found = values(database, "ema_5")
    wanted = chain_of(BARS, EMA).values[0]
    for number in range(50, 150):
        value, revision, bar_revision = found[number]
        assert value == pytest.approx(wanted[number], rel=1e-6)
        assert (revision, bar_revision) == (3 if number < 120 else -1, 2)
    assert {found[number] for number in range(50)} == {(-1.0, 3, 0)}
    assert set(found) == set(range(150))


def test_a_function_is_computed_over_the_windows_of_the_past(database: Endpoints):
    run(*RANGE, "--indicator", "mid")
    found = values(database, "mid")
    close = BARS["close"]
    assert sorted(found) == list(range(50, 150))
    for number, (value, *_) in found.items():
        part = close[number - 4 : number + 1]
        assert value == pytest.approx((part.max() + part.min()) / 2, rel=1e-12)
    assert set(values(database, "ema_5").values()) == {(-1.0, 3, 0)}


def test_a_long_indicator_is_warmed_up_by_all_the_bars_it_needs(database: Endpoints, tmp_path: Path):
    rsi = IndicatorConfig("rsi_200", "rsi", 200)
    before = random_bars(bars_needed(rsi), seed=8)
    put_bars(database, before, -len(before))
    head = SETTINGS.partition("[[indicators]]")[0]
    (tmp_path / "barline.toml").write_text(
        head + "[[indicators]]\nname = 'rsi_200'\nkind = 'rsi'\nlength = 200\nintervals = ['1m']\n"
    )
    run("indicators", "--from", "2024-06-30T23:00:00", "--to", "2024-06-30T23:10:00")
    whole = chain_of(np.append(before, BARS[:10]), rsi)
    found = values(database, "rsi_200")
    assert [found[number][0] for number in range(10)] == whole.values[0, -10:].tolist()
    assert max(whole.unseen[0, -10:]) < CONVERGED
    with store_of(database) as store:
        assert store.value("SELECT min(converged) FROM indicators FINAL WHERE name = 'rsi_200'") == 1


def test_what_is_no_longer_configured_stays(database: Endpoints):
    run(*RANGE)
    assert set(values(database, "old").values()) == {(-1.0, 3, 0)}


def test_beside_the_live_ones_nothing_changes_until_the_switch(database: Endpoints):
    said = run(*RANGE, "--no-switch").output
    assert set(values(database, "ema_5").values()) == {(-1.0, 3, 0)}
    table = table_of(said)
    put_live(database, "ema_5", -2, 9)
    run("switch", table)
    found = values(database, "ema_5")
    assert {found[number] for number in range(120)} == {(-2.0, 9, 0)}  # what came meanwhile is newer
    assert np.isfinite([found[number][0] for number in range(120, 150)]).all()
    with store_of(database) as store:
        assert store.rows("SELECT name FROM system.tables WHERE name = {name:String}", {"name": table}) == []


def test_a_switch_can_be_repeated(database: Endpoints):
    run(*RANGE)
    before = values(database, "ema_5")
    run(*RANGE)
    after = values(database, "ema_5")
    assert {n: row[0] for n, row in before.items()} == {n: row[0] for n, row in after.items()}


@pytest.mark.usefixtures("database")
def test_another_table_is_not_taken():
    with pytest.raises(SinkError, match="table must be one that a reprocess made"):
        CliRunner().invoke(command, ["drop", "bars"], catch_exceptions=False)


def test_a_bar_that_was_revised_meanwhile_keeps_its_live_values(database: Endpoints):
    table = table_of(run(*RANGE, "--no-switch").output)
    put_live(database, "ema_5", -2, 4)
    run("switch", table)
    found = values(database, "ema_5")
    assert {found[number][:2] for number in range(120)} == {(-2.0, 4)}


MONTHS = """
SELECT toYYYYMM(ts_open) AS month, countIf(value < 0), countIf(value > 0) FROM indicators FINAL
WHERE name = 'ema_5' AND ts_open >= fromUnixTimestamp64Nano({first:Int64}, 'UTC')
  AND ts_open < fromUnixTimestamp64Nano({end:Int64}, 'UTC') GROUP BY month ORDER BY month
"""
OLD, NEW = [(202406, 10, 0), (202407, 60, 0)], [(202406, 0, 10), (202407, 0, 60)]


def months(store: Store) -> list[tuple[int, ...]]:
    """By month, live values that are old and such that were computed anew."""
    minute = 60_000_000_000
    return store.rows(MONTHS, {"first": START + 50 * minute, "end": START + 120 * minute})


def test_a_reader_sees_all_months_change_at_once(database: Endpoints):
    table = table_of(run(*RANGE, "--no-switch").output)
    seen, done = [], threading.Event()

    def poll() -> None:
        with store_of(database) as own:
            while not done.is_set():
                seen.append(months(own))
            seen.append(months(own))

    reader = threading.Thread(target=poll)
    reader.start()
    eventually(lambda: seen, because="the reader has read")
    run("switch", table)
    done.set()
    reader.join()
    assert (seen[0], seen[-1]) == (OLD, NEW)
    assert all(one in (OLD, NEW) for one in seen)


def test_a_month_alone_would_be_seen(database: Endpoints):
    table = table_of(run(*RANGE, "--no-switch").output)
    with store_of(database) as store:
        store.command(f"ALTER TABLE indicators ATTACH PARTITION ID '202406' FROM {table}")
        assert months(store) not in (OLD, NEW)


def test_killed_anywhere_it_changes_nothing_live_before_the_switch_and_ends_right(database: Endpoints):
    for place, kept in (("computed", OLD), ("ready", OLD), ("attached", NEW)):
        command = [sys.executable, "-m", "barline.cli", "reprocess", *RANGE]
        environment = os.environ | {"BARLINE_CRASH_AT": f"reprocess.{place}"}
        ended = subprocess.run(command, env=environment, capture_output=True, check=False, timeout=120)
        assert ended.returncode == -signal.SIGKILL, ended.stderr
        with store_of(database) as store:
            assert months(store) == kept
    said = run(*RANGE).output
    assert said.count("is left from before") == 3
    for line in said.splitlines():
        if "is left" in line:
            run("switch", line.split()[0])
    found, wanted = values(database, "ema_5"), chain_of(BARS, EMA).values[0]
    for number in range(50, 150):
        assert found[number][0] == pytest.approx(wanted[number], rel=1e-6)
    assert {found[number][0] for number in range(50)} == {-1.0}
    with store_of(database) as store:
        assert left(store) == []
