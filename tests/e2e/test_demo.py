"""The simulated day through the whole system, with kills, ends in the rows that the logs call for."""

from pathlib import Path

import clickhouse_connect
import pytest
from rich.console import Console

from barline.demo.day import simulated
from barline.demo.run import Demo
from barline.settings.load import load
from barline.stack.running import running
from barline.verify.tables import TABLES, compare_rows, stored

ROOT = Path(__file__).resolve().parents[2]
KILLS = 4
pytestmark = [pytest.mark.stack, pytest.mark.timeout(900)]


def test_a_day_with_kills_ends_in_the_rows_that_the_log_calls_for(tmp_path: Path):
    day = simulated(load(ROOT / "barline.toml"), tmp_path / "lines", seed=11, scale=0.25)
    with running(tmp_path / "home") as stack:
        demo = Demo(stack, day, Console())
        try:
            findings = demo.run(seconds=30, kills=KILLS)
        finally:
            demo.close()
        assert demo.kills == KILLS
        assert findings.planted
        assert {key: one for key, one in findings.planted.items() if one[0] != one[1]} == {}
        assert [place for place, one in findings.sent.items() if not one.equal] == []
        assert [place for place, one in findings.verdict.topics.items() if not one.equal] == []
        assert [table.name for table in findings.verdict.tables if not table.equal] == []
        assert findings.equal
        assert_that_a_changed_row_is_found(stack.endpoints.clickhouse_settings())


def assert_that_a_changed_row_is_found(settings: dict[str, object]) -> None:
    """The negative control: one row with another close, and one that is gone."""
    client = clickhouse_connect.get_client(**settings)
    bars = next(table for table in TABLES if table.name == "bars")
    before = stored(bars, client)
    client.command(
        "INSERT INTO bars SELECT * REPLACE (revision + 1 AS revision, close + 0.01 AS close) "
        "FROM bars FINAL WHERE interval = '5m' LIMIT 1"
    )
    changed = compare_rows("bars", before, stored(bars, client))
    client.close()
    assert not changed.equal
    ((columns),) = changed.differing.values()
    assert set(columns) == {"revision", "close"}
    first = next(iter(before))
    gone = compare_rows("bars", before, {key: row for key, row in before.items() if key != first})
    assert gone.missing == [first]
