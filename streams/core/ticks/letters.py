"""Verdicts on records as dead letters with their original bytes, and as counts."""

from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.columns import UNDECODABLE, Columns, Draft
from schemas.jit import kernel
from streams.core.ticks.rows import (
    ADMITTED,
    BELOW_WINDOW,
    HELD,
    V01,
    V02,
    V03,
    V05,
    V08,
    V09,
    V10,
    V11,
    V13,
    V16,
    Int,
)

STAGE: Final = "ticks"

CODES: Final = {
    V01: ("V01", "an instant, seq, price or size must be a finite number in range"),
    V02: ("V02", "symbol and source must be configured together"),
    V03: ("V03", "price must be above 0"),
    V05: ("V05", "size must be above 0, and a quoted size not below"),
    V08: ("V08", "ts_event must not be that much later than ts_recv"),
    V09: ("V09", "its minute must have closed within the lateness"),
    V10: ("V10", "ts_event must be within the session"),
    V11: ("V11", "bid must not be above ask"),
    V13: ("V13", "price must be near the last ones, or two further prints near it"),
    BELOW_WINDOW: ("V16", "its number must not be below the window of those remembered"),
}
"""Code and detail by verdict."""

LATE: Final = frozenset({V09, V10, BELOW_WINDOW})
"""Verdicts that send a record to ``late``."""


class Original(NamedTuple):
    """A record as it stood in the log."""

    timestamp: int
    key: bytes | None
    data: bytes


def original(batch: Columns, at: int) -> Original:
    """The record at a position of a batch."""
    key = batch.keys[at]
    return Original(
        int(batch.timestamps[at]),
        None if int(key["size"]) < 0 else batch.bytes_at(key),
        batch.bytes_at(batch.values[at]),
    )


def write_letter(draft: Draft, batch: Columns, at: int, code: str, detail: str) -> None:
    """Write a record of a batch as a dead letter."""
    write_original(draft, batch, at, int(batch.offsets[at]), original(batch, at), (code, detail))


def write_original(
    draft: Draft, batch: Columns, at: int, offset: int, record: Original, reason: tuple[str, str]
) -> None:
    """Write a record of the topic and partition of a batch as a dead letter, at a position of the batch."""
    draft.row(
        "DeadLetter",
        at,
        stage=STAGE,
        topic=batch.topic.name,
        partition=batch.partition,
        offset=offset,
        ts_event=record.timestamp * 1_000_000,
        code=reason[0],
        detail=reason[1],
        key=record.key,
        data=record.data,
    )


def write_refused(drafts: dict[str, Draft], batch: Columns, verdicts: NDArray[np.int16]) -> None:
    """Write every record that was refused or late."""
    for at in np.flatnonzero((verdicts > ADMITTED) & (verdicts != V16) & (verdicts != HELD)):
        verdict = int(verdicts[at])
        code, detail = CODES[verdict]
        if batch.kinds[at] == UNDECODABLE:
            detail = "it must be a record of this topic"
        write_letter(drafts["late" if verdict in LATE else "dead-letters"], batch, int(at), code, detail)


_MOST: Final = 128  # above every verdict


@kernel
def _tally(verdicts: NDArray[np.int16], found: NDArray[np.int64]) -> Int:
    """Count verdicts; how many were of other kinds than admitted."""
    others: Int = np.int64(0)
    for verdict in verdicts:
        if verdict >= ADMITTED:
            found[verdict] += 1
            others += verdict != ADMITTED
    return others


_NOTHING: Final = dict.fromkeys(("in", "out", "rejected", "late", "duplicate", "held"), 0)


def counts_of(verdicts: NDArray[np.int16]) -> dict[str, int]:
    """Counts of a step by metric name; what was skipped or is no print is not counted."""
    counts = _NOTHING.copy()
    if len(verdicts) == 0:
        return counts
    found = np.zeros(_MOST, np.int64)
    others = _tally(verdicts, found)
    counts["in"] = counts["out"] = int(found[ADMITTED])
    if not others:
        return counts
    found[ADMITTED] = 0
    for verdict in np.flatnonzero(found).tolist():
        number = int(found[verdict])
        counts["in"] += number
        if verdict == V16:
            counts["duplicate"] += number
        elif verdict == HELD:
            counts["held"] += number
        elif verdict in LATE:
            counts["late"] += number
        else:
            counts["rejected"] += number
            add(counts, {f"rejected.{CODES[verdict][0]}": number})
    return counts


def add(counts: dict[str, int], more: Mapping[str, int]) -> None:
    """Add counts to counts; a ``Counter`` takes ten times as long for few of them."""
    for name, number in more.items():
        counts[name] = counts.get(name, 0) + number
