"""Files through the stages in this process give the same bytes, whatever the batch."""

import csv
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from barline.cli import main
from barline.demo.day import simulated
from barline.offline.run import run, write
from barline.settings.load import load
from connectors.sources.jsnl import LinesSource

ROOT = Path(__file__).resolve().parents[3]
OUTPUTS = ["bars.1s", "bars.1m", "gaps", "sessions", "bars.5m", "bars.15m", "bars.30m", "bars.1h", "bars.1d"]


def quotes(path: Path, minutes: int = 12) -> Path:
    """A quiet market: three quotes a minute, none in the sixth, and a line that is torn."""
    lines = ["symbol,time,bid,ask"]
    for minute in range(minutes):
        for second in (5, 25, 45) if minute != 5 else ():
            price = 1.38 + minute * 0.0001 + second * 0.00001
            lines.append(f"EURUSD,2014-05-01T00:{minute:02}:{second:02}Z,{price:.5f},{price + 0.0002:.5f}")
    path.write_text("\n".join([*lines, "EURUSD,2014-05-01T00:"]) + "\n")
    return path


def offline(out: Path, *arguments: str) -> dict[str, object]:
    options = ["offline", "--config", str(ROOT / "barline.toml"), "--out", str(out), *arguments]
    result = CliRunner().invoke(main, options, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return json.loads((out / "manifest.json").read_text())


def test_every_output_topic_has_a_table_with_the_columns_of_its_schema(tmp_path: Path):
    manifest = offline(tmp_path / "out", "--quotes", str(quotes(tmp_path / "q.csv")))
    assert [name.removesuffix(".csv") for name in manifest["outputs"]][: len(OUTPUTS)] == OUTPUTS
    header, *rows = (tmp_path / "out" / "bars.1m.csv").read_text().splitlines()
    assert header.startswith("symbol,interval,ts_open,ts_close,session_date,open,high,low,close,volume")
    flat = [row for row in rows if ",flat," in row]
    assert len(flat) == 1 + 5  # the quiet minute, and up to the limit after the end
    letters = (tmp_path / "out" / "dead-letters.csv").read_text()
    assert "EURUSD,2014-05-01T00:" in letters


def test_the_same_files_give_the_same_digests_on_any_batch(tmp_path: Path):
    path = str(quotes(tmp_path / "q.csv"))
    manifests = [
        offline(tmp_path / batch, "--quotes", path, "--batch", batch) for batch in ("1", "7", "100000")
    ]
    assert manifests[0] == manifests[1] == manifests[2]


def test_another_price_gives_other_digests(tmp_path: Path):
    one = offline(tmp_path / "one", "--quotes", str(quotes(tmp_path / "q.csv")))
    (tmp_path / "q.csv").write_text((tmp_path / "q.csv").read_text().replace("1.38005", "1.37005"))
    other = offline(tmp_path / "other", "--quotes", str(tmp_path / "q.csv"))
    assert one["outputs"]["bars.1m.csv"] != other["outputs"]["bars.1m.csv"]


KEEPING = """
intervals = ["5m"]
[sources]
files = { topic = "ticks.raw", files = true }
[symbols.SPY]
asset = "equity"
calendar = "XNYS"
sources = ["files"]
rules = { correction_prints = 100 }
"""
PRINTS = {"a": 545.01, "b": 545.20, "c": 600.0, "d": 545.10, "e": 545.15}
WORDS = (
    "SPY,2024-07-02T13:31:20Z,cancel,c,,",
    "SPY,2024-07-02T13:36:00Z,correct,b,545.05,",
    "SPY,2024-07-02T13:31:30Z,cancel,nobody,,",
    "SPY,2024-07-02T13:50:00Z,cancel,a,,",
    "SPY,2024-07-02T13:50:00Z,torn",
)


def with_words(folder: Path, words: tuple[str, ...], prints: dict[str, float], batch: str) -> Path:
    """What comes of prints, one each 20 s, and of a venue's words on them."""
    folder.mkdir()
    (folder / "barline.toml").write_text(KEEPING)
    times = [f"2024-07-02T13:{30 + number // 3}:{number % 3 * 20 + 5:02}Z" for number in range(5)]
    named = zip(times, PRINTS, strict=True)
    rows = [f"SPY,{time},{prints[name]},10,{name}" for time, name in named if name in prints]
    (folder / "t.csv").write_text("\n".join(["symbol,time,price,size,trade_id", *rows]) + "\n")
    (folder / "c.csv").write_text("\n".join(["symbol,time,action,trade_id,price,size", *words]) + "\n")
    files = ["--ticks", str(folder / "t.csv"), "--corrections", str(folder / "c.csv"), "--batch", batch]
    offline(folder / "out", "--config", str(folder / "barline.toml"), *files)
    return folder / "out"


def last_bars(out: Path, name: str) -> dict[str, tuple[str, ...]]:
    """By start, the prices, volume and trades of the newest revision of each bar."""
    with (out / name).open() as lines:
        rows = sorted(csv.DictReader(lines), key=lambda row: int(row["revision"]))
    fields = ("open", "high", "low", "close", "volume", "trades")
    return {row["ts_open"]: tuple(row[field] for field in fields) for row in rows if row["fill"] == "real"}


def codes(out: Path, name: str) -> list[str]:
    with (out / name).open() as lines:
        return sorted(row["code"] for row in csv.DictReader(lines))


def test_files_of_corrections_leave_the_bars_of_the_prints_as_they_should_have_been(tmp_path: Path):
    found = with_words(tmp_path / "found", WORDS, PRINTS, "100000")
    meant = {"a": 545.01, "b": 545.05, "d": 545.10, "e": 545.15}
    wanted = with_words(tmp_path / "wanted", (), meant, "100000")
    raw = with_words(tmp_path / "raw", (), PRINTS, "100000")
    for name in ("bars.1m.csv", "bars.5m.csv"):
        assert last_bars(found, name) == last_bars(wanted, name)
        assert last_bars(raw, name) != last_bars(wanted, name)
    assert (codes(found, "dead-letters.csv"), codes(found, "late.csv")) == (["C01", "V01"], ["V09"])
    again = with_words(tmp_path / "again", WORDS, PRINTS, "1")
    digests = [json.loads((out / "manifest.json").read_text())["outputs"] for out in (found, again)]
    assert digests[0] == digests[1]


def test_a_symbol_without_a_calendar_is_refused_with_the_fix(tmp_path: Path):
    path = tmp_path / "q.csv"
    path.write_text("symbol,time,bid,ask\nABCDEF,2014-05-01T00:00:01Z,1,2\n")
    options = [
        "offline",
        "--config",
        str(ROOT / "barline.toml"),
        "--out",
        str(tmp_path),
        "--quotes",
        str(path),
    ]
    result = CliRunner().invoke(main, options)
    assert result.exit_code == 3
    assert "--calendar" in result.output


def test_the_lines_of_the_simulated_day_end_in_their_tables(tmp_path: Path):
    settings = load(ROOT / "barline.toml")
    day = simulated(settings, tmp_path / "lines", seed=3, scale=0.25)
    stored = {one.mode: one for one in day.stored}
    pipeline = run([], LinesSource(day.lines).blocks(), day.domain, stored=stored)
    manifest = write(pipeline, day.domain, day.lines, tmp_path / "out")
    equity = (tmp_path / "out" / "equity.csv").read_text()
    assert {
        mode for mode in ("breakout_live", "meanrev_sim", "carry_sim", "archive_sim") if mode in equity
    } == {
        "breakout_live",
        "meanrev_sim",
        "carry_sim",
        "archive_sim",
    }
    assert "orphan" not in equity
    assert manifest.counts["lines"]["rejected.unresolved"] > 0


def test_naming_no_file_is_a_usage_error(tmp_path: Path):
    assert CliRunner().invoke(main, ["offline", "--out", str(tmp_path)]).exit_code == 2


@pytest.mark.data
def test_a_day_of_gold_gives_the_bars_of_the_vendor(tmp_path: Path, market_data: Path):
    path = market_data / "metals" / "quotes" / "XAUUSD-20140501.csv.gz"
    manifest = offline(tmp_path / "out", "--quotes", str(path))
    rows = [line.split(",") for line in (tmp_path / "out" / "bars.1m.csv").read_text().splitlines()[1:]]
    real = {int(row[2]): tuple(map(float, row[5:9])) for row in rows if row[15] == "real"}
    from connectors.sources.files import read_file  # noqa: PLC0415 (beside its use)

    vendor = read_file(market_data / "metals" / "bars_1m" / "XAUUSD-20140501.csv.gz", "Bar").rows
    names = ("open", "high", "low", "close")
    expected = {int(row["ts_open"]): tuple(float(row[name]) for name in names) for row in vendor}
    assert len(expected) == 1_375
    assert real == expected
    assert manifest["counts"]["ticks"]["rejected"] == 0


def test_one_option_takes_several_files_as_a_shell_gives_them(tmp_path: Path):
    one, other = quotes(tmp_path / "a.csv"), tmp_path / "b.csv"
    other.write_text(one.read_text().replace("EURUSD", "XAUUSD"))
    together = offline(tmp_path / "together", "--quotes", str(one), str(other), "--batch", "7")
    apart = offline(tmp_path / "apart", "--quotes", str(one), f"--quotes={other}")
    assert together == apart
    assert {"EURUSD", "XAUUSD"} <= set(
        (tmp_path / "apart" / "bars.1m.csv").read_text().replace("\n", ",").split(",")
    )
