"""Warming: every kernel is compiled before the worker joins its group.

A first step would otherwise compile in the event loop and stand still for many seconds, long enough for the
watchdog. A throwaway stage gets a configuration and one record of each type of its topic, as a record batch
like those of a broker, so that kernels see the very array types they will see later.
"""

import logging
from collections.abc import Callable, Iterable
from typing import Final

from aiokafka.record.default_records import DefaultRecordBatchBuilder

from schemas.batches.frames import from_batches
from schemas.columns import Columns, Draft
from schemas.config import (
    CalendarRows,
    Domain,
    IndicatorConfig,
    SignalConfig,
    SourceConfig,
    SymbolConfig,
    encode,
)
from schemas.records import record_type
from schemas.rules import RuleChanges
from schemas.topics import TOPICS
from streams.core.stage import Stage
from streams.transport.codec import Codec

_LOG: Final = logging.getLogger(__name__)

_MINUTE: Final = 60_000_000_000
_OPEN: Final = 1_700_000_040 * 1_000_000_000 // _MINUTE * _MINUTE
_WAITS: Final = 3
"""In this round the correction comes before the print that it names."""
_LAST: Final = 6
_CROWD: Final = [f"WARM{number}" for number in range(9)]
"""Symbols whose bars come together: from eight on bars takes them as columns, analytics side by side."""
_DAY: Final = _OPEN // (1440 * _MINUTE)
_CALENDAR: Final = CalendarRows(
    name="warm", version="1", anchor="utc", zone="UTC",
    session_dates=[_DAY], opens=[_DAY * 86_400], closes=[(_DAY + 1) * 86_400],
)  # fmt: skip
_DOMAIN: Final = Domain(
    version=1,
    symbols=[
        SymbolConfig(name, "crypto", "warm", ["warm"], rules=RuleChanges(correction_prints=10))
        for name in ("WARM", *_CROWD)
    ],
    sources=[SourceConfig("warm", "ticks.raw")],
    calendars={"warm": _CALENDAR},
    indicators=[IndicatorConfig("warm", "ema", 2)],
    signals=[SignalConfig("warm", "close > 0"), SignalConfig("warmest", "rank(close) > 0")],
    partitions=1,
)
_FIELDS: Final[dict[str, object]] = {
    "symbol": "WARM", "source": "warm", "writer": "warm", "mode": "warm", "interval": "1m",
    "version": 1, "body": encode(_DOMAIN), "alive": True, "ts": _OPEN, "ts_event": _OPEN, "ts_recv": _OPEN,
    "ts_open": _OPEN, "ts_close": _OPEN + _MINUTE, "ts_last": _OPEN, "ts_through": _OPEN + 3 * _MINUTE,
    "strand_id": "warm", "line": 1, "action": "correct",
    "data": b'{"mode":"warm","timestamp":1700000000,"value":[{"t":"e","equity":1},{"t":"w"}]}',
    "session_date": _DAY, "open": 1.0, "high": 1.0, "low": 1.0, "close": 1.0, "volume": 1.0, "price": 1.0,
    "size": 1.0, "bid": 1.0, "ask": 1.0, "expected": 1, "actual": 1, "complete": True, "coverage": 1.0,
}  # fmt: skip


def warm(
    name: str, new_stage: Callable[[int], Stage], topic: str, outputs: Iterable[str], codec: Codec
) -> None:
    """Run a throwaway stage of an agent.

    Args:
        name: the agent's stem.
        new_stage: makes the stage.
        topic: its input topic.
        outputs: topics it may write.
        codec: of the process.
    """
    try:
        stage = new_stage(0)
        for output in outputs:
            codec.encode(Draft(output, 0).finish())
        states: dict[bytes, bytes] = {}
        for batch in _batches(topic, codec):
            for columns in stage.step(batch).topics.values():
                list(codec.encode(columns).records())
            states |= stage.take_dirty()
        stage.restore(states)
    except Exception:  # noqa: BLE001 (a stage that refuses this made-up batch may still work)
        _LOG.exception("%s could not be warmed; its first steps will be slow", name)


def _batches(topic: str, codec: Codec) -> Iterable[Columns]:
    """One record of each type, the configuration first; then all again: later, late, and to the end."""
    records, offset = sorted(TOPICS[topic].records, key=lambda record: record != "Config"), 0
    for minutes in (0, 3, 1, _LAST):
        rounds = [[(record, _fields(record, minutes))] for record in records]
        if minutes == 0 and "Bar" in records:
            rounds += [
                [("Bar", _fields("Bar", later) | {"symbol": symbol}) for symbol in _CROWD]
                for later in range(_LAST)
            ]
        for rows in rounds:
            yield _batch(topic, codec, rows, offset)
            offset += len(rows)


def _batch(topic: str, codec: Codec, rows: list[tuple[str, dict[str, object]]], offset: int) -> Columns:
    draft = Draft(topic, 0)
    for place, (record, fields) in enumerate(rows):
        draft.row(record, place, **fields)
    builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, 1 << 20)
    for number, (key, value, timestamp) in enumerate(codec.encode(draft.finish()).records()):
        builder.append(number, timestamp, key, value, [("made_by", b"warm")])
    raw = bytearray(builder.build())
    raw[0:8] = offset.to_bytes(8, "big")  # the base offset is no part of the checksum
    return codec.decode(topic, from_batches([bytes(raw)]), 0)


def _fields(record: str, minutes: int) -> dict[str, object]:
    """Those of the fields that a record type has, instants moved by some minutes."""
    later, known = minutes * _MINUTE, _FIELDS | {"final": minutes == _LAST}
    if record in ("Tick", "Correction"):
        waits = record == "Correction" and minutes == _WAITS
        known |= {"trade_id": "to come" if waits else str(minutes)}
    fields = {name: known[name] for name in record_type(record).names if name in known}
    return {
        name: value + later if isinstance(value, int) and (name.startswith("ts") or name == "line") else value
        for name, value in fields.items()
    }
