"""Lines a second and core: the ``lines`` stage, plain loops, a stock Faust agent, and ``lines follow``.

Run with ``python -m tests.benchmarks.bench_lines``. All read the same lines of 60 modes in 200 files, over 4
partitions: nine of ten hold one equity item, some two and a trade; 1 % are broken. The stage gets record
batches as a worker does and is timed alone, and with the Avro of its inputs and outputs. Faust runs as its
own process on Kafka, over fewer lines; what is counted is its CPU time. The follower reads the same lines in
200 files, and sends them.
"""

import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import click
import numpy as np
from confluent_kafka.admin import NewTopic

from barline.stack import Stack, running
from connectors.sources.jsnl import LinesSource
from connectors.sources.publish import Publisher
from runtime.kafka import KafkaSettings
from runtime.producer import Producer
from schemas.batches.decode import Decoder
from schemas.batches.encode import Encoder
from schemas.batches.frames import Frames, from_records
from schemas.codec import LOCAL_IDS, LOCAL_NAMES, decode_record, encode_record
from schemas.partition import partition_of
from schemas.topics import TOPICS
from streams.core.lines.stage import LinesStage

COUNT: Final = 400_000
FAUST_COUNT: Final = 20_000
MODES: Final = 60
FILES: Final = 200
PARTITIONS: Final = 4
BATCH: Final = 10_000
T0: Final = 1_720_000_000

Record = tuple[bytes, bytes]


def made(count: int = COUNT) -> list[Record]:
    """Keys and values of records: a configuration of each mode, then lines."""
    pick, numbers = random.Random(7), [0] * FILES
    records = [
        _record("ModeConfig", f"mode{mode}", strand_id="s", component="", file_id="", line=0, scanned=False,
                ts_event=0, live=bool(mode % 2), data="{}", version=1)
        for mode in range(MODES)
    ]  # fmt: skip
    for place in range(count):
        file = pick.randrange(FILES)
        mode = f"mode{file % MODES}"
        numbers[file] += 1
        text = _text(pick, mode, place)
        records.append(
            _record("Line", mode, file_id=f"file{file}", file="x.jsnl", line=numbers[file],
                    ts_event=T0 * 10**9, data=text, detail="")
        )  # fmt: skip
    return records


def _record(record: str, mode: str, **fields: Any) -> Record:
    return mode.encode(), encode_record(record, LOCAL_IDS[record], {"mode": mode, **fields})


def _read(value: bytes) -> tuple[str, dict[str, Any]]:
    return decode_record(value, LOCAL_NAMES)


def _text(pick: random.Random, mode: str, place: int) -> bytes:
    if place % 100 == 0:
        return b'{"mode": "' + mode.encode() + b'", "timest'
    item = {"t": "e", "equity": round(pick.gauss(100_000, 5_000), 2), "b": pick.choice(["ib", "oanda"])}
    value: Any = item
    if place % 10 == 5:
        value = [
            item,
            {**item, "b": "paper"},
            {"t": "open", "instrument": "EUR/USD", "price": 1.0735, "units": 5},
        ]
    said = {"log_id": place, "timestamp": T0 + place / 10, "mode": mode, "component": "c", "value": value}
    return json.dumps(said).encode()


def frames_of(records: list[Record]) -> Iterator[tuple[int, Frames]]:
    """Partition and batch, the partitions in turn."""
    parts: list[list[Record]] = [[] for _ in range(PARTITIONS)]
    for key, value in records:
        parts[partition_of(key, PARTITIONS)].append((key, value))
    for at in range(0, max(map(len, parts)), BATCH):
        for number, own in enumerate(parts):
            batch = own[at : at + BATCH]
            if batch:
                yield number, from_records([(at + n, T0, *record) for n, record in enumerate(batch)])


def staged(frames: list[tuple[int, Frames]]) -> tuple[float, float, int]:
    """Seconds for everything, for the stages alone, and rows of equity."""
    decoder = Decoder(TOPICS["lines.raw"], LOCAL_NAMES)
    encoders = {name: Encoder(topic, LOCAL_IDS) for name, topic in TOPICS.items()}
    stages, alone, rows = [LinesStage(number) for number in range(PARTITIONS)], 0.0, 0
    begin = time.process_time()
    for number, frame in frames:
        columns = decoder.decode(frame, number)
        before = time.process_time()
        outputs = stages[number].step(columns)
        alone += time.process_time() - before
        for name, found in outputs.topics.items():
            encoders[name].encode(found)
        rows += len(outputs.topics["equity"]) if "equity" in outputs.topics else 0
    return time.process_time() - begin, alone, rows


def plain(lines: list[tuple[bytes, bytes]]) -> tuple[float, int]:
    """Seconds for a loop that reads lines into dicts of equity, and its rows."""
    last: dict[tuple[bytes, str], float] = {}
    rows: list[dict[str, Any]] = []
    begin = time.process_time()
    for key, text in lines:
        try:
            said = json.loads(text)
            ts, value = int(float(said["timestamp"]) * 1e9), said["value"]
            for item in value if isinstance(value, list) else [value]:
                if item["t"] == "e" and last.get((key, item.get("b", ""))) != item["equity"]:
                    last[key, item.get("b", "")] = item["equity"]
                    rows.append(
                        {"mode": key, "broker": item.get("b", ""), "ts": ts, "equity": item["equity"]}
                    )
        except (ValueError, KeyError, TypeError):
            continue
    return time.process_time() - begin, len(rows)


