"""Commands as processes on real servers, and what comes on ``lines.raw``."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from runtime.endpoints import Endpoints
from runtime.kafka import KafkaSettings
from runtime.reader import Reader
from schemas.codec import decode_record, names_of
from schemas.partition import partition_of
from schemas.registry import registered
from tests.factories import Record


def command(endpoints: Endpoints, home: Path, *words: str) -> tuple[list[str], dict[str, str]]:
    environment = {**os.environ, **endpoints.environment(), "BARLINE_HOME": str(home)}
    return [sys.executable, "-m", "barline.cli", *words], environment


def barline(endpoints: Endpoints, home: Path, *words: str) -> str:
    """What a command prints; it must end well."""
    line, environment = command(endpoints, home, *words)
    done = subprocess.run(line, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextmanager
def running(endpoints: Endpoints, home: Path, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    """A command that goes on until the end of the block, and then ends well unless it was killed."""
    line, environment = command(endpoints, home, *words)
    with subprocess.Popen(line, env=environment) as process:
        try:
            yield process
        finally:
            process.terminate()
        assert process.wait(30) in {0, -signal.SIGKILL}


class Watch:
    """What has come on lines.raw so far."""

    def __init__(self, endpoints: Endpoints) -> None:
        self._names = names_of(registered(endpoints.registry))
        self._reader = Reader(KafkaSettings(endpoints.kafka), "test")
        self._reader.assign_from_beginning(["lines.raw"])
        self._rows: list[Record] = []

    def of(self, *modes: str) -> list[Record]:
        """The records of some modes, in the order of their logs."""
        for partition, records in self._reader.read(0.2).items():
            for record in records:
                kind, fields = decode_record(record.value or b"", self._names)
                assert fields.get("mode") is None or partition.number == partition_of(record.key or b"", 4)
                self._rows.append({"record": kind, **fields})
        return [row for row in self._rows if row.get("mode") in modes]

    def close(self) -> None:
        self._reader.close()
