"""Indicators computed by functions over a window: when they come, what they are, what one that fails does.

::

    bar 1m ──► values, compiled ──► ready (bars)          at once
    heartbeat, with the bar
    heartbeat ─────────────────► values, all ──► ready (indicators)
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest

from schemas.config import IndicatorConfig
from streams.core.analytics.stage import AnalyticsStage
from tests.factories import DAY, changed, config, domain, heartbeat, symbol
from tests.unit.analytics.feed import THREE, Feed, last_rows, minute, only, through
from tests.unit.analytics.library import ta
from tests.unit.analytics.packages import installed

EMA, MEAN = THREE[0], IndicatorConfig("mean", "mean_of_five", intervals=["1m"], window=5)
FAILS = IndicatorConfig("fails", "fails_at_seven", intervals=["1m"], window=2)


@pytest.fixture(scope="module", autouse=True)
def _package(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with installed(tmp_path_factory.mktemp("package")):
        yield


class Seen:
    """A watch that keeps what it sees."""

    def __init__(self) -> None:
        self.timed: list[str] = []
        self.said: list[tuple[str, str]] = []

    def took(self, name: str, seconds: float) -> None:
        assert seconds >= 0.0
        self.timed.append(name)

    def disabled(self, name: str, where: str, reason: str) -> None:
        self.said.append((name, where))
        assert reason


def feed_of(*indicators: IndicatorConfig, watch: Seen | None = None, **fields: object) -> Feed:
    feed = Feed()
    feed.stage = AnalyticsStage(0, watch or Seen())
    feed(config(domain(indicators=list(indicators), **fields)))
    return feed


def beats(number: int) -> list:
    """Two heartbeats that move the watermark on, after a minute."""
    second = f"{DAY}T13:{30 + number + 1:02d}"
    return [heartbeat(f"{second}:00", "bars"), heartbeat(f"{second}:01", "bars")]


def values_of(feed: Feed, name: str, interval: str = "1m") -> dict[int, float]:
    """Last value by bar."""
    rows = last_rows(only(feed.out["indicators"], interval=interval))
    return {key[3]: row["values"][name] for key, row in sorted(rows.items()) if name in row["values"]}


def test_bars_and_compiled_values_do_not_wait_for_a_function():
    feed = feed_of(EMA, MEAN)
    found = feed(*(minute(n, float(n)) for n in range(5)))
    assert [sorted(row["values"]) for row in only(found["indicators"], interval="1m")] == [
        [],
        [],
        *[["ema_3"]] * 3,
    ]
    first, second = feed(beats(4)[0]), feed(beats(4)[1])
    assert "indicators" not in first
    assert [row["values"] for row in second["indicators"]][-1] == {"ema_3": 3.0, "mean": 2.0}


def test_a_second_ready_follows_when_all_values_are_out():
    feed = feed_of(EMA, MEAN)
    feed(minute(0))
    found = feed(*beats(0))
    assert [(row["revision"], row["what"]) for row in feed.out["ready"] if row["record"] == "Ready"] == [
        (0, "bars"), (1, "indicators"),
    ]  # fmt: skip
    assert [row["revision"] for row in found["indicators"]] == [1]
    assert "indicators" not in feed(*(heartbeat(f"{DAY}T13:31:{n:02d}", "bars") for n in range(2, 9)))


def test_an_indicator_of_the_library_is_what_it_gives_over_the_window():
    case = IndicatorConfig(
        "st", "supertrend", 7, ["1m"], {"multiplier": 2.0}, outputs=["supert", "supertd"], window=40
    )
    feed = feed_of(EMA, case)
    prices = [100.0 + np.sin(n / 3.0) * 5.0 for n in range(60)]
    for number, price in enumerate(prices):
        feed(minute(number, price, price + 1.0, price - 1.0, price + 0.3), *beats(number % 20))
    feed(through(70, final=True))
    window = pd.DataFrame({"close": prices}).iloc[-40:]
    theirs = ta.supertrend(window.close + 1.0, window.close - 1.0, window.close + 0.3, 7, 2.0).iloc[-1]
    found = list(values_of(feed, "st_supert").values())
    assert found[-1] == pytest.approx(theirs["SUPERT_7_2.0"], rel=1e-12)
    assert list(values_of(feed, "st_supertd").values())[-1] == theirs["SUPERTd_7_2.0"]
    last = last_rows(only(feed.out["indicators"], interval="1m"))
    converged = [row["converged"] for _, row in sorted(last.items())]
    assert "st_supert" not in converged[38]
    assert "st_supert" in converged[39]


def test_a_window_reaches_back_beyond_the_trade_dates_that_are_kept():
    days = ["2024-07-01", "2024-07-02", "2024-07-03"]
    feed = feed_of(IndicatorConfig("low", "both", intervals=["1h"], window=7))
    for number, day in enumerate(days):
        feed(minute(0, float(number), day=day), *(minute(n, float(number), day=day) for n in range(61, 122)))
        feed(
            heartbeat(f"{day}T21:00", "bars"),
            heartbeat(f"{day}T21:01", "bars"),
            heartbeat(f"{day}T21:02", "bars"),
        )
    assert list(values_of(feed, "low", "1h").values()) == [0.0] * 9


def test_a_revised_bar_moves_every_window_that_holds_it_and_no_other():
    feed = feed_of(MEAN)
    feed(*(minute(n, float(n)) for n in range(12)), through(13), through(14, final=True))
    before = values_of(feed, "mean")
    found = feed(minute(5, 50.0, revision=1), through(15), through(16, final=True))
    after = values_of(feed, "mean")
    moved = [number for number, ts in enumerate(sorted(before), start=4) if before[ts] != after[ts]]
    assert moved == [5, 6, 7, 8, 9]
    assert max(row["revision"] for row in found["indicators"]) == 3


def test_a_function_that_raises_is_disabled_where_it_did_and_all_else_goes_on():
    watch = Seen()
    feed = feed_of(EMA, FAILS, MEAN, watch=watch, symbols=[symbol("SPY"), symbol("AIG")])
    for number in range(5, 10):
        feed(minute(number, float(number)), minute(number, 1.0, symbol="AIG"), *beats(number))
    assert watch.said == [("fails", "SPY 1m")]
    rows = last_rows(only(feed.out["indicators"], interval="1m"))
    assert [sorted(row["values"]) for key, row in sorted(rows.items()) if key[1] == "SPY"] == [
        ["fails"], ["fails"], ["ema_3"], ["ema_3"], ["ema_3", "mean"],
    ]  # fmt: skip
    assert all("fails" in row["values"] for key, row in rows.items() if key[1] == "AIG")


def test_a_new_configuration_tries_again():
    body = domain(indicators=[FAILS])
    feed = feed_of(FAILS)
    feed(minute(7, 7.0), *beats(7), minute(8, 8.0), *beats(8))
    assert values_of(feed, "fails") == {}
    feed(config(changed(body)), minute(9, 9.0), *beats(9))
    assert list(values_of(feed, "fails").values()) == [9.0]


@pytest.mark.parametrize("kind", ["missing", "no_such_indicator"])
def test_a_function_that_is_not_there_is_told_and_all_else_goes_on(kind: str):
    watch = Seen()
    feed = feed_of(EMA, IndicatorConfig("x", kind), MEAN, watch=watch)
    feed(*(minute(n, float(n)) for n in range(5)), *beats(4))
    assert watch.said == [("x", "")]
    assert list(values_of(feed, "mean").values()) == [2.0]
    assert watch.timed == ["mean"] * 4


def test_a_function_cannot_change_the_bars():
    alone, beside = feed_of(EMA, MEAN), feed_of(EMA, IndicatorConfig("vandal", "vandal", window=5), MEAN)
    for feed in (alone, beside):
        feed(*(minute(n, float(n)) for n in range(8)), through(9), through(10, final=True))
    assert values_of(beside, "vandal") != {}
    assert values_of(alone, "mean") == values_of(beside, "mean")


def test_several_values_of_a_function_have_names_of_their_own():
    feed = feed_of(IndicatorConfig("range", "both", outputs=["high", "low"], window=3))
    feed(*(minute(n, float(n)) for n in range(5)), through(6), through(7, final=True))
    assert list(values_of(feed, "range_high").values()) == [0.0, 1.0, 2.0, 3.0, 4.0]
    assert list(values_of(feed, "range_low").values()) == [0.0, 0.0, 0.0, 1.0, 2.0]


def test_a_late_revision_is_caught_up_with_a_few_bars_at_a_time_the_newest_first():
    feed = feed_of(IndicatorConfig("mean", "mean_of_five", intervals=["1m"], window=20))
    feed(*(minute(n, float(n)) for n in range(20)), through(20), through(21, final=True))
    feed(minute(3, 9.0, revision=1))
    counts = [len(feed(through(22 + number)).get("indicators", [])) for number in range(8)]
    assert counts == [0, 4, 4, 4, 4, 1, 0, 0]
