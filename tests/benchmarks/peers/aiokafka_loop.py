"""Ticks to forming bars in a plain loop, with nothing that a crash needs: aiokafka in, librdkafka out.

``python -m tests.benchmarks.peers.aiokafka_loop BROKER TOPIC OUTPUT SCHEMA-ID SCHEMA``
reads from now on and puts a bar out with the first tick of each quarter of a second, stamped with the time of
that tick. No group, no checks, no state but a dict: the least that a client in Python takes.
"""

import asyncio
import io
import json
import struct
import sys
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from confluent_kafka import Producer
from fastavro import parse_schema, schemaless_reader

from tests.benchmarks.peers.bars import MINUTE, QUARTER, Bar, folded, opened, written

_PARTITIONS = 4
_LINGER_MS = 1


async def main(broker: str, topic: str, output: str, number: int, schema: Any) -> None:
    """Run until killed."""
    parsed, head = parse_schema(schema), struct.pack(">bI", 0, number)
    producer = Producer({"bootstrap.servers": broker, "linger.ms": _LINGER_MS})
    consumer = AIOKafkaConsumer(bootstrap_servers=broker, auto_offset_reset="latest")
    await consumer.start()
    consumer.assign([TopicPartition(topic, partition) for partition in range(_PARTITIONS)])
    await consumer.seek_to_end()
    bars, shown = dict[str, Bar](), dict[str, int]()
    while True:
        for records in (await consumer.getmany(timeout_ms=1_000)).values():
            for record in records:
                if not record.value.startswith(head):
                    continue
                tick: Any = schemaless_reader(io.BytesIO(record.value[5:]), parsed, None)
                symbol, ts = tick["symbol"], tick["ts_event"]
                bar = bars.get(symbol)
                is_new = bar is None or ts >= bar["ts_open"] + MINUTE
                bars[symbol] = bar = opened(tick) if bar is None or is_new else folded(bar, tick)
                if shown.get(symbol) != ts // QUARTER:
                    shown[symbol] = ts // QUARTER
                    producer.produce(output, written({**bar, "ts_open": ts}), symbol, record.partition)
        producer.poll(0)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:4], int(sys.argv[4]), json.loads(Path(sys.argv[5]).read_text())))
