"""Lines sent again: those that were ignored for want of a configuration, or whole files for one mode.

A line sent again has a file of its own: its id is ``AGAIN`` and the one it had. So it is no duplicate of the
line that was ignored, and the same line replayed twice is one of itself.
"""

import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple, cast

import numpy as np

from connectors.sources.jsnl.source import LinesSource
from connectors.sources.source import EVERYWHERE
from runtime.reader import Partition, Reader
from schemas.batches.decode import Decoder
from schemas.codec import decode_record
from schemas.columns import Columns, Draft
from schemas.errors import SchemaError
from schemas.jsnl import AGAIN
from schemas.topics import TOPICS

_LOG: Final = logging.getLogger(__name__)
_LETTERS: Final = "dead-letters"
_POLL_S: Final = 1.0
_BLOCK: Final = 5_000


class Ignored(NamedTuple):
    """A record of ``lines.raw`` that became a dead letter ``unresolved``, at its partition and offset."""

    partition: int
    offset: int
    record: str
    fields: dict[str, object]


def ignored(reader: Reader, names: Mapping[int, str], mode: str) -> list[Ignored]:
    """Every ignored record of a mode, each once, in log order.

    Args:
        reader: without a group.
        names: record name by schema id.
        mode: the mode.
    """
    left = {place: end for place, end in reader.ends([_LETTERS]).items() if end > reader.bounds(place)[0]}
    reader.assign({place: reader.bounds(place)[0] for place in left})
    decoder = Decoder(TOPICS[_LETTERS], names)
    found: dict[tuple[int, int], Ignored] = {}
    while left:
        for place, frames in reader.read_frames(_POLL_S).items():
            columns = decoder.decode(frames, place.number)
            found |= {(one.partition, one.offset): one for one in _ignored_in(columns, names, mode)}
            if frames.offsets[-1] >= left.get(place, 0) - 1:
                left.pop(Partition(*place), None)
    return [found[at] for at in sorted(found)]


def _ignored_in(columns: Columns, names: Mapping[int, str], mode: str) -> Iterator[Ignored]:
    key = mode.encode()
    for row in columns.table("DeadLetter"):
        if columns.bytes_at(row["key"]) != key or columns.bytes_at(row["code"]) != b"unresolved":
            continue
        try:
            record, fields = decode_record(columns.bytes_at(row["data"]), names)
        except SchemaError as error:
            _LOG.warning("an ignored record must be readable, was not: %s", error)
            continue
        if record in {"Line", "RunEnd"}:
            yield Ignored(int(row["partition"]), int(row["offset"]), record, fields)


def again(records: list[Ignored], *, ended: bool) -> Iterator[Columns]:
    """The records as blocks of ``lines.raw``.

    Args:
        records: in log order.
        ended: a file among them whose runs did not end among them gets an end, so that they are published.
    """
    for at in range(0, len(records), _BLOCK):
        draft = Draft("lines.raw", EVERYWHERE)
        for place, one in enumerate(records[at : at + _BLOCK]):
            fields = cast("dict[str, Any]", one.fields)
            draft.row(one.record, place, **fields | {"file_id": AGAIN + fields["file_id"]})
        yield draft.finish()
    open_files = {one.fields["file_id"]: one.fields for one in records if one.record == "Line"}
    for one in records:
        if one.record == "RunEnd":
            open_files.pop(one.fields["file_id"], None)
    if ended and open_files:
        draft = Draft("lines.raw", EVERYWHERE)
        for fields in open_files.values():
            draft.row("RunEnd", **_end(fields))
        yield draft.finish()


def _end(fields: dict[str, object]) -> dict[str, Any]:
    kept = {name: fields[name] for name in ("mode", "line", "ts_event")}
    return {**kept, "file_id": AGAIN + str(fields["file_id"]), "reason": "end_of_file", "lines_offset": -1}


def anew(paths: list[Path], mode: str, stamp: str) -> Iterator[Columns]:
    """One mode's records of whole files; each run they end replaces what is published of it.

    Args:
        paths: files and directories.
        mode: the mode.
        stamp: what tells this reading from others.
    """
    key = mode.encode()
    for block in LinesSource(paths).blocks(f"{AGAIN}{stamp}:"):
        own = [
            np.array([block.bytes_at(span) == key for span in rows["mode"]], np.bool_)
            if "mode" in (rows.dtype.names or ())
            else np.zeros(len(rows), np.bool_)
            for rows in block.tables
        ]
        kept = np.array([own[kind][row] for kind, row in zip(block.kinds, block.rows, strict=True)], np.bool_)
        if kept.any():
            yield Columns(
                block.topic, block.partition, block.kinds[kept], block.rows[kept], block.tables, block.data,
                block.offsets, block.timestamps, block.keys, block.values,
            )  # fmt: skip
