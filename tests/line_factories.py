"""Builders of what stands on ``lines.raw``."""

import json
from typing import Any

from tests.factories import Record

T0 = 1_720_000_000


def line(mode: str, number: int, *items: Any, file_id: str = "f1", ts: float = T0, **said: Any) -> Record:
    """A Line of one item or several; ``data`` replaces its bytes, other fields of the JSON go by name."""
    data = said.pop("data", None)
    detail = said.pop("detail", "")
    body = {"log_id": number, "timestamp": ts, "mode": mode, "component": "c", **said}
    if items:
        body["value"] = list(items) if len(items) > 1 else items[0]
    text = json.dumps(body).encode() if data is None else data
    base = {"record": "Line", "mode": mode, "file_id": file_id, "file": "x.jsnl", "line": number}
    return {**base, "ts_event": int(ts) * 1_000_000_000, "data": text, "detail": detail}


def equity(value: Any, broker: str | None = None, **more: Any) -> dict[str, Any]:
    """An equity item."""
    return {"t": "e", "equity": value, **({} if broker is None else {"b": broker}), **more}


def mode_config(
    mode: str, strand: str = "s1", number: int = 1, *, file_id: str = "f1", **said: Any
) -> Record:
    """A ModeConfig of a live run."""
    base = {"record": "ModeConfig", "mode": mode, "strand_id": strand, "component": "", "file_id": file_id}
    rest = {"line": number, "scanned": False, "ts_event": T0 * 1_000_000_000, "live": True, "data": "{}"}
    return {**base, **rest, "version": 0, **said}


def stored_config(mode: str, strand: str = "s1", **said: Any) -> Record:
    """A ModeConfig from the store."""
    return mode_config(mode, strand, 0, file_id="", **said)


def mode_unknown(mode: str) -> Record:
    """A ModeUnknown."""
    return {"record": "ModeUnknown", "mode": mode, "ts_event": T0 * 1_000_000_000, "detail": "not stored"}


def run_end(mode: str, number: int, strand: str = "", *, file_id: str = "f1", **said: Any) -> Record:
    """A RunEnd at the end of a file."""
    base = {"record": "RunEnd", "mode": mode, "strand_id": strand, "file_id": file_id, "line": number}
    rest = {"ts_event": T0 * 1_000_000_000, "reason": "end_of_file", "replace": False, "live": False}
    return {**base, **rest, "lines_offset": -1, **said}
