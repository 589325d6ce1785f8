"""When a signal goes out, what it says, and what becomes of it when bars are revised or conditions change."""

from typing import Any

import pytest

from schemas.config import Domain, IndicatorConfig, SignalConfig, VenueConfig
from schemas.errors import ConfigurationError, StateError
from schemas.rules import AssetRules
from streams.core.analytics.plan import Plan
from streams.core.analytics.stage import VERSION, AnalyticsStage
from streams.core.slots import pack
from tests.factories import Record, at, calendar_rows, changed, config, domain, symbol
from tests.unit.analytics.feed import Feed, clock, flat, minute, missing, only, through


def scanning(*conditions: str, debounce_ms: int = 0, **fields: Any) -> Domain:
    """SPY and AIG with conditions s0, s1, ..."""
    signals = [SignalConfig(f"s{number}", when, "1m", debounce_ms) for number, when in enumerate(conditions)]
    return domain(symbol("SPY"), symbol("AIG"), **{"signals": signals, "partitions": 1, **fields})


def fired(rows: dict[str, list[Record]], *fields: str) -> list[Any]:
    """Those fields of the signals that went out."""
    found = [tuple(row[name] for name in fields or ("name",)) for row in rows.get("signals", [])]
    return [row[0] if len(row) == 1 else row for row in found]


def test_a_condition_signals_when_it_becomes_true_and_not_while_it_is():
    """::

    close   9  11  12   9  11
    signal      ^           ^
    """
    feed = Feed(scanning("close > 10"))
    found = [fired(feed(minute(number, price))) for number, price in enumerate([9.0, 11.0, 12.0, 9.0, 11.0])]
    assert found == [[], ["s0"], [], [], ["s0"]]
    assert feed.counts["signals"] == 2


def test_a_signal_tells_what_it_read_until_when_it_holds_and_of_which_bar():
    body = scanning(
        "close > ema_2 and quality > 50 or change(close, 1) > 100",
        indicators=[IndicatorConfig("ema_2", "ema", 2)],
        assets={"equity": AssetRules(disorder_ms=1_500)},
    )
    feed = Feed(body)
    feed(minute(0, 10.0))
    (row,) = feed(minute(1, 11.0))["signals"]
    assert row == {
        "record": "Signal", "symbol": "SPY", "venue_symbol": "SPY", "name": "s0", "interval": "1m",
        "ts_event": at(clock(2)), "ts_expires": at(clock(3)) + 3_500_000_000, "broker": "", "revision": 0,
        "values": {
            "close@1m": 11.0, "ema_2@1m": 10.5, "quality": 100.0, "change(close@1m, 1)": pytest.approx(10.0),
        },
    }  # fmt: skip


def test_each_broker_that_trades_the_symbol_gets_its_own_record():
    venues = [
        VenueConfig("oanda", names={"SPY": "SPX500_USD"}, others="none"),
        VenueConfig("vendor", kind="provider", names={"SPY": "NYSE:SPY"}),
        VenueConfig("ibkr"),
    ]
    feed = Feed(scanning("close > 10", venues=venues))
    found = fired(feed(minute(0, 11.0), minute(0, 11.0, symbol="AIG")), "symbol", "broker", "venue_symbol")
    assert found == [("SPY", "oanda", "SPX500_USD"), ("SPY", "ibkr", "SPY"), ("AIG", "ibkr", "AIG")]


def test_after_a_signal_further_rises_are_swallowed_for_the_debounce():
    feed = Feed(scanning("close > 10", debounce_ms=180_000))
    found = [fired(feed(minute(number, 11.0 if number % 2 else 9.0))) for number in range(8)]
    assert [number for number, one in enumerate(found) if one] == [1, 5]  # 3 and 7 are 2 minutes after
    assert feed.counts["debounced"] == 2


def test_what_is_not_ready_yet_is_unknown_and_neither_it_nor_its_negation_is_true():
    three = [IndicatorConfig("ema_3", "ema", 3)]
    feed = Feed(scanning("ema_3 > 0", "not ema_3 > 0", "ema_3 > 0 or close > 1", indicators=three))
    assert fired(feed(minute(0, 5.0), minute(1, 5.0))) == ["s2"]
    assert fired(feed(minute(2, 5.0))) == ["s0"]


def test_a_stale_value_is_unknown_and_signals_anew_when_it_is_fresh_again():
    """SPY has no bar for a while, AIG goes on; the watermark, not a clock, says that SPY is stale."""
    feed = Feed(scanning("close > 10 and quality > 0"))
    assert fired(feed(minute(0, 11.0), minute(0, 9.0, symbol="AIG"), through(1))) == ["s0"]
    assert fired(feed(through(2), missing(1, "outage"), minute(2, 11.0))) == []  # due, but not yet expired
    late = feed(through(3), missing(3, "outage"), missing(4, "outage"), through(5), minute(5, 11.0))
    assert fired(late, "ts_event") == [at(clock(6))]


