"""One stage again, over the recorded log of its input."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from barline.verify.topics import Identity
from schemas.batches.decode import Decoder
from schemas.batches.encode import Encoder
from schemas.batches.frames import Frames
from schemas.codec import names_of
from schemas.topics import INPUTS, TOPICS
from streams.core.log import Log
from streams.functions.stages import APART


@dataclass(slots=True)
class Recomputed:
    """What one agent must have put out on one partition.

    Attributes:
        agent: name of the agent.
        partition: number of the partition.
        logs: what it put out, by topic, in order.
        counts: what it counted.
    """

    agent: str
    partition: int
    logs: dict[str, Log] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)

    def identities(self, topic: str) -> Iterator[Identity]:
        """Key and value of each record that it put out on a topic, in order."""
        log = self.logs.get(topic, Log())
        return (Identity(key, value or b"") for _, key, value in log.records())


def recompute(agent: str, partition: int, recorded: Iterable[Frames], ids: Mapping[str, int]) -> Recomputed:
    """Run the stage of an agent over a recorded partition of its input topic.

    Args:
        agent: ``ticks``, ``bars``, ``analytics`` or ``lines``.
        partition: number of the partition.
        recorded: the records of the input topic, in log order.
        ids: schema id by record name, as the records were written with.
    """
    found = Recomputed(agent, partition)
    stage = APART[agent](partition)
    decoder = Decoder(TOPICS[INPUTS[agent]], names_of(ids))
    encoders: dict[str, Encoder] = {}
    for frames in recorded:
        outputs = stage.step(decoder.decode(frames, partition))
        found.counts.update(outputs.counts)
        for name, columns in outputs.topics.items():
            encoder = encoders.setdefault(name, Encoder(TOPICS[name], ids))
            found.logs.setdefault(name, Log()).append(encoder.encode(columns))
    return found
