"""A batch as the kernels want it: one print a record, whatever its type, with a first verdict."""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.batches.wire import sealed
from schemas.columns import UNDECODABLE, Columns
from schemas.topics import TOPICS
from streams.core.ticks.rows import CONTROL, PRINT, SKIPPED, V01, Ints, Rows
from streams.core.ticks.rules import Book
from streams.core.ticks.validate import check_quotes, check_ticks


class Prints(NamedTuple):
    """Prints and verdicts by position in the batch."""

    rows: Rows  # PRINT[n]
    verdicts: NDArray[np.int16]
    sizes: Ints  # bytes of each record


def has_prints(batch: Columns) -> bool:
    """Whether there is anything to be judged: a tick, a quote, or what could not be read."""
    return sum(len(batch.tables[kind]) for kind in _CONTROLS) < len(batch)


def blank(batch: Columns, offset: int) -> Prints:
    """Nothing judged yet: what is at or below an offset is skipped, what is no print is left to Python."""
    verdicts = np.full(len(batch), CONTROL, np.int16)
    verdicts[batch.kinds == UNDECODABLE] = V01
    verdicts[: batch.offsets.searchsorted(offset, "right")] = SKIPPED
    prints = np.empty(len(batch), PRINT)
    prints["pair"] = -1
    return Prints(prints, verdicts, _sizes(batch))


_CONTROLS: Final = [TOPICS["ticks.raw"].kind(name) for name in ("Heartbeat", "SourceStatus", "Config")]
NO_PRINTS: Final = Prints(np.empty(0, PRINT), np.empty(0, np.int16), np.empty(0, np.int64))
"""Of a batch that has none."""


def _sizes(batch: Columns) -> Ints:
    """Bytes of each record; none are known of what a stage made."""
    if len(batch.values) != len(batch):
        return np.zeros(len(batch), np.int64)
    sizes: Ints = batch.values["size"].astype(np.int64)
    sizes += batch.keys["size"]
    return sizes


def check(batch: Columns, book: Book, owners: Rows, prints: Prints, start: int, end: int) -> None:
    """Fill in the ticks and quotes from one position up to another; owners are the PAIR rows."""
    data = sealed(batch.data)
    for record in ("Tick", "Quote"):
        places = batch.places(record)
        places = places[np.searchsorted(places, start) : np.searchsorted(places, end)]
        if len(places) == 0:
            continue
        numbers = batch.rows[places]  # ascending: a table is in log order
        rows = batch.table(record)[numbers[0] : numbers[-1] + 1]
        pairs = book.find(data, rows["symbol"], rows["source"])
        if record == "Tick":
            check_ticks(
                rows, book.conditions, places, pairs, data, owners, prints.rows, prints.verdicts,
            )  # fmt: skip
        else:
            check_quotes(rows, places, pairs, owners, prints.rows, prints.verdicts)
