"""Sale conditions, auction prints and last-price feeds: which prints make which bars."""

import pytest

from schemas.config import Domain, SourceConfig
from schemas.rules import ConditionTable
from streams.core.stage import Outputs
from streams.core.ticks.stage import TicksStage
from tests.factories import (
    DAY,
    Record,
    at,
    calendar_rows,
    columns,
    config,
    domain,
    heartbeat,
    rows_of,
    symbol,
    tick,
)

LETTERS = ConditionTable("letters", volume_only=["T", "I"], ignored=["M"], auction=["6"])
NUMBERS = ConditionTable("numbers", volume_only=["12", "37"], auction=["8"])
BITS = ConditionTable("bits", volume_only=["13", "31"], auction=["7"])


def step(*records: Record, table: ConditionTable = LETTERS, **fields: object) -> Outputs:
    known = domain(symbol(conditions="tape"), conditions={"tape": table}, **fields)
    return TicksStage(0).step(
        columns("ticks.raw", 0, config(known), heartbeat("2024-07-02T13:29:00"), *records)
    )


def bars(outputs: Outputs, topic: str = "bars.raw") -> list[Record]:
    return rows_of(outputs.topics[topic], "Bar") if topic in outputs.topics else []


@pytest.mark.parametrize(
    ("table", "said", "counts"),
    [
        (LETTERS, None, True),
        (LETTERS, "", True),
        (LETTERS, "@  X", True),
        (LETTERS, "@ TX", False),
        (LETTERS, "I", False),
        (NUMBERS, "1,2,120", True),
        (NUMBERS, "1, 37", False),
        (NUMBERS, "12", False),
        (NUMBERS, "3712", True),
        (NUMBERS, "99999999999999999999999", True),
        (BITS, "1", True),
        (BITS, "20002000", False),
        (BITS, "80000000", False),
        (BITS, "20000020", True),
        (BITS, "no number", True),
    ],
)
def test_a_condition_may_keep_a_price_out_of_a_bar_but_not_its_size(
    table: ConditionTable, said: str | None, counts: bool
):
    prints = [tick("2024-07-02T13:30:01", 10.0, 5.0), tick("2024-07-02T13:30:02", 11.0, 2.0, conditions=said)]
    outputs = step(*prints, heartbeat("2024-07-02T13:31:00"), table=table)
    (bar,) = bars(outputs)
    assert (bar["close"], bar["high"]) == ((11.0, 11.0) if counts else (10.0, 10.0))
    assert (bar["volume"], bar["notional"], bar["trades"]) == (7.0, 72.0, 2)
    assert outputs.counts["out"] == 2


def test_a_minute_without_any_price_is_no_bar_until_one_comes():
    odd = tick("2024-07-02T13:30:01", 10.0, 5.0, conditions="I")
    assert bars(step(odd, heartbeat("2024-07-02T13:31:00"))) == []
    late = tick("2024-07-02T13:30:03", 12.0, 1.0)
    found = step(odd, heartbeat("2024-07-02T13:31:00"), late, heartbeat("2024-07-02T13:31:01"))
    (bar,) = bars(found)
    assert (bar["open"], bar["volume"], bar["revision"]) == (12.0, 6.0, 0)


def test_an_ignored_print_counts_for_nothing_but_out():
    outputs = step(
        tick("2024-07-02T13:30:01", 10.0), tick("2024-07-02T13:30:02", 99.0, 9.0, conditions="M"),
        heartbeat("2024-07-02T13:31:00"),
    )  # fmt: skip
    (bar,) = bars(outputs)
    assert (bar["volume"], bar["high"], outputs.counts["out"]) == (1.0, 10.0, 2)


def test_an_auction_print_after_the_close_revises_the_last_bar():
    outputs = step(
        tick("2024-07-02T19:59:30", 10.0), heartbeat("2024-07-02T20:00:00"),
        tick("2024-07-02T20:00:09", 10.5, 900.0, conditions="6"), heartbeat("2024-07-02T20:00:10"),
    )  # fmt: skip
    first, second = bars(outputs)
    assert (first["close"], first["revision"], second["close"], second["revision"]) == (10.0, 0, 10.5, 1)
    assert (second["ts_open"], second["ts_last"]) == (at("2024-07-02T19:59"), at("2024-07-02T20:00:09"))
    assert second["volume"] == 901.0
    assert [bar["close"] for bar in bars(outputs, "bars.1s")] == [10.0]


def test_an_auction_print_counts_for_five_minutes_after_the_close_of_the_day():
    inside = step(tick("2024-07-02T20:05:00", 10.5, conditions="6"), heartbeat("2024-07-02T20:06:00"))
    assert [bar["ts_open"] for bar in bars(inside)] == [at("2024-07-02T19:59")]
    for one in (
        tick("2024-07-02T20:05:00.000001", 10.5, conditions="6"),
        tick("2024-07-02T20:01:00", 10.5, conditions="@"),
        tick("2024-07-02T13:29:59", 10.5, conditions="6"),
    ):
        assert step(one).counts["late"] == 1


def test_a_break_is_no_close():
    lunch = calendar_rows("XHKG", [DAY], ["01:30-04:00", "05:00-08:00"])
    known = domain(symbol(conditions="tape"), conditions={"tape": LETTERS}, calendars={"XNYS": lunch})
    prints = [tick(f"{DAY}T{time}", 10.5, conditions="6") for time in ("04:01:00", "08:01:00")]
    outputs = TicksStage(0).step(columns("ticks.raw", 0, config(known), *prints))
    assert (outputs.counts["late"], outputs.counts["out"]) == (1, 1)


def test_an_auction_print_later_than_the_lateness_is_late():
    outputs = step(heartbeat("2024-07-02T20:15:00"), tick("2024-07-02T20:04:00", 10.5, conditions="6"))
    (letter,) = rows_of(outputs.topics["late"])
    assert letter["code"] == "V09"


def test_a_last_price_feed_moves_the_forming_bar_alone():
    known = Domain(1, symbols=[symbol()], sources=[SourceConfig("feed", "ticks.raw", last_price=True)])
    known = domain(symbol(), sources=known.sources)
    prints = [tick(f"2024-07-02T13:30:0{number}", 10.0 + number, None) for number in range(4)]
    stage = TicksStage(0)
    found = stage.step(columns("ticks.raw", 0, config(known), *prints[:3]))
    states = stage.take_dirty()
    again = TicksStage(0)
    again.restore(states)
    rest = again.step(columns("ticks.raw", 0, prints[3], heartbeat("2024-07-02T13:31:00"), first_offset=4))
    assert [bar["close"] for bar in bars(found, "bars.forming")] == [10.0, 11.0, 12.0]
    assert [bar["close"] for bar in bars(rest, "bars.forming")] == [13.0]
    assert bars(found) == bars(rest) == bars(found, "bars.1s") == bars(rest, "bars.1s") == []


@pytest.mark.parametrize(
    "table",
    [
        ConditionTable("letters", volume_only=["TT"]),
        ConditionTable("numbers", volume_only=["256"]),
        ConditionTable("bits", auction=["64"]),
        ConditionTable("numbers", ignored=["x"]),
    ],
)
def test_a_code_that_its_spelling_does_not_have_is_refused(table: ConditionTable):
    outputs = step(table=table)
    (letter,) = rows_of(outputs.topics["dead-letters"])
    assert "a condition must be" in letter["detail"]
