"""What the stage passes on to bars.raw: heartbeats and configurations."""

from schemas.config import CalendarRows, Domain
from schemas.rules import AssetRules
from streams.core.ticks.stage import TicksStage
from tests.factories import (
    Record,
    at,
    changed,
    columns,
    config,
    domain,
    heartbeat,
    raw,
    rows_of,
    status,
    symbol,
    tick,
)

NOON = "2024-07-02T16:00:00"
SLOW = domain(
    symbol(), assets={"equity": AssetRules(disorder_ms=2_000), "crypto": AssetRules(disorder_ms=7_000)}
)


def passed(stage: TicksStage, *records: Record, first_offset: int = 0) -> list[Record]:
    found = stage.step(columns("ticks.raw", 0, *records, first_offset=first_offset)).topics
    return rows_of(found["bars.raw"]) if "bars.raw" in found else []


def test_a_heartbeat_goes_on_with_the_mark_less_the_largest_disorder():
    said = passed(TicksStage(0), config(SLOW), heartbeat(NOON, through="2024-07-02T15:59:58", alive=False))
    beat = said[-1]
    assert beat["ts_through"] == at("2024-07-02T15:59:51")
    assert (beat["source"], beat["writer"], beat["ts"]) == ("feed", "ticks", at(NOON))
    assert (beat["alive"], beat["ts_last"], beat["final"]) == (False, at("2024-07-02T15:59:58"), False)


def test_a_heartbeat_goes_on_with_the_mark_that_records_moved():
    said = passed(TicksStage(0), config(SLOW), tick(NOON, 1.0), heartbeat("2024-07-02T15:59:00"))
    assert said[-1]["ts_through"] == at("2024-07-02T15:59:53")


def test_every_writer_goes_on_and_a_repeat_does_not():
    clock = heartbeat(NOON, "clock")
    said = passed(TicksStage(0), clock, heartbeat(NOON), clock, heartbeat("2024-07-02T15:59:00"))
    assert [beat["source"] for beat in said] == ["clock", "feed"]


def test_a_source_status_changes_nothing():
    assert passed(TicksStage(0), config(SLOW), status(NOON, "disconnected"))[1:] == []


def test_a_configuration_goes_on_once_and_a_version_not_newer_changes_nothing():
    stage = TicksStage(0)
    said = passed(stage, config(SLOW), config(SLOW), config(changed(SLOW, symbols=[])), config(SLOW))
    assert [row["version"] for row in said] == [1, 2]
    assert said[0]["body"] == config(SLOW)["body"]


def test_a_configuration_holds_from_its_offset_on():
    stage = TicksStage(0)
    more = changed(domain(), symbols=[symbol(), symbol("AIG")])
    less = changed(more, symbols=[symbol()])
    aig = tick(NOON, 1.0, symbol="AIG")
    found = stage.step(
        columns("ticks.raw", 0, config(domain()), aig, config(more), aig, config(less), aig, aig)
    )
    assert [row["offset"] for row in rows_of(found.topics["dead-letters"])] == [1, 5, 6]
    assert found.counts["in"] == 4


def test_a_symbol_taken_out_of_the_configuration_closes_what_it_has():
    stage = TicksStage(0)
    less = changed(domain(symbol(), symbol("AIG")), symbols=[symbol()])
    records = [config(domain(symbol(), symbol("AIG"))), tick(NOON, 5.0, symbol="AIG"), config(less)]
    said = passed(stage, *records, heartbeat("2024-07-02T16:01:00"))
    assert [row["close"] for row in said if row["record"] == "Bar"] == [5.0]


def test_a_bad_configuration_is_a_dead_letter_and_the_old_one_holds():
    stage = TicksStage(0)
    upside_down = CalendarRows("XNYS", "test", "session", "UTC", [19_906], [3600], [60])
    bad = [
        config("no json", version=2),
        config(changed(SLOW), version=3),
        config(changed(SLOW, symbols=[symbol(calendar="nowhere")])),
        config(changed(SLOW, symbols=[symbol("A|B")])),
        config(changed(SLOW, lateness_ms=1 << 50)),
        config(changed(SLOW, calendars={"XNYS": upside_down})),
    ]
    found = stage.step(columns("ticks.raw", 0, config(SLOW), *bad, tick(NOON, 1.0)))
    letters = rows_of(found.topics["dead-letters"])
    assert [letter["code"] for letter in letters] == ["V01"] * len(bad)
    assert (found.counts["in"], found.counts["out"]) == (1, 1)
    assert len(rows_of(found.topics["bars.raw"])) == 1


def test_an_empty_configuration_and_an_empty_batch_are_fine():
    stage = TicksStage(0)
    assert len(passed(stage, config(Domain(1)))) == 1
    assert stage.step(columns("ticks.raw", 0)).topics == {}


def test_outputs_are_of_the_partition_of_the_input():
    found = TicksStage(5).step(columns("ticks.raw", 5, config(SLOW), raw(b""), tick(NOON, 1.0)))
    assert {part.partition for part in found.topics.values()} == {5}
