"""Strategy files of the simulated day, every kind of bad line included.

==================  ======  ====================================================================
mode                live    planted
==================  ======  ====================================================================
breakout_live       yes     malformed lines, repeated values, trades and candles beside equity
meanrev_sim         no      its configuration stands late in the file, a changed one later still
carry_sim           no      shares a file with meanrev_sim
archive_sim         no      no file configures it; the store knows it
orphan              -       nobody knows it: its lines are ignored
==================  ======  ====================================================================
"""

import json
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.random import Generator

from connectors.sources.modes import StoredMode
from connectors.sources.simulator.planted import Planted
from schemas.jsnl import END_MARKERS, STRAND_STARTED
from schemas.market.cuts import EPOCH

SUFFIX: Final = ".jsnl"
_TOPIC: Final = "lines.raw"
_DAY_S: Final = 86_400
_STEP_S: Final = 60
_OPEN_S: Final = 13 * 3_600 + 30 * 60  # lines begin when New York opens
_LATE_AT: Final = 60
_CHANGED_AT: Final = 220


STORED: Final = (
    StoredMode(
        "archive_sim", "archive-1", live=False, component="backtester", data='{"name":"archive","live":false}'
    ),
)
"""What the store must hold before the files are read."""


class _Account:
    """Equity of one mode as a walk that sometimes stands still, and what it trades."""

    def __init__(self, rng: Generator, mode: str, start: float, first_s: int) -> None:
        self._rng = rng
        self._mode = mode
        self._equity = start
        self._at = first_s
        self._line = 0
        self.repeats = 0

    def line(self) -> str:
        """The next line: equity each minute, now and then a trade and a candle beside it."""
        self._line += 1
        self._at += _STEP_S
        if self._rng.random() < 0.2 and self._line > 1:
            self.repeats += 1
        else:
            self._equity = round(self._equity + float(self._rng.normal(0.0, 25.0)), 2)
        items: list[dict[str, Any]] = [{"t": "e", "equity": self._equity, "b": "paper"}]
        if self._line % 10 == 0:
            side = "open" if self._line % 20 else "close"
            items.append({"t": side, "instrument": "SPY", "price": 545.1, "units": 10, "profit": 1.5})
        if self._line % 15 == 0:
            items.append({"t": "c", "instrument": "SPY", "o": 545.0, "h": 545.5, "l": 544.8, "c": 545.2})
        value: object = items if len(items) > 1 else items[0]
        # Both spellings of a time are met in the field.
        at: object = self._at if self._line % 2 else f"{self._at}.250000"
        return json.dumps(
            {"log_id": self._line, "timestamp": at, "mode": self._mode, "component": "engine", "value": value}
        )


def _started(mode: str, strand_id: str, *, live: bool, version: int = 1) -> str:
    config = {
        "name": mode,
        "live": live,
        "designator": "strand_live" if live else "strand_simulation",
        "risk": 0.01 * version,
    }
    return json.dumps({"type": STRAND_STARTED, "strand_id": strand_id, "mode": mode, "config": config})


def _ended(mode: str, strand_id: str) -> str:
    return json.dumps({"type": END_MARKERS[0], "strand_id": strand_id, "mode": mode})


_MALFORMED: Final = (
    b'{"log_id": 7, "timestamp": 171992',
    b"not json at all",
    b"[1, 2, 3]",
    b'{"log_id": 8, "timestamp": 1719927000, "value": {"t": "e", "equity": 1.0}}',
    b'{"log_id": 9, "timestamp": "yesterday", "mode": "breakout_live", "value": {"t": "e", "equity": 1.0}}',
    b'{"log_id": 10, "timestamp": 1719927000, "mode": 17, "value": {"t": "e", "equity": 1.0}}',
    b'{"type": "strand_started", "mode": "breakout_live", "config": {"live": true}}',
    b"\x00\xff\xfe\x80 binary \x00",
)
"""Lines that no reader can use: torn, no JSON, no object, no mode, no time, no strand, only bytes."""


