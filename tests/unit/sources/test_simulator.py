"""The simulated day: reproducible, within its calendars, and each fault is taken for what it is."""

from collections import Counter
from datetime import date, timedelta
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from barline.settings.load import load
from connectors.sources.simulator.instruments import INDIA, INSTRUMENTS
from connectors.sources.simulator.lines import STORED, write_lines
from connectors.sources.simulator.planted import expected
from connectors.sources.simulator.simulator import SIMULATED, Simulator
from schemas import jsnl
from schemas.batches.decode import Decoder
from schemas.batches.encode import Encoder
from schemas.codec import LOCAL_IDS, LOCAL_NAMES
from schemas.columns import UNDECODABLE, Columns
from schemas.config import Domain
from schemas.errors import ConfigurationError
from schemas.market.grid import Grid
from schemas.market.intervals import HOUR, MINUTE, SECOND
from schemas.topics import TOPICS
from streams.core.log import Log
from streams.core.ticks.stage import TicksStage
from tests.factories import columns, config

SCALE = 0.25


@cache
def domain() -> Domain:
    settings = load(Path(__file__).parents[3] / "barline.toml")
    return settings.domain(SIMULATED - timedelta(days=1), SIMULATED + timedelta(days=1))


@cache
def day() -> tuple[Simulator, list[Columns]]:
    simulator = Simulator(domain(), scale=SCALE)
    return simulator, list(simulator.blocks())


def rows(topic: str, record: str) -> tuple[np.ndarray, list[str]]:
    """Rows of the day in sending order, and the text of their source."""
    blocks = [block for block in day()[1] if block.topic.name == topic]
    found = np.concatenate([block.table(record) for block in blocks])
    return found, [blocks[0].text_at(span) for span in found["source"]]


def digest(blocks: list[Columns]) -> list[bytes]:
    return [table.tobytes() for block in blocks for table in block.tables]


def test_the_same_seed_gives_the_same_bytes_and_another_does_not():
    again = list(Simulator(domain(), scale=SCALE).blocks())
    other = list(Simulator(domain(), seed=8, scale=SCALE).blocks())
    assert digest(again) == digest(day()[1])
    assert digest(other) != digest(again)


def test_every_symbol_has_a_calendar_and_its_sources_in_the_settings():
    symbols = {symbol.symbol: symbol for symbol in domain().symbols}
    assert set(symbols) == {one.symbol for one in INSTRUMENTS}
    assert len({symbol.calendar for symbol in symbols.values()}) == 4
    for one in INSTRUMENTS:
        assert one.source in symbols[one.symbol].sources
        assert symbols[one.symbol].tick_size in {0.0, one.tick_size}


def test_the_stage_counts_every_fault_as_planted():
    stage, counts, log = TicksStage(0), Counter(), Log()
    encoder, decoder = Encoder(TOPICS["ticks.raw"], LOCAL_IDS), Decoder(TOPICS["ticks.raw"], LOCAL_NAMES)
    stage.step(columns("ticks.raw", 0, config(domain())))
    for block in day()[1]:
        if block.topic.name == "ticks.raw":
            log.append(encoder.encode(block))
    for frames in log.batches(0, 10_000):
        counts.update(stage.step(decoder.decode(frames, 0)).counts)
    planted = expected(day()[0].planted, "ticks.raw")
    found = {name: counts[name] for name in counts if name in planted}
    assert found == planted
    assert counts["rejected"] == sum(count for name, count in planted.items() if name.startswith("rejected."))
    assert counts["in"] == sum(counts[name] for name in ("out", "rejected", "late", "duplicate", "held"))


def test_every_heartbeat_comes_after_the_undisturbed_records_it_promises():
    broken = 0
    for block in day()[1]:
        if block.topic.name != "ticks.raw":
            continue
        through = -1
        for kind, row in zip(block.kinds.tolist(), block.rows.tolist(), strict=True):
            if kind == block.topic.kind("Heartbeat"):
                through = max(through, int(block.tables[kind][row]["ts_through"]))
            elif kind in {block.topic.kind("Tick"), block.topic.kind("Quote")}:
                broken += int(block.tables[kind][row]["ts_event"]) <= through
    planted = sum(one.count for one in day()[0].planted if one.name in PROMISE_BREAKERS)
    assert 0 < broken <= planted


