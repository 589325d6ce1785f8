"""A mode that was unknown: its configuration is added by hand, and what was ignored comes in."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runtime.endpoints import Endpoints
from runtime.kafka import KafkaSettings
from runtime.producer import Producer
from schemas.codec import LOCAL_NAMES, encode_record
from schemas.registry import registered
from streams.core.lines.stage import LinesStage
from tests.eventually import eventually
from tests.factories import Record, columns, rows_of
from tests.line_factories import equity, line, mode_unknown, run_end
from tests.line_servers import Watch, barline, running

pytestmark = pytest.mark.stack

Unique = Callable[[str], str]


class Worker:
    """The stage over records of one partition; its dead letters go to Kafka."""

    def __init__(self, endpoints: Endpoints) -> None:
        self._endpoints = endpoints
        self._stage = LinesStage(0)
        self._offset = 0
        self.equity: list[tuple[Any, ...]] = []
        self.ends: list[tuple[str, bool]] = []

    def take(self, *records: Record) -> None:
        outputs = self._stage.step(columns("lines.raw", 0, *records, first_offset=self._offset))
        self._offset += len(records)
        for row in rows_of(outputs.topics["equity"]) if "equity" in outputs.topics else []:
            if row["record"] == "Equity":
                self.equity.append((row["strand_id"], row["ts_event"] // 10**9, row["equity"]))
            else:
                self.ends.append((row["strand_id"], row["replace"]))
        if "dead-letters" in outputs.topics:
            self._bury(rows_of(outputs.topics["dead-letters"]))

    def _bury(self, letters: list[Record]) -> None:
        ids = registered(self._endpoints.registry)
        producer = Producer(KafkaSettings(self._endpoints.kafka), "test")
        for letter in letters:
            fields = {**letter, "data": self._rewritten(letter["data"], ids)}
            fields.pop("record")
            body = encode_record("DeadLetter", ids["DeadLetter"], fields)
            producer.send("dead-letters", letter["key"], body, partition=0, timestamp_ms=1)
            producer.send("dead-letters", letter["key"], body, partition=0, timestamp_ms=1)  # a repeat
        producer.wait()
        producer.close()

    @staticmethod
    def _rewritten(value: bytes, ids: dict[str, int]) -> bytes:
        """With the schema ids of this registry instead of those of the factory."""
        return value[:1] + ids[LOCAL_NAMES[int.from_bytes(value[1:5], "big")]].to_bytes(4, "big") + value[5:]


@pytest.fixture(scope="module")
def servers(stack: Endpoints, tmp_path_factory: pytest.TempPathFactory) -> Endpoints:
    """The stack with topics, schemas and tables."""
    barline(stack, tmp_path_factory.mktemp("init"), "init", "--no-configuration")
    return stack


def test_lines_that_were_ignored_come_in_after_their_mode_was_added(
    servers: Endpoints, tmp_path: Path, unique: Unique
) -> None:
    mode, watch, worker = unique("m'; DROP"), Watch(servers), Worker(servers)
    early = [line(mode, number, equity(number % 3), ts=1_720_000_000 + number) for number in range(1, 6)]
    worker.take(early[0], early[1], mode_unknown(mode), *early[2:], run_end(mode, 5))
    assert worker.equity == []

    said = barline(
        servers, tmp_path, "modes", "add", mode, "--strand", "s1", "--not-live", "--data", '{"a": 1}'
    )
    assert said == f"{mode}: version 1 of s1 is stored and in force\n"
    shown = json.loads(barline(servers, tmp_path, "modes", "show", mode))
    assert (shown["strand_id"], shown["live"], shown["config"]) == ("s1", False, {"a": 1})
    assert f"{mode}  s1  not live  version 1" in barline(servers, tmp_path, "modes", "list")
    [configured] = eventually(lambda: watch.of(mode))
    worker.take(configured, line(mode, 6, equity(2), ts=1_720_000_006))
    assert worker.equity == [("s1", 1_720_000_006, 2.0)]

    for expected in (5, 0):
        assert barline(servers, tmp_path, "lines", "replay", "--mode", mode) == "6 records sent again\n"
        sent = eventually(lambda: found if len(found := watch.of(mode)[1:]) % 6 == 0 and found else None)
        before = len(worker.equity)
        worker.take(*sent[-6:])
        assert len(worker.equity) - before == expected
    assert worker.equity[1:] == [("s1", 1_720_000_000 + n, float(n % 3)) for n in range(1, 6)]
    assert worker.ends == [("s1", False)] * 2
    watch.close()


def test_files_sent_again_replace_their_runs(servers: Endpoints, tmp_path: Path, unique: Unique) -> None:
    mode, watch, worker = unique("m"), Watch(servers), Worker(servers)
    texts = [
        {"type": "strand_started", "strand_id": "s", "mode": mode, "config": {"live": False}},
        *({"timestamp": 1_720_000_000 + n, "mode": mode, "value": equity(7)} for n in range(3)),
        {"timestamp": 1_720_000_009, "mode": "other", "value": equity(7)},
    ]
    path = tmp_path / "x.jsnl"
    path.write_text("".join(json.dumps(text) + "\n" for text in texts))
    for turn in (1, 2):
        assert (
            barline(servers, tmp_path, "lines", "replay", "--mode", mode, str(path))
            == "5 records sent again\n"
        )
        sent = eventually(lambda turn=turn: found if len(found := watch.of(mode)) == 5 * turn else None)
        worker.take(*sent[-5:])
    assert worker.equity == [("s", 1_720_000_000, 7.0)] * 2
    assert worker.ends == [("s", True)] * 2
    watch.close()


def test_a_follower_is_healthy_counts_and_keeps_others_away(servers: Endpoints, tmp_path: Path) -> None:
    import socket  # noqa: PLC0415
    import subprocess  # noqa: PLC0415
    import urllib.request  # noqa: PLC0415

    from tests.line_servers import command  # noqa: PLC0415

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (tmp_path / "x.jsnl").write_text(json.dumps({"mode": "m", "timestamp": 1, "value": {}}) + "\n{half")

    def page(name: str) -> str:
        try:
            return str(urllib.request.urlopen(f"http://127.0.0.1:{port}/{name}").read(), "utf-8")
        except OSError:
            return ""

    with running(servers, tmp_path, "lines", "follow", "--port", str(port), str(tmp_path / "x.jsnl")):
        eventually(lambda: '"ok"' in page("ready"), timeout_s=90)
        eventually(lambda: "barline_lines_records_total 1.0" in page("metrics"))
        # The gauges are set at the next reading of the directory, which may be after the first record.
        eventually(lambda: "barline_lines_files 1.0" in page("metrics"))
        eventually(lambda: "barline_lines_unread_bytes 5.0" in page("metrics"))
        second, environment = command(servers, tmp_path, "lines", "follow", str(tmp_path))
        done = subprocess.run(
            second, env=environment, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 3
        assert "kept by one follower" in done.stderr
