"""The lines of strategy files ("JSNL": one JSON object a line), as sources and the ``lines`` stage read them.

Nothing here raises on bad input: what cannot be read is a ``Rejected`` with its code. A key that is read must
stand once in its object; what else an object holds is kept as text and not looked into. Values stay raw JSON
until they are asked for, so reading a line costs one pass.
"""

import json
import re
from collections.abc import Iterator
from typing import Final

import msgspec

STRAND_STARTED: Final = "strand_started"
"""Type of a line that carries a configuration."""

END_MARKERS: Final = ("strand_finished", "strand_stopped", "strand_ended")
"""Types of a line that ends a run."""

AGAIN: Final = "again:"
"""Begins the id of a file whose lines are sent again; its runs begin anew."""

TEXT_LIMIT: Final = 1_024
"""Longest mode, strand, component, broker or item type, in bytes of UTF-8."""

DEPTH_LIMIT: Final = 64
"""Deepest nesting of a line."""

_NONE: Final = msgspec.Raw(b"")
_DECIMALS: Final = 64
_NUMBER: Final = re.compile(rb"(\d{1,10})(?:\.(\d+))?(?:[eE]([+-]?\d{1,2}))?")
_STRUCTURE: Final = re.compile(rb'"(?:[^"\\]|\\.)*+"?|[\[{]|[\]}]', re.DOTALL)
_STARTED_KEYS: Final = ("strand_id", "component", "config")
_KEYS: Final = ("type", "mode", "timestamp", "value")
_QUOTED: Final = {key: b'"%b"' % key.encode() for key in (*_KEYS, *_STARTED_KEYS, "t", "equity", "b")}


class Rejected(msgspec.Struct, frozen=True):
    """Why a line or an item was refused.

    Attributes:
        code: ``json``, ``object``, ``duplicate_key``, ``mode``, ``timestamp``, ``value``, ``type``, ``item``
            or ``config``.
        detail: for people.
    """

    code: str
    detail: str


class Fields(msgspec.Struct):
    """The keys of a line that are read, each as raw JSON, empty where absent."""

    type: msgspec.Raw = _NONE
    mode: msgspec.Raw = _NONE
    timestamp: msgspec.Raw = _NONE
    value: msgspec.Raw = _NONE
    strand_id: msgspec.Raw = _NONE
    component: msgspec.Raw = _NONE
    config: msgspec.Raw = _NONE


class Started(msgspec.Struct, frozen=True):
    """What a ``strand_started`` line says.

    Attributes:
        mode: the mode.
        strand_id: the run.
        component: who wrote it, empty where absent.
        ts_event: its time in nanoseconds, 0 where absent.
        live: ``config.live``, else whether the designator is ``strand_live``.
        data: the ``config`` object as it stands.
    """

    mode: str
    strand_id: str
    component: str
    ts_event: int
    live: bool
    data: bytes


class _Switches(msgspec.Struct):
    live: bool | None = None
    designator: object = None


_FIELDS: Final = msgspec.json.Decoder(Fields)
_SWITCHES: Final = msgspec.json.Decoder(_Switches)
_TEXT: Final = msgspec.json.Decoder(str)


def fields(data: bytes) -> Fields | Rejected:
    """The keys of one line; everything about its JSON is checked here.

    Args:
        data: the line without its end.
    """
    if not data.isascii() and not _is_utf8(data):
        return Rejected("json", "line must be UTF-8")
    if _too_deep(data):
        return Rejected("json", f"line must not nest deeper than {DEPTH_LIMIT}")
    try:
        found = _FIELDS.decode(data)
    except msgspec.ValidationError:
        return Rejected("object", "line must be a JSON object")
    except msgspec.DecodeError as error:
        return Rejected("json", str(error))
    keys = _KEYS + _STARTED_KEYS if found.type is not _NONE else _KEYS
    twice = repeated_key(data, keys)
    return found if twice is None else Rejected("duplicate_key", f"{twice} must stand once")