PROMISE_BREAKERS = {"duplicates", "out of order", "late ticks within 15 min", "ticks later than 15 min"}


def test_the_source_with_the_outage_says_and_sends_nothing_in_it():
    start = day()[0].hours[0] + 6 * HOUR + 5 * SECOND
    beats, sources = rows("ticks.raw", "Heartbeat")
    own = beats["ts"][[source == INDIA for source in sources]]
    assert not np.any((own >= start) & (own < start + 10 * MINUTE))
    assert start + 10 * MINUTE in own
    talking = np.concatenate([own[own < start], own[own > start + 10 * MINUTE]])
    assert np.sort(np.diff(talking))[-2] <= 5 * SECOND, "it must not look dead beside the other source"
    ticks, sources = rows("ticks.raw", "Tick")
    events = ticks["ts_event"][[source == INDIA for source in sources]]
    assert not np.any((events >= start) & (events < start + 10 * MINUTE))
    status, _ = rows("ticks.raw", "SourceStatus")
    assert status["ts"].tolist() == [start, start + 10 * MINUTE]


def test_the_clock_speaks_every_minute_and_all_sources_of_a_topic_at_its_instants():
    for topic, source in (("ticks.raw", "sim"), ("bars.raw", "sim.bars")):
        beats, sources = rows(topic, "Heartbeat")
        clock = set(beats["ts"][[one == "clock" for one in sources]].tolist())
        own = set(beats["ts"][[one == source for one in sources]].tolist())
        assert len(clock) == 24 * 60 + 2
        assert clock - own <= {min(clock)}


def test_raw_bytes_stand_between_the_records():
    raw = [b.bytes_at(b.values[n]) for b in day()[1] for n in np.flatnonzero(b.kinds == UNDECODABLE)]
    assert len(raw) == next(one.count for one in day()[0].planted if one.name == "undecodable bytes")
    assert b"not avro" in raw


def test_vendor_bars_come_a_second_after_their_minute_but_for_two_that_are_missing():
    bars, _ = rows("bars.raw", "Bar")
    calendar = next(symbol.calendar for symbol in domain().symbols if symbol.symbol == "GOOG")
    minutes = Grid(domain().calendars[calendar]).minutes((SIMULATED - date(1970, 1, 1)).days)
    assert sorted(set(minutes.tolist()) - set(bars["ts_open"].tolist())) == minutes[50:52].tolist()
    assert bars["revision"].tolist().count(1) == 1
    ours = [b for b in day()[1] if b.topic.name == "bars.raw" and len(b.table("Bar"))]
    assert all(int(b.timestamps[b.places("Bar")[-1]]) % 60_000 == 1_000 for b in ours[:40])


def test_a_day_without_a_session_is_refused():
    with pytest.raises(ConfigurationError, match="session on the simulated day"):
        Simulator(domain(), day=date(2024, 6, 30))


def test_strategy_files_hold_what_is_said_of_them(tmp_path: Path):
    paths, planted = write_lines(tmp_path, SIMULATED)
    again, _ = write_lines(tmp_path / "again", SIMULATED)
    assert [path.read_bytes() for path in paths] == [path.read_bytes() for path in again]
    lines = {path.stem: path.read_bytes().split(b"\n")[:-1] for path in paths}
    counts = {one.name: one.count for one in planted}
    unread = [line for line in lines["breakout"] if is_refused(line)]
    assert len(unread) == counts["malformed lines"]
    kinds = [
        jsnl.kind(found)
        for line in lines["research"]
        if not isinstance(found := jsnl.fields(line), jsnl.Rejected)
    ]
    places = [place for place, kind in enumerate(kinds) if kind == jsnl.STRAND_STARTED]
    assert len(places) == 3
    assert 100 < places[1] < places[2]
    assert jsnl.STRAND_STARTED.encode() not in b"".join(lines["archive"] + lines["orphan"])
    assert [stored.mode for stored in STORED] == ["archive_sim"]
    assert len(lines["orphan"]) == counts["mode that nobody knows"]


def is_refused(line: bytes) -> bool:
    found = jsnl.fields(line)
    if isinstance(found, jsnl.Rejected):
        return True
    if jsnl.kind(found) == jsnl.STRAND_STARTED:
        return isinstance(jsnl.started(found), jsnl.Rejected)
    return jsnl.text(found.mode) is None or jsnl.instant(found.timestamp) is None
