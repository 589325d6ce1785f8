"""Laws of the ticks stage over generated logs: order, batching, restarts, conservation.

A generated log holds every kind of record: ticks and quotes of two symbols from two sources, out of order,
late, repeated and bad, heartbeats good and bad, new configurations, and bytes that are no record.
"""

import math
from collections import Counter
from collections.abc import Iterable
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from schemas.batches.encode import Encoder
from schemas.codec import LOCAL_IDS
from schemas.columns import Columns
from schemas.config import Domain, SourceConfig
from schemas.rules import AssetRules, ConditionTable
from schemas.topics import TOPICS
from streams.core import slots
from streams.core.stage import PARTITION_KEY, Outputs
from streams.core.ticks.stage import TicksStage
from streams.core.ticks.version import VERSION
from streams.core.watermark import NEVER
from tests.factories import (
    Record,
    at,
    changed,
    columns,
    config,
    domain,
    heartbeat,
    quote,
    raw,
    status,
    symbol,
    tick,
)

OPEN = at("2024-07-02T13:30")
S = 1_000_000_000
Said = dict[str, list[tuple[Any, ...]]]

SLOW = AssetRules(disorder_ms=2_000)
BASE = domain(
    symbol("SPY", sources=["feed", "other"], conditions="tape"),
    symbol("AIG", asset="crypto", calendar="24x7", price="bid", sources=["other"]),
    sources=[SourceConfig("feed", "ticks.raw", gapless=True), SourceConfig("other", "ticks.raw")],
    conditions={"tape": ConditionTable("letters", volume_only=["T"], auction=["6"])},
    assets={"equity": SLOW, "crypto": AssetRules(disorder_ms=500)},
)


def versions(*, grow: bool) -> list[Domain]:
    """The configurations a log may go through: another disorder, a symbol less, a longer memory."""
    wider = AssetRules(disorder_ms=4_000, identity_window=9_000, outlier_prints=40)
    slower = changed(BASE, assets={"equity": wider, "crypto": SLOW})
    fewer = changed(slower, symbols=slower.symbols[:1])
    longer = {"version": 4, "lateness_ms": 3_000_000, "assets": {"equity": AssetRules(disorder_ms=20_000)}}
    return [slower, fewer, msgspec.structs.replace(BASE, **(longer if grow else {"version": 4}))]


