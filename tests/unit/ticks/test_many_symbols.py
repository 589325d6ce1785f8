"""Rows of symbols: they are made when a symbol first comes, and the order in which that is does not show."""

from collections.abc import Iterable

from schemas.config import SourceConfig
from schemas.partition import partition_of
from streams.core.ticks.ahead import MANY
from streams.core.ticks.rows import MET
from streams.core.ticks.stage import TicksStage
from streams.core.ticks.state import BLOCK, SPARE
from tests.factories import DAY, Record, columns, config, domain, heartbeat, quote, raw, rows_of, symbol, tick

NAMES = [f"S{number:03d}" for number in range(300)]
PARTITIONS = 4
CLOSE = heartbeat(f"{DAY}T13:31:30")


def fed(stage: TicksStage, log: Iterable[Record], first: int, size: int = 1_000) -> list[tuple[str, float]]:
    """Symbols and closes of the minutes that a stage makes of a log, in batches."""
    log, found = list(log), []
    for at in range(0, len(log), size):
        topics = stage.step(columns("ticks.raw", 0, *log[at : at + size], first_offset=first + at)).topics
        if "bars.raw" in topics:
            bars = [row for row in rows_of(topics["bars.raw"]) if row["record"] == "Bar"]
            found += [(row["symbol"], row["close"]) for row in bars]
    return found


def begun(*names: str, partitions: int = PARTITIONS) -> TicksStage:
    """A stage of the first partition that knows these symbols."""
    stage = TicksStage(0)
    known = domain(*map(symbol, names), partitions=partitions)
    stage.step(columns("ticks.raw", 0, config(known), heartbeat(f"{DAY}T13:29:59")))
    return stage


def met(stage: TicksStage) -> int:
    """How many pairs of a stage have rows."""
    return int(stage._state.used[MET])


def test_only_symbols_that_came_have_rows_and_state():
    stage = begun(*NAMES)
    assert met(stage) == 0
    fed(stage, [tick(f"{DAY}T13:30:01", 10.0, symbol="S007"), tick(f"{DAY}T13:30:02", 0.0, symbol="S003")], 2)
    assert met(stage) == 2
    assert {key for key in stage.take_dirty() if not key.startswith(b"!")} >= {b"S003|feed", b"S007|feed"}
    assert not any(b"S001" in key for key in stage.take_dirty())


def test_room_is_set_aside_for_the_symbols_of_the_partition():
    here = sum(partition_of(name.encode(), PARTITIONS) == 0 for name in NAMES)
    assert here < len(NAMES) / 2
    assert len(begun(*NAMES)._state.pairs) == here + SPARE
    assert len(begun(*NAMES, partitions=0)._state.pairs) == len(NAMES) + SPARE


def test_symbols_of_another_partition_that_come_all_the_same_make_the_same_bars():
    log = [tick(f"{DAY}T13:30:01", 10.0 + number, symbol=name) for number, name in enumerate(NAMES)]
    expected = [(name, 10.0 + number) for number, name in enumerate(NAMES)]
    for size in (1, 7, 1_000):
        stage = begun(*NAMES)
        assert fed(stage, [*log, CLOSE], 2, size) == expected
        assert met(stage) == len(NAMES) > len(begun(*NAMES)._state.pairs)


def test_bars_of_one_minute_go_out_by_name_in_whatever_order_symbols_came():
    log = [tick(f"{DAY}T13:30:01", 10.0 + number, symbol=name) for number, name in enumerate(NAMES)]
    expected = [(name, 10.0 + number) for number, name in enumerate(NAMES)]
    assert fed(begun(*NAMES), [*reversed(log), CLOSE], 2) == expected


