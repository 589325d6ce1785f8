"""The record types, read from ``avro/*.avsc``: the one place where a field is declared.

A record type becomes a *layout*: a row of 8-byte cells, one a field in declaration order and a last one
with a bit for each null. Every cell is one of

* ``i8`` for long, int, boolean (0 or 1) and enum (position in ``symbols``),
* ``f8`` for double,
* a span ``(at, size)`` into the byte buffer beside the rows for string and bytes, and for map and array,
  whose Avro encoding is kept as it is.

Rows of a layout are numpy structured arrays: kernels read ``rows[i].price``, everyone else ``rows["price"]``.
"""

import json
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from importlib.resources import files
from typing import Final

import numpy as np
from numpy.typing import NDArray

SPAN: Final = np.dtype([("at", "<i4"), ("size", "<i4")])
"""Where a text stands in the byte buffer: start and length in bytes."""


class Op(IntEnum):
    """How one field is written in Avro; the kernels of ``schemas.batches`` run a list of these."""

    LONG = 0
    DOUBLE = 1
    BOOLEAN = 2
    TEXT = 3
    """string or bytes"""
    MAP_DOUBLE = 4
    """map of double, kept encoded"""
    ARRAY_TEXT = 5
    """array of string, kept encoded"""


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a record type.

    Attributes:
        name: the name, the same in Avro, Python, ClickHouse and JSON.
        op: how it is written.
        nullable: whether it is a union of null (first) and its type.
        symbols: the symbols of an enum in order, otherwise empty.
        is_bytes: bytes instead of string.
    """

    name: str
    op: Op
    nullable: bool
    symbols: tuple[str, ...]
    is_bytes: bool

    @property
    def is_span(self) -> bool:
        """Whether its cell is a span."""
        return self.op >= Op.TEXT


@dataclass(frozen=True, slots=True, eq=False)
class RecordType:
    """One record type with its layout.

    Attributes:
        name: such as ``Tick``.
        text: the schema as registered.
        fields: in declaration order.
        dtype: a row, 8 bytes a field and 8 for the nulls.
        key: field that is the Kafka key, empty where the record has none.
        event_time: field in nanoseconds that becomes the record timestamp, empty where it has none.
    """

    name: str
    text: str
    fields: tuple[Field, ...]
    dtype: np.dtype[np.void]
    key: str
    event_time: str

    @property
    def names(self) -> tuple[str, ...]:
        """Field names in declaration order."""
        return tuple(field.name for field in self.fields)

    def position(self, name: str) -> int:
        """Position of a field; its bit in ``nulls``."""
        return self.names.index(name)

    def null_bit(self, name: str) -> np.uint64:
        """Bit of a nullable field in ``nulls``."""
        return np.uint64(1) << np.uint64(self.position(name))

    def symbol(self, name: str, index: int) -> str:
        """Symbol of an enum field by its position."""
        return self.fields[self.position(name)].symbols[index]

    def code(self, name: str, symbol: str) -> int:
        """Position of a symbol of an enum field."""
        return self.fields[self.position(name)].symbols.index(symbol)

    def empty(self, count: int) -> NDArray[np.void]:
        """``count`` rows of zeros: no nulls, empty texts."""
        # Numpy fills structures field by field, and takes twice as long for few.
        return np.ndarray(count, self.dtype, np.zeros(count * self.dtype.itemsize, np.uint8))


_KEYS: Final = {
    "Heartbeat": "",
    "SourceStatus": "",
    "Config": "",
    "DeadLetter": "key",
    "Line": "mode",
    "ModeConfig": "mode",
    "ModeUnknown": "mode",
    "ModeWanted": "mode",
    "RunEnd": "mode",
    "Equity": "mode",
    "Trade": "mode",
}
_EVENT_TIMES: Final = {
    "Bar": "ts_close",
    "Heartbeat": "ts",
    "SourceStatus": "ts",
    "Config": "ts",
    "MinuteStatus": "ts_open",
    "Gap": "ts_open",
    "Session": "ts",
    "IndicatorValues": "ts_close",
    "Ready": "ts_close",
}
_CELLS: Final = {Op.LONG: "<i8", Op.DOUBLE: "<f8", Op.BOOLEAN: "<i8"}


def _field(declared: dict[str, object]) -> Field:
    kind: object = declared["type"]
    nullable = isinstance(kind, list)
    if isinstance(kind, list):
        kind = kind[1]
    symbols: tuple[str, ...] = ()
    if isinstance(kind, dict):
        if kind["type"] == "enum":
            symbols, op = tuple(kind["symbols"]), Op.LONG
        else:
            op = Op.MAP_DOUBLE if kind["type"] == "map" else Op.ARRAY_TEXT
    else:
        op = {"long": Op.LONG, "double": Op.DOUBLE, "boolean": Op.BOOLEAN}.get(str(kind), Op.TEXT)
    return Field(str(declared["name"]), op, nullable, symbols, kind == "bytes")


@cache
def record_type(name: str) -> RecordType:
    """The record type of that name.

    Raises:
        FileNotFoundError: there is no such schema.
    """
    text = files("schemas").joinpath("avro", f"{name}.avsc").read_text(encoding="utf-8")
    fields = tuple(_field(declared) for declared in json.loads(text)["fields"])
    cells = [(field.name, _CELLS.get(field.op, SPAN)) for field in fields]
    dtype = np.dtype([*cells, ("nulls", "<u8")])
    key = _KEYS.get(name, "symbol")
    return RecordType(name, text, fields, dtype, key, _EVENT_TIMES.get(name, "ts_event"))


RECORDS: Final = tuple(
    sorted(path.name.removesuffix(".avsc") for path in files("schemas").joinpath("avro").iterdir())
)
"""Names of all record types."""
