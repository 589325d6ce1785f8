"""``lines.raw`` with its agent, the resolver and the oracle, in process; what they put out goes to Kafka."""

from collections import defaultdict

from connectors.sources.modes import RowsTable, StoredMode
from connectors.sources.publish import route
from connectors.sources.resolver import Resolver, wanted_in
from runtime.endpoints import Endpoints
from runtime.kafka import KafkaSettings
from runtime.producer import Producer
from schemas.batches.decode import Decoder
from schemas.batches.encode import Encoder
from schemas.batches.frames import from_records
from schemas.codec import names_of
from schemas.columns import Columns
from schemas.registry import register_all
from schemas.topics import TOPICS
from streams.core.lines.stage import LinesStage
from tests.factories import rows_of
from tests.oracle.lines import Lines

PARTITIONS = 4


class Plane:
    """All of it.

    Args:
        endpoints: servers.
        stored: strand of each mode that the store knows.
    """

    def __init__(self, endpoints: Endpoints, stored: dict[str, str]) -> None:
        self._ids = register_all(endpoints.registry)
        names = names_of(self._ids)
        self._encoders = {name: Encoder(topic, self._ids) for name, topic in TOPICS.items()}
        self._decoder = Decoder(TOPICS["lines.raw"], names)
        self._stages = [LinesStage(number) for number in range(PARTITIONS)]
        self._ends = [0] * PARTITIONS
        self._producer = Producer(KafkaSettings(endpoints.kafka), "lines-set")
        rows = [StoredMode(mode, strand, live=False, version=1) for mode, strand in stored.items()]
        self._resolver = Resolver(RowsTable(rows))
        self._states: list[dict[bytes, bytes]] = [{} for _ in range(PARTITIONS)]
        self.oracles = [Lines() for _ in range(PARTITIONS)]
        self.counts: defaultdict[str, int] = defaultdict(int)
        self.letters: list[dict[int, bool]] = [{} for _ in range(PARTITIONS)]

    def take(self, block: Columns) -> None:
        """One block of a source."""
        parts: dict[int, list[tuple[int, int, bytes | None, bytes]]] = defaultdict(list)
        routed, places = route(block, self._encoders["lines.raw"].encode(block), PARTITIONS)
        for place, (key, value, timestamp) in zip(places.tolist(), routed.records(), strict=True):
            parts[place].append((self._ends[place] + len(parts[place]), timestamp, key, value))
        for number, records in parts.items():
            self._ends[number] += len(records)
            self._step(number, self._decoder.decode(from_records(records), number))

    def crash(self, number: int) -> None:
        """The stage of a partition dies after a checkpoint, and is restored."""
        self._states[number] |= self._stages[number].take_dirty()
        self._stages[number] = LinesStage(number)
        self._stages[number].restore(self._states[number])

    def _step(self, number: int, columns: Columns) -> None:
        self.oracles[number].read(rows_of(columns))
        outputs = self._stages[number].step(columns)
        for name, count in outputs.counts.items():
            self.counts[name] += count
        for topic, found in outputs.topics.items():
            if topic in {"equity", "trades"}:
                self._producer.send_all(topic, self._encoders[topic].encode(found), partition=number)
            elif topic == "dead-letters":
                for row in rows_of(found):
                    self.letters[number][row["offset"]] = row["code"] == "unresolved"
        self._producer.wait()
        if "modes.wanted" in outputs.topics:
            self.take(self._resolver.answer(wanted_in(outputs.topics["modes.wanted"])))

    def close(self) -> None:
        """Stop."""
        self._producer.close()
