"""A generated set of strategy files with every fault in it, in any size.

Modes ``<prefix>0`` and so on have a configuration in each of their files, early or late; every other run is
not live. Besides there are modes that only the store knows, modes that nobody knows, and modes whose names
may have no partition. About 3 % of the lines are bad in one of the ways of ``FAULTS``.
"""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Final

T0: Final = 1_720_000_000
HOSTILE: Final = ("x'; DROP TABLE equity; --", "a/b", "ünïcode", "m" * 300)
SPECIAL: Final = 3
_SHARE: Final = 0.03

Fault = Callable[[Random, dict[str, Any]], bytes]


def _said(said: dict[str, Any], **other: Any) -> bytes:
    return json.dumps({**said, **other}).encode()


FAULTS: Final[dict[str, Fault]] = {
    "cut off": lambda pick, said: _said(said)[: pick.randrange(5, 40)],
    "binary": lambda pick, _: bytes(pick.choice(b"\x00\x01\x80\xff\xfe{}") for _ in range(40)),
    "no object": lambda _, __: b"[1, 2]",
    "no value": lambda _, said: json.dumps({key: said[key] for key in said if key != "value"}).encode(),
    "no timestamp": lambda _, said: _said(said, timestamp=None),
    "wrong time": lambda _, said: _said(said, timestamp="yesterday"),
    "equity is a text": lambda _, said: _said(said, value={"t": "e", "equity": "12"}),
    "equity is infinite": lambda _, said: _said(said, value={"t": "e", "equity": 7}).replace(
        b" 7}", b" 1e999}"
    ),
    "value is a number": lambda _, said: _said(said, value=7),
    "one item is bad": lambda _, said: _said(said, value=[{"t": "e", "equity": 5.5}, {"equity": 1}, 3]),
    "key twice": lambda _, said: _said(said).replace(b'"timestamp"', b'"timestamp": 1, "timestamp"', 1),
    "item key twice": lambda _, said: _said(said, value={"t": "e", "equity": 1}).replace(
        b'"t"', b'"t": "c", "t"'
    ),
    "no mode": lambda _, said: _said(said, mode=""),
    "wrong type": lambda _, said: _said(said, type="weather"),
    "no strand": lambda _, said: _said(said, type="strand_started", config={}),
    "nested": lambda _, said: _said(said, x=json.loads("[" * 70 + "]" * 70)),
    "empty": lambda _, __: b"",
    "back in time": lambda pick, said: _said(said, timestamp=T0 - pick.randrange(1, 99)),
    "time as text": lambda _, said: _said(said, timestamp=f"{said['timestamp']:.4f}"),
    "escaped": lambda _, said: _said(said, component="\u00e9\n").replace(b'"mode"', b'"\\u006dode"'),
}
"""Ways in which a line is bad, or good in a way that is rare."""


@dataclass
class LineSet:
    """What was written.

    Attributes:
        paths: the files.
        stored: modes that the store knows, with their run.
        planted: faults by name.
        count: lines in all.
    """

    paths: list[Path] = field(default_factory=list)
    stored: dict[str, str] = field(default_factory=dict)
    planted: Counter[str] = field(default_factory=Counter)
    count: int = 0


def write(folder: Path, prefix: str, *, files: int, modes: int, lines: int, seed: int = 7) -> LineSet:
    """Write the files.

    Args:
        folder: where; it is made.
        prefix: begins every mode with a plain name.
        files: how many files.
        modes: how many modes with a configuration in their files.
        lines: how many lines in all, about.
        seed: another seed, another set.
    """
    folder.mkdir(parents=True, exist_ok=True)
    pick, made = Random(seed), LineSet()
    for number in range(files):
        names = [f"{prefix}{number % modes}"]
        if number < SPECIAL:
            made.stored[f"{prefix}stored{number}"] = f"stored{number}"
            names += [f"{prefix}stored{number}", f"{prefix}nowhere{number}"]
        elif number < SPECIAL + len(HOSTILE):
            names.append(HOSTILE[number - SPECIAL])
        path = folder / f"{number:04}.jsnl"
        with path.open("wb") as file:
            for line in _lines(pick, names, number, lines // files, made):
                file.write(line + b"\n")
                made.count += 1
            if number % 5 == 0:
                file.write(b'{"mode": "cut of')
        made.paths.append(path)
    return made


def _lines(pick: Random, names: list[str], number: int, count: int, made: LineSet) -> list[bytes]:
    lines = []
    late = pick.randrange(max(count // 5, 1))
    configured = [name for name in names if name not in made.stored and "nowhere" not in name]
    value = dict.fromkeys(names, 100000.0)
    for place in range(count):
        if place == late:
            lines += [_started(name, number, live=bool(number % 2)) for name in configured]
        mode = names[0] if pick.random() < 0.9 else pick.choice(names)
        if pick.random() < 0.7:
            value[mode] = round(value[mode] + pick.gauss(0, 50), pick.choice([0, 2, 9]))
        said = {
            "log_id": place, "timestamp": T0 + place * 0.25, "mode": mode, "component": "c",
            "value": _value(pick, value[mode]),
        }  # fmt: skip
        if pick.random() < _SHARE:
            name = pick.choice(list(FAULTS))
            made.planted[name] += 1
            lines.append(FAULTS[name](pick, said))
        else:
            lines.append(json.dumps(said).encode())
    if number % 2:
        ending = {"type": "strand_finished", "mode": names[0], "timestamp": T0 + count}
        lines.append(json.dumps(ending).encode())
    return lines


def _started(mode: str, number: int, *, live: bool) -> bytes:
    said = {"type": "strand_started", "mode": mode, "strand_id": f"s{number}", "timestamp": T0}
    return json.dumps({**said, "config": {"name": mode, "live": live}}).encode()


def _value(pick: Random, equity: float) -> Any:
    item = {"t": "e", "equity": equity}
    kind = pick.random()
    if kind < 0.6:
        return item
    if kind < 0.8:
        return {**item, "b": pick.choice(["ib", "oanda"])}
    trade = {"t": pick.choice(["open", "close", "adjust-open", "c", "other"]), "price": 1.0735, "units": -3}
    return [{**item, "b": "ib"}, {"t": "e", "equity": equity / 3, "b": "paper"}, trade]
