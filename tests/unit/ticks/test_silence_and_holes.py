"""V15 of ticks, V17, and windows of identities as long as a class says."""

import pytest

from schemas.config import Domain, SourceConfig
from schemas.flags import STUCK
from streams.core.stage import Outputs
from streams.core.ticks.stage import TicksStage
from tests.factories import (
    Record,
    at,
    changed,
    columns,
    config,
    domain,
    heartbeat,
    lenient,
    quote,
    rows_of,
    tick,
)

GAPLESS = domain(sources=[SourceConfig("feed", "ticks.raw", gapless=True)])
WATCHED = domain(assets={"equity": lenient(quiet_ms=60_000)})


def step(known: Domain, *records: Record) -> Outputs:
    return TicksStage(0).step(
        columns("ticks.raw", 0, config(known), heartbeat("2024-07-02T13:29:00"), *records)
    )


def flags(outputs: Outputs) -> dict[int, int]:
    return {bar["ts_open"]: bar["flags"] for bar in rows_of(outputs.topics["bars.raw"], "Bar")}


def test_a_print_that_ends_a_minute_of_silence_in_a_session_flags_its_bar():
    times = ["13:30:30", "13:31:30", "13:32:31", "13:33:00"]
    prints = [tick(f"2024-07-02T{time}", 10.0) for time in times]
    outputs = step(WATCHED, *prints, heartbeat("2024-07-02T13:34:00"))
    assert [one & STUCK for one in flags(outputs).values()] == [0, 0, STUCK, 0]
    assert outputs.counts["flagged.V15"] == 1


def test_the_silence_of_a_session_begins_with_its_open():
    prints = [tick("2024-07-01T19:59:59", 10.0), tick("2024-07-02T13:30:59", 10.0)]
    assert "flagged.V15" not in step(WATCHED, *prints).counts
    assert step(WATCHED, tick("2024-07-02T13:31:01", 10.0)).counts["flagged.V15"] == 1


def holes(outputs: Outputs) -> list[int]:
    rows = rows_of(outputs.topics["bars.raw"], "MinuteStatus")
    return [row["ts_open"] for row in rows if row["seq_hole"]]


@pytest.mark.parametrize(
    ("numbers", "hole"),
    [
        ((1, 2, 3), False),
        ((1, 3), True),
        ((5, 6, 1), True),
        ((5, 5, 6), False),
        ((7,), False),
        ((5, 4), True),
    ],
)
def test_a_number_that_does_not_follow_the_last_one_is_a_hole(numbers: tuple[int, ...], hole: bool):
    prints = [tick("2024-07-02T13:30:05", 10.0, seq=number) for number in numbers]
    assert holes(step(GAPLESS, *prints, heartbeat("2024-07-02T13:31:00"))) == [at("2024-07-02T13:30")] * hole
    assert holes(step(domain(), *prints, heartbeat("2024-07-02T13:31:00"))) == []


def test_refused_records_and_other_kinds_take_no_part_in_holes():
    bad = tick("2024-07-02T13:30:05", -1.0, seq=2)
    quotes = quote("2024-07-02T13:30:06", 1.0, 1.1, seq=90)
    prints = [tick("2024-07-02T13:30:05", 10.0, seq=1), bad, quotes, tick("2024-07-02T13:30:07", 10.0, seq=3)]
    assert holes(step(GAPLESS, *prints, heartbeat("2024-07-02T13:31:00"))) == []


def test_the_last_number_survives_a_restart():
    stage = TicksStage(0)
    stage.step(columns("ticks.raw", 0, config(GAPLESS), tick("2024-07-02T13:30:05", 10.0, seq=1)))
    again = TicksStage(0)
    again.restore(stage.take_dirty())
    late = [tick("2024-07-02T13:30:06", 10.0, seq=3), heartbeat("2024-07-02T13:31:00")]
    assert holes(again.step(columns("ticks.raw", 0, *late, first_offset=2))) == [at("2024-07-02T13:30")]


def numbered(*numbers: int) -> list[Record]:
    return [tick("2024-07-02T13:30:05", 10.0, seq=number) for number in numbers]


@pytest.mark.parametrize("window", [64, 100, 4_096, 10_000])
def test_a_class_says_how_many_numbers_are_remembered(window: int):
    known = domain(assets={"equity": lenient(identity_window=window)})
    counts = step(known, *numbered(1, window, 1, 2, window + 1, 1, 2, 3)).counts
    assert (counts["out"], counts["duplicate"], counts["late"]) == (5, 2, 1)


def test_a_longer_window_keeps_what_the_shorter_one_knew():
    short = domain(assets={"equity": lenient(identity_window=64)})
    longer = changed(short, assets={"equity": lenient(identity_window=1_000)})
    stage = TicksStage(0)
    stage.step(columns("ticks.raw", 0, config(short), *numbered(100, 130), config(longer)))
    again = TicksStage(0)
    again.restore(stage.take_dirty())
    counts = again.step(columns("ticks.raw", 0, *numbered(100, 130, 900, 131, 100), first_offset=4)).counts
    assert (counts["out"], counts["duplicate"], counts["late"]) == (2, 3, 0)


@pytest.mark.parametrize(
    "fields", [{"identity_window": 63}, {"identity_window": 1 << 21}, {"outlier_prints": 65}]
)
def test_a_configuration_that_would_remember_too_much_is_refused(fields: dict[str, int]):
    outputs = step(domain(assets={"equity": lenient(**fields)}))
    assert rows_of(outputs.topics["dead-letters"])[0]["code"] == "V01"
