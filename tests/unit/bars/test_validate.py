"""Which bars are refused, late or flagged; the original bytes go with them."""

import math
import sys

import pytest

from schemas.codec import LOCAL_IDS, encode_record
from schemas.config import SourceConfig
from schemas.flags import VWAP_RANGE
from schemas.rules import AssetRules
from tests.factories import DAY, Record, bar, domain, raw, symbol
from tests.unit.bars.desk import Desk, beat, fed, minute, two, vended


@pytest.mark.parametrize(
    ("code", "changes"),
    [
        ("V01", {"open": math.nan}),
        ("V01", {"volume": math.inf}),
        ("V01", {"volume": 1e251}),
        ("V01", {"high": sys.float_info.max}),
        ("V01", {"notional": math.nan}),
        ("V01", {"revision": -1}),
        ("V02", {"symbol": "NONE"}),
        ("V02", {"source": ""}),
        ("V03", {"low": 0.0}),
        ("V03", {"open": -1.0, "low": -1.0}),
        ("V04", {"high": 9.0}),
        ("V04", {"low": 11.0}),
        ("V05", {"volume": -1.0}),
        ("V05", {"trades": -1}),
        ("V06", {"interval": "5m"}),
        ("V06", {"ts_close": 1}),
        ("V06", {"ts_open": 30_000_000_000, "ts_close": 90_000_000_000}),
        ("V10", {"ts_open": 0, "ts_close": 60_000_000_000}),
    ],
)
def test_a_bad_bar_is_refused_with_its_code(code: str, changes: Record):
    got = Desk().feed({**vended(0, 10.0), **changes})
    assert got.letters() == [code]
    assert got.bars() == []
    assert got.counts["in"] == 1
    assert got.counts["late" if code == "V10" else f"rejected.{code}"] == 1


def test_a_dead_letter_carries_the_original_bytes_and_coordinates():
    record = vended(0, 10.0, volume=-1.0)
    letter = Desk().feed(record).of("DeadLetter")[0]
    fields = {name: value for name, value in record.items() if name != "record"}
    assert letter["data"] == encode_record("Bar", LOCAL_IDS["Bar"], fields)
    assert (letter["key"], letter["stage"], letter["topic"]) == (b"SPY", "bars", "bars.raw")
    assert (letter["partition"], letter["offset"], letter["ts_event"]) == (0, 3, record["ts_close"])


def test_bytes_that_are_no_record_are_refused():
    got = Desk().feed(raw(b"rubbish"))
    assert got.letters() == ["V01"]
    assert got.of("DeadLetter")[0]["data"] == b"rubbish"


def test_before_a_configuration_every_symbol_is_unknown():
    desk = Desk()
    desk.stage = type(desk.stage)(0)
    assert desk.feed(fed(0, 10.0)).letters() == ["V02"]


def test_an_asset_class_may_allow_prices_below_zero():
    body = domain(
        symbol("CL", asset="commodity", sources=["feed"]),
        assets={"commodity": AssetRules(nonpositive_price="allow")},
    )
    assert Desk(body).feed(fed(0, -37.0, symbol="CL")).letters() == []


def test_a_vendor_bar_from_the_future_is_refused():
    got = Desk(domain(symbol(sources=["feed.bars"]))).feed(vended(30, 10.0))
    assert got.letters() == ["V08"]


def test_a_file_may_be_ahead_of_its_heartbeats():
    sources = [SourceConfig("feed.bars", "bars.raw", files=True)]
    body = domain(symbol(sources=["feed.bars"]), sources=sources)
    assert Desk(body).feed(vended(30, 10.0)).letters() == []


def test_a_vwap_outside_the_range_is_flagged_and_passes():
    got = Desk().feed(fed(0, 10.0, notional=120.0), fed(1, 10.0, notional=100.0), fed(2, 10.0, trades=0))
    assert [found["flags"] for found in got.of("Bar")] == [VWAP_RANGE, 0, VWAP_RANGE]


def test_a_refused_bar_is_the_cause_of_its_gap():
    desk = Desk(two(sources=["feed.bars"]))
    got = desk.feed(vended(0, 10.0), vended(1, 10.0, high=9.0), beat(2, "feed.bars"))
    assert got.causes() == [(1, "rejected", True)]


def test_a_session_date_is_that_of_the_calendar():
    got = Desk().feed(fed(0, 10.0, session_date=0))
    assert got.of("Bar")[0]["session_date"] == bar(minute(0), 1.0)["session_date"]
    assert DAY == "2024-07-02"