def glance(data: bytes) -> tuple[str, int]:
    """Mode and time of a line as a source needs them: empty and 0 where they cannot be read."""
    try:
        found = _FIELDS.decode(data)
    except (msgspec.DecodeError, RecursionError):
        return "", 0
    return text(found.mode) or "", instant(found.timestamp) or 0


def repeated_key(data: bytes, keys: tuple[str, ...]) -> str | None:
    """The first of ``keys`` that stands twice in a JSON object (valid, at most ``DEPTH_LIMIT`` deep)."""
    # A key without escapes reads exactly so; seen once or never, it cannot be there twice.
    if b"\\" not in data:
        for key in keys:
            if data.count(_QUOTED[key]) > 1:
                break
        else:
            return None
    pairs = json.loads(data.decode(), object_pairs_hook=list, parse_int=str, parse_float=str)
    names = [name for name, _ in pairs]
    return next((key for key in keys if names.count(key) > 1), None)


def text(raw: msgspec.Raw) -> str | None:
    """A raw JSON value as a text of 1 to ``TEXT_LIMIT`` bytes; None where it is none."""
    try:
        value = _TEXT.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return value if 0 < len(value.encode()) <= TEXT_LIMIT else None


def instant(raw: msgspec.Raw) -> int | None:
    """Nanoseconds of a time given in epoch seconds, as a number or as a text of one; None where it is none.

    Decimals beyond the nanosecond are cut; more than 64 are none. Times before 1970 and after 2262 are none.
    """
    digits = bytes(raw)
    if digits[:1] == b'"':
        digits = digits[1:-1]
    whole, point, decimals = digits.partition(b".")
    if (
        len(whole) == 10
        and whole.isdigit()
        and len(decimals) <= _DECIMALS
        and (decimals.isdigit() or not point)
    ):
        ts = int(whole + decimals[:9].ljust(9, b"0"))
        return ts if ts < 1 << 63 else None
    return _odd_instant(digits)


def _odd_instant(digits: bytes) -> int | None:
    match = _NUMBER.fullmatch(digits)
    if match is None:
        return None
    whole, decimals, exponent = match.groups(b"")
    if len(decimals) > _DECIMALS:
        return None
    shift = 9 + int(exponent or 0) - len(decimals)
    scaled = int(whole + decimals)
    ts = scaled * 10**shift if shift >= 0 else scaled // 10**-shift
    return ts if ts < 1 << 63 else None


def kind(found: Fields) -> str:
    """Type of a line, empty for one of items."""
    return "" if found.type is _NONE else text(found.type) or "?"


def started(found: Fields) -> Started | Rejected:
    """The configuration in a ``strand_started`` line."""
    mode, strand_id = text(found.mode), text(found.strand_id)
    if mode is None:
        return Rejected("mode", f"mode must be a text of 1 to {TEXT_LIMIT} bytes")
    if strand_id is None:
        return Rejected("config", f"strand_id must be a text of 1 to {TEXT_LIMIT} bytes")
    data = bytes(found.config)
    try:
        switches = _SWITCHES.decode(data)
    except msgspec.DecodeError as error:
        return Rejected("config", f"config must be an object with live as true or false: {error}")
    live = switches.designator == "strand_live" if switches.live is None else switches.live
    ts_event = 0 if found.timestamp is _NONE else instant(found.timestamp)
    if ts_event is None:
        return Rejected("timestamp", "timestamp must be epoch seconds")
    return Started(mode, strand_id, text(found.component) or "", ts_event, live, data)


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _too_deep(data: bytes) -> bool:
    # The decoder's own limit depends on how deep the caller stands, so the same line could pass or fail.
    if data.count(b"[") + data.count(b"{") <= DEPTH_LIMIT:
        return False
    return max(_depths(data), default=0) > DEPTH_LIMIT


def _depths(data: bytes) -> Iterator[int]:
    depth = 0
    for match in _STRUCTURE.finditer(data):
        depth += {b"[": 1, b"{": 1, b"]": -1, b"}": -1}.get(match.group(), 0)
        yield depth
