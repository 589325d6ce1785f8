"""What the tests of the sink share: a database of their own, records on topics, a slow oracle of the tables.

The oracle reads every record of the topics and follows SEMANTICS row by row, so whatever other tests wrote to
the shared topics is expected as well.
"""

import re
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from barline.cli.topics import carry_out, compare, wanted
from connectors.sinks.clickhouse.layout import Layout, lay_out
from connectors.sinks.clickhouse.migrate import migrate
from connectors.sinks.clickhouse.store import Store
from connectors.sinks.clickhouse.tables import BAR_TOPICS, TOPICS
from runtime.endpoints import Endpoints
from runtime.headers import Headers
from runtime.kafka import KafkaSettings
from runtime.producer import Producer
from runtime.reader import Reader
from schemas.codec import decode_record, encode_record, names_of
from schemas.records import record_type
from schemas.registry import register_all
from tests.whole import whole

PARTITIONS = 4
T0 = 1_720_000_000_000_000_000
MINUTE = 60_000_000_000

BAR = {
    "symbol": "SPY", "interval": "1m", "ts_open": T0, "ts_close": T0 + MINUTE, "session_date": 19_907,
    "open": 1.0, "high": 2.0, "low": 0.5, "close": 1.5, "volume": 3.0, "notional": 4.5,
    "trades": None, "ts_first": None, "ts_last": T0 + 1, "revision": 0, "fill": "real", "expected": 1,
    "actual": 1, "filled": 0, "complete": True, "coverage": 1.0, "source": "sim", "flags": 0,
}  # fmt: skip
EQUITY = {
    "mode": "m", "strand_id": "s", "broker": "", "ts_event": T0, "equity": 1.0, "live": True,
    "lines_offset": 0,
}  # fmt: skip
RUN_END = {
    "mode": "m", "strand_id": "s", "file_id": "f", "line": 1, "ts_event": T0, "reason": "marker",
    "replace": False, "live": False, "lines_offset": 0,
}  # fmt: skip

Row = dict[str, Any]


def own_database(stack: Endpoints, name: str, buckets: int = 0) -> Endpoints:
    """The servers with a database of that name, topics, schemas and tables made."""
    Store(stack.clickhouse_settings()).command(f"CREATE DATABASE IF NOT EXISTS `{name}`")
    endpoints = replace(stack, clickhouse=stack.clickhouse.rpartition("/")[0] + "/" + name)
    kafka = KafkaSettings(stack.kafka)
    carry_out(compare(wanted(PARTITIONS, "barline"), kafka), kafka)
    register_all(stack.registry)
    with store_of(endpoints) as store:
        migrate(store)
        lay_out(store, Layout(buckets))
    return endpoints


@contextmanager
def store_of(endpoints: Endpoints) -> Iterator[Store]:
    """A store that is closed at the end."""
    store = Store(endpoints.clickhouse_settings())
    try:
        yield store
    finally:
        store.close()


