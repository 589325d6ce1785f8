"""The vendor outage of 2018-04-04 and the half day 2015-12-24, by the commands of docs/semantics.md."""

import csv
from collections.abc import Iterable
from pathlib import Path

import pytest
from click.testing import CliRunner

from barline.cli import main
from tests.factories import at

ROOT = Path(__file__).parents[2]
M = 60_000_000_000

pytestmark = pytest.mark.data


def made(out: Path, files: Iterable[Path]) -> Path:
    """What ``barline offline`` makes of 1m bars."""
    bars = [argument for path in sorted(files) for argument in ("--bars", str(path))]
    options = ["offline", "--config", str(ROOT / "barline.toml"), *bars, "--out", str(out)]
    result = CliRunner().invoke(main, options, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return out


def rows(path: Path) -> list[dict[str, str]]:
    with path.open() as text:
        return list(csv.DictReader(text))


def last(out: Path, table: str, *key: str) -> dict[tuple[str, ...], dict[str, str]]:
    """The last revision of each row of a table."""
    return {tuple(row[name] for name in key): row for row in rows(out / f"{table}.csv")}


def test_the_outage_of_the_vendor_is_told_from_minutes_without_trades(market_data: Path, tmp_path: Path):
    files = [*(market_data / "crypto" / "bars_1m").glob("*-20180404.csv.gz")]
    out = made(tmp_path / "out", files)
    gaps = last(out, "gaps", "symbol", "ts_open")
    found = {
        (name, int(ts)): (int(row["no_trades"]), int(row["outage"]), int(row["unknown"]))
        for (name, ts), row in gaps.items()
    }
    assert found == {
        ("BTCUSD", at("2018-04-04T16:46")): (1, 0, 0),
        ("BTCUSD", at("2018-04-04T16:48")): (5, 427, 0),
        ("ETHUSD", at("2018-04-04T16:48")): (4, 0, 0),
        ("ETHUSD", at("2018-04-04T16:53")): (0, 427, 0),
    }
    sessions = last(out, "sessions", "symbol", "interval")
    assert {row["state"] for row in sessions.values()} == {"closed"}
    known = {
        interval: float(row["quality"]) for (name, interval), row in sessions.items() if name == "BTCUSD"
    }
    # The day is known up to 16:53: 202 of 288 bars of 5m, 67 of 96, 33 of 48, 16 of 24 and 0 of 1.
    true = {"1m": 1013 / 1440, "5m": 202 / 288, "15m": 67 / 96, "30m": 33 / 48, "1h": 16 / 24, "1d": 0.0}
    assert known == {interval: pytest.approx(100 * share) for interval, share in true.items()}
    assert known["1m"] == float(sessions["ETHUSD", "1m"]["quality"])


def test_a_half_day_expects_its_own_minutes_and_nothing_after_its_close(market_data: Path, tmp_path: Path):
    out = made(tmp_path / "out", (market_data / "us_equity" / "bars_1m").glob("GOOG-*.csv.gz"))
    sessions = last(out, "sessions", "interval", "session_date")
    told = [
        (row["expected"], row["real"], row["flat"], row["state"])
        for key, row in sessions.items()
        if key[0] == "1m"
    ]
    assert told == [
        ("390", "390", "0", "closed"),
        ("210", "210", "0", "closed"),
        ("390", "382", "8", "closed"),
    ]
    half = [row for row in rows(out / "bars.1m.csv") if row["session_date"] == "16793"]
    assert (int(half[0]["ts_open"]), int(half[-1]["ts_close"])) == (
        at("2015-12-24T14:30"),
        at("2015-12-24T18:00"),
    )
    assert len(half) == 210
    assert {row["code"] for row in rows(out / "late.csv")} == {"V10"}
    # One symbol alone: its silence is unknown, never an outage.
    causes = {(row["outage"], row["no_trades"], row["unknown"]) for row in rows(out / "gaps.csv")}
    assert causes == {("0", "0", "1")}
