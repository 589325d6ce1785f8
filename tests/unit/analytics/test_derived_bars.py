"""The rules of a derived bar, each on the smallest day that shows it."""

import pytest

from schemas.config import CalendarRows, IndicatorConfig
from schemas.flags import LOW_COVERAGE
from tests.factories import DAY, at, calendar_rows, day, domain, symbol
from tests.unit.analytics.feed import DERIVED, Feed, flat, minute, missing, plain, through


def five(feed: Feed, *records: dict) -> dict:
    """The one 5m bar that records give."""
    rows = feed(*records)["bars.5m"]
    assert len(rows) == 1
    return rows[0]


def test_a_bar_is_out_as_soon_as_its_last_minute_is_in():
    feed = Feed(plain())
    assert "bars.5m" not in feed(*(minute(n) for n in range(4)))
    assert [row["ts_open"] for row in feed(minute(4))["bars.5m"]] == [at(f"{DAY}T13:30")]


def test_it_folds_its_minutes():
    minutes = [
        minute(
            n,
            100 + n,
            110 + n,
            90 - n,
            105 + n,
            volume=n,
            notional=n * 100.0,
            trades=n,
            ts_first=n,
            ts_last=n + 1,
        )
        for n in range(5)
    ]
    bar = five(Feed(plain()), *minutes)
    assert (bar["open"], bar["high"], bar["low"], bar["close"]) == (100, 114, 86, 109)
    assert (bar["volume"], bar["notional"], bar["trades"]) == (10, 1000, 10)
    assert (bar["ts_first"], bar["ts_last"]) == (0, 5)
    assert (bar["expected"], bar["actual"], bar["filled"], bar["complete"]) == (5, 5, 0, True)
    assert (bar["coverage"], bar["fill"], bar["revision"], bar["flags"]) == (1.0, "real", 0, 0)
    assert (bar["interval"], bar["ts_close"], bar["session_date"]) == ("5m", at(f"{DAY}T13:35"), day(DAY))


def test_minutes_in_any_order_give_the_same_bar():
    minutes = [minute(n, volume=n / 7) for n in range(5)]
    assert five(Feed(plain()), *minutes) == five(Feed(plain()), *reversed(minutes))


@pytest.mark.parametrize("name", ["notional", "trades"])
def test_a_sum_with_an_unknown_part_is_unknown(name: str):
    minutes = [minute(n, notional=5.0, trades=2) for n in range(5)]
    minutes[3] |= {name: None}
    bar = five(Feed(plain()), *minutes)
    assert bar[name] is None
    assert {"notional": 25.0, "trades": 10} | {name: None} == {
        "notional": bar["notional"],
        "trades": bar["trades"],
    }


def test_a_bar_with_a_minute_missing_waits_for_the_watermark():
    feed = Feed(plain())
    feed(minute(0), minute(2), minute(3), minute(4))
    assert "bars.5m" not in feed(through(4), minute(5))
    bar = five(feed, through(5))
    assert (bar["actual"], bar["expected"], bar["complete"], bar["coverage"]) == (4, 5, False, 0.8)


def test_a_minute_known_not_to_come_counts_as_present():
    bar = five(Feed(plain()), *(minute(n) for n in range(4)), missing(4, "outage"))
    assert (bar["actual"], bar["filled"], bar["complete"]) == (4, 0, False)


def test_a_status_that_promises_a_flat_does_not_count_as_present():
    feed = Feed(plain())
    assert "bars.5m" not in feed(*(minute(n) for n in range(4)), missing(4, "outage", filled=True))
    assert five(feed, flat(4, 3.0))["filled"] == 1


def test_flat_minutes_complete_a_bar_but_move_no_price():
    bar = five(Feed(plain()), minute(0, 5.0), flat(1, 99.0), flat(2, 99.0), minute(3, 7.0), flat(4, 99.0))
    assert (bar["open"], bar["high"], bar["low"], bar["close"]) == (5, 7, 5, 7)
    assert (bar["actual"], bar["filled"], bar["complete"], bar["fill"]) == (2, 3, True, "real")


def test_flat_minutes_alone_give_a_flat_bar():
    bar = five(Feed(plain()), *(flat(n, 4.0) for n in range(5)))
    assert (bar["fill"], bar["open"], bar["close"], bar["volume"]) == ("flat", 4.0, 4.0, 0.0)
    assert (bar["actual"], bar["filled"], bar["coverage"], bar["flags"]) == (0, 5, 0.0, LOW_COVERAGE)


def test_a_slot_without_any_bar_is_not_published():
    feed = Feed(plain())
    feed(*(missing(n, "outage") for n in range(5)), through(6))
    assert not any(topic in feed.out for topic in DERIVED)


