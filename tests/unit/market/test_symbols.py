"""Names of symbols at providers and brokers, both ways."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.config import VenueConfig
from schemas.errors import ConfigurationError
from schemas.market.symbols import SymbolMap

SYMBOLS = ["NAS100", "XAUUSD", "EURUSD"]
OANDA = VenueConfig("oanda", names={"NAS100": "NAS100_USD", "XAUUSD": "XAU_USD", "EURUSD": "EUR_USD"})
CFD = VenueConfig("cfd", names={"NAS100": "US100.cash", "XAUUSD": "GOLD"}, others="none")
POLYGON = VenueConfig("polygon", kind="provider", names={"XAUUSD": "C:XAUUSD", "EURUSD": "C:EURUSD"})


def test_one_symbol_has_a_name_at_each_broker_and_provider():
    names = SymbolMap(SYMBOLS, [OANDA, CFD, POLYGON])
    assert [names.venue_symbol(venue, "XAUUSD") for venue in ("oanda", "cfd", "polygon")] == [
        "XAU_USD", "GOLD", "C:XAUUSD",
    ]  # fmt: skip
    assert names.symbol("cfd", "US100.cash") == "NAS100"
    assert names.symbol("polygon", "C:EURUSD") == "EURUSD"


def test_what_a_venue_does_not_name_has_its_own_name_or_is_not_there():
    names = SymbolMap(SYMBOLS, [CFD, POLYGON])
    assert names.venue_symbol("polygon", "NAS100") == "NAS100"
    assert names.venue_symbol("cfd", "EURUSD") is None
    assert names.symbol("cfd", "EURUSD") is None
    assert names.venue_symbol("nobody", "EURUSD") is None
    assert names.symbol("polygon", "XAUUSD") is None  # it is C:XAUUSD there


def test_only_brokers_that_trade_a_symbol_are_told_of_it():
    names = SymbolMap(SYMBOLS, [POLYGON, OANDA, CFD])
    assert names.brokers("XAUUSD") == [("oanda", "XAU_USD"), ("cfd", "GOLD")]
    assert names.brokers("EURUSD") == [("oanda", "EUR_USD")]


@pytest.mark.parametrize(
    ("venues", "text"),
    [
        ([VenueConfig("a", names={"XAUUSD": "EURUSD"})], "'EURUSD' for XAUUSD and EURUSD"),
        ([VenueConfig("a", names={"XAUUSD": "X", "EURUSD": "X"})], "must mean one symbol, was 'X'"),
        ([VenueConfig("a", names={"GOLD": "X"})], "must be of known symbols, was 'GOLD'"),
        ([VenueConfig("a", names={"XAUUSD": ""})], "must not be empty"),
        ([OANDA, OANDA], "must be named once, was 'oanda' twice"),
    ],
)
def test_a_map_that_is_not_exact_both_ways_is_refused(venues: list[VenueConfig], text: str):
    with pytest.raises(ConfigurationError, match=text):
        SymbolMap(SYMBOLS, venues)


@given(st.dictionaries(st.sampled_from(SYMBOLS), st.text(min_size=1, max_size=3)), st.booleans())
def test_every_name_leads_back_to_its_symbol(own: dict[str, str], same: bool):
    venue = VenueConfig("a", names=own, others="same" if same else "none")
    try:
        names = SymbolMap(SYMBOLS, [venue])
    except ConfigurationError:
        called = [own.get(symbol, symbol) for symbol in SYMBOLS if same or symbol in own]
        assert len(set(called)) < len(called)
        return
    for symbol in SYMBOLS:
        name = names.venue_symbol("a", symbol)
        assert (name is not None) == (same or symbol in own)
        assert name is None or names.symbol("a", name) == symbol
