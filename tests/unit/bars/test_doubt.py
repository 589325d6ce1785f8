"""V14, V15 and V19: flags that need the bars around, by class and by symbol."""

import pytest

from schemas.config import Domain, SourceConfig
from schemas.flags import DISAGREES, LARGE_VOLUME, STUCK
from schemas.rules import AssetRules, RuleChanges
from tests.factories import DAY, around_the_clock, bar, calendar_rows, config, domain, symbol
from tests.unit.bars.desk import Desk, beat, fed, two, vended

NEXT = "2024-07-03"


def flags(records: list[dict[str, object]], body: Domain | None = None) -> list[object]:
    """Flags of the bars that come out."""
    return [row["flags"] for row in Desk(body or two()).feed(*records).of("Bar")]


def rising(count: int, **fields: object) -> list[dict[str, object]]:
    """Bars whose closes all differ."""
    return [fed(number, 10.0 + number / 100, **fields) for number in range(count)]


@pytest.mark.parametrize(("volume", "wanted"), [(100.0, 0), (100.1, LARGE_VOLUME)])
def test_a_volume_above_ten_medians_of_twenty_real_bars_is_flagged(volume: float, wanted: int):
    assert flags([*rising(20), fed(20, 11.0, volume=volume)])[-1] == wanted


def test_before_twenty_real_bars_a_volume_says_nothing():
    assert flags([*rising(19), fed(19, 11.0, volume=1e9)])[-1] == 0


def test_the_bars_of_another_trade_date_say_nothing_of_a_volume():
    desk = Desk()
    desk.feed(*rising(390), beat(390))
    got = desk.feed(fed(0, 20.0, day=NEXT, volume=1e9))
    assert [row["flags"] for row in got.of("Bar")] == [0]


def test_flat_bars_are_not_among_the_twenty():
    desk = Desk()
    got = desk.feed(*rising(19), beat(25), fed(25, 11.0, volume=1e9), fed(26, 11.5, volume=1e9))
    real = [row for row in got.of("Bar") if row["fill"] == "real" and row["volume"] == 1e9]
    assert [row["flags"] for row in real] == [0, LARGE_VOLUME]


def test_the_fifth_identical_close_of_an_equity_is_flagged():
    assert flags([fed(number, 10.0) for number in range(6)]) == [0, 0, 0, 0, STUCK, STUCK]


def test_another_close_ends_the_row():
    closes = [10.0, 10.0, 10.0, 10.0, 10.5, 10.0]
    assert flags([fed(number, close) for number, close in enumerate(closes)]) == [0] * 6


@pytest.mark.parametrize(("asset", "count"), [("crypto", 3), ("fx", 10), ("commodity", 5)])
def test_how_many_identical_closes_depends_on_the_class(asset: str, count: int):
    one = symbol("X", asset=asset, sources=["feed"])
    calendars = {"XNYS": calendar_rows(), "24x7": around_the_clock()}
    sources = [SourceConfig("feed", "ticks.raw")]
    body = Domain(1, [one], sources, calendars, partitions=1)
    found = flags([fed(number, 10.0, symbol="X") for number in range(count)], body)
    assert found == [0] * (count - 1) + [STUCK]


def test_a_symbol_may_differ_from_its_class():
    rules = RuleChanges(stuck_bars=2, volume_bars=1, volume_factor=3.0)
    closes = [fed(0, 10.0), fed(1, 10.0), fed(2, 11.0, volume=31.0)]
    assert flags(closes, two(rules=rules)) == [0, STUCK, LARGE_VOLUME]
    none = RuleChanges(stuck_bars=0, volume_bars=0)
    assert (
        flags([fed(number, 10.0, volume=10.0**number) for number in range(30)], two(rules=none)) == [0] * 30
    )


@pytest.mark.parametrize(("other", "wanted"), [(1001.0, 0), (1001.1, DISAGREES)])
def test_a_waiting_bar_of_another_source_that_differs_flags_the_one_that_counts(other: float, wanted: int):
    desk = Desk()
    got = desk.feed(vended(0, other), fed(0, 1000.0))
    assert [row["flags"] for row in got.of("Bar")] == [wanted]
    assert got.counts.get("flagged.V19", 0) == (1 if wanted else 0)


def test_a_worse_bar_that_comes_later_changes_nothing_and_is_counted():
    got = Desk().feed(fed(0, 1000.0), vended(0, 1002.0))
    assert [(row["flags"], row["revision"]) for row in got.of("Bar")] == [(0, 0)]
    assert got.counts == {"in": 2, "out": 1, "duplicate": 1, "flagged.V19": 1}


def test_a_better_bar_that_differs_is_a_flagged_revision():
    desk = Desk()
    desk.feed(vended(0, 1002.0), beat(1))
    got = desk.feed(fed(0, 1000.0))
    assert [(row["flags"], row["revision"]) for row in got.of("Bar")] == [(DISAGREES, 1)]


def test_a_revision_of_the_same_source_disagrees_with_nobody():
    got = Desk().feed(fed(0, 1000.0), fed(0, 1002.0, revision=1))
    assert [row["flags"] for row in got.of("Bar")] == [0, 0]


def test_by_how_much_sources_may_differ_is_configured_by_class():
    rules = {"equity": AssetRules(future_ms=36_000_000, disagreement=0.01)}
    body = domain(*two().symbols, assets=rules, partitions=1)
    assert flags([vended(0, 1009.0), fed(0, 1000.0)], body) == [0]
    assert flags([vended(0, 1011.0), fed(0, 1000.0)], body) == [DISAGREES]


def test_flags_go_by_the_configuration_of_the_time():
    desk = Desk()
    strict = domain(*two(rules=RuleChanges(stuck_bars=2)).symbols, version=2, partitions=1)
    desk.feed(bar(f"{DAY}T13:30", 10.0, source="feed"), config(strict))
    assert [row["flags"] for row in desk.feed(fed(1, 10.0)).of("Bar")] == [STUCK]