def test_minutes_without_trades_are_covered():
    records = [
        minute(0),
        *(missing(n, "no_trades", filled=True) for n in range(1, 5)),
        *(flat(n, 0.0) for n in range(1, 5)),
    ]
    bar = five(Feed(plain()), *records)
    assert (bar["coverage"], bar["actual"], bar["filled"], bar["flags"]) == (1.0, 1, 4, 0)


def test_a_halt_lowers_what_is_expected():
    bar = five(Feed(plain()), minute(0), minute(1), *(missing(n, "halt") for n in (2, 3, 4)))
    assert (bar["expected"], bar["actual"], bar["complete"], bar["coverage"]) == (2, 2, True, 1.0)


def test_coverage_below_the_limit_is_flagged():
    records = [minute(0), minute(1), minute(2), missing(3, "outage"), missing(4, "unknown")]
    assert five(Feed(plain()), *records)["flags"] == LOW_COVERAGE
    assert five(Feed(plain(coverage_limit=0.6)), *records)["flags"] == 0


def test_refetched_minutes_alone_give_a_refetched_bar():
    assert five(Feed(plain()), *(minute(n, fill="refetched") for n in range(5)))["fill"] == "refetched"


def test_a_bar_names_the_source_of_its_last_minute():
    minutes = [minute(n, source="second" if n == 4 else "first") for n in range(5)]
    assert five(Feed(plain()), *minutes)["source"] == "second"


def test_a_full_day_gives_the_golden_counts():
    feed = Feed(plain())
    feed(*(minute(n) for n in range(390)))
    assert {topic: len(feed.out[topic]) for topic in DERIVED} == {
        "bars.5m": 78, "bars.15m": 26, "bars.30m": 13, "bars.1h": 7, "bars.1d": 1,
    }  # fmt: skip
    stub = feed.out["bars.1h"][-1]
    assert (stub["expected"], stub["actual"], stub["complete"]) == (30, 30, True)
    assert stub["ts_close"] - stub["ts_open"] == 1_800_000_000_000


def test_the_session_anchor_restarts_after_a_break():
    calendar = calendar_rows("XHKG", hours=("01:30-04:00", "05:00-08:00"))
    feed = Feed(domain(symbol(calendar="XHKG"), calendars={"XHKG": calendar}))
    opens = [at(f"{DAY}T01:30") + n * 60_000_000_000 for n in range(150)]
    opens += [at(f"{DAY}T05:00") + n * 60_000_000_000 for n in range(180)]
    feed(*(minute(0) | {"ts_open": ts, "ts_close": ts + 60_000_000_000} for ts in opens))
    assert {topic: len(feed.out[topic]) for topic in DERIVED} == {
        "bars.5m": 66, "bars.15m": 22, "bars.30m": 11, "bars.1h": 6, "bars.1d": 1,
    }  # fmt: skip


def test_a_bar_of_the_utc_anchor_may_reach_into_the_next_trade_date():
    dates = [day("2024-07-01"), day("2024-07-02")]
    opens = [(date - 1) * 86_400 + 22 * 3_600 for date in dates]
    closes = [date * 86_400 + 21 * 3_600 for date in dates]
    calendar = CalendarRows("CME", "test", "utc", "UTC", dates, opens, closes)
    feed = Feed(domain(symbol(calendar="CME"), calendars={"CME": calendar}))
    for start in opens:
        instants = [(start + number * 60) * 1_000_000_000 for number in range(1380)]
        feed(*(minute(0) | {"ts_open": ts, "ts_close": ts + 60_000_000_000} for ts in instants))
    assert [(row["actual"], row["revision"]) for row in feed.out["bars.1d"]] == [
        (120, 0),
        (1380, 0),
        (1260, 0),
    ]
    assert [len(feed.out[topic]) for topic in DERIVED[:4]] == [552, 184, 92, 46]


def test_a_final_heartbeat_leaves_open_bars_open():
    feed = Feed(plain())
    assert set(feed(minute(0), minute(1), through(2, final=True))) == {"ready"}
    assert five(feed, through(5))["actual"] == 2


def test_the_topics_go_out_in_the_order_of_a_boundary():
    feed = Feed(domain(indicators=[IndicatorConfig("vwap", "vwap")]))
    feed.order.clear()
    feed(*(minute(n) for n in range(390)))
    assert feed.order == [*DERIVED, "indicators", "ready"]


def test_symbols_that_are_due_together_go_by_name():
    feed = Feed(domain(symbol("B"), symbol("A")))
    feed(minute(0, symbol="B"), minute(0, symbol="A"))
    assert [row["symbol"] for row in feed(through(5))["bars.5m"]] == ["A", "B"]
