"""The four stages chained in one process, over logs kept in memory instead of topics.

What a source sends and what a stage puts out is encoded, appended to a log and decoded again, exactly as on
Kafka, so a stage cannot tell the two apart. What the pipeline proves: that transport, crashes and batching
change nothing. What the data means is proven by the oracle, not here.

Order / Late / State / Emits:
    Order: within one ``feed`` the stages run one after the other, each until its input is used up, so the
    order of every log is a function of the sequence of feeds, never of the batch size.
    Late, State: those of the stages.
    Emits: every output topic, as a log.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from schemas.batches.decode import Decoder
from schemas.batches.encode import Encoder
from schemas.batches.frames import Frames
from schemas.codec import LOCAL_IDS, LOCAL_NAMES
from schemas.columns import Columns
from schemas.topics import INPUTS, TOPICS
from streams.core.analytics.stage import AnalyticsStage
from streams.core.bars.stage import BarsStage
from streams.core.lines.stage import LinesStage
from streams.core.log import Log
from streams.core.stage import Stage
from streams.core.ticks.stage import TicksStage

STAGES: Final[dict[str, Callable[[int], Stage]]] = {
    "ticks": TicksStage,
    "bars": BarsStage,
    "analytics": AnalyticsStage,
    "lines": LinesStage,
}
"""What makes the stage of each agent, given the partition."""


class Pipeline:
    """One partition of the whole system.

    Args:
        partition: number of the partition.
        batch: most records a stage gets in one step; changes no output.
        stages: what makes them.
    """

    def __init__(
        self,
        partition: int = 0,
        batch: int = 10_000,
        stages: Mapping[str, Callable[[int], Stage]] = STAGES,
    ) -> None:
        self.logs = {name: Log() for name in TOPICS}
        self.counts: dict[str, Counter[str]] = {agent: Counter() for agent in INPUTS}
        self._partition = partition
        self._batch = batch
        self._stages = {agent: new_stage(partition) for agent, new_stage in stages.items()}
        self._encoders = {name: Encoder(topic, LOCAL_IDS) for name, topic in TOPICS.items()}
        self._decoders = {name: Decoder(topic, LOCAL_NAMES) for name, topic in TOPICS.items()}
        self._read = dict.fromkeys(INPUTS, 0)

    def feed(self, columns: Columns) -> None:
        """Append what a source sent to an input topic, and run every stage until nothing is left to read."""
        self.append(columns)
        self.run()

    def append(self, columns: Columns) -> None:
        """Append to a log without running a stage."""
        name = columns.topic.name
        self.logs[name].append(self._encoders[name].encode(columns))

    def run(self) -> None:
        """Run every stage, in the order of the picture, until its input log is used up."""
        for agent, topic in INPUTS.items():
            for frames in self.logs[topic].batches(self._read[agent], self._batch):
                self._step(agent, topic, frames)
            self._read[agent] = len(self.logs[topic])

    def columns(self, topic: str, first: int = 0) -> Iterator[Columns]:
        """Everything in the log of a topic from an offset on, decoded, in order."""
        for frames in self.logs[topic].batches(first, 100_000):
            yield self._decoders[topic].decode(frames, self._partition)

    def _step(self, agent: str, topic: str, frames: Frames) -> None:
        outputs = self._stages[agent].step(self._decoders[topic].decode(frames, self._partition))
        self.counts[agent].update(outputs.counts)
        for columns in outputs.topics.values():
            self.append(columns)
