"""What a change of a minute does to everything made from it."""

import pytest

from tests.factories import DAY, day, domain, heartbeat
from tests.unit.analytics.feed import (
    DERIVED,
    THREE,
    Feed,
    flat,
    last_rows,
    minute,
    missing,
    only,
    plain,
    through,
)


def full(feed: Feed, count: int = 10, **fields: object) -> Feed:
    feed(*(minute(n, float(n * n % 7), **fields) for n in range(count)))
    return feed


def test_a_changed_minute_revises_every_bar_around_it():
    feed = full(Feed(plain()), 390)
    found = feed(minute(7, 1000.0, revision=1))
    assert {topic: [row["revision"] for row in found[topic]] for topic in DERIVED} == {
        key: [1] for key in DERIVED
    }
    assert all(found[topic][0]["high"] == 1000.0 for topic in DERIVED)


def test_a_change_that_changes_nothing_above_revises_nothing_above():
    feed = full(Feed(plain()))
    assert set(feed(minute(7, float(49 % 7), revision=1))) == {"ready"}


def test_the_same_revision_twice_changes_nothing():
    feed = full(Feed(domain(indicators=list(THREE))))
    assert feed(minute(7, 1000.0), minute(8, 1000.0)) == {}
    assert feed.counts == {"in": 12, "out": 10, "duplicate": 2}


def test_a_late_minute_revises_a_bar_that_the_watermark_closed():
    feed = Feed(plain())
    feed(*(minute(n) for n in range(4)), through(5))
    assert [(row["actual"], row["revision"]) for row in feed(minute(4))["bars.5m"]] == [(5, 1)]


def test_a_late_minute_of_a_closed_empty_slot_publishes_it():
    feed = Feed(plain())
    feed(through(20))
    assert [row["revision"] for row in feed(minute(3))["bars.5m"]] == [0]


def test_a_flat_that_becomes_real_is_a_revision():
    feed = Feed(plain())
    feed(*(minute(n) for n in range(4)), missing(4, "outage", filled=True), flat(4, 3.0))
    bar = feed(minute(4, 9.0, revision=1, fill="refetched"))["bars.5m"][0]
    assert (bar["revision"], bar["actual"], bar["filled"], bar["close"]) == (1, 5, 0, 9.0)


def test_a_changed_cause_is_a_revision_where_the_coverage_changes():
    feed = Feed(plain())
    feed(*(minute(n) for n in range(4)), missing(4, "unknown", filled=True), flat(4, 3.0))
    assert feed.out["bars.5m"][0]["coverage"] == 0.8
    assert feed(missing(4, "outage", filled=True)) == {}
    bar = feed(missing(4, "no_trades", filled=True))["bars.5m"][0]
    assert (bar["revision"], bar["coverage"]) == (1, 1.0)


def test_the_previous_trade_date_may_change_and_an_older_one_is_late():
    feed = Feed(plain())
    first, second, third = "2024-07-01", "2024-07-02", "2024-07-03"
    feed(*(minute(n, day=first, session_date=day(first)) for n in range(5)))
    feed(*(minute(n, day=second, session_date=day(second)) for n in range(5)))
    found = feed(minute(1, 50.0, day=first, revision=1))
    assert [row["revision"] for row in found["bars.5m"]] == [1]
    feed(minute(0, day=third))
    assert [row["code"] for row in feed(minute(1, 60.0, day=first, revision=2))["late"]] == ["V09"]
    assert [row["revision"] for row in feed(minute(1, 60.0, day=second, revision=1))["bars.5m"]] == [1]
    assert feed.counts["late"] == 1


@pytest.mark.parametrize("changed", [0, 3, 5, 9])
def test_indicators_after_a_revision_are_those_of_the_revised_bars(changed: int):
    feed = full(Feed(domain(indicators=list(THREE))), 20)
    feed(minute(changed, 40.0, revision=1))
    other = Feed(domain(indicators=list(THREE)))
    other(*(minute(n, 40.0 if n == changed else float(n * n % 7)) for n in range(20)))
    ours, theirs = last_rows(feed.out["indicators"]), last_rows(other.out["indicators"])
    assert {key: row["values"] for key, row in ours.items()} == {
        key: row["values"] for key, row in theirs.items()
    }


def test_only_values_that_change_are_published_again_each_with_its_own_counter():
    feed = full(Feed(domain(indicators=[THREE[2]])), 20)
    found = feed(minute(5, 41.0, revision=1), minute(5, 42.0, revision=2))
    minutes = only(found["indicators"], interval="1m")
    assert [row["ts_open"] for row in minutes[:15]] == [row["ts_open"] for row in minutes[15:]]
    assert [row["revision"] for row in minutes] == [1] * 15 + [2] * 15
    assert [row["bar_revision"] for row in minutes] == [1, *[0] * 14, 2, *[0] * 14]


def test_a_change_before_the_session_moves_no_session_vwap():
    feed = Feed(domain(indicators=[THREE[2]]))
    feed(*(minute(n, day="2024-07-01") for n in range(5)), *(minute(n) for n in range(5)))
    found = feed(minute(4, 50.0, day="2024-07-01", revision=1))
    assert {row["session_date"] for row in found["bars.5m"]} == {day("2024-07-01")}
    assert {(row["interval"], row["ts_open"] // 86_400_000_000_000) for row in found["indicators"]} == {
        ("1m", day("2024-07-01")), ("5m", day("2024-07-01")),
    }  # fmt: skip


def test_a_ready_follows_each_values_record_with_its_revision():
    feed = full(Feed(domain(indicators=list(THREE))), 12)
    feed(minute(5, 41.0, revision=1), minute(2, 41.0, revision=1))
    names = ("symbol", "interval", "ts_open", "ts_close", "revision")
    values = [tuple(row[name] for name in names) for row in feed.out["indicators"]]
    assert [tuple(row[name] for name in names) for row in feed.out["ready"]] == values
    assert len(set(values)) == len(values)


def test_without_indicators_ready_carries_the_revision_of_the_bar():
    feed = full(Feed(plain()), 5)
    found = feed(minute(3, 41.0, revision=4))
    assert [(row["interval"], row["revision"], row["what"]) for row in found["ready"]] == [
        ("1m", 4, "bars"), ("5m", 1, "bars"),
    ]  # fmt: skip


def test_heartbeats_are_passed_on_after_what_they_made_due():
    feed = Feed(plain())
    feed(minute(0))
    found = feed(through(5), heartbeat(f"{DAY}T13:36", "bars", alive=False))
    assert [row["record"] for row in found["ready"]] == ["Ready", "Heartbeat", "Heartbeat"]
    assert found["ready"][2] == heartbeat(f"{DAY}T13:36", "bars", alive=False, writer="analytics")


def test_a_revision_names_the_values_that_it_no_longer_has():
    feed = Feed(domain(indicators=list(THREE), intervals=[]))
    feed(*(minute(n, 5.0) for n in range(3)), minute(3, 6.0))
    assert sorted(feed.out["indicators"][-1]["values"]) == ["ema_3", "rsi_3", "vwap"]
    (row,) = feed(minute(3, 5.0, revision=1))["indicators"]
    assert (row["revision"], sorted(row["values"]), row["missing"]) == (1, ["ema_3", "vwap"], ["rsi_3"])
    assert [row["missing"] for row in feed.out["indicators"][:4]] == [[]] * 4
