"""Ticks to 1m bars as a user of Faust would write them by hand: an agent and a table with its changelog.

``python -m tests.benchmarks.peers.stock_faust BROKER TOPIC OUTPUT SCHEMA-ID SCHEMA TICKS EVERY [forming]``
ends after so many ticks. ``forming`` reads from now on and puts a bar out with the first tick of each quarter
of a second, stamped with the time of that tick.
"""

import io
import json
import os
import struct
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import faust
from fastavro import parse_schema, schemaless_reader

from tests.benchmarks.peers.bars import MINUTE, QUARTER, Progress, folded, opened, written


def main(
    broker: str, topic: str, output: str, number: int, schema: str, ticks: int, every: int, mode: str = ""
) -> None:
    """Run until so many ticks were folded."""
    forming = mode == "forming"
    app = faust.App(
        output, broker=f"kafka://{broker}", store="memory://", topic_partitions=4, web_enabled=False,
        value_serializer="raw", key_serializer="raw", datadir=tempfile.mkdtemp(), loghandlers=[],
        consumer_auto_offset_reset="latest" if forming else "earliest", topic_replication_factor=1,
    )  # fmt: skip
    source, target = app.topic(topic), app.topic(output)
    table = app.Table("forming", partitions=4, key_type=str, value_type=dict)
    parsed, head = parse_schema(json.loads(Path(schema).read_text())), struct.pack(">bI", 0, number)
    progress, shown = Progress(every), dict[str, int]()

    async def fold(stream: Any) -> AsyncIterator[None]:
        async for value in stream:
            if not value.startswith(head):
                continue
            tick: Any = schemaless_reader(io.BytesIO(value[5:]), parsed, None)
            symbol = tick["symbol"]
            bar = table.get(symbol)
            if bar is None:
                table[symbol] = opened(tick)
            elif tick["ts_event"] >= bar["ts_open"] + MINUTE:
                if not forming:
                    await target.send(key=symbol.encode(), value=written(bar))
                table[symbol] = opened(tick)
            else:
                table[symbol] = folded(dict(bar), tick)
            quarter = tick["ts_event"] // QUARTER
            if forming and shown.get(symbol) != quarter:
                shown[symbol] = quarter
                said = {**table[symbol], "ts_open": tick["ts_event"]}
                await target.send(key=symbol.encode(), value=written(said))
            progress.tick()
            if progress.count == ticks:
                await app.producer.flush()
                os._exit(0)
            yield None

    app.agent(source, name="stock")(fold)
    faust.Worker(app, loglevel="ERROR", quiet=True).execute_from_commandline()


if __name__ == "__main__":
    main(*sys.argv[1:4], int(sys.argv[4]), sys.argv[5], *map(int, sys.argv[6:8]), *sys.argv[8:])
