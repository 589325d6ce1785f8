"""How many trade dates may be revised: as configured, never further back than before, within the slots."""

from typing import Any

import pytest

from schemas.config import MOST_TRAILING, Domain
from streams.core.bars.state import SLOTS
from tests.factories import calendar_rows, changed, config, day, domain, symbol
from tests.unit.bars.desk import Desk, Got, beat, fed

DAYS = ("2024-07-01", "2024-07-02", "2024-07-03", "2024-07-05", "2024-07-08")
LAST = 4
"""Number of the last minute of each short trade date."""


def body(trailing: int, days: tuple[str, ...] = DAYS, **fields: Any) -> Domain:
    made = domain(symbol(sources=["feed"], **fields), partitions=1, trailing_dates=trailing)
    return changed(made, calendars={"XNYS": calendar_rows(days=days, hours=["13:30-13:35"])})


def played(made: Domain, days: tuple[str, ...] = DAYS) -> tuple[Desk, Got]:
    """A desk that had all but the third bar of each trade date, and what the first of the last one gave."""
    desk = Desk(made, at=None)
    for text in days[:-1]:
        desk.feed(beat(0, day=text))
        for number in (0, 1, 3, 4):
            desk.feed(fed(number, 10.0, day=text), beat(number + 1, day=text))
    return desk, desk.feed(beat(0, day=days[-1]), fed(0, 10.0, day=days[-1]), beat(1, day=days[-1]))


def revised(desk: Desk, days: tuple[str, ...] = DAYS) -> list[str]:
    """The trade dates of which a bar is revised by a new revision of its last minute."""
    number = max(record.get("revision", 0) for record in desk.log) + 1
    got = [(text, desk.feed(fed(LAST, 11.0, day=text, revision=number))) for text in days[:-1]]
    assert all(len(one.of("Bar")) + one.counts.get("late", 0) == 1 for _, one in got)
    return [text for text, one in got if one.bars()]


@pytest.mark.parametrize("trailing", [1, 2, 3, 4, MOST_TRAILING])
def test_so_many_trade_dates_may_be_revised(trailing: int):
    assert revised(played(body(trailing))[0]) == list(DAYS[:-1][-trailing:])


def test_a_refetched_bar_fills_a_gap_of_a_trailing_trade_date_and_not_of_an_older_one():
    desk, _ = played(body(3))
    assert desk.feed(fed(2, 12.0, day=DAYS[1], fill="refetched")).bars() == [(2, 12.0, "refetched", 1)]
    assert desk.feed(fed(2, 12.0, day=DAYS[0], fill="refetched")).counts == {"in": 1, "late": 1}


def test_a_configuration_that_keeps_more_brings_nothing_back():
    made = body(1)
    desk, _ = played(made, DAYS[:4])
    desk.feed(config(changed(made, trailing_dates=4)))
    assert revised(desk, DAYS[:4]) == [DAYS[2]]
    desk.feed(beat(0, day=DAYS[4]), fed(0, 10.0, day=DAYS[4]), beat(1, day=DAYS[4]))
    assert revised(desk) == [DAYS[2], DAYS[3]]


def test_a_configuration_that_keeps_fewer_lets_go_at_once():
    made = body(4, policy=["none"])
    desk, _ = played(made)
    got = desk.feed(config(changed(made, trailing_dates=1)))
    told = [(row["session_date"], row["state"]) for row in got.of("Gap")]
    assert told == [(day(text), "abandoned") for text in DAYS[:3]]
    assert revised(desk) == [DAYS[3]]


@pytest.mark.parametrize(
    "days", [("2024-09-30", "2024-10-08", "2024-10-09"), ("2024-07-01", "2024-07-15", "2024-07-16")]
)
def test_a_holiday_of_a_week_and_more_keeps_neither_trade_date_out(days: tuple[str, ...]):
    desk, last = played(body(1, days), days)
    assert last.bars() == [(0, 10.0, "real", 0)]
    assert revised(desk, days) == [days[1]]


def test_the_trade_date_before_a_long_holiday_is_kept_while_the_next_one_has_its_slot():
    days = ("2024-09-27", "2024-09-30", "2024-10-08", "2024-10-09")
    desk, _ = played(body(2, days), days)
    assert revised(desk, days) == [days[1], days[2]]


def test_what_the_slots_cannot_hold_is_let_go_of_and_counted():
    days = ("2024-07-01", "2024-07-02", f"2024-07-{1 + SLOTS}", f"2024-07-{2 + SLOTS}")
    desk = Desk(body(3, days), at=None)
    got = [desk.feed(fed(0, 10.0, day=text), beat(1, day=text)).counts for text in days[:3]]
    assert [counts.get("evicted.trade_date", 0) for counts in got] == [0, 1, 1]
    assert revised(played(body(3, days), days)[0], days) == [days[2]]


@pytest.mark.parametrize("trailing", [0, MOST_TRAILING + 1])
def test_a_number_out_of_bounds_is_a_dead_letter(trailing: int):
    desk = Desk(body(1), at=None)
    assert desk.feed(config(changed(body(1), trailing_dates=trailing))).letters() == ["V01"]
