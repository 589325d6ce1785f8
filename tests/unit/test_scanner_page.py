"""What docs/scanner.md shows is so: its example, its features, its functions, its grammar."""

import re
from pathlib import Path

from barline.settings.load import parse
from barline.settings.settings import Settings
from schemas.config import SignalConfig
from schemas.market.symbols import SymbolMap
from streams.core.analytics.scan import grammar
from streams.core.analytics.scan.meaning import FIELDS, QUALITY, Known, meaning
from streams.core.analytics.scan.tree import ARITIES, TRUTHS

PAGE = (Path(__file__).parents[2] / "docs" / "scanner.md").read_text()
BEFORE = """
intervals = ["5m", "15m", "1h"]

[sources.feed]
topic = "ticks.raw"

[symbols.XAUUSD]
asset = "commodity"
calendar = "FX"
sources = ["feed"]
price = "bid"

[symbols.EURUSD]
asset = "fx"
calendar = "FX"
sources = ["feed"]
price = "bid"
"""


def block(language: str) -> str:
    """The first block of code in a language."""
    found = re.search(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    return found[1]


def example() -> Settings:
    return parse(BEFORE + block("toml"))


def test_the_example_is_a_configuration_and_its_names_lead_both_ways():
    settings = example()
    assert [signal.name for signal in settings.signals] == ["dip_in_uptrend", "breakout"]
    names = SymbolMap(settings.symbols, settings.venues.values())
    assert names.brokers("XAUUSD") == [("oanda", "XAU_USD"), ("cfd", "GOLD")]
    assert names.brokers("EURUSD") == [("oanda", "EUR_USD")]
    assert names.symbol("cfd", "US100.cash") == names.symbol("oanda", "NAS100_USD") == "NAS100"
    assert names.symbol("polygon", "C:EURUSD") == "EURUSD"


def test_every_feature_and_function_stands_in_its_table():
    rows = [line.split("|")[1] for line in PAGE.splitlines() if line.startswith("| ")]
    shown = set(re.findall(r"`([a-z_]+)[`(]", " ".join(rows)))
    assert {*FIELDS, *TRUTHS, QUALITY, *ARITIES} <= shown
    assert "crosses above" in " ".join(rows)


def test_every_expression_of_the_page_is_a_condition_and_what_it_calls_none_is_refused():
    settings = example()
    known = Known.of(["1m", *settings.intervals], settings.indicators)
    for when in ("20 < rsi_14 < 30", "close crosses above ema_20@1h", "not flat"):
        assert f"`{when}`" in PAGE
        meaning(SignalConfig("s", when), known)
    assert "`close and 3`" in PAGE


def test_the_grammar_is_the_one_that_is_parsed():
    def rules(text: str) -> list[str]:
        return re.sub(r"\s+", " ", text.replace("( ", "(").replace(" )", ")")).strip().split(" = ")

    (parsed,) = re.findall(r"(    condition  = .*?)\n\nNumbers", str(grammar.__doc__), re.DOTALL)
    assert rules(block("ebnf")) == rules(parsed)
