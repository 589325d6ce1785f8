"""Values of a foreign schema id, brought to the schema we read with: the slow way, through fastavro."""

import io
import json
from collections.abc import Callable
from typing import Final

import fastavro
import numpy as np
from numpy.typing import NDArray

from schemas.batches.wire import Bytes, Ints, sealed, span, span_at, span_size
from schemas.codec import parsed
from schemas.columns import UNDECODABLE
from schemas.topics import Topic

_ID: Final = 4  # bytes of a schema id
_UNREADABLE: Final = (ValueError, TypeError, KeyError, IndexError, EOFError, OverflowError, StopIteration,
                      fastavro.read.SchemaResolutionError, MemoryError, AttributeError)  # fmt: skip
"""What fastavro raises on hostile bytes."""


class Evolution:
    """Translates values written with other versions of a topic's schemas."""

    def __init__(self, topic: Topic, writer_schema: Callable[[int], str | None]) -> None:
        self._topic = topic
        self._writer_schema = writer_schema
        self._writers: dict[int, tuple[int, object] | None] = {}

    def translate(
        self, data: Bytes, bodies: Ints, kinds: NDArray[np.int8], foreign: NDArray[np.intp]
    ) -> Bytes:
        """Append the translated bodies to the data and say where they are.

        Args:
            data: the bytes of the frames.
            bodies: packed spans of the bodies, each behind its schema id; changed where one was translated.
            kinds: kinds of the records; set for every foreign one.
            foreign: positions of the foreign ones.

        Returns:
            uint8, read-only: the data and what was appended.
        """
        added = bytearray()
        for place in foreign:
            at, size = int(span_at(bodies[place])), int(span_size(bodies[place]))
            schema = int.from_bytes(data[at - _ID : at].tobytes(), "big")
            kind, body = self._translated(schema, data[at : at + size].tobytes())
            kinds[place], bodies[place] = kind, span(len(data) + len(added), len(body))
            added += body
        return sealed(np.concatenate([data, np.frombuffer(bytes(added), np.uint8)]))

    def _translated(self, schema: int, body: bytes) -> tuple[int, bytes]:
        """Kind and body in our schema; ``UNDECODABLE`` where it cannot be read."""
        if schema not in self._writers:
            self._writers[schema] = self._writer(self._writer_schema(schema))
        writer = self._writers[schema]
        if writer is None:
            return UNDECODABLE, b""
        kind, written = writer
        reader = parsed(self._topic.records[kind])
        source, target = io.BytesIO(body), io.BytesIO()
        try:
            fields = fastavro.schemaless_reader(source, written, reader)
            fastavro.schemaless_writer(target, reader, fields)
        except _UNREADABLE:
            return UNDECODABLE, b""
        return (kind, target.getvalue()) if source.tell() == len(body) else (UNDECODABLE, b"")

    def _writer(self, text: str | None) -> tuple[int, object] | None:
        """Kind and parsed schema of a writer; None where the topic holds no such record."""
        if text is None:
            return None
        name = str(json.loads(text).get("name", "")).rpartition(".")[2]
        if name not in self._topic.records:
            return None
        return self._topic.kind(name), fastavro.parse_schema(json.loads(text))
