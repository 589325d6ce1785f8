"""Which table an equity row goes to: live to the final one, the others to staging until their run ends."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from connectors.sinks.clickhouse.batch import texts_at
from connectors.sinks.clickhouse.epochs import SHIFT
from connectors.sinks.clickhouse.guard import WRONG_NAME, ModeGuard
from connectors.sinks.clickhouse.journal import Journal, Run
from connectors.sinks.clickhouse.native import Chunk, Column, Places, Texts
from connectors.sinks.clickhouse.publish import Ending
from connectors.sinks.clickhouse.tables import chunk_of
from runtime.reader import Partition
from schemas.batches.lookup import distinct
from schemas.batches.wire import Ints
from schemas.columns import Columns


@dataclass(frozen=True, slots=True, eq=False)
class Routed:
    """Rows of some equity records.

    Attributes:
        live: for the final table.
        staged: for staging.
        runs: place in the batch of the first staged row of each run.
        refused: code and detail by place in the batch.
    """

    live: Chunk
    staged: Chunk
    runs: Mapping[Run, int]
    refused: Mapping[int, tuple[str, str]]


def versioned(chunk: Chunk, offsets: Ints, epoch: int) -> Chunk:
    """The rows with their version: an offset, with the epoch of its topic above.

    Args:
        chunk: rows.
        offsets: int64[n], negative ones count as 0.
        epoch: of the topic the offsets are of.
    """
    version = np.maximum(offsets, 0) + (epoch << SHIFT)
    return chunk.with_column("version", Column("UInt64", version.astype(np.uint64)))


def route(columns: Columns, places: Places, guard: ModeGuard, journal: Journal, epoch: int) -> Routed:
    """Send each row its way; rows of a run that are published already are left out.

    Args:
        columns: a batch of the topic ``equity``.
        places: positions in it of the rows.
        guard: which modes may have a partition.
        journal: what is published.
        epoch: of ``lines.raw``.
    """
    rows = columns.table("Equity")[columns.rows[places]]
    chunk = versioned(chunk_of(columns, "Equity", places), rows["lines_offset"], epoch)
    numbers, runs = _runs(columns, chunk)
    reasons = [_refusal(mode, strand, guard) for mode, strand in runs]
    good = np.array([reason is None for reason in reasons], np.bool_)[numbers]
    live = rows["live"] != 0
    names = [Run(mode.decode("utf-8", "replace"), strand.decode("utf-8", "replace")) for mode, strand in runs]
    published = np.array([journal.published(run) for run in names], np.int64)
    fresh = _version(chunk) > published[numbers] if names else good
    staged = np.flatnonzero(good & ~live & fresh)
    kinds, firsts = np.unique(numbers[staged], return_index=True)
    return Routed(
        chunk.take(np.flatnonzero(good & live)),
        chunk.take(staged),
        {names[kind]: int(places[staged[row]]) for kind, row in zip(kinds, firsts, strict=True)},
        {int(places[row]): reasons[numbers[row]] or ("", "") for row in np.flatnonzero(~good)},
    )


def _runs(columns: Columns, chunk: Chunk) -> tuple[Ints, list[tuple[bytes, bytes]]]:
    """Number of each row's run and (mode, strand_id) of each number."""
    del columns
    numbers = np.zeros(chunk.count, np.int64)
    runs: list[tuple[bytes, ...]] = [()]
    for name in ("mode", "strand_id"):
        values = chunk.columns[name].values
        assert isinstance(values, Texts)  # noqa: S101  (both are text in the schema)
        own, firsts = distinct(values.data, values.spans)
        texts = texts_at(values, firsts)
        pairs, numbers = np.unique(numbers * max(len(texts), 1) + own, return_inverse=True)
        runs = [(*runs[pair // len(texts)], texts[pair % len(texts)]) for pair in pairs.tolist()]
    return numbers, [(run[0], run[1]) for run in runs]


def _version(chunk: Chunk) -> Ints:
    return np.asarray(chunk.columns["version"].values).astype(np.int64)


def _refusal(mode: bytes, strand: bytes, guard: ModeGuard) -> tuple[str, str] | None:
    try:
        strand.decode()
    except UnicodeDecodeError:
        return WRONG_NAME, f"strand_id must be UTF-8, was {strand[:200]!r}"
    return guard.refusal(mode)


def ending(columns: Columns, place: int, epoch: int, journal: Journal) -> Ending | None:
    """The end of a run that a RunEnd says; None for a live run, of which everything is out already.

    Args:
        columns: a batch of the topic ``equity``.
        place: position in it of the RunEnd.
        epoch: of ``lines.raw``.
        journal: says whether a run that is live at its end was not live before.
    """
    row = columns.table("RunEnd")[columns.rows[place]]
    run = Run(columns.text_at(row["mode"]), columns.text_at(row["strand_id"]))
    if row["live"] and not journal.is_open(run):
        return None
    return Ending(
        run=run,
        place=Partition(columns.topic.name, columns.partition),
        offset=int(columns.offsets[place]),
        version=max(int(row["lines_offset"]), 0) + (epoch << SHIFT),
        replaces=bool(row["replace"]),
    )