def write_lines(
    folder: Path, day: date, seed: int = 7, length: int = 390
) -> tuple[list[Path], list[Planted]]:
    """Write the strategy files of a day.

    Args:
        folder: where to; made if it is not there.
        day: the day.
        seed: another seed, other numbers.
        length: equity lines of each mode.

    Returns:
        The files in order of their names, and what was planted in them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths, planted = [], []
    for number, (name, make) in enumerate(_FILES.items()):
        rng = np.random.default_rng([seed, number])
        path = folder / f"{name}{SUFFIX}"
        lines, found = make(rng, (day - EPOCH).days * _DAY_S + _OPEN_S, length)
        path.write_bytes(b"".join(line + b"\n" for line in lines))
        paths.append(path)
        planted += found
    return paths, planted


_Made = tuple[list[bytes], list[Planted]]


def _live(rng: Generator, first_s: int, length: int) -> _Made:
    account = _Account(rng, "breakout_live", 100_000.0, first_s)
    lines = [_started("breakout_live", "breakout-1", live=True).encode(), *_encoded(account, length)]
    for place, bad in zip(
        np.linspace(20, length - 20, len(_MALFORMED)).astype(int).tolist(), _MALFORMED, strict=True
    ):
        lines.insert(place, bad)
    return lines, [
        Planted("malformed lines", _TOPIC, "breakout_live", len(_MALFORMED), "dead letters"),
        Planted("values equal to the last", _TOPIC, "breakout_live", account.repeats, "not stored again"),
    ]


def _late(rng: Generator, first_s: int, length: int) -> _Made:
    late = _Account(rng, "meanrev_sim", 50_000.0, first_s)
    other = _Account(rng, "carry_sim", 75_000.0, first_s)
    lines: list[bytes] = [_started("carry_sim", "carry-1", live=False).encode()]
    for number, (one, two) in enumerate(zip(_encoded(late, length), _encoded(other, length), strict=True)):
        if number == min(_LATE_AT, length // 4):
            lines.append(_started("meanrev_sim", "meanrev-1", live=False).encode())
        if number == min(_CHANGED_AT, length // 2):
            lines.append(_started("meanrev_sim", "meanrev-1", live=False, version=2).encode())
        lines += [one, two]
    lines += [_ended("meanrev_sim", "meanrev-1").encode(), _ended("carry_sim", "carry-1").encode()]
    detail = f"after {min(_LATE_AT, length // 4)} of its lines; holds for them too"
    return lines, [
        Planted("configuration that comes late", _TOPIC, "meanrev_sim", 1, "all lines kept", detail),
        Planted("values equal to the last", _TOPIC, "meanrev_sim", late.repeats, "not stored again"),
        Planted("values equal to the last", _TOPIC, "carry_sim", other.repeats, "not stored again"),
    ]


def _stored(rng: Generator, first_s: int, length: int) -> _Made:
    account = _Account(rng, "archive_sim", 20_000.0, first_s)
    lines = [*_encoded(account, min(length, 100)), _ended("archive_sim", "archive-1").encode()]
    return lines, [
        Planted("mode that only the store knows", _TOPIC, "archive_sim", 100, "resolved, then kept")
    ]


def _orphan(rng: Generator, first_s: int, length: int) -> _Made:
    lines = list(_encoded(_Account(rng, "orphan", 10_000.0, first_s), min(length, 40)))
    return lines, [
        Planted("mode that nobody knows", _TOPIC, "orphan", len(lines), "dead letters: unresolved")
    ]


def _encoded(account: _Account, length: int) -> Iterator[bytes]:
    return (account.line().encode() for _ in range(length))


_FILES: Final[dict[str, Callable[[Generator, int, int], _Made]]] = {
    "breakout": _live,
    "research": _late,
    "archive": _stored,
    "orphan": _orphan,
}
