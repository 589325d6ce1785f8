"""Dead letters of the sink: what could not be read or stored, with its original bytes."""

from collections.abc import Mapping
from typing import Final

from prometheus_client import Counter

from runtime.metrics import REGISTRY
from runtime.producer import Producer
from schemas.codec import encode_record
from schemas.columns import Columns

STAGE: Final = "sink"
_TOPIC: Final = "dead-letters"
_OWN: Final = frozenset({"dead-letters", "late"})
_REFUSED: Final = Counter("barline_sink_refused_total", "Records refused", ["code"], registry=REGISTRY)


class DeadLetters:
    """Sends dead letters; they have arrived when ``wait`` returns.

    Args:
        producer: what sends.
        ids: schema id by record name.
    """

    def __init__(self, producer: Producer, ids: Mapping[str, int]) -> None:
        self._producer = producer
        self._id = ids["DeadLetter"]

    def refuse(self, columns: Columns, place: int, code: str, detail: str) -> None:
        """Refuse one record of a batch; a dead letter is counted alone, or it would breed."""
        _REFUSED.labels(code).inc()
        if columns.topic.name in _OWN:
            return
        key_span, timestamp = columns.keys[place], int(columns.timestamps[place])
        key = None if key_span["size"] < 0 else columns.bytes_at(key_span)
        fields = {
            "stage": STAGE,
            "topic": columns.topic.name,
            "partition": columns.partition,
            "offset": int(columns.offsets[place]),
            "ts_event": timestamp * 1_000_000,
            "code": code,
            "detail": detail,
            "key": key,
            "data": columns.bytes_at(columns.values[place]),
        }
        value = encode_record("DeadLetter", self._id, fields)
        self._producer.send(_TOPIC, key, value, partition=columns.partition, timestamp_ms=max(timestamp, 0))

    def wait(self) -> None:
        """Return when every dead letter has arrived."""
        self._producer.wait()