def full(records: list[Record]) -> tuple[float, int]:
    """Seconds for a loop that does what the stage does, Avro by fastavro, and its rows of equity."""
    configs: dict[str, dict[str, Any]] = {}
    used: dict[tuple[str, str], int] = {}
    last: dict[tuple[str, str, str], float] = {}
    out: list[bytes] = []
    rows, begin = 0, time.process_time()
    for offset, (_, value) in enumerate(records):
        kind, said = _read(value)
        mode = said["mode"]
        if kind == "ModeConfig":
            configs[mode] = said
            continue
        if said["line"] <= used.get((mode, said["file_id"]), 0):
            continue
        used[mode, said["file_id"]] = said["line"]
        try:
            line, config = json.loads(said["data"]), configs[mode]
            common = {"mode": mode, "strand_id": config["strand_id"], "live": config["live"],
                      "ts_event": int(float(line["timestamp"]) * 1e9), "lines_offset": offset}  # fmt: skip
            items = line["value"] if isinstance(line["value"], list) else [line["value"]]
            for place, item in enumerate(items):
                broker = item.get("b", "")
                if item["t"] != "e":
                    fields = {**common, "type": item["t"], "item": place, "data": json.dumps(item)}
                    out.append(encode_record("Trade", LOCAL_IDS["Trade"], fields))
                elif last.get((mode, config["strand_id"], broker)) != item["equity"]:
                    last[mode, config["strand_id"], broker] = item["equity"]
                    fields = {**common, "broker": broker, "equity": item["equity"]}
                    out.append(encode_record("Equity", LOCAL_IDS["Equity"], fields))
                    rows += 1
        except (ValueError, KeyError, TypeError):
            continue
    return time.process_time() - begin, rows


def followed(stack: Stack, lines: list[tuple[bytes, bytes]], home: Path) -> tuple[float, float]:
    """CPU seconds to read files of lines into records, and to bring them to Kafka, librdkafka included."""
    texts: list[list[bytes]] = [[] for _ in range(FILES)]
    for place, (_, text) in enumerate(lines):
        texts[place * FILES // len(lines)].append(text)
    for number, own in enumerate(texts):
        (home / f"{number}.jsnl").write_bytes(b"\n".join([*own, b""]))
    kafka, encoder = KafkaSettings(stack.endpoints.kafka), Encoder(TOPICS["lines.raw"], LOCAL_IDS)
    create(kafka, "lines.raw")
    producer = Producer(kafka, "bench")
    publish = Publisher(producer, LOCAL_IDS, PARTITIONS, "bench").publish
    reads = []
    for _ in range(2):  # the first one loads the kernels, too
        begin, count = time.process_time(), 0
        for block in LinesSource([home]).poll(final=True):
            count += len(encoder.encode(block))
        reads.append(time.process_time() - begin)
    begin = time.process_time()
    sent = sum(map(publish, LinesSource([home]).poll(final=True)))
    producer.wait()
    whole = time.process_time() - begin
    producer.close()
    assert sent == count >= len(lines), "every line must be sent"
    return min(reads), whole


def create(kafka: KafkaSettings, topic: str) -> None:
    """Make a topic."""
    admin = kafka.admin("bench")
    for future in admin.create_topics([NewTopic(topic, PARTITIONS, 1)]).values():
        future.result(30)


def faust(stack: Stack, lines: list[tuple[bytes, bytes]]) -> tuple[float, int]:
    """CPU seconds of a stock Faust agent, and its rows of equity."""
    kafka, topic = KafkaSettings(stack.endpoints.kafka), "bench-lines"
    create(kafka, topic)
    producer = Producer(kafka, "bench")
    for key, text in lines:
        producer.send(topic, key, text, partition=partition_of(key, PARTITIONS), timestamp_ms=T0)
    producer.wait()
    producer.close()
    call = [sys.executable, "-W", "ignore", "-m", "tests.benchmarks.faust_lines"]
    said = subprocess.run(
        [*call, stack.endpoints.kafka, topic, str(len(lines))],
        stdout=subprocess.PIPE, text=True, check=True, timeout=300,
    ).stdout.split()  # fmt: skip
    return float(said[-2]), int(said[-1])


def main() -> None:
    """Print a table."""
    records = made()
    frames = list(frames_of(records))
    staged(frames[:PARTITIONS])
    count = len(records) - MODES
    lines = [(key, _read(value)[1]["data"]) for key, value in records[MODES:]]
    found = [staged(frames) for _ in range(3)]
    loop = min((plain(lines) for _ in range(2)), key=lambda one: one[0])
    same = full(records)
    with tempfile.TemporaryDirectory() as home, running(Path(home) / "stack") as stack:
        few = faust(stack, lines[:FAUST_COUNT])
        (folder := Path(home) / "lines").mkdir()
        read, sent = followed(stack, lines, folder)
    assert found[0][2] == loop[1] == same[1], "all must put out the same rows"
    assert few[1] == plain(lines[:FAUST_COUNT])[1], "all must put out the same rows"
    figures: list[tuple[str, float]] = [
        ("lines stage alone (columns in, columns out)", min(one[1] for one in found) / count),
        ("lines stage with Avro in and out", min(one[0] for one in found) / count),
        ("plain loop: json.loads, dict, equity only", loop[0] / count),
        ("plain loop: the same job, Avro in and out", same[0] / count),
        (f"stock Faust agent, equity only ({FAUST_COUNT} lines)", few[0] / FAUST_COUNT),
        ("lines follow: files to records", read / count),
        ("lines follow: files to Kafka", sent / count),
    ]
    click.echo(f"{count} lines, {np.mean([len(value) for _, value in records]):.0f} bytes a record, CPU time")
    click.echo(f"{'':<52}{'lines/s':>12}{'ns/line':>10}{'times the stage':>18}")
    for name, seconds in figures:
        ratio = seconds / figures[0][1]
        click.echo(f"{name:<52}{1 / seconds:>12,.0f}{seconds * 1e9:>10.0f}{ratio:>18.1f}")


if __name__ == "__main__":
    main()
