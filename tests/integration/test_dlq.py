"""``barline dlq`` against running servers: what is listed, what is shown, and what comes back."""

import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from confluent_kafka import Consumer, TopicPartition

from barline.cli import main
from runtime.endpoints import Endpoints
from runtime.kafka import KafkaSettings, partition_counts
from runtime.producer import Producer
from runtime.reader import Reader
from schemas.codec import decode_record, encode_record, names_of
from schemas.partition import partition_of
from schemas.registry import register_all
from tests.eventually import eventually
from tests.factories import at, tick

pytestmark = pytest.mark.stack

FILE = Path(__file__).parents[2] / "barline.toml"


class Desk:
    """The command line, and topics to look into."""

    def __init__(self, endpoints: Endpoints, stage: str) -> None:
        self.kafka, self.endpoints, self.stage = KafkaSettings(endpoints.kafka), endpoints, stage
        assert self("topics", "apply", "--config", str(FILE)).exit_code == 0
        eventually(lambda: {"ticks.raw", "late", "dead-letters"} <= partition_counts(self.kafka, "t").keys())
        self.ids = register_all(endpoints.registry)
        self.partitions = partition_counts(self.kafka, "t")["ticks.raw"]
        reader = Reader(self.kafka, "t")
        self.before = reader.ends(["ticks.raw"])
        reader.close()

    def __call__(self, *words: str, text: str = "") -> Result:
        return CliRunner().invoke(main, words, env=self.endpoints.environment(), input=text)

    def tick(self, symbol: str, price: float) -> bytes:
        fields = {
            name: value
            for name, value in tick("2024-07-02T13:30", price, symbol=symbol).items()
            if name != "record"
        }
        return encode_record("Tick", self.ids["Tick"], fields)

    def refuse(
        self, topic: str, code: str, data: bytes, key: bytes | None = b"DLQ", partition: int = 1
    ) -> None:
        place = {"stage": self.stage, "topic": "ticks.raw", "partition": partition, "offset": 70}
        fields = {**place, "code": code, "detail": "must be better", "ts_event": at("2024-07-02T13:30"),
                  "key": key, "data": data}  # fmt: skip
        producer = Producer(self.kafka, "t")
        letter = encode_record("DeadLetter", self.ids["DeadLetter"], fields)
        producer.send(topic, key, letter, partition=0, timestamp_ms=1_000)
        producer.wait(30)
        producer.close()

    def lines(self, *words: str) -> list[dict[str, object]]:
        done = self("dlq", "show", "--agent", self.stage, *words)
        assert done.exit_code == 0, done.output
        return [json.loads(line) for line in done.stdout.splitlines()]

    def came_back(self) -> list[tuple[int, bytes | None, bytes, int, dict[str, bytes]]]:
        """Partition, key, value, timestamp and headers of what was put on ticks.raw since the beginning."""
        reader = Reader(self.kafka, "t")
        wanted = sum(end - self.before[place] for place, end in reader.ends(["ticks.raw"]).items())
        reader.close()
        client = Consumer(self.kafka.consumer("t", group=None, start="earliest"))
        client.assign([TopicPartition(*place, offset) for place, offset in self.before.items()])
        found = client.consume(wanted, 30.0) if wanted else []
        client.close()
        assert len(found) == wanted
        return [
            (one.partition(), one.key(), one.value(), one.timestamp()[1], dict(one.headers() or []))
            for one in found
            if one.error() is None
        ]


@pytest.fixture
def desk(stack: Endpoints, unique: Callable[[str], str]) -> Iterator[Desk]:
    return Desk(stack, unique("stage"))


def test_letters_are_found_by_topic_code_agent_and_time(desk: Desk):
    desk.refuse("dead-letters", "V03", desk.tick("DLQ", -1.0))
    desk.refuse("dead-letters", "V13", desk.tick("DLQ", 1e9))
    desk.refuse("late", "V09", desk.tick("DLQ", 1.0))
    assert sorted(str(line["code"]) for line in desk.lines()) == ["V03", "V09", "V13"]
    assert [line["code"] for line in desk.lines("--code", "V13")] == ["V13"]
    found = desk.lines("--code", "V0*", "--topic", "ticks.raw", "--to", "2024-07-03")
    assert sorted(str(line["code"]) for line in found) == ["V03", "V09"]
    assert desk.lines("--topic", "bars.raw") == desk.lines("--from", "2024-07-03") == []
    (one,) = desk.lines("--code", "V09")
    assert [line["code"] for line in desk.lines(str(one["id"]))] == ["V09"]
    printed = desk("dlq", "list", "--agent", desk.stage).stdout.splitlines()
    assert len(printed) == 3
    assert "ticks.raw/1/70" in printed[0]
    assert "must be better" in printed[0]