def a_print(pick: Random, now: int) -> Record:
    """A tick or a quote around a time, mostly good."""
    lag = pick.choice([0, 0, 0, 1, S // 3, S, 3 * S, 61 * S, 700 * S, 1_100 * S])
    price = pick.choice([99.0, 100.0, 100.5, 101.0, 100.0, 140.0, 141.0, 60.0, 0.0, math.nan])
    name, source = pick.choice([("SPY", "feed"), ("SPY", "other"), ("AIG", "other"), ("X", "feed")])
    same = {"symbol": name, "source": source, "ts_event": now - lag, "ts_recv": now - lag}
    seq = pick.choice([None, pick.randint(1, 40), pick.randint(1, 9_000)])
    if pick.random() < 0.5:
        ahead = pick.choice([0.1, 0.1, 5.0, -1.0])
        return {**quote("2024-07-02", price, price + ahead), **same, "seq": seq}
    trade_id = pick.choice([None, None, "a", "b", "17", "18", "5000"])
    size = pick.choice([None, 1.0, 2.5, 3.0, -1.0])
    said = pick.choice([None, "@", "T", "6"])
    return {**tick("2024-07-02", price, size, conditions=said), **same, "seq": seq, "trade_id": trade_id}


def a_beat(pick: Random, now: int) -> Record:
    source, through = pick.choice(["feed", "other", "other", "clock"]), now - pick.choice([0, 0, S, 30 * S])
    said = {"alive": pick.random() < 0.8, "ts": now, "ts_through": through, "final": pick.random() < 0.1}
    return {**heartbeat("2024-07-02", source), **said}


def made(seed: int, length: int, *, grow: bool = False) -> list[Record]:
    """A log of so many records over minutes or hours; configurations may make the stage keep more rows."""
    pick, log, newer = Random(seed), [config(BASE)], versions(grow=grow)
    now = pick.choice([OPEN - 30 * S, OPEN - 30 * S, OPEN + 387 * 60 * S])
    while len(log) < length:
        now += pick.choice([0, 1, S // 5, S, 7 * S, 40 * S, 400 * S])
        kind = pick.choice("ppppppppppppppppphhhhhhhhccrrs")
        if kind == "p":
            log.append(a_print(pick, now))
        elif kind == "h":
            log.append(a_beat(pick, now))
        elif kind == "c" and newer:
            log.append(config(newer.pop(0)))
        elif kind == "s":
            name = pick.choice([None, "SPY"])
            what = status("2024-07-02", pick.choice(["halted", "resumed"]), pick.choice(["feed", "other"]))
            log.append({**what, "symbol": name, "ts": now})
        elif kind == "r":
            log.append(raw(b"\x00\x00"))
        if pick.random() < 0.12:
            log.append(log[-1])
    return log


logs = st.builds(made, st.integers(0, 1 << 32), st.integers(5, 80))


def encoded(outputs: Outputs) -> Said:
    """Key, value and timestamp of everything put out, by topic."""
    return {
        name: [
            (key and bytes(key), value and bytes(value), ts)
            for key, value, ts in Encoder(TOPICS[name], LOCAL_IDS).encode(part).records()
        ]
        for name, part in outputs.topics.items()
    }


def feed(stage: TicksStage, log: list[Record], start: int, end: int, said: Said) -> Counter[str]:
    """One step over a part of a log; what it says is added."""
    outputs = stage.step(columns("ticks.raw", 0, *log[start:end], first_offset=start))
    for name, records in encoded(outputs).items():
        said.setdefault(name, []).extend(records)
    return Counter(outputs.counts)


def through(log: list[Record], borders: Iterable[int] = ()) -> tuple[Said, Counter[str], dict[bytes, bytes]]:
    """Outputs, counts and final state of a log fed in parts."""
    stage, said, counts = TicksStage(0), {}, Counter()
    states: dict[bytes, bytes] = {}
    start = 0
    for end in [*sorted({min(border, len(log)) for border in borders}), len(log)]:
        counts.update(feed(stage, log, start, end, said))
        states |= stage.take_dirty()
        start = end
    return said, counts, states


def bodies(states: dict[bytes, bytes]) -> dict[bytes, bytes]:
    """States without offsets, free rows, and which of its two keys holds the configuration."""
    free = NEVER.to_bytes(8, "little", signed=True)
    plain = {
        key: slots.unpack(VERSION, state)[1]
        for key, state in states.items()
        if not key.startswith(b"!config")
    }
    plain[PARTITION_KEY] = plain[PARTITION_KEY][4:]
    return {key: body for key, body in plain.items() if key.count(b"|") < 2 or not body.startswith(free)}


laws = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


@laws
@given(logs)
def test_everything_that_comes_in_is_accounted_for(log: list[Record]):
    _, counts, _ = through(log)
    assert counts["in"] == sum(counts[name] for name in ("out", "rejected", "late", "duplicate", "held"))
    assert counts["in"] == sum(record["record"] in ("Tick", "Quote", "") for record in log)
    codes = sum(number for name, number in counts.items() if name.startswith("rejected."))
    assert codes == counts["rejected"]


@laws
@given(logs, st.lists(st.integers(0, 70), max_size=8))
def test_any_batching_gives_the_same_bytes_and_the_same_state(log: list[Record], borders: list[int]):
    whole, parts = through(log), through(log, borders)
    assert parts[0] == whole[0]
    assert parts[1] == whole[1]
    assert bodies(parts[2]) == bodies(whole[2])


def test_a_stage_that_shows_where_batches_end_is_noticed(monkeypatch: pytest.MonkeyPatch):
    honest = TicksStage.step

    def hasty(stage: TicksStage, batch: Columns) -> Outputs:
        outputs = honest(stage, batch)
        stage._state.pairs["priced"] = 0  # prices before the batch are forgotten
        return outputs

    logs_of_some = [made(seed, 80) for seed in range(20)]
    whole = [through(log)[0] for log in logs_of_some]
    monkeypatch.setattr(TicksStage, "step", hasty)
    assert [through(log, range(0, 80, 7))[0] for log in logs_of_some] != whole


@laws
@given(logs)
def test_one_record_at_a_time_gives_the_same_bytes(log: list[Record]):
    assert through(log, range(len(log)))[0] == through(log)[0]


def restarted(log: list[Record], pick: Random) -> tuple[Said, dict[bytes, bytes]]:
    """Outputs and final state of a log whose stage is killed once.

    The second checkpoint breaks off after some of its writes, in their order; its outputs are out already.
    Offsets are committed after the states, so reading begins again at or before what the partition reflects.
    """
    first, second, crash = sorted(pick.randint(0, len(log)) for _ in range(3))
    stage, said = TicksStage(0), {}
    feed(stage, log, 0, first, said)
    kept = dict(stage.take_dirty())
    feed(stage, log, first, second, said)
    writes = list(stage.take_dirty().items())
    kept |= dict(writes[: pick.randint(0, len(writes))])
    feed(stage, log, second, crash, said)
    again = TicksStage(0)
    again.restore(kept)
    start = pick.randint(0, slots.offset_of(kept[PARTITION_KEY]) + 1 if PARTITION_KEY in kept else 0)
    for end in sorted([pick.randint(start, len(log)), len(log)]):
        feed(again, log, start, end, said)
        kept |= again.take_dirty()
        start = end
    return said, kept


def distinct(said: Said) -> dict[str, set[tuple[Any, ...]]]:
    return {name: set(records) for name, records in said.items()}


@laws
@example(made(1_744_946, 35), 56)  # a pair that came under a configuration that the restart has not read yet
@example(made(3_520_155_344, 18), 4_155_250_658)  # the same, with another one in between
@given(logs, st.integers(0, 1 << 32))
def test_a_restart_anywhere_gives_the_same_outputs_and_state(log: list[Record], seed: int):
    whole, _, final = through(log)
    said, kept = restarted(log, Random(seed))
    assert distinct(said) == distinct(whole)
    assert bodies(kept) == bodies(final)


@laws
@example(5100, 74)  # a ring that grew is saved in part
@given(st.integers(0, 1 << 32), st.integers(5, 80))
def test_a_restart_around_a_configuration_that_keeps_more_rows_gives_the_same_outputs(seed: int, length: int):
    log = made(seed, length, grow=True)
    assert distinct(restarted(log, Random(seed))[0]) == distinct(through(log)[0])


def test_a_restart_that_forgets_what_states_reflect_is_noticed(monkeypatch: pytest.MonkeyPatch):
    honest = TicksStage.restore

    def forgetful(stage: TicksStage, states: dict[bytes, bytes]) -> None:
        honest(stage, states)
        stage._state.pairs["offset"] = stage._state.folds["offset"] = -1

    monkeypatch.setattr(TicksStage, "restore", forgetful)
    wrong = 0
    for seed in range(30):
        log = made(seed, 60)
        said, kept = restarted(log, Random(seed))
        whole, _, final = through(log)
        wrong += distinct(said) != distinct(whole) or bodies(kept) != bodies(final)
    assert wrong > 0
