"""A dead letter as one line of JSON that can be read, mended and sent.

What stood in the log is shown by its fields where its bytes can be read, else by its text, else in base64::

    {"id": "dead-letters/0/7", "code": "V03", "detail": "price must be above 0", ..., "record": "Tick",
     "fields": {"symbol": "SPY", "price": -1.0, ...}, "data": "AAAAAAEG..."}

A line that is sent as it was shown gives the very bytes of ``data``; one whose ``fields`` or ``text`` were
changed gives those instead.
"""

import base64
import json
import math
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from barline.dlq.letters import Letter
from schemas.codec import decode_record, encode_record
from schemas.errors import SchemaError, SourceError
from schemas.partition import partition_of
from schemas.records import Op, record_type

_FLOATS: Final = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


class Mended(NamedTuple):
    """A record to be put back."""

    id: str
    topic: str
    partition: int
    key: bytes | None
    value: bytes
    timestamp_ms: int
    changed: bool


def shown(letter: Letter, names: Mapping[int, str]) -> dict[str, Any]:
    """A letter as JSON can say it."""
    head: dict[str, Any] = letter._asdict()
    head["key"] = None if letter.key is None else _text(letter.key)
    head["data"] = base64.b64encode(letter.data).decode()
    return {**head, **_content(letter.data, names)}


def _content(data: bytes, names: Mapping[int, str]) -> dict[str, Any]:
    """What bytes say, as far as they can be read."""
    try:
        record, fields = decode_record(data, names)
    except SchemaError:
        text = _text(data)
        return {"text": text} if isinstance(text, str) and text.isprintable() else {}
    return {"record": record, "fields": {name: _plain(value) for name, value in fields.items()}}


def _text(data: bytes) -> str | dict[str, str]:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(data).decode()}


def _plain(value: object) -> Any:
    """A field as JSON can say it; no number stands for NaN or infinity there."""
    if isinstance(value, bytes):
        return _text(value)
    if isinstance(value, float) and not math.isfinite(value):
        return next(name for name, number in _FLOATS.items() if number == value or math.isnan(value))
    return value


def mended(line: str, where: str, ids: Mapping[str, int], partitions: Mapping[str, int]) -> Mended:
    """The record that a line asks for.

    Args:
        line: as ``shown`` gave it, changed or not.
        where: what errors call it.
        ids: schema ids by record type.
        partitions: of every topic.

    Raises:
        SourceError: the line is none of those.
        SchemaError: its fields are no such record, or its place is none.
    """
    try:
        said = json.loads(line)
        before = _as_it_stood(said)
        names = {number: record for record, number in ids.items()}
        changed = _differ(said, _content(before.value, names))
        after = before._replace(changed=changed)
        if changed and said.get("fields") is not None:
            after = _encoded(said, after, ids, partitions)
        elif changed and "text" in said:
            after = after._replace(value=_bytes(said["text"]))
    except (ValueError, TypeError, KeyError) as error:
        raise SourceError(
            f"line must be one of `barline dlq show`, was wrong: {error!r} ({where})"
        ) from error
    if not 0 <= after.partition < partitions.get(after.topic, 0):
        raise SchemaError(f"topic must be there, was {after.topic!r}/{after.partition} ({where})")
    return after


def _as_it_stood(said: dict[str, Any]) -> Mended:
    key = None if said["key"] is None else _bytes(said["key"])
    data, ts_ms = base64.b64decode(said["data"], validate=True), int(said["ts_event"]) // 1_000_000
    return Mended(
        str(said["id"]), str(said["topic"]), int(said["partition"]), key, data, ts_ms, changed=False
    )


def _differ(said: Mapping[str, Any], before: Mapping[str, Any]) -> bool:
    return any(said.get(part) != before.get(part) for part in ("record", "fields", "text"))


def _encoded(
    said: dict[str, Any], before: Mended, ids: Mapping[str, int], partitions: Mapping[str, int]
) -> Mended:
    """A record from its changed fields; key, partition and timestamp follow them."""
    record = str(said.get("record"))
    if record not in ids:
        raise SchemaError(f"record must be a known type, was {record!r} ({before.id})")
    kind = record_type(record)
    fields = dict(said["fields"])
    for field in kind.fields:
        value = fields.get(field.name)
        if field.is_bytes and value is not None:
            fields[field.name] = _bytes(value)
        elif field.op == Op.DOUBLE and isinstance(value, str):
            fields[field.name] = _FLOATS.get(value, value)
    value = encode_record(record, ids[record], fields)
    key, place = before.key, before.partition
    if kind.key and before.topic in partitions:
        cell = fields[kind.key]
        key = cell if isinstance(cell, bytes) else str(cell).encode()
        place = partition_of(key, partitions[before.topic])
    ts = int(str(fields[kind.event_time])) // 1_000_000 if kind.event_time else before.timestamp_ms
    return before._replace(partition=place, key=key, value=value, timestamp_ms=ts)


def _bytes(value: object) -> bytes:
    if isinstance(value, dict):
        return base64.b64decode(str(value["base64"]), validate=True)
    return str(value).encode()