def test_a_letter_is_shown_with_its_fields_or_its_text_or_its_bytes(desk: Desk):
    desk.refuse("dead-letters", "V01", desk.tick("DLQ", math.nan))
    desk.refuse("dead-letters", "V01", b'{"price": 7}')
    desk.refuse("dead-letters", "V01", b"\x00\xff\xfe")
    first, second, third = desk.lines()
    assert (first["record"], first["fields"]["price"]) == ("Tick", "NaN")
    assert second["text"] == '{"price": 7}'
    assert not {"record", "fields", "text"} & third.keys()
    assert third["data"] == "AP/+"


def test_a_line_that_was_not_touched_brings_back_the_same_bytes(desk: Desk):
    values = [desk.tick("DLQ", math.nan), b"\x00\xff", b"plain text"]
    for value in values:
        desk.refuse("dead-letters", "V01", value, None if value == b"\x00\xff" else b"DLQ")
    text = "".join(json.dumps(line) + "\n" for line in desk.lines())
    dry = desk("dlq", "replay", "--dry-run", "-", text=text)
    assert (dry.exit_code, desk.came_back()) == (0, [])
    done = desk("dlq", "replay", "-", text=text)
    assert done.stdout == "3 records were put back, 0 of them mended\n"
    back = desk.came_back()
    assert [(place, key, value) for place, key, value, _, _ in back] == [
        (1, b"DLQ", values[0]), (1, None, values[1]), (1, b"DLQ", values[2]),
    ]  # fmt: skip
    ids = [line["id"] for line in desk.lines()]
    assert [headers["dead_letter"].decode() for *_, headers in back] == ids
    assert {headers["made_by"] for *_, headers in back} == {b"dlq"}
    assert {timestamp for *_, timestamp, _ in back} == {at("2024-07-02T13:30") // 1_000_000}


def test_a_mended_line_goes_where_its_key_belongs(desk: Desk):
    desk.refuse("dead-letters", "V02", desk.tick("WRONG", math.inf))
    (line,) = desk.lines()
    line["fields"] |= {"symbol": "RIGHT", "price": 12.5}  # type: ignore[operator]
    done = desk("dlq", "replay", "-", text=json.dumps(line))
    ((place, key, value, _, _),) = desk.came_back()
    assert done.stdout == "1 records were put back, 1 of them mended\n"
    assert (place, key) == (partition_of(b"RIGHT", desk.partitions), b"RIGHT")
    record, fields = decode_record(value, names_of(desk.ids))
    assert (record, fields["symbol"], fields["price"], fields["size"]) == ("Tick", "RIGHT", 12.5, 1.0)


@pytest.mark.parametrize(
    ("change", "said", "code"),
    [
        ({"fields": {"symbol": 5}}, "must follow its schema", 5),
        ({"topic": "nowhere"}, "topic must be there, was 'nowhere'/1", 5),
        ({"partition": 99}, "topic must be there, was 'ticks.raw'/99", 5),
        ({"fields": {"symbol": {"base64": "?"}}, "record": "Line"}, "must follow its schema", 5),
        ({"record": "Tock"}, "record must be a known type, was 'Tock'", 5),
        ({"data": "?"}, "line must be one of `barline dlq show`", 1),
    ],
)
def test_nothing_is_sent_unless_every_line_can_be(
    desk: Desk, change: dict[str, object], said: str, code: int
):
    desk.refuse("dead-letters", "V03", desk.tick("DLQ", -1.0))
    (line,) = desk.lines()
    done = desk("dlq", "replay", "-", text=json.dumps(line) + "\n" + json.dumps({**line, **change}))
    assert said in done.stderr
    assert done.exit_code == code
    assert desk.came_back() == []
