"""The whole comparison: every agent, every topic, every table."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from barline.verify.echoes import echoes, without_repeats
from barline.verify.recompute import Recomputed, recompute
from barline.verify.recorded import Recorded
from barline.verify.tables import TABLES, Query, TableDifference, compare_rows, expected, stored
from barline.verify.topics import Difference, Identity, compare
from barline.verify.values import Row, rows
from schemas.batches.decode import Decoder
from schemas.codec import names_of
from schemas.topics import INPUTS, TOPICS
from streams.core.pipeline import STAGES

SHARED: Final = ("late", "dead-letters")
"""Topics that several agents write to; each is compared as a whole."""

MADE: Final = tuple(name for name in TOPICS if name not in ("ticks.raw", "lines.raw"))
"""Topics that agents write to."""

ACCOUNTED: Final = ("out", "rejected", "late", "duplicate", "held")
"""What becomes of a record that comes in."""


@dataclass(slots=True)
class Verdict:
    """What was found.

    Attributes:
        counts: what each agent counted, over all partitions.
        once: the same where an agent reads each record of another agent at its first place only.
        topics: difference by (topic, partition).
        echoes: what the records that agents repeated after a crash changed further down, by (agent, topic,
            partition); nothing may.
        tables: difference of each table.
        made: what ``ticks`` must have put out on ``bars.raw`` beside the sources, by (topic, partition).
    """

    counts: dict[str, Counter[str]] = field(default_factory=dict)
    once: dict[str, Counter[str]] = field(default_factory=dict)
    topics: dict[tuple[str, int], Difference] = field(default_factory=dict)
    echoes: dict[tuple[str, str, int], Difference] = field(default_factory=dict)
    tables: list[TableDifference] = field(default_factory=list)
    made: dict[tuple[str, int], set[Identity]] = field(default_factory=dict)

    def balanced(self, agent: str) -> bool:
        """Whether in = out + rejected + late + duplicate + held."""
        counts = self.counts[agent]
        return counts["in"] == sum(counts[name] for name in ACCOUNTED)

    @property
    def equal(self) -> bool:
        """Whether everything is as it must be."""
        return (
            all(self.balanced(agent) for agent in self.counts)
            and all(difference.equal for difference in self.topics.values())
            and all(difference.equal for difference in self.echoes.values())
            and all(difference.equal for difference in self.tables)
        )


def verify(recorded: Recorded, client: Query, ids: Mapping[str, int]) -> Verdict:
    """Recompute every stage over its recorded input, and compare topics and tables.

    Args:
        recorded: all topics.
        client: of the database.
        ids: schema id by record name.
    """
    verdict = Verdict()
    logs: dict[tuple[str, int], list[Recomputed]] = {}
    for agent in STAGES:
        verdict.counts[agent], verdict.once[agent] = Counter(), Counter()
        for partition in recorded.partitions(INPUTS[agent]):
            place = INPUTS[agent], partition
            found = recompute(agent, partition, recorded.frames(*place), ids)
            made = set(_identities(place[0], logs.get(place, [])))
            calm = without_repeats(found, recorded, ids, made)
            verdict.echoes |= dict(echoes(found, calm, ids))
            verdict.counts[agent] += found.counts
            verdict.once[agent] += calm.counts
            for topic in found.logs:
                logs.setdefault((topic, partition), []).append(found)
    verdict.topics = {
        (topic, partition): _topic(recorded, (topic, partition), logs.get((topic, partition), []))
        for topic in MADE
        for partition in recorded.partitions(topic)
    }
    verdict.made = {
        place: set(_identities(place[0], makers)) for place, makers in logs.items() if place[0] == "bars.raw"
    }
    for table in TABLES:
        must = expected(table, _rows(logs, table.topics, ids))
        verdict.tables.append(compare_rows(table.name, must, stored(table, client)))
    return verdict


def _identities(topic: str, makers: Iterable[Recomputed]) -> Iterator[Identity]:
    return (identity for maker in makers for identity in maker.identities(topic))


def _topic(recorded: Recorded, place: tuple[str, int], makers: Sequence[Recomputed]) -> Difference:
    """One partition of an output topic against what its agents must have put out.

    ``bars.raw`` holds what sources sent as well, which ``sent`` looks at; several agents share the topics of
    refused records, whose order among each other is nobody's.
    """
    topic, partition = place
    must = list(_identities(topic, makers))
    found = list(recorded.identities(topic, partition))
    if topic == "bars.raw":
        known = set(must)
        found = [one for one in found if one in known]
    if topic in SHARED:
        must, found = sorted(must, key=_order), sorted(found, key=_order)
    return compare(must, found)


def _order(identity: Identity) -> tuple[bytes, bytes]:
    return identity.key or b"", identity.value


def _rows(
    logs: Mapping[tuple[str, int], Sequence[Recomputed]], topics: tuple[str, ...], ids: Mapping[str, int]
) -> Iterator[Row]:
    names = names_of(ids)
    for (topic, partition), makers in logs.items():
        if topic in topics:
            decoder = Decoder(TOPICS[topic], names)
            for maker in makers:
                for frames in maker.logs[topic].batches(0, 100_000):
                    yield from rows(decoder.decode(frames, partition))
