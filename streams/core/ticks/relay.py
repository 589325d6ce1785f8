"""Heartbeats: read from a batch, and passed on to ``bars.raw``."""

from collections.abc import Iterator
from typing import Final, NamedTuple, TypeAlias

import numpy as np

from schemas.columns import Columns, Draft
from schemas.records import record_type
from streams.core.ticks.emit import PLACES
from streams.core.watermark import RELAY

_KIND: Final = record_type("Heartbeat")


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


def beats_of(batch: Columns) -> Iterator[Beat]:
    """The heartbeats of a batch in log order, as plain numbers: numpy is slow one by one."""
    rows = batch.table("Heartbeat")
    names = (_texts(batch, "source"), _texts(batch, "writer"))
    numbers = (rows[name].tolist() for name in ("ts", "ts_through", "ts_last"))
    flags = ((rows[name] != 0).tolist() for name in ("alive", "final"))
    return map(Beat, *names, *numbers, *flags)


def _texts(batch: Columns, name: str) -> list[bytes]:
    spans = batch.table("Heartbeat")[name]
    data, places = batch.data, zip(spans["at"].tolist(), spans["size"].tolist(), strict=True)
    return [data[at : at + size].tobytes() for at, size in places]


def pass_on(draft: Draft, passed: list[Passed]) -> None:
    """Write heartbeats after what they closed."""
    if not passed:
        return
    rows = _KIND.empty(len(passed))
    beats = [beat for _, beat, _ in passed]
    rows["source"] = draft.texts(beat.source for beat in beats)
    rows["writer"] = draft.text(RELAY)
    for name in ("ts", "ts_last", "alive", "final"):
        rows[name] = [getattr(beat, name) for beat in beats]
    rows["ts_through"] = [through for _, _, through in passed]
    draft.extend("Heartbeat", rows, np.array([at * PLACES + 1 for at, _, _ in passed], np.int64))
