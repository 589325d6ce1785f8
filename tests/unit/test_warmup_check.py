"""What `barline warmup-check` prints of the length of history."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from barline.cli.warmup_check import command, lines, made_up
from schemas.config import IndicatorConfig
from tests.unit.analytics.library import CASES

READY = {
    "ema_20": 20, "rsi_14": 15, "atr_14": 15, "sma_20": 20, "bb_20_middle": 20, "macd": 26, "macd_signal": 34,
    "adx_14": 28, "adx_14_plus": 15, "momentum_10": 11, "obv": 1, "vwap": 1, "keltner_20_middle": 20,
    "keltner_20_upper": 21, "true_range": 2, "donchian_20_upper": 20,
}  # fmt: skip


@pytest.fixture(scope="module")
def found() -> dict[str, tuple[int, float, float]]:
    """Bars until ready, and how far off a quarter of the bars and all that are needed leave each value."""
    own = [IndicatorConfig("trix", "trix", 9, window=80), *CASES]
    told = list(lines(own, made_up(3_000), 1))
    return {line.name: (line.ready, line.errors[0], line.errors[2]) for line in told}


def test_each_value_is_ready_when_the_documentation_says(found: dict[str, tuple[int, float, float]]):
    assert {name: found[name][0] for name in READY} == READY


def test_with_the_bars_it_needs_no_value_is_off(found: dict[str, tuple[int, float, float]]):
    off = {name: row[2] for name, row in found.items() if not row[2] < 2e-5}
    assert set(off) == {"obv"}
    assert found["trix"][2] == 0.0


def test_a_session_that_was_seen_from_its_start_is_enough_for_vwap():
    told = [
        next(lines([IndicatorConfig("vwap", "vwap")], made_up(count), 1)).converged for count in (300, 500)
    ]
    assert told == [False, True]


def test_with_a_quarter_of_them_those_that_remember_are_off(found: dict[str, tuple[int, float, float]]):
    assert min(found[name][1] for name in ("ema_20", "rsi_14", "atr_14", "adx_14")) > 1e-6


def told(tmp_path: Path, settings: str) -> Result:
    path = tmp_path / "barline.toml"
    path.write_text(settings)
    return CliRunner().invoke(command, ["--config", str(path)], catch_exceptions=False)


def test_a_long_one_is_told_with_all_that_it_needs(tmp_path: Path):
    settings = "".join(
        f"[[indicators]]\nname = '{kind}'\nkind = '{kind}'\nlength = {length}\n"
        for kind, length in (("rsi", 2_000), ("sma", 2_500))
    )
    result = told(tmp_path, settings)
    lines = [line.split() for line in result.output.splitlines()]
    assert lines[0][0] == "88,899"
    assert [line[:3] for line in lines[2:]] == [["rsi", "2001", "29633"], ["sma", "2500", "2502"]]
    off = [float(text) for text in lines[2][4:]]
    assert off[0] > 1e-4
    assert 1e-5 > off[2] > off[3]
    assert result.exit_code == 0


def test_one_that_needs_more_than_warm_up_has_is_told_and_ends_with_1(tmp_path: Path):
    result = told(tmp_path, "[[indicators]]\nname = 'adx'\nkind = 'adx'\nlength = 8_000\n")
    assert "adx must need at most 150,000 bars to be warmed up, was 159,682" in result.output
    assert result.exit_code == 1


def test_it_prints_a_line_for_each_value_of_the_settings(tmp_path: Path):
    result = told(
        tmp_path,
        "[[indicators]]\nname = 'm'\nkind = 'macd'\n[[indicators]]\nname = 'e'\nkind = 'ema'\nlength = 3\n",
    )
    names = [line.split()[0] for line in result.output.splitlines()[2:]]
    assert names == ["m", "m_signal", "m_histogram", "e"]
    assert result.exit_code == 0
