"""Reads one line into the items that it admits.

Total: any bytes give items, a configuration or a ``Rejected``. One bad item never costs its neighbours.
"""

from math import isfinite
from typing import Final

import msgspec

from schemas.jsnl import (
    END_MARKERS,
    STRAND_STARTED,
    TEXT_LIMIT,
    Fields,
    Rejected,
    Started,
    fields,
    instant,
    kind,
    repeated_key,
    started,
    text,
)

_NONE: Final = msgspec.Raw(b"")
_KEYS: Final = ("t", "equity", "b")
_DETAILS: Final = 5  # bad items named in one dead letter


class EquityItem(msgspec.Struct, frozen=True):
    """An equity value; broker empty where absent."""

    broker: bytes
    equity: float


class OtherItem(msgspec.Struct, frozen=True):
    """A trade, candle or any other item: its type, its position in the line and its JSON as it stands."""

    type: bytes
    position: int
    data: bytes


class Items(msgspec.Struct, frozen=True):
    """A line of items.

    Attributes:
        ts_event: nanoseconds.
        equity: equity items in order.
        others: all other good items in order.
        bad: what is wrong with the others, empty where all are good.
    """

    ts_event: int
    equity: list[EquityItem]
    others: list[OtherItem]
    bad: str


class _Item(msgspec.Struct):
    t: msgspec.Raw = _NONE
    equity: msgspec.Raw = _NONE
    b: msgspec.Raw = _NONE


_ITEM: Final = msgspec.json.Decoder(_Item)
_LIST: Final = msgspec.json.Decoder(list[msgspec.Raw])


def parse(data: bytes, mode: bytes) -> Items | Started | Rejected:
    """Read one line.

    Args:
        data: its bytes without the line end.
        mode: the mode it is keyed by; a line that names another one is refused.
    """
    if not 0 < len(mode) <= TEXT_LIMIT:
        mode = b""
    found = fields(data)
    if isinstance(found, Rejected):
        return found
    if not mode or not _is_text(found.mode, mode):
        return Rejected("mode", "mode must be a text and the key of its record")
    line_type = kind(found)
    if line_type == STRAND_STARTED:
        return started(found)
    if line_type:
        known = (STRAND_STARTED, *END_MARKERS)
        return Rejected("type", f"type must be absent or one of {known} in its place, was {line_type[:80]!r}")
    return _items(found)


def _items(found: Fields) -> Items | Rejected:
    ts_event = instant(found.timestamp)
    if ts_event is None:
        return Rejected("timestamp", "timestamp must be epoch seconds, as a number or a text")
    value = bytes(found.value)
    if value[:1] == b"{":
        raws = [found.value]
    elif value[:1] == b"[":
        raws = _LIST.decode(value)
    else:
        return Rejected("value", "value must be an object or a list of objects")
    equity: list[EquityItem] = []
    others: list[OtherItem] = []
    bad: list[str] = []
    for position, raw in enumerate(raws):
        item = _item(raw, position)
        if isinstance(item, EquityItem):
            equity.append(item)
        elif isinstance(item, OtherItem):
            others.append(item)
        else:
            bad.append(f"item {position}: {item}")
    if bad and not equity and not others:
        return Rejected("item", _listed(bad))
    return Items(ts_event, equity, others, _listed(bad))


def _listed(bad: list[str]) -> str:
    more = f"; {len(bad) - _DETAILS} more" if len(bad) > _DETAILS else ""
    return "; ".join(bad[:_DETAILS]) + more


def _item(raw: msgspec.Raw, position: int) -> EquityItem | OtherItem | str:
    data = bytes(raw)
    if data[:1] != b"{":
        return "must be an object"
    item = _ITEM.decode(data)
    twice = repeated_key(data, _KEYS)
    if twice is not None:
        return f"{twice} must stand once"
    item_type = text(item.t)
    if item_type is None:
        return "t must be a text"
    if item_type != "e":
        return OtherItem(item_type.encode(), position, data)
    return _equity(item)


def _equity(item: _Item) -> EquityItem | str:
    number = bytes(item.equity)
    if not number or number[:1] not in b"-0123456789":
        return f"equity must be a number, was {number[:40].decode()!r}"
    equity = float(number) + 0.0  # no negative zero
    if not isfinite(equity):
        return "equity must be finite"
    broker = b"" if item.b is _NONE or item.b == msgspec.Raw(b"null") else _broker(item.b)
    return "b must be a text" if broker is None else EquityItem(broker, equity)


def _broker(raw: msgspec.Raw) -> bytes | None:
    if bytes(raw) == b'""':
        return b""
    broker = text(raw)
    return None if broker is None else broker.encode()


def _is_text(raw: msgspec.Raw, expected: bytes) -> bool:
    if bytes(raw) == b'"%b"' % expected and b"\\" not in expected and b'"' not in expected:
        return True
    value = text(raw)
    return value is not None and value.encode() == expected
