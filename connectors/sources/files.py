"""CSV files of ticks, quotes, bars and corrections as rows of their record types.

A line that cannot be read keeps its bytes: it is sent as it is, and the stage refuses it as undecodable, so
that it ends as a dead letter with the text of the file.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from connectors.sources.csv import BAD_TIME, Table, read
from schemas.columns import Bytes, Ints, Rows
from schemas.errors import ConfigurationError
from schemas.records import SPAN, record_type

MINUTE: Final = 60_000_000_000
Good: TypeAlias = NDArray[np.bool_]
"""Which rows could be read."""
_ALL: Final = np.ones(1, np.bool_)
_FIRST_LINE: Final = 2  # line 1 is the header


@dataclass(frozen=True, slots=True, eq=False)
class FileRows:
    """One file, in the order of its lines.

    Attributes:
        record: ``Tick``, ``Quote``, ``Bar`` or ``Correction``.
        data: bytes of the file, what the spans of rows and ``bad`` point into.
        rows: rows of the record type; ``source`` and what the player decides are left empty.
        times: event time of each row in nanoseconds; of a bar its close.
        lines: line number of each row, from 1.
        bad: span of each line that could not be read.
        bad_times: event time of the line before it.
    """

    record: str
    data: Bytes
    rows: Rows
    times: Ints
    lines: Ints
    bad: Rows
    bad_times: Ints


def read_file(path: Path, record: str) -> FileRows:
    """Read one file.

    Args:
        path: CSV, gzipped where the name ends in ``.gz``.
        record: ``Tick``, ``Quote``, ``Bar`` or ``Correction``.

    Raises:
        ConfigurationError: the file cannot be read, or its header lacks a column.
    """
    try:
        table = Table(read(path))
    except (OSError, EOFError) as error:
        raise ConfigurationError(f"file must be readable, was {str(path)!r} ({error})") from error
    if missing := [name for name in _COLUMNS[record] if name not in table.names]:
        raise ConfigurationError(f"header must have {', '.join(missing)}, was {table.names!r} ({path})")
    return _rows(table, record)


def _rows(table: Table, record: str) -> FileRows:
    times = table.instants("time")
    good = table.good & (times != BAD_TIME)
    rows = record_type(record).empty(len(table))
    rows["symbol"] = table.spans("symbol")
    rows["nulls"] = sum((record_type(record).null_bit(name) for name in _NULLS[record]), start=np.uint64(0))
    for name in _FLOATS[record]:
        rows[name], readable = table.floats(name)
        good &= readable
    good &= _FILL[record](rows, times, table)
    at = times + MINUTE if record == "Bar" else times
    numbers = np.arange(_FIRST_LINE, _FIRST_LINE + len(table), dtype=np.int64)
    before = np.maximum.accumulate(np.where(good, at, BAD_TIME)) if len(at) else at
    earliest = int(at[good].min()) if good.any() else 0
    bad_times = np.maximum(before[~good], earliest)
    return FileRows(record, table.data, rows[good], at[good], numbers[good], table.lines[~good], bad_times)


def _fill_tick(rows: Rows, times: Ints, table: Table) -> Good:
    rows["ts_event"] = rows["ts_recv"] = times
    for name in ("trade_id", "conditions"):
        if name in table.names:
            rows[name] = table.spans(name)
        else:
            rows["nulls"] |= record_type("Tick").null_bit(name)
    return _ALL


def _fill_quote(rows: Rows, times: Ints, _: Table) -> Good:
    rows["ts_event"] = rows["ts_recv"] = times
    return _ALL


def _fill_correction(rows: Rows, times: Ints, table: Table) -> Good:
    kind = record_type("Correction")
    rows["ts_event"] = rows["ts_recv"] = times
    rows["trade_id"] = table.spans("trade_id")
    spans, data = table.spans("action"), table.data
    said = [data[at : at + size].tobytes().decode("utf-8", "replace") for at, size in spans.tolist()]
    actions = kind.fields[kind.position("action")].symbols
    rows["action"] = [actions.index(one) if one in actions else 0 for one in said]
    good = np.isin(said, actions)
    for name in ("price", "size"):
        values, readable = table.floats(name)
        empty = table.spans(name)["size"] == 0  # leaves that of the print
        rows[name] = np.where(empty, 0.0, values)
        rows["nulls"][empty] |= kind.null_bit(name)
        good &= readable | empty
    return good


def _fill_bar(rows: Rows, times: Ints, _: Table) -> Good:
    rows["ts_open"], rows["ts_close"] = times, times + MINUTE
    rows["expected"] = rows["actual"] = rows["complete"] = 1
    rows["coverage"] = 1.0
    return _ALL


_COLUMNS: Final = {
    "Tick": ("symbol", "time", "price", "size"),
    "Quote": ("symbol", "time", "bid", "ask"),
    "Bar": ("symbol", "time", "open", "high", "low", "close", "volume"),
    "Correction": ("symbol", "time", "action", "trade_id", "price", "size"),
}
_FLOATS: Final = {name: () if name == "Correction" else columns[2:] for name, columns in _COLUMNS.items()}
_NULLS: Final[dict[str, tuple[str, ...]]] = {
    "Tick": (),
    "Quote": ("bid_size", "ask_size"),
    "Bar": ("notional", "trades", "ts_first", "ts_last"),
    "Correction": ("seq", "ts_print"),
}
_FILL: Final[dict[str, Callable[[Rows, Ints, Table], Good]]] = {
    "Tick": _fill_tick,
    "Quote": _fill_quote,
    "Bar": _fill_bar,
    "Correction": _fill_correction,
}


def joined(files: Sequence[FileRows]) -> tuple[Bytes, list[FileRows]]:
    """One buffer for all files, and the files with their spans moved into it."""
    starts = np.cumsum([0, *(len(file.data) for file in files)])
    moved = [_moved(file, int(start)) for file, start in zip(files, starts[:-1], strict=True)]
    return np.concatenate([file.data for file in files]) if files else np.zeros(0, np.uint8), moved


def _moved(file: FileRows, by: int) -> FileRows:
    rows, bad = file.rows.copy(), file.bad.copy()
    for field in record_type(file.record).fields:
        if rows.dtype[field.name] == SPAN:
            rows[field.name]["at"] += by
    bad["at"] += by
    return FileRows(file.record, file.data, rows, file.times, file.lines, bad, file.bad_times)


def times_by_symbol(file: FileRows, data: Bytes) -> Iterator[tuple[bytes, Ints]]:
    """The times of the rows of each symbol of a file; of a bar its start.

    Args:
        file: the file.
        data: what its spans point into.
    """
    times = file.times - MINUTE if file.record == "Bar" else file.times
    spans = file.rows["symbol"]
    if len(spans) == 0:
        return
    low = int(spans["at"].min())
    text = data[low : int((spans["at"] + spans["size"]).max())].tobytes()
    symbols = np.array([text[at - low : at - low + size] for at, size in spans.tolist()], np.bytes_)
    names, numbers = np.unique(symbols, return_inverse=True)
    for number, name in enumerate(names.tolist()):
        yield name, times[numbers == number]