class Feed:
    """Writes records; lines of one mode get growing offsets."""

    def __init__(self, endpoints: Endpoints) -> None:
        self._ids = register_all(endpoints.registry)
        self._producer = Producer(KafkaSettings(endpoints.kafka), "feed")
        self.headers: Headers | None = None
        self._line = time.time_ns() // 1_000_000  # above that of any feed before

    def send(self, topic: str, record: str, partition: int = 0, **fields: Any) -> None:
        """Write one record."""
        kind = record_type(record)
        key = str(fields[kind.key]).encode() if kind.key else None
        value = encode_record(record, self._ids[record], fields)
        self._producer.send(
            topic, key, value, partition=partition, timestamp_ms=T0 // 1_000_000, headers=self.headers
        )

    def raw(self, topic: str, key: bytes | None, value: bytes | None, partition: int = 0) -> None:
        """Write bytes."""
        self._producer.send(topic, key, value, partition=partition, timestamp_ms=T0 // 1_000_000)

    def bar(self, partition: int = 0, topic: str = "bars.1m", **fields: Any) -> None:
        """Write one bar."""
        self.send(topic, "Bar", partition, **{**BAR, **fields})

    def equity(self, partition: int = 0, **fields: Any) -> None:
        """Write one equity value, of the next line."""
        self._line += 1
        self.send("equity", "Equity", partition, **{**EQUITY, "lines_offset": self._line, **fields})

    def run_end(self, partition: int = 0, **fields: Any) -> None:
        """Write the end of a run, as the next line."""
        self._line += 1
        self.send("equity", "RunEnd", partition, **{**RUN_END, "lines_offset": self._line, **fields})

    def flush(self) -> None:
        """Return when all has arrived."""
        self._producer.wait()

    def close(self) -> None:
        """Send what is left and stop."""
        self._producer.wait()
        self._producer.close()


@contextmanager
def feeding(endpoints: Endpoints) -> Iterator[Feed]:
    """A feed that is closed at the end."""
    feed = Feed(endpoints)
    try:
        yield feed
    finally:
        feed.close()


def recorded(endpoints: Endpoints, topics: tuple[str, ...]) -> Iterator[tuple[str, int, int, str, Row]]:
    """Topic, partition, offset, type and fields of every record that can be read, partition by partition."""
    names = names_of(register_all(endpoints.registry))
    found: dict[Any, list[Any]] = defaultdict(list)
    for place, records in whole(KafkaSettings(endpoints.kafka), topics):
        found[place] += records
    for place, records in sorted(found.items()):
        for record in records:
            try:
                name, fields = decode_record(record.value or b"", names)
            except Exception:  # noqa: BLE001, S112  (such records are not in the tables)
                continue
            yield place.topic, place.number, record.offset, name, fields


def expected_bars(endpoints: Endpoints) -> dict[tuple[Any, ...], Row]:
    """The newest revision of every bar."""
    rows: dict[tuple[Any, ...], Row] = {}
    for _, _, _, name, fields in recorded(endpoints, BAR_TOPICS):
        if name == "Bar":
            key = (fields["symbol"], fields["interval"], fields["ts_open"])
            if key not in rows or rows[key]["revision"] <= fields["revision"]:
                rows[key] = fields
    return rows


def expected_equity(endpoints: Endpoints) -> dict[tuple[Any, ...], float]:
    """Equity by mode, run, broker and instant: live rows at once, the others at the end of their run."""
    final: dict[tuple[Any, ...], tuple[int, float]] = {}
    staged: dict[tuple[str, str], dict[tuple[Any, ...], tuple[int, float]]] = {}
    live: set[tuple[Any, ...]] = set()
    for _, _, _, name, fields in recorded(endpoints, ("equity",)):
        run = (fields["mode"], fields["strand_id"])
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.:@+-]{0,127}", fields["mode"]):
            continue  # gets no partition
        if name == "Equity":
            target = final if fields["live"] else staged.setdefault(run, {})
            if fields["live"]:
                live.add((*run, fields["broker"], fields["ts_event"]))
            put(
                target, (*run, fields["broker"], fields["ts_event"]), fields["lines_offset"], fields["equity"]
            )
        elif name == "RunEnd" and staged.get(run):
            if fields["replace"]:
                final = {key: row for key, row in final.items() if key[:2] != run or key in live}
            for key, (version, equity) in staged.pop(run).items():
                put(final, key, version, equity)
    return {key: equity for key, (_, equity) in final.items()}


def put(
    rows: dict[tuple[Any, ...], tuple[int, float]], key: tuple[Any, ...], version: int, equity: float
) -> None:
    """Replace a row of the same version or a lower one."""
    if key not in rows or rows[key][0] <= version:
        rows[key] = (version, equity)


def stored_bars(endpoints: Endpoints) -> dict[tuple[Any, ...], Row]:
    """The table ``bars`` as records, without what says when."""
    fields = [field.name for field in record_type("Bar").fields]
    columns = [_instant(name) for name in fields]
    with store_of(endpoints) as store:
        rows = [dict(zip(fields, row, strict=True)) for row in _select(store, columns, "bars")]
    return {(row["symbol"], row["interval"], row["ts_open"]): row for row in rows}


def _instant(name: str) -> str:
    if name.startswith("ts_"):
        return f"toUnixTimestamp64Nano({name})"
    return f"toInt32({name})" if name == "session_date" else name


def _select(store: Store, columns: list[str], table: str) -> list[Any]:
    return store.rows(f"SELECT {', '.join(columns)} FROM {table} FINAL")  # noqa: S608  (names from here)


def stored_equity(endpoints: Endpoints) -> dict[tuple[Any, ...], float]:
    """The table ``equity``."""
    with store_of(endpoints) as store:
        columns = ["mode", "strand_id", "broker", "toUnixTimestamp64Nano(ts_event)", "equity"]
        return {tuple(row[:4]): row[4] for row in _select(store, columns, "equity")}


def count(endpoints: Endpoints, table: str) -> int:
    """Rows of a table."""
    with store_of(endpoints) as store:
        return int(store.value(f"SELECT count() FROM {table} FINAL"))  # noqa: S608  (names from the tests)


def caught_up(endpoints: Endpoints, group: str) -> bool:
    """Whether a group has committed everything that the topics of the sink hold."""
    reader = Reader(KafkaSettings(endpoints.kafka), "watch", group=group)
    try:
        ends = {place: end for place, end in reader.ends(TOPICS).items() if end > 0}
        found = reader.committed(ends)
        return all(found[place] == end for place, end in ends.items())
    finally:
        reader.close()


def from_now_on(database: Endpoints, group: str) -> str:
    """A group that begins after what other tests wrote."""
    reader = Reader(KafkaSettings(database.kafka), "begin", group=group)
    reader.commit(reader.ends(TOPICS))
    reader.close()
    return group
