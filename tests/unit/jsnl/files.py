"""Strategy files for tests, and what a source reads in them."""

import json
from pathlib import Path
from typing import Any

from connectors.sources.jsnl import LinesSource
from tests.factories import Record, rows_of


def started(mode: str, strand: str, **config: Any) -> str:
    return json.dumps({"type": "strand_started", "strand_id": strand, "mode": mode, "config": config})


def plain(mode: str, ts: float = 1.0) -> str:
    return json.dumps({"timestamp": ts, "mode": mode, "value": {"t": "e", "equity": ts}})


def write(path: Path, *lines: str, end: str = "\n") -> Path:
    path.write_text("\n".join(lines) + end)
    return path


def append(path: Path, *lines: str, end: str = "\n") -> None:
    with path.open("a") as file:
        file.write("\n".join(lines) + end)


def polled(source: LinesSource, *, final: bool = False) -> list[Record]:
    found = [row for block in source.poll(final) for row in rows_of(block)]
    source.commit()
    return found


def told(rows: list[Record]) -> list[tuple[str, str, int]]:
    """Type, mode (with its strand) and line of each record."""
    short = {"ModeConfig": "config", "Line": "line", "RunEnd": "end"}
    return [
        (short[row["record"]], "/".join(filter(None, (row["mode"], row.get("strand_id")))), row["line"])
        for row in rows
    ]
