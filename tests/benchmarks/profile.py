"""Where the time of a tick goes: from the bytes of a fetch to the records that are handed to the producer.

Run with ``make profile``, or ``python -m tests.benchmarks.profile [TICKS_A_MINUTE [SYMBOLS [STEP]]]``, for
symbols with so many ticks in a minute of event time. One partition of four in this process, CPU time of each
part, best of several rounds; what surrounds it in a worker (fetching, the producer's threads, the event loop)
is in ``make bench ARGS=worker``.
"""

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import numpy as np
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from connectors.sources.publish import route
from schemas.batches import frames
from schemas.batches.decode import Decoder
from schemas.batches.encode import Encoder
from schemas.codec import LOCAL_IDS
from schemas.topics import TOPICS
from streams.core.ticks import stage
from streams.core.ticks.emit import Bars
from streams.transport.codec import Codec
from tests.benchmarks.worker_ticks import TOPIC, Load, blocks
from tests.factories import columns, config

PARTITIONS: Final = 4
TICKS: Final = 200_000
FETCH: Final = 15_000
ROUNDS: Final = 5
PARTS: Final[tuple[tuple[str, Any, str], ...]] = (
    ("frames: records of the batches", frames, "from_batches"),
    ("decode: Avro to columns", Decoder, "decode"),
    ("run: checks, marks, identity, fold, closing", stage, "run"),
    ("heartbeats: closing by promise", stage.TicksStage, "_control"),
    ("bars: in order, as rows", Bars, "write"),
    ("finish: columns", stage, "finished"),
    ("counts", stage, "counts_of"),
    ("encode: columns to Avro", Encoder, "encode"),
    ("states of a checkpoint, once at the end", stage.TicksStage, "take_dirty"),
)


@contextmanager
def clocked(spent: Counter[str]) -> Iterator[None]:
    """Add the CPU nanoseconds of each part to its figure."""
    before = [(owner, name, getattr(owner, name)) for _, owner, name in PARTS]
    for (label, owner, name), (_, _, function) in zip(PARTS, before, strict=True):
        setattr(owner, name, _clocked(function, label, spent))
    try:
        yield
    finally:
        for owner, name, function in before:
            setattr(owner, name, function)


def _clocked(function: Callable[..., Any], label: str, spent: Counter[str]) -> Callable[..., Any]:
    def timed(*args: Any, **named: Any) -> Any:
        start = time.process_time_ns()
        found = function(*args, **named)
        spent[label] += time.process_time_ns() - start
        return found

    return timed


def fetched(load: Load) -> list[bytes]:
    """The record batches of one partition, a fetch each."""
    encoder, values = Encoder(TOPICS[TOPIC], LOCAL_IDS), []
    for block in blocks(load, 0, TICKS):
        records, places = route(block, encoder.encode(block), PARTITIONS)
        values += records.take(np.flatnonzero(places == 0)).records()
    return [_batch(values[low : low + FETCH], 1 + low) for low in range(0, len(values), FETCH)]


def _batch(values: list[tuple[bytes | None, bytes, int]], first: int) -> bytes:
    builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, 1 << 30)
    for number, (key, value, ts) in enumerate(values):
        builder.append(number, ts, key, value, [])
    raw = bytearray(builder.build())
    raw[0:8] = first.to_bytes(8, "big")  # the base offset is no part of the checksum
    return bytes(raw)


def one_round(load: Load, batches: list[bytes], step: int) -> tuple[Counter[str], int]:
    """CPU nanoseconds by part, and how many records were read."""
    codec, one, spent, count = Codec(LOCAL_IDS), stage.TicksStage(0), Counter[str](), 0
    one.step(columns(TOPIC, 0, config(load.body())))
    start = time.process_time_ns()
    with clocked(spent):
        for raw in batches:
            found = frames.from_batches([raw])
            count += len(found)
            for at in range(0, len(found), step):
                outputs = one.step(codec.decode(TOPIC, found.cut(at, at + step), 0))
                for made in outputs.topics.values():
                    codec.encode(made)
        one.take_dirty()
    spent["all"] = time.process_time_ns() - start
    return spent, count


def main(per_minute: int = 6_000, symbols: int = 200, step: int = 65_536) -> None:
    """Print the table."""
    load = Load(per_minute, symbols)
    batches = fetched(load)
    spent, count = min((one_round(load, batches, step) for _ in range(ROUNDS)), key=lambda one: one[0]["all"])
    rest = spent["all"] - sum(spent[label] for label, _, _ in PARTS)
    sys.stdout.write(
        f"{symbols:,} symbols with {per_minute:,} ticks a minute, steps of {step:,}: ns a tick\n"
    )
    rows = [(label, spent[label]) for label, _, _ in PARTS]
    for label, figure in [*rows, ("the rest", rest), ("all", spent["all"])]:
        sys.stdout.write(f"{label:<44}{figure / count:>9.1f}{figure / spent['all']:>8.0%}\n")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
