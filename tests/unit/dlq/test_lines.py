"""A letter of a stage as a line of JSON: shown, mended, and taken up by the stage that refused it."""

import json

import pytest

from barline.dlq.letters import Letter
from barline.dlq.lines import Mended, mended, shown
from schemas.codec import LOCAL_IDS, LOCAL_NAMES
from schemas.columns import Columns
from schemas.errors import SourceError
from schemas.topics import TOPICS
from streams.core.ticks.stage import TicksStage
from tests.factories import Record, columns, config, domain, heartbeat, raw, rows_of, tick

COUNTS = dict.fromkeys(TOPICS, 4)


def letters(columns_: Columns) -> list[Letter]:
    rows = rows_of(columns_, "DeadLetter")
    fields = [{name: value for name, value in row.items() if name != "record"} for row in rows]
    return [Letter(f"dead-letters/0/{number}", **one) for number, one in enumerate(fields)]


def line_of(letter: Letter, **fields: object) -> str:
    said = shown(letter, LOCAL_NAMES)
    return json.dumps({**said, "fields": {**said["fields"], **fields}})


def back(stage: TicksStage, offset: int, *lines: str) -> dict[str, int]:
    made: list[Mended] = [mended(line, "here", LOCAL_IDS, COUNTS) for line in lines]
    values = [raw(one.value, one.key, one.timestamp_ms) for one in made]
    outputs = stage.step(columns("ticks.raw", 0, *values, first_offset=offset))
    return dict(outputs.counts)


def test_a_mended_record_is_admitted_by_the_stage_that_refused_it():
    stage = TicksStage(0)
    bad = tick("2024-07-02T13:30:01", -10.0, trade_id="a")
    outputs = stage.step(columns("ticks.raw", 0, config(domain()), heartbeat("2024-07-02T13:30"), bad))
    (letter,) = letters(outputs.topics["dead-letters"])
    assert (letter.code, letter.topic, letter.offset) == ("V03", "ticks.raw", 2)
    assert back(stage, 3, line_of(letter))["rejected.V03"] == 1
    assert back(stage, 4, line_of(letter, price=10.0))["out"] == 1
    assert back(stage, 5, line_of(letter, price=10.0))["duplicate"] == 1


def test_text_named_like_a_number_stays_text():
    letter = letters(refused(tick("2024-07-02T13:30:01", -1.0, trade_id="NaN")))[0]
    one = mended(line_of(letter, symbol="Infinity", price="-Infinity"), "here", LOCAL_IDS, COUNTS)
    again = shown(letter._replace(data=one.value), LOCAL_NAMES)
    assert again["fields"]["trade_id"] == "NaN"
    assert (one.key, again["fields"]["price"]) == (b"Infinity", "-Infinity")


@pytest.mark.parametrize("part", [{"fields": 5}, {"fields": {}, "record": "Line"}, {"key": {"base": ""}}])
def test_a_line_that_is_none_is_refused_in_words(part: dict[str, object]):
    said = shown(letters(refused(tick("2024-07-02T13:30:01", -1.0)))[0], LOCAL_NAMES)
    with pytest.raises(Exception, match="must ") as caught:
        mended(json.dumps({**said, **part}), "letters.jsonl:1", LOCAL_IDS, COUNTS)
    assert type(caught.value).__module__ == SourceError.__module__


def test_bytes_that_are_no_record_come_back_as_mended_text():
    letter = letters(refused(raw(b'{"price": 1')))[0]
    said = shown(letter, LOCAL_NAMES)
    whole = mended(json.dumps(said), "here", LOCAL_IDS, COUNTS)
    assert (whole.value, whole.changed) == (b'{"price": 1', False)
    cured = mended(json.dumps({**said, "text": '{"price": 1}'}), "here", LOCAL_IDS, COUNTS)
    assert (cured.value, cured.changed) == (b'{"price": 1}', True)


def refused(record: Record) -> Columns:
    outputs = TicksStage(0).step(
        columns("ticks.raw", 0, config(domain()), heartbeat("2024-07-02T13:30"), record)
    )
    return outputs.topics["dead-letters"]
