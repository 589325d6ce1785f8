"""Heartbeats: read from a batch, and passed on to ``bars.raw``."""

from typing import Final, NamedTuple, TypeAlias

import numpy as np

from schemas.columns import Columns, Draft
from schemas.records import record_type
from streams.core.ticks.outgoing import PLACES
from streams.core.watermark import RELAY

_KIND: Final = record_type("Heartbeat")
_NAMES: Final = ("source", "writer", "ts", "alive", "ts_last", "ts_through", "final", "nulls")
_SOURCE, _WRITER, _TS, _ALIVE, _LAST, _THROUGH, _FINAL, _ = range(len(_NAMES))


class Beat(NamedTuple):
    """One heartbeat."""

    source: bytes
    writer: bytes
    ts: int
    ts_through: int
    ts_last: int
    alive: bool
    final: bool


Passed: TypeAlias = tuple[int, Beat, int]
"""Position in the batch, the heartbeat, and its ts_through as passed on."""


def beats_of(batch: Columns) -> list[Beat]:
    """The heartbeats of a batch in log order, as plain numbers: numpy is slow one by one."""
    data, found = batch.data, []
    for cells in batch.table("Heartbeat").tolist():
        (at, size), (by, width) = cells[_SOURCE], cells[_WRITER]
        found.append(
            Beat(
                data[at : at + size].tobytes(), data[by : by + width].tobytes(),
                cells[_TS], cells[_THROUGH], cells[_LAST], cells[_ALIVE] != 0, cells[_FINAL] != 0,
            )
        )  # fmt: skip
    return found


def pass_on(draft: Draft, passed: list[Passed]) -> None:
    """Write heartbeats after what they closed."""
    writer = draft.text(RELAY)
    rows = [
        (draft.text(beat.source), writer, beat.ts, beat.alive, beat.ts_last, through, beat.final, 0)
        for _, beat, through in passed
    ]
    ats = np.array([at * PLACES + 1 for at, _, _ in passed], np.int64)
    draft.extend("Heartbeat", np.array(rows, _KIND.dtype), ats)
