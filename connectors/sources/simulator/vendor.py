"""The 1m bars of the symbols that come as bars, polled a second after each minute, and their faults."""

from typing import Final

import numpy as np
from numpy.random import Generator

from connectors.sources.simulator.instruments import BARS, Instrument
from connectors.sources.simulator.market import on_grid, prices
from connectors.sources.simulator.planted import Planted
from connectors.sources.simulator.texts import Texts
from connectors.sources.timeline import Part
from schemas.columns import Ints, Rows
from schemas.market.intervals import MINUTE, SECOND
from schemas.records import SPAN, record_type

POLLED_AFTER: Final = SECOND
"""How long after the close of a minute its bar is fetched."""

_TOPIC: Final = "bars.raw"
_STEPS: Final = 20  # steps of the walk inside one bar
_MISSING: Final = (50, 51)
_CORRECTED, _TWICE, _TANGLED, _SHIFTED, _NEGATIVE, _NAMELESS = 120, 130, 140, 150, 160, 170


def bars(rng: Generator, instrument: Instrument, minutes: Ints, texts: Texts) -> Rows:
    """One real bar for each minute."""
    walk = prices(rng, instrument, len(minutes) * _STEPS).reshape(len(minutes), _STEPS)
    rows = record_type("Bar").empty(len(minutes))
    rows["symbol"] = np.array(texts.span(instrument.symbol), SPAN)
    rows["source"] = np.array(texts.span(BARS), SPAN)
    rows["interval"] = np.array(texts.span("1m"), SPAN)
    rows["ts_open"], rows["ts_close"] = minutes, minutes + MINUTE
    rows["session_date"] = minutes // (1_440 * MINUTE)
    rows["open"], rows["close"] = walk[:, 0], walk[:, -1]
    rows["high"], rows["low"] = walk.max(axis=1), walk.min(axis=1)
    rows["volume"] = rng.poisson(instrument.per_minute, len(minutes)) * 100.0 + 100.0
    rows["expected"] = rows["actual"] = rows["complete"] = 1
    rows["coverage"] = 1.0
    kind = record_type("Bar")
    for name in ("notional", "trades", "ts_first", "ts_last"):
        rows["nulls"] |= kind.null_bit(name)
    return rows


def plant(instrument: Instrument, rows: Rows, texts: Texts) -> tuple[list[Part], list[Planted]]:
    """The bars as they are sent, faults included, and what must come of those."""
    arrivals = rows["ts_close"] + POLLED_AFTER
    kept = ~np.isin(np.arange(len(rows)), _MISSING)
    parts = [Part("Bar", arrivals[kept], rows[kept])]
    planted = [
        _planted(
            instrument,
            "vendor bars that are missing",
            len(_MISSING),
            "gap",
            "minutes 50 and 51 of the session",
        )
    ]
    for name, outcome, detail, row, at in _faults(instrument, rows, texts):
        parts.append(Part("Bar", np.array([at], np.int64), row))
        planted.append(_planted(instrument, name, 1, outcome, detail))
    return parts, planted


def _planted(instrument: Instrument, name: str, count: int, outcome: str, detail: str) -> Planted:
    return Planted(name, _TOPIC, instrument.symbol, count, outcome, detail)


def _faults(instrument: Instrument, rows: Rows, texts: Texts) -> list[tuple[str, str, str, Rows, int]]:
    """Name, outcome, detail, row and time of arrival of each fault."""
    corrected = _copy(rows, _CORRECTED)
    corrected["revision"] = 1
    corrected["close"] = on_grid((corrected["high"] + corrected["low"]) / 2, instrument.tick_size)
    corrected["volume"] += 1_000.0
    tangled = _copy(rows, _TANGLED)
    tangled["high"], tangled["low"] = rows["low"][_TANGLED] - 1.0, rows["high"][_TANGLED] + 1.0
    shifted = _copy(rows, _SHIFTED)
    shifted["ts_open"] += MINUTE // 2
    shifted["ts_close"] += MINUTE // 2
    negative = _copy(rows, _NEGATIVE)
    negative["volume"] = -1.0
    nameless = _copy(rows, _NAMELESS)
    nameless["symbol"] = np.array(texts.span("ZZZZ"), SPAN)
    infinite = _copy(rows, _NAMELESS + 1)
    infinite["close"] = np.inf
    late = 30 * MINUTE
    return [
        ("corrected vendor bar", "out", "revision 1, half an hour later", corrected, _sent(corrected) + late),
        (
            "vendor bar sent twice",
            "duplicate",
            "the same revision",
            _copy(rows, _TWICE),
            _sent(rows, _TWICE) + 1,
        ),
        ("bar with high below low", "rejected.V04", "before the right one", tangled, _sent(tangled) - 1),
        ("bar off its grid", "rejected.V06", "half a minute off", shifted, _sent(shifted)),
        ("bar with negative volume", "rejected.V05", "before the right one", negative, _sent(negative) - 1),
        ("bar of an unknown symbol", "rejected.V02", "", nameless, _sent(nameless)),
        ("bar with infinity", "rejected.V01", "before the right one", infinite, _sent(infinite) - 1),
    ]


def _copy(rows: Rows, place: int) -> Rows:
    return rows[place : place + 1].copy()


def _sent(rows: Rows, place: int = 0) -> int:
    return int(rows["ts_close"][place]) + POLLED_AFTER
