"""A file played to real Kafka: every record in the partition of its key, every heartbeat in all of them."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from runtime.endpoints import Endpoints
from runtime.kafka import KafkaSettings
from runtime.reader import Partition, Reader
from schemas.codec import decode_record, names_of
from schemas.partition import partition_of
from schemas.registry import registered
from tests.factories import Record, at

pytestmark = pytest.mark.stack

CONFIG = """
[sources]
files = { topic = "ticks.raw" }
"files.bars" = { topic = "bars.raw" }
[symbols]
PLAYED-A = { asset = "equity", calendar = "XNYS", sources = ["files"] }
PLAYED-B = { asset = "equity", calendar = "XNYS", sources = ["files"] }
"""
TICKS = """symbol,time,price,size
PLAYED-A,2024-07-02T13:30:00.5Z,10.5,100
PLAYED-B,2024-07-02T13:30:01.5Z,20.5,100
PLAYED-A,never,1,1
PLAYED-A,2024-07-02T13:31:02.5Z,10.75,50
"""


def barline(endpoints: Endpoints, home: Path, *words: str) -> str:
    """What a command prints; it must end well."""
    environment = {**os.environ, **endpoints.environment(), "BARLINE_HOME": str(home)}
    line = [sys.executable, "-m", "barline.cli", *words]
    done = subprocess.run(line, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def ends_now(endpoints: Endpoints) -> dict[Partition, int]:
    """Where the partitions of ticks.raw end."""
    reader = Reader(KafkaSettings(endpoints.kafka), "test")
    found = reader.ends(["ticks.raw"])
    reader.close()
    return found


def recorded(
    endpoints: Endpoints, begin: Mapping[Partition, int]
) -> Iterator[tuple[int, bytes | None, bytes]]:
    """Partition, key and value of everything on ticks.raw that came after other tests' records."""
    reader = Reader(KafkaSettings(endpoints.kafka), "test")
    ends = reader.ends(["ticks.raw"])
    waiting = {place for place, end in ends.items() if end > begin[place]}
    reader.assign({place: begin[place] for place in waiting})
    while waiting:
        for place, records in reader.read(5.0).items():
            yield from ((place.number, record.key, record.value or b"") for record in records)
            if records[-1].offset >= ends[place] - 1:
                waiting.discard(place)
    reader.close()


def test_a_played_file_stands_in_the_partitions_of_its_keys(stack: Endpoints, tmp_path: Path):
    (tmp_path / "barline.toml").write_text(CONFIG)
    (tmp_path / "ticks.csv").write_text(TICKS)
    said = ["--config", str(tmp_path / "barline.toml")]
    barline(stack, tmp_path, "init", *said, "--no-configuration")
    begin = ends_now(stack)
    barline(stack, tmp_path, "source", "play", *said, "--ticks", str(tmp_path / "ticks.csv"))
    names = names_of(registered(stack.registry))
    found: list[tuple[int, Record]] = []
    raw: list[bytes] = []
    for partition, key, value in recorded(stack, begin):
        if b"never" in value:
            raw.append(value)
            continue
        name, fields = decode_record(value, names)
        if str(fields.get("symbol", "")).startswith("PLAYED"):
            assert partition == partition_of(key or b"", 4)
        found.append((partition, {"record": name, **fields}))
    ticks = [row for _, row in found if str(row.get("symbol", "")).startswith("PLAYED")]
    assert sorted(row["price"] for row in ticks) == [10.5, 10.75, 20.5]
    assert raw == [b"PLAYED-A,never,1,1"]
    beats = [
        (partition, row["ts"])
        for partition, row in found
        if row["record"] == "Heartbeat" and row["source"] == "files"
    ]
    for second in ("2024-07-02T13:30:01", "2024-07-02T13:31:00", "2024-07-02T20:01:00"):
        assert {partition for partition, ts in beats if ts == at(second)} == {0, 1, 2, 3}


def test_a_configuration_applied_stands_in_every_partition(stack: Endpoints, tmp_path: Path):
    (tmp_path / "barline.toml").write_text(CONFIG)
    said = ["--config", str(tmp_path / "barline.toml")]
    barline(stack, tmp_path, "init", *said, "--no-configuration")
    begin = ends_now(stack)
    barline(stack, tmp_path, "config", "apply", *said, "--version", "4242")
    names = names_of(registered(stack.registry))
    places = set()
    for partition, _, value in recorded(stack, begin):
        if b"never" not in value:
            name, fields = decode_record(value, names)
            if name == "Config" and fields["version"] == 4242:
                places.add(partition)
    assert places == {0, 1, 2, 3}