def test_how_long_a_value_is_fresh_is_configured_and_what_was_told_holds_when_that_changes():
    """::

    bar      0       3       5       8
    expiry   2 min           2 s
    signal   ^       still   still   ^
    """
    body = scanning("close > 10", expiry_ms=120_000)
    feed = Feed(body)
    assert fired(feed(minute(0, 11.0)), "ts_expires") == [at(clock(4))]
    assert fired(feed(through(3), minute(3, 11.0))) == []  # until 4
    feed(config(changed(body, expiry_ms=2_000)))
    assert fired(feed(through(5), minute(5, 11.0))) == []  # until 7, as it was before
    found = fired(feed(through(8), minute(8, 11.0)), "ts_expires")  # until 7 and 2 s; 9 by the one before
    assert found == [at(clock(10)) + 2_000_000_000]


def test_a_condition_holds_by_its_fresh_part_alone():
    feed = Feed(scanning("close@1m > 10 or close@5m > 10"))
    rows = feed(*(minute(number, 11.0) for number in range(5)))["signals"]
    assert [row["ts_expires"] for row in rows] == [at(clock(2)) + 2_000_000_000]
    # The 5m bar of 0 to 5 holds until 10, whatever becomes of the minutes.
    assert (
        fired(feed(through(5), missing(5, "outage"), missing(6, "outage"), through(8), minute(8, 11.0))) == []
    )


def test_a_revision_that_makes_the_newest_bar_true_signals_with_the_next_revision():
    """::

    bar 0        9    11      9    11.5
    signal            ^ (0)        ^ (1)   both of the close of bar 0
    """
    feed = Feed(scanning("close > 10"))
    found = [
        fired(feed(minute(0, price, revision=revision)), "ts_event", "revision")
        for revision, price in enumerate([9.0, 11.0, 9.0, 11.5])
    ]
    assert found == [[], [(at(clock(1)), 0)], [], [(at(clock(1)), 1)]]


def test_a_revision_takes_no_signal_back_and_a_past_bar_raises_none():
    feed = Feed(scanning("close > 10"))
    assert fired(feed(minute(0, 9.0), minute(1, 11.0))) == ["s0"]
    assert fired(feed(minute(0, 12.0, revision=1))) == []
    assert fired(feed(minute(1, 9.0, revision=1))) == []
    assert fired(feed(minute(2, 11.0))) == ["s0"]


def test_a_crossing_looks_at_the_bar_before_of_its_shortest_interval():
    feed = Feed(scanning("close crosses above 10", "close crosses below close@5m"))
    rows = feed(*(minute(number, price) for number, price in enumerate([11.0, 9.0, 11.0, 12.0, 12.0, 11.0])))
    assert fired(rows, "name", "ts_event") == [("s0", at(clock(3))), ("s1", at(clock(6)))]
    assert fired(feed(minute(6, 12.0), minute(7, 11.5)), "name", "ts_event") == [("s1", at(clock(8)))]


def test_a_look_back_goes_over_the_trade_date_and_no_farther_than_is_kept():
    feed = Feed(scanning("change(close@1d, 1) > 9", "change(close, 2) > 9"))
    day = [minute(number, 10.0, day="2024-07-01") for number in (388, 389)]
    assert fired(feed(*day, through(390, "2024-07-01"), minute(0, 11.0))) == ["s1"]
    rest = [minute(number, 11.0) for number in range(1, 390)]
    assert fired(feed(*rest)) == ["s0"]


def test_a_look_back_over_days_goes_as_far_as_trade_dates_are_kept():
    days = ("2024-07-01", "2024-07-02", "2024-07-03")
    calendar = {"XNYS": calendar_rows(days=days, hours=("13:30-13:35",))}
    kept = scanning("change(close@1d, 2) > 19", calendars=calendar, trailing_dates=2)
    log = [minute(n, 10.0 + at_, day=day) for at_, day in enumerate(days) for n in range(5)]
    assert fired(Feed(kept)(*log), "values") == [{"change(close@1d, 2)": 20.0}]
    with pytest.raises(ConfigurationError, match="at most 1 day,"):
        Plan(scanning("change(close@1d, 2) > 19", calendars=calendar))


def test_quality_moves_with_the_minutes_that_have_no_bar():
    feed = Feed(scanning("quality < 60"))
    assert fired(feed(minute(0), missing(1, "no_trades"), minute(2))) == []
    assert fired(feed(missing(3, "outage"), missing(4, "halt"), missing(5, "unknown"))) == []  # 3 of 5
    (row,) = feed(missing(6, "rejected", filled=True), flat(6, 1.0))["signals"]
    assert (row["values"], row["ts_event"]) == ({"quality": 50.0}, at(clock(7)))


