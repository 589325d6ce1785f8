"""Halts of trading: which minutes they touch, and when those are told."""

import msgspec
import pytest

from schemas.partition import partition_of
from schemas.rules import AssetRules
from streams.core.pipeline import Pipeline
from streams.core.ticks.halts import MOST
from streams.core.ticks.stage import TicksStage
from tests.factories import (
    DAY,
    Record,
    at,
    calendar_rows,
    changed,
    columns,
    config,
    domain,
    heartbeat,
    rows_of,
    status,
    symbol,
    tick,
)

TWO = domain(symbol(), symbol("AIG"), assets={"equity": AssetRules(disorder_ms=2_000)})


def clock(text: str) -> str:
    return f"{DAY}T{text}"


def halted(text: str, name: str | None = "SPY", what: str = "halted") -> Record:
    return {**status(clock(text), what), "symbol": name}


def beat(text: str) -> Record:
    return heartbeat(clock(text))


class Told:
    """A stage that is told things and says which minutes were halted."""

    def __init__(self, known: Record, partition: int = 0) -> None:
        self.stage, self.offset, self.partition = TicksStage(partition), 0, partition
        self(known, beat("13:29:00"))

    def __call__(self, *records: Record) -> list[tuple[str, str]]:
        outputs = self.stage.step(columns("ticks.raw", self.partition, *records, first_offset=self.offset))
        self.offset += len(records)
        self.counts = outputs.counts
        found = rows_of(outputs.topics["bars.raw"], "MinuteStatus") if "bars.raw" in outputs.topics else []
        return [(row["symbol"], minute(row["ts_open"])) for row in found if row["halted"]]


def minute(ts: int) -> str:
    number = (ts - at(clock("00:00"))) // 60_000_000_000
    return f"{number // 60:02d}:{number % 60:02d}"


def test_every_minute_a_halt_touched_is_told_when_the_watermark_passes_its_close():
    told = Told(config(TWO))
    assert told(halted("13:31:40"), beat("13:32:01.9")) == []
    assert told(beat("13:32:02")) == [("SPY", "13:31")]
    assert told(beat("13:34:30")) == [("SPY", "13:32"), ("SPY", "13:33")]
    assert told(halted("13:35:00.000001", what="resumed"), beat("13:37:00")) == [
        ("SPY", "13:34"), ("SPY", "13:35"),
    ]  # fmt: skip
    assert told(beat("13:40:00")) == []


def test_a_halt_that_ends_on_the_minute_does_not_touch_the_next():
    told = Told(config(TWO))
    told(halted("13:31:00"), halted("13:33:00", what="resumed"))
    assert told(beat("13:40:00")) == [("SPY", "13:31"), ("SPY", "13:32")]


def test_a_halt_of_a_symbol_that_is_taken_out_is_forgotten():
    told = Told(config(TWO))
    told(halted("13:31:00"), config(changed(TWO, symbols=[symbol("AIG")])))
    assert told(halted("13:32:00", what="resumed"), beat("13:33:02")) == []
    back = msgspec.structs.replace(TWO, version=3)
    assert told(config(back), beat("13:40:00")) == []
    assert told(halted("13:41:00"), beat("13:42:02")) == [("SPY", "13:41")]


def test_a_halt_of_all_symbols_ends_with_that_of_all_symbols():
    told = Told(config(TWO))
    assert told(halted("13:31:00", None), halted("13:31:30", "SPY", "resumed"), beat("13:32:02")) == [
        ("AIG", "13:31"), ("SPY", "13:31"),
    ]  # fmt: skip
    assert told(halted("13:32:30", None, "resumed"), beat("13:40:00")) == [
        ("AIG", "13:32"), ("SPY", "13:32"),
    ]  # fmt: skip


def test_a_halt_that_turns_out_to_have_begun_earlier_is_told_again():
    told = Told(config(TWO))
    assert told(halted("13:32:10"), beat("13:33:02")) == [("SPY", "13:32")]
    assert told(halted("13:32:30"), beat("13:33:03")) == []
    assert told(halted("13:31:50"), beat("13:33:04")) == [("SPY", "13:31"), ("SPY", "13:32")]


def test_nothing_is_told_outside_the_session_or_of_who_is_not_known():
    hours = {"XNYS": calendar_rows(hours=["13:30-13:32", "13:40-13:41"])}
    told = Told(config(domain(symbol(), calendars=hours, assets=TWO.assets)))
    told(halted("13:31:10"), halted("13:30:00", "GONE"), status(clock("13:30:00"), "halted", "stranger"))
    assert told(beat("14:00:00")) == [("SPY", "13:31"), ("SPY", "13:40")]


@pytest.mark.parametrize("partition", [0, 1, 2, 3])
def test_each_partition_tells_of_its_own_symbols(partition: int):
    known = domain(symbol(), symbol("AIG"), assets=TWO.assets, partitions=4)
    told = Told(config(known), partition)
    own = {name for name in ("AIG", "SPY") if partition_of(name.encode(), 4) == partition}
    assert {name for name, _ in told(halted("13:31:00", None), beat("13:32:02"))} == own


def test_a_halt_survives_a_restart_and_is_told_once():
    told = Told(config(TWO))
    assert told(halted("13:31:00"), beat("13:32:02")) == [("SPY", "13:31")]
    again = TicksStage(0)
    again.restore(told.stage.take_dirty())
    told.stage = again
    assert told(beat("13:33:02")) == [("SPY", "13:32")]
    assert told(halted("13:33:30", what="resumed"), beat("13:39:00")) == [("SPY", "13:33")]


def test_a_feed_that_halts_and_resumes_for_ever_is_bounded_and_counted():
    told = Told(config(TWO))
    for number in range(MOST + 5):
        told(halted("13:31:00", None if number == 0 else "SPY"), halted("13:31:30", what="resumed"))
    assert told.counts["evicted.halt"] == 1
    assert len(told.stage._own.halts) == MOST


def test_no_bar_is_invented_for_a_halted_minute():
    pipeline = Pipeline()
    for records in (
        [config(TWO), beat("13:29:00"), tick(clock("13:30:01"), 10.0), halted("13:31:00")],
        [beat("13:31:02"), beat("13:32:02"), halted("13:32:30", what="resumed"), beat("13:33:02")],
        [tick(clock("13:34:01"), 11.0), beat("13:35:02")],
    ):
        pipeline.feed(columns("ticks.raw", 0, *records))
    found = [row for part in pipeline.columns("bars.1m") for row in rows_of(part)]
    rows = [row for row in found if row.get("symbol") == "SPY"]
    bars = sorted((minute(row["ts_open"]), row["fill"]) for row in rows if row["record"] == "Bar")
    assert bars == [("13:30", "real"), ("13:33", "flat"), ("13:34", "real")]
    causes = {minute(row["ts_open"]): row["cause"] for row in rows if row["record"] == "MinuteStatus"}
    assert (causes["13:31"], causes["13:32"]) == ("halt", "halt")
