"""The journal of runs that are published at their end: what is open, from where, and what is out."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal, NamedTuple

from connectors.sinks.clickhouse.epochs import SHIFT
from connectors.sinks.clickhouse.store import Store
from connectors.sinks.clickhouse.tables import chunk_of_rows
from runtime.reader import Partition

OPEN: Final = "open"
PUBLISHED: Final = "published"

_COLUMNS: Final = (
    "mode, strand_id, topic, partition, first_offset, end_offset, published, rows, state, version"
)
_IS_RUN: Final = "mode = {mode:String} AND strand_id = {strand_id:String}"


class Run(NamedTuple):
    """Identity of a run."""

    mode: str
    strand_id: str


@dataclass(frozen=True, slots=True)
class Entry:
    """What the journal says of a run.

    Attributes:
        place: partition of the topic ``equity`` that holds its records.
        first_offset: of the first row that is not published.
        end_offset: of the last RunEnd that published something, -1 before.
        published: rows of this version and below are in the final table; -1 where there are none.
        rows: rows published the last time.
        state: whether it has rows that are not published.
        version: grows with every entry of the run.
    """

    place: Partition
    first_offset: int
    end_offset: int = -1
    published: int = -1
    rows: int = 0
    state: Literal["open", "published"] = "open"
    version: int = 0


class Journal:
    """The journal, kept in memory and written through.

    Args:
        store: where it is kept.
        epoch: of the topic ``equity``.
    """

    def __init__(self, store: Store, epoch: int) -> None:
        self._store = store
        self._epoch = epoch
        self._entries: dict[Run, Entry] = {}

    def load(self) -> None:
        """Read it anew, since another sink may have written to it."""
        self._entries = self._read()

    def _read(self, run: Run | None = None) -> dict[Run, Entry]:
        """What stands in it now, of one run or of all."""
        query, asked = f"SELECT {_COLUMNS} FROM runs FINAL", {}  # noqa: S608  (names of columns)
        if run is not None:
            query, asked = f"{query} WHERE {_IS_RUN}", run._asdict()
        return {
            Run(row[0], row[1]): Entry(
                Partition(row[2], row[3]), row[4], row[5], row[6], row[7], row[8], row[9]
            )
            for row in self._store.rows(query, asked)
        }

    def published(self, run: Run) -> int:
        """Version up to which rows of the run are in the final table; -1 for none."""
        entry = self._entries.get(run)
        return entry.published if entry else -1

    def is_behind(self, run: Run) -> bool:
        """Whether another sink has published more of the run than this one knows of."""
        now = self._read(run).get(run)
        return now is not None and now.published > self.published(run)

    def is_open(self, run: Run) -> bool:
        """Whether the run has rows that are not published."""
        entry = self._entries.get(run)
        return entry is not None and entry.state == OPEN

    def begin(self, runs: Mapping[Run, int], place: Partition) -> None:
        """Say that runs have rows that are not published, before those are stored.

        Args:
            runs: offset of the first such row of each.
            place: partition that holds them.
        """
        begun: dict[Run, Entry] = {}
        for run, offset in runs.items():
            entry = self._entries.get(run, Entry(place, offset))
            if not entry.version or entry.state == PUBLISHED:
                version = self._version(offset, 0)
                begun[run] = replace(entry, place=place, first_offset=offset, state="open", version=version)
        self._write(begun)

    def end(self, run: Run, place: Partition, offset: int, published: int, rows: int) -> None:
        """Say that all rows of a run up to a RunEnd are in the final table."""
        entry = self._entries.get(run, Entry(place, offset))
        ended = replace(
            entry, end_offset=offset, published=max(published, entry.published), rows=rows,
            state="published", version=self._version(offset, 1),
        )  # fmt: skip
        self._write({run: ended})

    def open_runs(self, place: Partition) -> dict[Run, int]:
        """First offset of each open run of a partition."""
        return {
            run: entry.first_offset
            for run, entry in self._entries.items()
            if entry.place == place and entry.state == OPEN
        }

    def published_runs(self, place: Partition) -> list[Run]:
        """Runs of a partition without rows that are not published."""
        return [
            run for run, entry in self._entries.items() if entry.place == place and entry.state == PUBLISHED
        ]

    def _version(self, offset: int, step: int) -> int:
        return (self._epoch << SHIFT) + 2 * offset + step + 1

    def _write(self, entries: Mapping[Run, Entry]) -> None:
        rows: list[dict[str, str | int]] = [
            {
                "mode": run.mode, "strand_id": run.strand_id, "topic": entry.place.topic,
                "partition": entry.place.number, "first_offset": entry.first_offset,
                "end_offset": entry.end_offset, "published": entry.published, "rows": entry.rows,
                "state": entry.state, "version": entry.version,
            }
            for run, entry in entries.items()
        ]  # fmt: skip
        if rows:
            self._store.insert("runs", [chunk_of_rows(rows)])
        self._entries.update(entries)
