"""Which values count where runs of `barline reprocess` and live revisions of one bar meet."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from barline.cli.reprocess import command, parts
from barline.settings.load import load
from connectors.sinks.clickhouse.beside import Beside, left
from connectors.sinks.clickhouse.errors import TablesError
from connectors.sinks.clickhouse.store import Store
from connectors.sources.history import StoredBars
from runtime.endpoints import Endpoints
from schemas.config import IndicatorConfig
from schemas.errors import SinkError
from schemas.history import Rows
from tests.anew import BARS, EMA, RANGE, SETTINGS, configure, prepared, put_live, run, table_of, values
from tests.factories import at
from tests.sinks import store_of
from tests.unit.analytics.library import chain_of

pytestmark = pytest.mark.stack

OTHER = IndicatorConfig("ema_5", "ema", 9)
"""What the configuration is changed to; the name is kept."""
OLD_TABLE = "indicators_beside_0123456789abcdef"

Change = Callable[[], None]


@pytest.fixture
def database(
    stack: Endpoints, unique: Callable[[str], str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Endpoints:
    return prepared(stack, unique("order").replace("-", "_"), monkeypatch, tmp_path)


@pytest.fixture
def change(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Change:
    """Puts the length of ``OTHER`` into the settings."""
    changed = SETTINGS.replace("length = 5\nintervals", "length = 9\nintervals")
    assert changed != SETTINGS
    return lambda: configure(monkeypatch, tmp_path, changed)


def of(endpoints: Endpoints, numbers: range = range(50, 150)) -> list[float]:
    """What counts of some minutes."""
    found = values(endpoints, "ema_5")
    return [found[number][0] for number in numbers]


def computed(indicator: IndicatorConfig, numbers: range = range(50, 150)) -> Any:
    return pytest.approx(chain_of(BARS, indicator).values[0][numbers.start : numbers.stop], rel=1e-6)


def merged(endpoints: Endpoints) -> None:
    """Let ClickHouse forget every row that does not count."""
    with store_of(endpoints) as store:
        store.command("OPTIMIZE TABLE indicators FINAL")


def test_a_live_revision_after_two_runs_counts(database: Endpoints):
    run(*RANGE)
    run(*RANGE)
    put_live(database, "ema_5", -2, 4)
    assert of(database, range(120)) == [-2.0] * 120
    assert of(database, range(120, 150)) == computed(EMA, range(120, 150))
    merged(database)
    assert of(database, range(120)) == [-2.0] * 120


def test_a_live_repeat_of_the_same_revision_does_not_hide_a_rerun(database: Endpoints):
    run(*RANGE)
    put_live(database, "ema_5", -1, 3)
    assert of(database) == computed(EMA)
    merged(database)
    assert of(database) == computed(EMA)


def test_the_second_run_counts_over_the_first(database: Endpoints, change: Change):
    run(*RANGE)
    change()
    run(*RANGE)
    assert of(database) == computed(OTHER)
    merged(database)
    assert of(database) == computed(OTHER)


class _Overtaken(StoredBars):
    """Stored bars of which newer live values come as soon as they were read."""

    def between(self, interval: str, symbols: Sequence[str], first: int, end: int) -> dict[str, Rows]:
        found = super().between(interval, symbols, first, end)
        put_live(Endpoints.load(), "ema_5", -2, 4)
        return found


def test_a_live_revision_that_comes_while_values_are_computed_counts(database: Endpoints):
    domain = load(None).domain(date(2024, 6, 20), date(2024, 7, 16))
    bars = _Overtaken(database.clickhouse_settings())
    with store_of(database) as store:
        beside = Beside(store)
        for part in parts(domain, bars, beside.revisions, at("2024-06-30T23:50"), at("2024-07-01T01:30")):
            beside.put(part)
        beside.switch()
    bars.close()
    assert of(database, range(50, 120)) == [-2.0] * 70
    assert of(database, range(120, 150)) == computed(EMA, range(120, 150))


@pytest.mark.parametrize("turned", [False, True])
def test_of_two_tables_beside_the_one_made_later_counts(database: Endpoints, change: Change, turned: bool):
    tables = [table_of(run(*RANGE, "--no-switch").output)]
    change()
    tables.append(run(*RANGE, "--no-switch").output.split("values stand in ")[1].split()[0])
    said = [run("switch", table).output for table in (reversed(tables) if turned else tables)]
    assert of(database) == computed(OTHER)
    assert said[1] == ("0 values count now\n" if turned else said[0])


def test_tables_of_different_indicators_both_count(database: Endpoints):
    one = table_of(run(*RANGE, "--no-switch", "--indicator", "ema_5").output)
    other = run(*RANGE, "--no-switch", "--indicator", "mid").output.split("values stand in ")[1].split()[0]
    for table in (other, one):
        run("switch", table)
    assert of(database) == computed(EMA)
    assert sorted(values(database, "mid")) == list(range(50, 150))


def test_the_first_live_values_of_a_bar_count_over_a_run(database: Endpoints):
    with store_of(database) as store:
        store.command("TRUNCATE TABLE indicators")
    run(*RANGE)
    put_live(database, "ema_5", -2, 0)
    assert of(database, range(50, 120)) == [-2.0] * 70


def test_what_a_second_run_has_no_more_is_null_also_where_nothing_is_live(database: Endpoints):
    with store_of(database) as store:
        store.command("TRUNCATE TABLE indicators")
    run(*RANGE)
    with store_of(database) as store:
        store.command(
            "ALTER TABLE bars DELETE WHERE ts_open < '2024-06-30 23:50:00' SETTINGS mutations_sync = 1"
        )
    run(*RANGE)
    found = values(database, "ema_5")
    assert [found[number][0] for number in range(50, 54)] == [None] * 4
    assert np.isfinite(np.array([found[number][0] for number in range(54, 150)], float)).all()


class _Attaches(Store):
    """A database that says yes to an ATTACH and carries it out for one month alone."""

    def command(self, text: str, parameters: Mapping[str, Any] | None = None) -> None:
        super().command(text.replace("ATTACH PARTITION ALL", "ATTACH PARTITION ID '202406'"), parameters)


def test_values_that_are_not_attached_are_found_where_nothing_is_live_either(database: Endpoints):
    with store_of(database) as store:
        store.command("TRUNCATE TABLE indicators")
    table = table_of(run(*RANGE, "--no-switch").output)
    store = _Attaches(database.clickhouse_settings())
    try:
        with pytest.raises(SinkError, match="was without 180 rows"):  # of 90 minutes in July, two values each
            Beside(store, table).switch()
        assert left(store) == [table]
    finally:
        store.close()
    assert run("switch", table).output == "200 values count now\n"
    assert of(database) == computed(EMA)


def test_a_table_of_an_older_version_is_refused_and_can_be_dropped(database: Endpoints):
    with store_of(database) as store:
        store.command(
            f"CREATE TABLE {OLD_TABLE} AS indicators ENGINE = ReplacingMergeTree(revision) "
            "PARTITION BY toYYYYMM(ts_open) ORDER BY (symbol, interval, name, ts_open)"
        )
        store.command(f"ALTER TABLE {OLD_TABLE} DROP COLUMN version, DROP COLUMN rerun")
    with pytest.raises(SinkError, match=f"{OLD_TABLE} must have a column rerun.*barline reprocess drop"):
        CliRunner().invoke(command, ["switch", OLD_TABLE], catch_exceptions=False)
    assert f"{OLD_TABLE} is left from before" in run(*RANGE).output
    assert of(database) == computed(EMA)
    run("drop", OLD_TABLE)
    with store_of(database) as store:
        assert left(store) == []


def test_a_run_waits_for_the_migrations(database: Endpoints):
    table = table_of(run(*RANGE, "--no-switch").output)
    with store_of(database) as store:
        store.command(
            "ALTER TABLE schema_migrations DELETE WHERE startsWith(name, '0007') SETTINGS mutations_sync = 1"
        )
    for arguments in (RANGE, ("switch", table)):
        with pytest.raises(TablesError, match="migrations must be applied, was without 0007"):
            CliRunner().invoke(command, arguments, catch_exceptions=False)