def test_a_symbol_keeps_its_minute_when_others_are_named_before_and_after_it():
    stage = begun("S100")
    fed(stage, [tick(f"{DAY}T13:30:01", 10.0, symbol="S100")], 2)
    known = domain(*map(symbol, ("S050", "S100", "S150")), version=2)
    log = [tick(f"{DAY}T13:30:02", 11.0, symbol=name) for name in ("S150", "S100", "S050")]
    assert fed(stage, [config(known), *log, CLOSE], 3) == [("S050", 11.0), ("S100", 11.0), ("S150", 11.0)]


def test_a_symbol_taken_out_still_closes_its_minute_in_its_turn():
    stage = begun("S050", "S100", "S150")
    log = [tick(f"{DAY}T13:30:02", 11.0, symbol=name) for name in ("S150", "S100", "S050")]
    known = domain(*map(symbol, ("S050", "S150", "S200")), version=2)
    late = tick(f"{DAY}T13:30:03", 12.0, symbol="S100")
    found = fed(stage, [*log, config(known), late, CLOSE], 2)
    assert found == [("S050", 11.0), ("S100", 11.0), ("S150", 11.0)]


def test_minutes_of_more_symbols_than_lie_in_a_block_stay_through_growth_a_restart_and_a_longer_ring():
    names = [f"S{number:04d}" for number in range(BLOCK + 100)]
    log = [tick(f"{DAY}T13:30:01", 10.0 + number, symbol=name) for number, name in enumerate(names)]
    expected = [(name, 10.0 + number) for number, name in enumerate(names)]
    longer = config(domain(*map(symbol, names), version=2, lateness_ms=3_600_000))
    for later in ([], [longer]):
        stage, again = begun(*names), TicksStage(0)
        fed(stage, log, 2)
        assert stage._state.folds.shape[0] == 2
        again.restore(stage.take_dirty())
        for one in (stage, again):
            assert fed(one, [*later, CLOSE], 2 + len(log)) == expected


LONG = [f"{name}-as-long-as-names-of-options-are" for name in NAMES]
"""Names that differ in their middle, behind the first word that is compared."""


def mixed(names: Iterable[str]) -> list[Record]:
    """Ticks and quotes of two sources, with those of unknown symbols and sources and what is no record."""
    found: list[Record] = []
    for number, name in enumerate(names):
        ts = f"{DAY}T13:30:{1 + number % 50:02d}"
        found += [tick(ts, 10.0 + number, symbol=name, seq=number), quote(ts, 9.0, 9.5, symbol=name)]
        found.append(tick(ts, 20.0 + number, symbol=name, seq=number, source="other"))
        found += [
            [tick(ts, 1.0, symbol=name + "X"), tick(ts, 1.0, symbol=name, source="none")],
            [raw(b"none"), heartbeat(ts)],
            [tick(ts, 10.0 + number, symbol=name, seq=number), tick(ts, -1.0, symbol=name)],
        ][number % 3]
    return found


def said(names: Iterable[str], before: Iterable[str]) -> dict[str, list[Record]]:
    """What a stage puts out by topic of these symbols after others came."""
    known = [symbol(name, sources=["feed", "other"]) for name in (*NAMES, *LONG)]
    both = [SourceConfig(name, "ticks.raw") for name in ("feed", "other")]
    stage, first = TicksStage(0), [heartbeat(f"{DAY}T13:29:59"), heartbeat(f"{DAY}T13:29:59", "other")]
    log = [config(domain(*known, sources=both)), *first]
    log += [tick(f"{DAY}T13:29:59", 5.0, symbol=name) for name in before]
    stage.step(columns("ticks.raw", 0, *log))
    batch = columns("ticks.raw", 0, *mixed(names), CLOSE, first_offset=10_000)
    return {topic: rows_of(found) for topic, found in stage.step(batch).topics.items()}


def test_a_print_means_the_same_among_few_symbols_and_among_many():
    for names in (NAMES[::7], LONG[::7]):
        few = said(names, [])
        assert {"bars.raw", "bars.1s", "dead-letters"} <= set(few)
        assert few == said(names, [name for name in (*NAMES, *LONG) if name not in names])
    assert len(NAMES) > MANY > len(NAMES[::7])