def test_ranks_wait_for_the_heartbeat_that_says_that_all_bars_are_in():
    """Between the bars of two symbols a rank would mix two minutes."""
    feed = Feed(scanning("rank(volume) <= 1", "percentile(close) >= 100 and close > 5"))
    assert fired(feed(minute(0, 6.0, volume=1.0), minute(0, 5.0, symbol="AIG", volume=2.0))) == []
    assert fired(feed(through(1)), "symbol", "name") == [("AIG", "s0"), ("SPY", "s1")]
    ahead = minute(2, 9.0, symbol="AIG", volume=90.0)  # beyond the watermark of the next heartbeat
    rows = feed(minute(1, 6.0, volume=5.0), minute(1, 7.0, symbol="AIG", volume=4.0), ahead, through(2))
    assert fired(rows, "symbol", "name", "ts_event") == [
        ("AIG", "s1", at(clock(2))),
        ("SPY", "s0", at(clock(2))),
    ]
    assert only(rows["signals"], name="s1")[0]["values"] == {"percentile(close@1m)": 100.0, "close@1m": 7.0}


def test_a_rank_is_among_the_fresh_values_of_the_symbols_of_the_condition():
    signals = [SignalConfig("two", "rank(close) <= 1", symbols=["SPY", "AIG"], debounce_ms=0)]
    body = domain(symbol("SPY"), symbol("AIG"), symbol("QQQ"), signals=signals, partitions=1)
    feed = Feed(body)
    feed(minute(0, 9.0), minute(0, 8.0, symbol="AIG"), minute(0, 99.0, symbol="QQQ"))
    assert fired(feed(through(1)), "symbol") == ["SPY"]
    assert fired(feed(minute(1, 8.5, symbol="AIG"), minute(2, 8.5, symbol="AIG"), through(3)), "symbol") == [
        "AIG"
    ]


def test_conditions_come_and_go_while_it_runs_and_those_that_stay_go_on():
    before = scanning("close > 10", "close > 20")
    feed = Feed(before)
    assert fired(feed(minute(0, 30.0))) == ["s0", "s1"]
    signals = [SignalConfig("new", "close > 5"), before.signals[1], SignalConfig("s0", "close > 11")]
    after = changed(before, signals=signals)
    assert fired(feed(config(after))) == []
    assert fired(feed(minute(1, 30.0))) == ["new", "s0"]  # s0 means something else now
    none = changed(after, signals=[])
    feed(config(none), minute(2, 1.0))
    back = changed(none, signals=before.signals)
    assert fired(feed(config(back), minute(3, 30.0))) == ["s0", "s1"]


def test_a_condition_that_is_none_leaves_the_configuration_as_it_was():
    before = scanning("close > 10")
    feed = Feed(before)
    rows = feed(config(changed(before, signals=[SignalConfig("bad", "clse > 10")])), minute(0, 11.0))
    (letter,) = rows["dead-letters"]
    assert (
        "condition of bad must be a value on 1m, was 'clse' (column 1; fix: write close)" in letter["detail"]
    )
    assert fired(rows) == ["s0"]


def test_a_restart_neither_repeats_nor_forgets():
    body = scanning("close > 10", debounce_ms=180_000)
    feed = Feed(body)
    feed(minute(0, 11.0), minute(0, 11.0, symbol="AIG"))
    states = feed.stage.take_dirty()
    assert list(states)[:2] == [b"AIG|scan", b"SPY|scan"]  # before the bars they follow from
    again = Feed()
    again.stage.restore(states)
    again.rewind(3)
    assert fired(again(minute(1, 9.0), minute(2, 12.0))) == []
    assert again.counts["debounced"] == 1
    assert fired(again(minute(3, 9.0), minute(4, 12.0), minute(1, 12.0, symbol="AIG"))) == ["s0"]


def test_what_is_saved_of_a_symbol_is_bounded_by_the_conditions():
    body = scanning(*(f"close > {number}" for number in range(256)))
    feed = Feed(body)
    sizes = []
    for number in range(60):
        feed(minute(number, float(number * 5 % 300)))
        sizes += [len(state) for key, state in feed.stage.take_dirty().items() if key == b"SPY|scan"]
    assert max(sizes) <= 12 + 256 * 28


def test_a_saved_row_of_another_size_is_refused():
    with pytest.raises(StateError, match="rows of 28 bytes"):
        AnalyticsStage(0).restore({b"SPY|scan": pack(VERSION, 3, b"x" * 27)})


def test_without_signals_nothing_is_saved_and_nothing_goes_out():
    feed = Feed(scanning())
    assert "signals" not in feed(minute(0, 11.0), through(1))
    assert not [key for key in feed.stage.take_dirty() if key.endswith(b"|scan")]
