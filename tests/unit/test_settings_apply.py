"""A configuration goes to every partition of the topics where a path begins, and nowhere else."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from barline.cli import main
from barline.settings.apply import apply
from schemas.codec import LOCAL_IDS, LOCAL_NAMES, decode_record
from schemas.config import SignalConfig, decode
from schemas.errors import ConfigurationError
from tests.factories import domain

ROOT = Path(__file__).parents[2]


class Sent:
    """Keeps what it is told to send."""

    def __init__(self) -> None:
        self.records: list[tuple[str, int, bytes | None, bytes | None, int]] = []

    def send(self, topic: str, key: bytes | None, value: bytes | None, **told: Any) -> None:
        self.records.append((topic, told["partition"], key, value, told["timestamp_ms"]))


def test_every_partition_of_both_topics_gets_the_same_record():
    sent = Sent()
    partitions = {"ticks.raw": 3, "lines.raw": 3, "bars.raw": 3}
    assert apply(domain(), sent, LOCAL_IDS, partitions, ts=5_000_000) == 6
    assert [record[:2] for record in sent.records] == [
        (topic, number) for topic in ("ticks.raw", "lines.raw") for number in range(3)
    ]
    assert {record[2:3] + record[4:] for record in sent.records} == {(None, 5)}
    (value,) = {record[3] for record in sent.records}
    name, fields = decode_record(value, LOCAL_NAMES)
    assert name == "Config"
    assert decode(str(fields["body"])) == msgspec.structs.replace(domain(), partitions=3)


def test_ranks_across_symbols_are_not_put_in_force_over_several_partitions():
    ranked = domain(signals=[SignalConfig("dip", "close > 3"), SignalConfig("best", "rank(close) <= 3")])
    sent = Sent()
    with pytest.raises(ConfigurationError, match=r"1 partition .*, was 4 \(best; fix: "):
        apply(ranked, sent, LOCAL_IDS, {"ticks.raw": 4, "lines.raw": 4}, ts=0)
    assert sent.records == []
    assert apply(ranked, sent, LOCAL_IDS, {"ticks.raw": 1, "lines.raw": 1}, ts=0) == 2


def test_check_says_everything_and_ends_with_3(tmp_path: Path):
    broken = tmp_path / "barline.toml"
    broken.write_text('[symbols.SPY]\nasset = "stock"\n')
    result = CliRunner().invoke(main, ["config", "check", "--config", str(broken)])
    assert result.exit_code == 3
    assert result.stderr.count("fix:") == 3
    assert "barline.toml:2: symbols.SPY.asset" in result.stderr


def test_the_settings_of_the_repository_are_right():
    result = CliRunner().invoke(main, ["config", "check", "--config", str(ROOT / "barline.toml")])
    assert (result.exit_code, result.stdout[:17]) == (0, "right: 12 symbols")


def test_the_grid_of_a_half_day_is_shown():
    result = CliRunner().invoke(main, ["calendar", "show", "XNYS", "2024-07-03", "--interval", "1h"])
    assert result.exit_code == 0
    assert "1m        210 bars, 210 minutes" in result.stdout
    assert result.stdout.rstrip().endswith("(Wed 13:00 EDT)  30 minutes")


def test_a_holiday_has_no_grid():
    result = CliRunner().invoke(main, ["calendar", "show", "XNYS", "2024-07-04"])
    assert result.exit_code == 3
    assert "must be a trade date of XNYS" in result.stderr


def test_check_tells_of_an_indicator_that_warm_up_is_too_short_for_and_ends_with_1(tmp_path: Path):
    path = tmp_path / "barline.toml"
    path.write_text("[[indicators]]\nname = 'slow'\nkind = 'adx'\nlength = 8_000\n")
    result = CliRunner().invoke(main, ["config", "check", "--config", str(path)])
    assert "warning: slow must need at most 150,000 bars to be warmed up, was 159,682" in result.stderr
    assert result.exit_code == 1
    path.write_text("[[indicators]]\nname = 'slow'\nkind = 'rsi'\nlength = 10_000\n")
    assert CliRunner().invoke(main, ["config", "check", "--config", str(path)]).exit_code == 0
