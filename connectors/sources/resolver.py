"""Answers ``modes.wanted`` on ``lines.raw``: the stored configuration of a mode, or that there is none.

The stage waits for the answer in the log, so there is always one, also when the store is silent.
"""

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

import stamina

from connectors.sources.modes import ModeStore, ModeTable, StoredMode
from connectors.sources.source import EVERYWHERE
from runtime.reader import Reader
from schemas.batches.decode import Decoder
from schemas.columns import Columns, Draft
from schemas.errors import RetryableSourceError
from schemas.topics import TOPICS
from schemas.tuples import rows_of_tuples

TIME_LIMIT_S: Final = 5.0
"""Seconds in which the store must answer."""

REMEMBERED_S: Final = 30.0
"""Seconds for which a mode that is not stored is not looked up again."""

_LOG: Final = logging.getLogger(__name__)
_TOPIC: Final = "modes.wanted"
_POLL_S: Final = 0.5
_TOGETHER: Final = 1_000  # modes asked for in one question; fewer than the store caches
_MISSING_LIMIT: Final = 10_000
_NOT_STORED: Final = "mode must be configured or stored, was neither"


class Wanted(NamedTuple):
    """A mode that is asked for; the time is that of the line that asks, in nanoseconds."""

    mode: str
    ts_event: int


def wanted_in(columns: Columns) -> list[Wanted]:
    """What columns of ``modes.wanted`` ask for, in log order."""
    rows = columns.table("ModeWanted")
    return [Wanted(columns.text_at(row["mode"]), int(row["ts_event"])) for row in rows]


def answers(wanted: Iterable[Wanted], stored: Mapping[str, StoredMode], detail: str = _NOT_STORED) -> Columns:
    """One answer a mode, in the order they were asked for first.

    Args:
        wanted: what is asked for.
        stored: configurations by mode.
        detail: why the others are unknown.
    """
    first: dict[str, int] = {}
    for mode, ts_event in wanted:
        first.setdefault(mode, ts_event)
    draft = Draft("lines.raw", EVERYWHERE)
    for mode, ts_event in first.items():
        found = stored.get(mode)
        record = "ModeUnknown" if found is None else "ModeConfig"
        row = (mode.encode(), ts_event, detail.encode()) if found is None else _fields(found)
        draft.extend(record, rows_of_tuples(draft, record, [row]))
    return draft.finish()


class Resolver:
    """Looks modes up: each once however often it is asked for, and not again soon where it is not stored.

    Args:
        table: where configurations are stored.
        limit_s: seconds in which it must answer.
        remembered_s: seconds for which a missing mode is remembered.
        now: monotonic seconds.
    """

    def __init__(
        self,
        table: ModeTable,
        *,
        limit_s: float = TIME_LIMIT_S,
        remembered_s: float = REMEMBERED_S,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = ModeStore(table)
        self._limit_s = limit_s
        self._remembered_s = remembered_s
        self._now = now
        self._missing: dict[str, float] = {}

    def answer(self, wanted: Sequence[Wanted]) -> Columns:
        """One answer a mode, whatever the store does.

        Raises:
            SourceError: the store answers and refuses, so that trying again does not help.
        """
        modes = list(dict.fromkeys(mode for mode, _ in wanted if not self._is_missing(mode)))
        found: dict[str, StoredMode] = {}
        try:
            for at in range(0, len(modes), _TOGETHER):
                found |= self._load(modes[at : at + _TOGETHER])
        except RetryableSourceError as error:
            return answers(wanted, found, f"store must answer within {self._limit_s:g} s, was {error}")
        self._remember(mode for mode in modes if mode not in found)
        return answers(wanted, found)

    def _load(self, modes: Sequence[str]) -> dict[str, StoredMode]:
        for attempt in stamina.retry_context(
            on=RetryableSourceError, attempts=None, timeout=self._limit_s, wait_initial=0.1, wait_max=1.0
        ):
            with attempt:
                self._store.load_from_database(modes)
        return {mode: row for mode in modes if (row := self._store.get(mode)) is not None}

    def _is_missing(self, mode: str) -> bool:
        return self._missing.get(mode, -1.0) > self._now()

    def _remember(self, modes: Iterable[str]) -> None:
        for mode in modes:
            self._missing.pop(mode, None)
            self._missing[mode] = self._now() + self._remembered_s
        while len(self._missing) > _MISSING_LIMIT:
            del self._missing[next(iter(self._missing))]


def resolve(
    reader: Reader,
    resolver: Resolver,
    publish: Callable[[Columns], int],
    names: Mapping[int, str],
    stopped: Callable[[], bool],
) -> None:
    """Answer until told to stop; an offset is committed after its answer has arrived.

    Args:
        reader: with the group that shares the work.
        resolver: looks up.
        publish: sends a block and returns when it has arrived.
        names: record name by schema id.
        stopped: whether to stop.
    """
    decoder = Decoder(TOPICS[_TOPIC], names)
    reader.subscribe([_TOPIC])
    while not stopped():
        for partition, frames in reader.read_frames(_POLL_S).items():
            columns = decoder.decode(frames, partition.number)
            wanted = wanted_in(columns)
            if len(wanted) < len(columns):
                _LOG.warning("%s records of %s must be readable", len(columns) - len(wanted), _TOPIC)
            if wanted:
                publish(resolver.answer(wanted))
            reader.commit({partition: int(frames.offsets[-1]) + 1})


def _fields(row: StoredMode) -> tuple[object, ...]:
    return (
        row.mode.encode(), row.strand_id.encode(), row.component.encode(), b"", row.version, False,
        row.ts_event, row.live, row.data.encode(), row.version,
    )  # fmt: skip
