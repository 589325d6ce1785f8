"""The state of a symbol stays below its limit, whatever is sent; what is forgotten is counted."""

from random import Random

from schemas.rules import AssetRules
from streams.core.bars.stage import BarsStage
from streams.core.periods import MOST as MOST_PERIODS
from streams.core.stage import PARTITION_KEY
from streams.core.ticks.corrections.kept import most_bytes as most_kept_bytes
from streams.core.ticks.rows import HASHES
from streams.core.ticks.saved import most_bytes
from streams.core.ticks.stage import TicksStage
from streams.core.watermark import MOST_SOURCES
from tests.factories import DAY, Record, at, columns, config, domain, heartbeat, quote, symbol, tick

S = 1_000_000_000
OPEN = at(f"{DAY}T13:30")


def kept(states: dict[bytes, bytes]) -> int:
    """Bytes of the states of the symbol."""
    return sum(len(state) for key, state in states.items() if key.startswith(b"SPY|"))


def a_record(pick: Random, now: int, number: int) -> Record:
    """A tick or a quote of any kind; outliers come in long records."""
    same = {"ts_event": now - pick.choice([0, 0, S, 300 * S, 900 * S]), "ts_recv": now + S}
    if pick.random() < 0.3:
        return {**quote(f"{DAY}T13:30", 100.0, 100.1), **same, "seq": number * 7}
    price = pick.choice([100.0] * 9 + [500.0, 20.0])
    said = {"conditions": "x" * 800} if price != 100.0 else {}
    names = pick.choice([{"trade_id": f"name {number}"}, {"trade_id": str(number * 3)}, {"seq": number}])
    return {**tick(f"{DAY}T13:30", price), **same, **names, **said}


def test_the_state_of_a_symbol_stays_below_its_limit():
    pick, stage = Random(5), TicksStage(0)
    known = domain(symbol(), assets={"equity": AssetRules(disorder_ms=2_000, outlier_prints=64)})
    stage.step(columns("ticks.raw", 0, config(known), heartbeat(f"{DAY}T13:29")))
    limit = most_bytes(stage._state.minutes, stage._state.seconds, int(stage._book.terms["words"][0]))
    states: dict[bytes, bytes] = {}
    largest, offset = 0, 2
    for step in range(80):
        now = OPEN + step * 60 * S
        log = [a_record(pick, now + number * S // 2, 100 * step + number) for number in range(100)]
        stage.step(columns("ticks.raw", 0, *log, first_offset=offset))
        offset += len(log)
        states |= stage.take_dirty()
        largest = max(largest, kept(states))
    assert 0.8 * limit < largest <= limit < 20_000
    assert len(states[PARTITION_KEY]) < 1_000


def test_the_oldest_outage_of_a_source_is_forgotten_and_counted():
    stage = TicksStage(0)
    stage.step(columns("ticks.raw", 0, config(domain())))
    beats = [
        heartbeat(f"{DAY}T{13 + number // 20}:{number % 20 * 3 + part:02d}", alive=part < 2)
        for number in range(MOST_PERIODS + 4)
        for part in range(3)
    ]
    counts = stage.step(columns("ticks.raw", 0, *beats, first_offset=1)).counts
    assert counts["evicted.outage"] == 4
    assert len(stage._own.outages.pack({0: 0})) == 8 + MOST_PERIODS * 24


def test_identities_without_a_number_that_are_forgotten_are_counted_once():
    stage, states, told = TicksStage(0), dict[bytes, bytes](), []
    stage.step(columns("ticks.raw", 0, config(domain()), heartbeat(f"{DAY}T13:29")))
    offset = 2
    for count in (HASHES, 3, 1, 1):
        log = [{**tick(f"{DAY}T13:30", 10.0), "trade_id": f"name {offset + n}"} for n in range(count)]
        told.append(stage.step(columns("ticks.raw", 0, *log, first_offset=offset)).counts)
        offset += count
        states |= stage.take_dirty()
        if count == 3:  # what was counted is counted by the stage that goes on, and not by one restored
            again = TicksStage(0)
            again.restore(states)
    assert [counts["out"] for counts in told] == [HASHES, 3, 1, 1]
    assert [counts.get("evicted.identity", 0) for counts in told] == [0, 0, 3, 1]
    one = {**tick(f"{DAY}T13:30", 10.0), "trade_id": "another"}
    for number, wanted in enumerate((0, 1)):
        counts = again.step(
            columns("ticks.raw", 0, {**one, "trade_id": f"{number}x"}, first_offset=HASHES + 5 + number)
        ).counts
        assert (counts["out"], counts.get("evicted.identity", 0)) == (1, wanted)
        again.take_dirty()


def test_heartbeats_of_a_source_beyond_those_known_are_counted():
    for stage, topic, own in ((TicksStage(0), "ticks.raw", 1), (BarsStage(0), "bars.raw", 2)):
        known = [heartbeat(f"{DAY}T13:30", f"s{number}") for number in range(MOST_SOURCES + 3)]
        counts = stage.step(columns(topic, 0, config(domain()), *known)).counts
        assert counts["evicted.source"] == len(known) + own - MOST_SOURCES, topic


def test_the_prints_kept_for_corrections_stay_below_their_limit():
    stage, offset, largest = TicksStage(0), 1, 0
    stage.step(
        columns("ticks.raw", 0, config(domain(assets={"equity": AssetRules(correction_prints=1_500)})))
    )
    states: dict[bytes, bytes] = {}
    for step in range(12):
        ts = OPEN + step * S
        log = [
            {
                **tick(f"{DAY}T13:30", 100.0, trade_id=str(1_000 * step + number)),
                "ts_event": ts,
                "ts_recv": ts,
            }
            for number in range(1_000)
        ]
        stage.step(columns("ticks.raw", 0, *log, first_offset=offset))
        offset += len(log)
        states |= stage.take_dirty()
        largest = max(largest, kept({key: state for key, state in states.items() if b"|p|" in key}))
    assert 0.4 * most_kept_bytes(1_500) < largest <= most_kept_bytes(1_500) < 400_000
