"""Dead letters as they stand in ``dead-letters`` and ``late``."""

import fnmatch
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from runtime.reader import Partition, Reader, Record
from schemas.codec import decode_record
from schemas.errors import SchemaError

TOPICS: Final = ("dead-letters", "late")

_WAIT_S: Final = 10.0


class Letter(NamedTuple):
    """One record that was refused or came too late.

    Attributes:
        id: where the letter stands: ``topic/partition/offset``.
        stage: who refused it.
        code: why, by its code,
        detail: and in words.
        topic: where the record stood,
        partition: its partition
        offset: and offset.
        ts_event: timestamp of the record, ns.
        key: its key.
        data: its value.
    """

    id: str
    stage: str
    code: str
    detail: str
    topic: str
    partition: int
    offset: int
    ts_event: int
    key: bytes | None
    data: bytes


class Wanted(NamedTuple):
    """Which letters are asked for; what is empty, 0 or None asks for all.

    Attributes:
        ids: of the letters themselves.
        topic: where the record stood.
        code: such as ``V13``; ``V*`` is a pattern.
        stage: who refused it.
        first: timestamps from here on, ns,
        last: and before here.
    """

    ids: frozenset[str] = frozenset()
    topic: str = ""
    code: str = ""
    stage: str = ""
    first: int = 0
    last: int | None = None

    def takes(self, letter: Letter) -> bool:
        """Whether a letter is asked for."""
        return (
            (not self.ids or letter.id in self.ids)
            and (not self.topic or letter.topic == self.topic)
            and (not self.code or fnmatch.fnmatchcase(letter.code, self.code))
            and (not self.stage or letter.stage == self.stage)
            and self.first <= letter.ts_event
            and (self.last is None or letter.ts_event < self.last)
        )


def read_letters(
    reader: Reader, names: Mapping[int, str], wanted: Wanted, topics: Sequence[str] = TOPICS
) -> Iterator[Letter]:
    """The letters that are asked for, of what stands in the topics now; in log order within a partition.

    Args:
        reader: one without assigned partitions.
        names: record types by schema id.
        wanted: which ones.
        topics: where to look.

    Raises:
        DependencyError: the brokers stopped serving.
        SchemaError: a topic is missing, or holds something else.
    """
    ends = {place: end for place, end in reader.ends(topics).items() if reader.bounds(place)[0] < end}
    reader.assign_from_beginning(topics)
    while ends:
        found = reader.read(_WAIT_S)
        if not found:
            place = next(iter(ends))
            raise SchemaError(f"topic {place.topic} must be readable to its end, was silent at {place}")
        for place, records in found.items():
            for record in records:
                letter = _letter(place, record, names)
                if place in ends and record.offset < ends[place] and wanted.takes(letter):
                    yield letter
            if place in ends and records[-1].offset + 1 >= ends[place]:
                del ends[place]


def _letter(place: Partition, record: Record, names: Mapping[int, str]) -> Letter:
    kind, fields = decode_record(record.value or b"", names)
    if kind != "DeadLetter":
        raise SchemaError(f"topic {place.topic} must hold dead letters, was {kind} at {record.offset}")
    return Letter(f"{place.topic}/{place.number}/{record.offset}", **fields)  # type: ignore[arg-type]
