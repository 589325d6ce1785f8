"""Heartbeats and status of the simulated sources, the outage included.

All sources of a topic speak at the same instants, each second that has records and each minute boundary; the
clock speaks at minute boundaries, after them. While two sources speak they do so every few seconds at least,
or the one that comes second would look dead beside the first.

::

    sim       ♥  ♥ ♥    ♥  ♥ ♥  ♥     ♥
    sim.nse   ♥  ♥ ♥  disconnected    connected ♥      nothing in between: an outage
    clock     ♥         ♥       ♥     ♥
"""

from collections.abc import Iterator
from typing import Final

import numpy as np

from connectors.sources.simulator.instruments import BARS, INDIA, TICKS
from connectors.sources.simulator.market import LONGEST_DELAY
from connectors.sources.simulator.texts import Texts
from connectors.sources.simulator.vendor import POLLED_AFTER
from connectors.sources.timeline import CLOCK, SOURCE, Part, heartbeats
from schemas.columns import Ints, Rows
from schemas.market.intervals import MINUTE, SECOND
from schemas.records import SPAN, record_type

PROMISE: Final = LONGEST_DELAY + 100_000_000
"""A heartbeat promises everything but the last half second; faults that come later break that promise."""

_CLOCK_NAME: Final = "clock"
_SETTLED: Final = 3 * SECOND  # sooner, less the disorder, a first promise would be about the day before
_OFTEN: Final = 4 * SECOND  # below the age at which a source counts as dead


def due(arrivals: Ints, start: int, end: int, dense: tuple[int, int] = (0, 0)) -> Ints:
    """Seconds with records and minute boundaries from start to end, both included.

    Args:
        arrivals: when records are sent.
        start: first instant.
        end: last instant.
        dense: while two sources speak: every few seconds from its start to its end.
    """
    seconds = np.unique(-(-arrivals // SECOND) * SECOND)
    inside = seconds[(seconds >= start) & (seconds <= end)]
    minutes, often = np.arange(start, end + 1, MINUTE), np.arange(*dense, _OFTEN)
    return np.unique(np.concatenate([inside, minutes, often])).astype(np.int64)


def last_before(arrivals: Ints, times: Ints) -> Ints:
    """Last arrival at or before each time, 0 where there is none."""
    ordered = np.sort(arrivals)
    places = np.searchsorted(ordered, times, "right") - 1
    return np.where(places >= 0, ordered[np.maximum(places, 0)] if len(ordered) else 0, 0)


def of_ticks(
    texts: Texts, times: Ints, arrivals: dict[str, Ints], india: tuple[int, int], outage: tuple[int, int]
) -> Iterator[Part]:
    """Heartbeats and status on ``ticks.raw``.

    Args:
        texts: buffer of all spans.
        times: when heartbeats are due.
        arrivals: arrivals of the records by source.
        india: when the source of Mumbai speaks.
        outage: when it does not, its end excluded.
    """
    talking = (times >= india[0]) & (times <= india[1]) & ~((times >= outage[0]) & (times < outage[1]))
    mumbai = np.union1d(times[talking], outage[1])  # it speaks as soon as it is back
    settled = times[times >= times[0] + _SETTLED]
    for name, own in ((TICKS, settled), (INDIA, mumbai)):
        rows = heartbeats(texts.span(name), own)
        rows["ts_through"] = own - PROMISE
        rows["ts_last"] = last_before(arrivals[name], own)
        yield _closed(rows, own)
    for at, status in ((outage[0], "disconnected"), (outage[1], "connected")):
        row = record_type("SourceStatus").empty(1)
        row["source"] = np.array(texts.span(INDIA), SPAN)
        row["ts"] = at
        row["status"] = record_type("SourceStatus").code("status", status)
        row["detail"] = np.array(texts.span("planted"), SPAN)
        row["nulls"] = record_type("SourceStatus").null_bit("symbol")
        yield Part("SourceStatus", np.array([at], np.int64), row)
    yield of_clock(texts, times)


def of_bars(texts: Texts, times: Ints, arrivals: Ints) -> Iterator[Part]:
    """Heartbeats on ``bars.raw``; the poller promises the last minute boundary it has fetched."""
    rows = heartbeats(texts.span(BARS), times)
    rows["ts_through"] = (times - POLLED_AFTER) // MINUTE * MINUTE
    rows["ts_last"] = last_before(arrivals, times)
    yield _closed(rows, times)
    yield of_clock(texts, times)


def of_clock(texts: Texts, times: Ints) -> Part:
    """Heartbeats of the clock at the minute boundaries."""
    own = times[times % MINUTE == 0]
    return Part("Heartbeat", own, heartbeats(texts.span(_CLOCK_NAME), own), CLOCK)


def _closed(rows: Rows, times: Ints) -> Part:
    rows["final"][-1] = 1
    return Part("Heartbeat", times, rows, SOURCE)
