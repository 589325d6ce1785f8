"""Lines a second and core: the ``lines`` stage, and a plain loop of ``json.loads`` and a dict.

Run with ``python -m tests.benchmarks.bench_lines``. All read the same lines of 60 modes in 200 files: nine of
ten hold one equity item, some two and a trade; 1 % are broken. The stage gets record batches as a worker does
and is timed alone, and with the Avro of its inputs and outputs.
"""

import json
import random
import time
from collections.abc import Iterator
from typing import Any, Final

import click
import numpy as np

from schemas.batches.decode import Decoder
from schemas.batches.encode import Encoder
from schemas.batches.frames import Frames, from_records
from schemas.codec import LOCAL_IDS, LOCAL_NAMES, decode_record, encode_record
from schemas.topics import TOPICS
from streams.core.lines.stage import LinesStage

COUNT: Final = 200_000
MODES: Final = 60
FILES: Final = 200
BATCH: Final = 10_000
T0: Final = 1_720_000_000


def made(count: int = COUNT) -> list[tuple[bytes, bytes]]:
    """Keys and values of records: a configuration of each mode, then lines."""
    pick, numbers = random.Random(7), [0] * FILES
    records = [
        _record("ModeConfig", f"mode{mode}", strand_id="s", component="", file_id="", line=0, scanned=False,
                ts_event=0, live=bool(mode % 2), data="{}", version=1)
        for mode in range(MODES)
    ]  # fmt: skip
    for place in range(count):
        file = pick.randrange(FILES)
        mode = f"mode{file % MODES}"
        numbers[file] += 1
        text = _text(pick, mode, place)
        records.append(
            _record("Line", mode, file_id=f"file{file}", file="x.jsnl", line=numbers[file],
                    ts_event=T0 * 10**9, data=text, detail="")
        )  # fmt: skip
    return records


def _record(record: str, mode: str, **fields: Any) -> tuple[bytes, bytes]:
    return mode.encode(), encode_record(record, LOCAL_IDS[record], {"mode": mode, **fields})


def _text(pick: random.Random, mode: str, place: int) -> bytes:
    if place % 100 == 0:
        return b'{"mode": "' + mode.encode() + b'", "timest'
    item = {"t": "e", "equity": round(pick.gauss(100_000, 5_000), 2), "b": pick.choice(["ib", "oanda"])}
    value: Any = item
    if place % 10 == 5:
        value = [
            item,
            {**item, "b": "paper"},
            {"t": "open", "instrument": "EUR/USD", "price": 1.0735, "units": 5},
        ]
    said = {"log_id": place, "timestamp": T0 + place / 10, "mode": mode, "component": "c", "value": value}
    return json.dumps(said).encode()


def frames_of(records: list[tuple[bytes, bytes]]) -> Iterator[Frames]:
    """The records in batches."""
    for at in range(0, len(records), BATCH):
        yield from_records([(at + n, T0, *record) for n, record in enumerate(records[at : at + BATCH])])


def staged(frames: list[Frames]) -> tuple[float, float, int]:
    """Seconds for everything, for the stage alone, and rows of equity."""
    decoder = Decoder(TOPICS["lines.raw"], LOCAL_NAMES)
    encoders = {name: Encoder(topic, LOCAL_IDS) for name, topic in TOPICS.items()}
    stage, alone, rows = LinesStage(0), 0.0, 0
    begin = time.process_time()
    for frame in frames:
        columns = decoder.decode(frame, 0)
        before = time.process_time()
        outputs = stage.step(columns)
        alone += time.process_time() - before
        for name, found in outputs.topics.items():
            encoders[name].encode(found)
        rows += len(outputs.topics["equity"]) if "equity" in outputs.topics else 0
    return time.process_time() - begin, alone, rows


def plain(records: list[tuple[bytes, bytes]]) -> tuple[float, int]:
    """Seconds for a loop over the same lines, and rows of equity."""
    lines = [(key, decode_record(value, LOCAL_NAMES)[1]["data"]) for key, value in records[MODES:]]
    last: dict[tuple[bytes, str], float] = {}
    rows: list[dict[str, Any]] = []
    begin = time.process_time()
    for key, text in lines:
        try:
            said = json.loads(text)  # type: ignore[arg-type]
            ts, value = int(float(said["timestamp"]) * 1e9), said["value"]
            for item in value if isinstance(value, list) else [value]:
                if item["t"] == "e" and last.get((key, item.get("b", ""))) != item["equity"]:
                    last[key, item.get("b", "")] = item["equity"]
                    rows.append(
                        {"mode": key, "broker": item.get("b", ""), "ts": ts, "equity": item["equity"]}
                    )
        except (ValueError, KeyError, TypeError):
            continue
    return time.process_time() - begin, len(rows)


def main() -> None:
    """Print a table."""
    records = made()
    frames = list(frames_of(records))
    staged(frames[:2])
    lines = len(records) - MODES
    best = min((staged(frames) for _ in range(3)), key=lambda found: found[0])
    loop = min((plain(records) for _ in range(2)), key=lambda found: found[0])
    assert best[2] == loop[1], "both must put out the same rows"
    figures: list[tuple[str, float]] = [
        ("stage alone (columns in, columns out)", best[1]),
        ("stage with Avro in and out", best[0]),
        ("json.loads + dict, bytes ready", loop[0]),
    ]
    click.echo(f"{lines} lines, {np.mean([len(value) for _, value in records]):.0f} bytes a record, CPU time")
    click.echo(f"{'':<42}{'lines/s':>12}{'ns/line':>10}{'ratio':>8}")
    for name, seconds in figures:
        click.echo(
            f"{name:<42}{lines / seconds:>12,.0f}{seconds / lines * 1e9:>10.0f}{loop[0] / seconds:>8.2f}"
        )


if __name__ == "__main__":
    main()
