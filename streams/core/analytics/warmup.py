"""What stored history gives an indicator that has none of its own: a state before the first bar there is.

History comes in the log before the configuration that needs it or before a symbol's first bar, so a replay
has it too. It waits in the state of its symbol until both are there; then the indicators that have seen no
bar before the window begin with it, the others keep theirs, and it is gone::

    history ──► configuration ──► first bar      used at the first bar
    first bar ──► history ──► configuration      used at once, and by what the configuration adds
    first bar ──► history ──► next trade date    used at once, then given up: bars between are gone
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import numpy as np

from schemas.history import HISTORY
from schemas.market.intervals import Interval
from schemas.topics import DERIVED
from streams.core.analytics.indicators.program import Program
from streams.core.analytics.rows import BAR, NONE, Rows
from streams.core.analytics.saved import Saved, StartKey
from streams.core.analytics.windowed.kept import OLDER

WAITING: Final = "history"
"""Begins the key of history that waits, beside the starts of its interval."""

MOST_STRANGERS: Final = 10_000
"""Symbols that no configuration names yet and history waits for."""


_INTERVALS: Final = {name.encode(): Interval.parse(name).ns for name in ("1m", *DERIVED)}


def interval_of(name: bytes) -> int | None:
    """Length of an interval in ns by its name, None where it is none of ours."""
    return _INTERVALS.get(name)


def with_history(saved: Saved, interval: int, data: bytes, version: int) -> Saved:
    """History of an interval waits in a saved symbol; the newer one replaces the older one.

    Args:
        saved: the symbol.
        interval: length of its bars, ns.
        data: the bars, HISTORY rows.
        version: of the configuration under which it comes; it is kept for the one after it.
    """
    others = {key: one for key, one in saved.starts.items() if key[0] != interval or not _waits(key)}
    return replace(saved, starts={**others, (interval, f"{WAITING}@{version}"): data})


def waiting(starts: Mapping[StartKey, bytes], version: int = NONE) -> dict[StartKey, bytes]:
    """The history among some starts, and what of it is kept under a configuration when it was used."""
    return {key: data for key, data in starts.items() if _waits(key) and _came_under(key) >= version}


def _waits(key: StartKey) -> bool:
    return key[1].partition("@")[0] == WAITING


def _came_under(key: StartKey) -> int:
    """Version of the configuration, NONE where there was none or a state of before does not say it."""
    return int(key[1].partition("@")[2] or NONE)


def warmed(saved: Saved, programs: Mapping[int, Program], firsts: Mapping[int, int], version: int) -> Saved:
    """A saved symbol after its history was used.

    Args:
        saved: the symbol.
        programs: by interval in ns.
        firsts: by interval the start of the first bar that comes from the log; only history before it counts.
        version: of the configuration; history that came under it is kept for the next.
    """
    starts: dict[StartKey, bytes] = waiting(saved.starts, version)
    for (interval, key), state in saved.starts.items():
        if not _waits((interval, key)):
            starts.setdefault((interval, key), state)
        elif interval in programs:
            rows = np.frombuffer(state, HISTORY)
            rows = rows[rows["ts_open"] < firsts[interval]]
            found = _starts(programs[interval], rows)
            starts |= {
                (interval, name): one
                for name, one in found.items()
                if not any(saved.starts.get((interval, name), b""))
            }
    return replace(saved, starts=starts)


def _starts(program: Program, rows: Rows) -> dict[str, bytes]:
    """States of all indicators after some bars."""
    state = np.zeros(program.width)
    program.move(state, bars_of(rows))
    found = {key: state[part].tobytes() for key, part in zip(program.keys, program.slices, strict=True)}
    older = rows[max(len(rows) - program.longest, 0) :]
    return found | ({OLDER: older.tobytes()} if program.longest else {})


def bars_of(rows: Rows) -> Rows:
    """BAR rows of stored ones."""
    bars = np.zeros(len(rows), BAR)
    for name in HISTORY.names or ():
        bars[name] = rows[name]
    bars["starts"] = np.diff(rows["session_date"], prepend=rows["session_date"][:1]) > 0
    return bars
