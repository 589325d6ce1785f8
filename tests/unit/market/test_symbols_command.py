"""``barline symbols``: names of venues, both ways."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from barline.cli import main

Run = Callable[..., Result]
SETTINGS = """
[sources]
feed = { topic = "ticks.raw" }
[symbols]
XAUUSD = { asset = "commodity", calendar = "FX", sources = ["feed"] }
EURUSD = { asset = "fx", calendar = "FX", sources = ["feed"] }
[venues.oanda]
names = { XAUUSD = "XAU_USD", EURUSD = "EUR_USD" }
[venues.cfd]
names = { XAUUSD = "GOLD" }
others = "none"
[venues.polygon]
kind = "provider"
names = { XAUUSD = "C:XAUUSD" }
"""


@pytest.fixture
def symbols(tmp_path: Path) -> Run:
    (tmp_path / "barline.toml").write_text(SETTINGS)

    def run(*words: str) -> Result:
        return CliRunner().invoke(main, ["symbols", *words, "--config", str(tmp_path / "barline.toml")])

    return run


def test_every_name_at_every_venue_is_listed(symbols: Run):
    assert [line.split() for line in symbols("list").stdout.splitlines()] == [
        ["oanda", "broker", "XAUUSD", "XAU_USD"],
        ["oanda", "broker", "EURUSD", "EUR_USD"],
        ["cfd", "broker", "XAUUSD", "GOLD"],
        ["polygon", "provider", "XAUUSD", "C:XAUUSD"],
        ["polygon", "provider", "EURUSD", "EURUSD"],
    ]
    assert len(symbols("list", "--venue", "cfd").stdout.splitlines()) == 1


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["oanda", "XAUUSD", "EURUSD"], 0, "XAU_USD\nEUR_USD\n"),
        (["oanda", "XAU_USD", "EUR_USD", "--back"], 0, "XAUUSD\nEURUSD\n"),
        (["cfd", "EURUSD", "XAUUSD"], 1, "\nGOLD\n"),
        (["cfd", "EURUSD", "--back"], 1, "\n"),
    ],
)
def test_names_are_translated_both_ways(symbols: Run, words: list[str], code: int, said: str):
    found = symbols("translate", *words)
    assert (found.exit_code, found.stdout) == (code, said)


def test_an_unknown_venue_is_named(symbols: Run):
    found = symbols("translate", "nowhere", "XAUUSD")
    assert (found.exit_code, "must be one of oanda, cfd, polygon, was 'nowhere'" in found.stderr) == (3, True)
