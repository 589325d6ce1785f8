"""Small builders that all tests share: calendars, configurations, records, columns.

Times are written as text (``at("2024-07-02T13:30")``) and are UTC. Records are dictionaries of fields with
the name of their type under ``record``; fields left out have sensible values.

Example:
    >>> batch = columns("ticks.raw", 0, config(domain()), tick("2024-07-02T13:30:01", 101.5))
    >>> rows_of(stage.step(batch).topics["bars.raw"])
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Any

import msgspec

from schemas.batches.decode import Decoder
from schemas.batches.encode import Encoder
from schemas.batches.frames import from_records
from schemas.codec import LOCAL_IDS, LOCAL_NAMES, decode_record, encode_record
from schemas.columns import Columns
from schemas.config import CalendarRows, Domain, SourceConfig, SymbolConfig, encode
from schemas.records import record_type
from schemas.rules import AssetRules
from schemas.topics import TOPICS

DAY = "2024-07-02"
"""An ordinary Tuesday, on which ``calendar_rows()`` is open."""

Record = dict[str, Any]


def at(text: str) -> int:
    """Instant in ns of ISO text, UTC."""
    moment = datetime.fromisoformat(text)
    delta = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * 86_400 + delta.seconds) * 1_000_000_000 + delta.microseconds * 1_000


def day(text: str) -> int:
    """Trade date in days since 1970-01-01."""
    return (date.fromisoformat(text) - date(1970, 1, 1)).days


def calendar_rows(
    name: str = "XNYS",
    days: Iterable[str] = ("2024-07-01", DAY, "2024-07-03"),
    hours: Iterable[str] = ("13:30-20:00",),
    anchor: str = "session",
    zone: str = "America/New_York",
) -> CalendarRows:
    """A calendar of the given dates and hours (UTC); ``00:00-24:00`` is a whole day."""
    segments = [(day(text), *_seconds(text, part)) for text in days for part in hours]
    dates, opens, closes = (list(part) for part in zip(*segments, strict=True))
    return CalendarRows(name, "test", anchor, zone, dates, opens, closes)


def _seconds(text: str, hours: str) -> tuple[int, int]:
    midnight = day(text) * 86_400
    start, end = (
        sum(int(n) * size for n, size in zip(part.split(":"), (3600, 60), strict=True))
        for part in hours.split("-")
    )
    return midnight + start, midnight + end


def around_the_clock(
    name: str = "24x7", days: Iterable[str] = ("2024-07-01", DAY, "2024-07-03")
) -> CalendarRows:
    """A calendar that is always open."""
    return calendar_rows(name, days, ("00:00-24:00",), "utc", "UTC")


def symbol(name: str = "SPY", **fields: Any) -> SymbolConfig:
    """A symbol; an equity on XNYS with one source, ``feed``, unless told otherwise."""
    return SymbolConfig(
        **{"symbol": name, "asset": "equity", "calendar": "XNYS", "sources": ["feed"], **fields}
    )


def lenient(**fields: Any) -> AssetRules:
    """Rules that allow for no disorder and doubt no price and no silence, unless told otherwise."""
    return AssetRules(**{"disorder_ms": 0, "outlier_prints": 0, "quiet_ms": 0, **fields})


def domain(*symbols: SymbolConfig, **fields: Any) -> Domain:
    """Version 1: SPY on XNYS, ``feed`` gives ticks and ``feed.bars`` bars, no disorder is allowed for."""
    said = {
        "version": 1,
        "symbols": list(symbols or [symbol()]),
        "sources": [SourceConfig("feed", "ticks.raw"), SourceConfig("feed.bars", "bars.raw")],
        "calendars": {"XNYS": calendar_rows(), "24x7": around_the_clock()},
        "assets": {name: lenient() for name in ("equity", "crypto", "fx", "commodity")},
    }
    return Domain(**{**said, **fields})


def config(body: Domain | str, ts: str = f"{DAY}T00:00:00", **fields: Any) -> Record:
    """A Config record."""
    version = body.version if isinstance(body, Domain) else 1
    text = encode(body) if isinstance(body, Domain) else body
    return {"record": "Config", "version": version, "ts": at(ts), "body": text, **fields}


def tick(ts: str, price: float, size: float | None = 1.0, *, symbol: str = "SPY", **fields: Any) -> Record:
    """A Tick of SPY from ``feed``, received as it happened."""
    base = {"record": "Tick", "symbol": symbol, "ts_event": at(ts), "ts_recv": at(ts), "source": "feed"}
    return {**base, "price": price, "size": size, "seq": None, "trade_id": None, "conditions": None, **fields}


def correction(ts: str, action: str = "cancel", *, symbol: str = "SPY", **fields: Any) -> Record:
    """A Correction of a print of SPY from ``feed``, named by ``trade_id`` or ``seq``."""
    base = {"record": "Correction", "symbol": symbol, "ts_event": at(ts), "ts_recv": at(ts), "source": "feed"}
    empty = dict.fromkeys(("trade_id", "seq", "ts_print", "price", "size"))
    return {**base, "action": action, **empty, "detail": "", **fields}


def quote(ts: str, bid: float, ask: float, *, symbol: str = "SPY", **fields: Any) -> Record:
    """A Quote of SPY from ``feed``, received as it happened."""
    base = {"record": "Quote", "symbol": symbol, "ts_event": at(ts), "ts_recv": at(ts), "source": "feed"}
    return {**base, "bid": bid, "ask": ask, "bid_size": None, "ask_size": None, "seq": None, **fields}


def bar(ts: str, *prices: float, symbol: str = "SPY", minutes: int = 1, **fields: Any) -> Record:
    """A real bar of SPY from ``feed.bars``: one price, or open, high, low and close."""
    opened, high, low, close = prices if len(prices) == 4 else prices * 4
    names = {1: "1m", 5: "5m", 15: "15m", 30: "30m", 60: "1h"}
    base: Record = {"record": "Bar", "symbol": symbol, "interval": names[minutes], "ts_open": at(ts)}
    base |= {"ts_close": at(ts) + minutes * 60_000_000_000, "session_date": day(ts[:10])}
    base |= {"open": opened, "high": high, "low": low, "close": close, "volume": 10.0, "notional": None}
    base |= {"trades": None, "ts_first": None, "ts_last": None, "revision": 0, "fill": "real"}
    base |= {"expected": minutes, "actual": minutes, "filled": 0, "complete": True, "coverage": 1.0}
    return {**base, "source": "feed.bars", "flags": 0, **fields}


def heartbeat(ts: str, source: str = "feed", *, through: str = "", **fields: Any) -> Record:
    """A heartbeat that promises everything up to ``through`` [ts], written by the source itself."""
    promised = at(through or ts)
    base = {"record": "Heartbeat", "source": source, "writer": source, "ts": at(ts), "alive": True}
    return {**base, "ts_last": promised, "ts_through": promised, "final": False, **fields}


def minute_status(ts: str, *, symbol: str = "SPY", **fields: Any) -> Record:
    """A MinuteStatus of SPY from ``feed`` that says nothing but what is given."""
    base = {"record": "MinuteStatus", "symbol": symbol, "source": "feed", "ts_open": at(ts), "cause": None}
    zeros = {"rejected": 0, "late": 0, "duplicate": 0, "seq_hole": False, "halted": False, "filled": False}
    return {**base, **zeros, **fields}


def status(ts: str, what: str, source: str = "feed", **fields: Any) -> Record:
    """A SourceStatus for all symbols of a source."""
    base = {"record": "SourceStatus", "source": source, "ts": at(ts), "status": what, "symbol": None}
    return {**base, "detail": "", **fields}


def raw(value: bytes | None, key: bytes | None = b"SPY", timestamp_ms: int = 0) -> Record:
    """Any bytes in place of a record."""
    return {"record": "", "value": value, "key": key, "timestamp": timestamp_ms}


def framed(record: Mapping[str, Any]) -> tuple[int, bytes | None, bytes | None]:
    """Timestamp in ms, key and value of a record as a source would send it."""
    if not record["record"]:
        return record["timestamp"], record["key"], record["value"]
    kind = record_type(record["record"])
    fields = {name: value for name, value in record.items() if name != "record"}
    text = fields[kind.key] if kind.key else None
    key = text.encode() if isinstance(text, str) else text
    return fields[kind.event_time] // 1_000_000, key, encode_record(kind.name, LOCAL_IDS[kind.name], fields)


def columns(topic: str, partition: int, *records: Record, first_offset: int = 0) -> Columns:
    """Columns of records, through bytes and the decoder, as a stage gets them."""
    parts = [framed(record) for record in records]
    frames = from_records(
        (first_offset + number, timestamp, key, value) for number, (timestamp, key, value) in enumerate(parts)
    )
    return Decoder(TOPICS[topic], LOCAL_NAMES).decode(frames, partition)


def rows_of(found: Columns, *records: str) -> list[Record]:
    """What columns hold as dictionaries in log order, through the encoder; only the given types, or all."""
    values = [value for _, value, _ in Encoder(found.topic, LOCAL_IDS).encode(found).records()]
    decoded = [decode_record(bytes(value), LOCAL_NAMES) for value in values if value is not None]
    return [{"record": name, **fields} for name, fields in decoded if not records or name in records]


def changed(config_before: Domain, **fields: Any) -> Domain:
    """The next version of a configuration."""
    return msgspec.structs.replace(config_before, version=config_before.version + 1, **fields)
