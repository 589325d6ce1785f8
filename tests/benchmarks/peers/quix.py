"""Ticks to 1m bars with quixstreams, as its documentation has it: a tumbling window, reduced, final.

``python quix.py BROKER TOPIC OUTPUT SCHEMA-ID SCHEMA TICKS EVERY`` in the environment of ``installed``. Ends
after so many ticks. Its changelog is on, as it is by default.
"""

import io
import json
import os
import struct
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

from bars import Progress, folded, opened, written  # type: ignore[import-not-found]
from fastavro import parse_schema, schemaless_reader
from quixstreams import Application  # type: ignore[import-not-found]
from quixstreams.models.serializers import Deserializer, SerializationContext  # type: ignore[import-not-found]
from quixstreams.models.serializers.exceptions import IgnoreMessage  # type: ignore[import-not-found]


class Ticks(Deserializer):  # type: ignore[misc]
    """Ticks of framed Avro; other records are passed over."""

    def __init__(self, number: int, schema: object) -> None:
        super().__init__()
        self._head = struct.pack(">bI", 0, number)
        self._schema = schema

    def __call__(self, value: bytes, ctx: SerializationContext) -> Any:
        del ctx
        if not value.startswith(self._head):
            raise IgnoreMessage
        return schemaless_reader(io.BytesIO(value[5:]), self._schema, None)


def main(broker: str, topic: str, output: str, number: int, schema: str, ticks: int, every: int) -> None:
    """Run until so many ticks were folded."""
    app = Application(
        broker_address=broker, consumer_group=output, auto_offset_reset="earliest", loglevel="ERROR",
        state_dir=tempfile.mkdtemp(),
    )  # fmt: skip
    parsed = parse_schema(json.loads(Path(schema).read_text()))
    source = app.topic(topic, key_deserializer="string", value_deserializer=Ticks(number, parsed))
    target = app.topic(output, key_serializer="string", value_serializer="bytes")
    progress = Progress(every)
    stopping = threading.Event()

    def seen(tick: Any) -> Any:
        progress.tick()
        if progress.count >= ticks and not stopping.is_set():
            stopping.set()
            app.stop()
        return tick

    frame = app.dataframe(source).apply(seen)
    bars = frame.tumbling_window(60_000).reduce(reducer=folded, initializer=opened).final()
    bars.apply(lambda window: written(window["value"])).to_topic(target)
    app.run()
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:4], int(sys.argv[4]), sys.argv[5], *map(int, sys.argv[6:]))
