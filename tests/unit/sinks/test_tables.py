"""The migrations against the declared schemas they hold rows of."""

import re

import numpy as np
import pytest

from connectors.sinks.clickhouse.batch import (
    PARTITIONS_PER_INSERT,
    Batch,
    Piece,
    halves,
    inserts,
    stamped,
    texts_at,
)
from connectors.sinks.clickhouse.migrate import migrations, statements
from connectors.sinks.clickhouse.native import Chunk, Column, Texts
from connectors.sinks.clickhouse.tables import (
    EQUITY,
    STAGING,
    TABLES,
    Table,
    chunk_of,
    column_type,
    equity_tables,
    texts_of,
)
from schemas.codec import LOCAL_IDS, encode_record
from schemas.partition import partition_of
from schemas.records import record_type
from schemas.topics import TOPICS
from tests.records import decoded
from tests.sinks import BAR
from tests.sinks import EQUITY as EQUITY_ROW

OUTSIDE = {"ts_published", "ts_stored"}


def declared() -> dict[str, list[tuple[str, str]]]:
    """Columns and types of every table; ``AS`` copies them, ``ALTER`` adds some, all else changes none."""
    found: dict[str, list[tuple[str, str]]] = {}
    for text in migrations().values():
        for statement in statements(text):
            if altered := re.match(r"ALTER TABLE (\w+)", statement):
                for column, kind, before in re.findall(
                    r"ADD COLUMN IF NOT EXISTS (\w+) (\S+)[^\n]* AFTER (\w+)", statement
                ):
                    names = [name for name, _ in found[altered[1]]]
                    found[altered[1]].insert(names.index(before) + 1, (column, kind))
                continue
            created = re.match(r"CREATE TABLE IF NOT EXISTS (\w+)(.*)", statement, re.DOTALL)
            if created is None:
                continue
            name, rest = created.groups()
            if copied := re.match(r" AS (\w+)", rest):
                found[name] = found[copied[1]]
                continue
            lines = [line.strip().rstrip(",") for line in rest.split("ENGINE")[0].splitlines()]
            columns = [line.split(" ", 1) for line in lines if " " in line]
            found[name] = [(column, re.sub(r" (CODEC|DEFAULT).*", "", kind)) for column, kind in columns]
    return found


def all_tables() -> list[Table]:
    return [*{table.name: table for group in TABLES.values() for table in group}.values(), EQUITY, STAGING]


@pytest.mark.parametrize("table", all_tables(), ids=lambda table: table.name)
def test_every_table_has_the_columns_of_its_record(table: Table) -> None:
    columns = [(name, kind) for name, kind in declared()[table.name] if name not in OUTSIDE]
    if table.record == "IndicatorValues":
        own = {"name", "value", "converged", "rerun", "version"}
        nested = {"values", "converged", "missing"}
        fields = [name for name in record_type(table.record).names if name not in nested]
        assert [name for name, _ in columns if name not in own] == fields
        return
    fields = [(field.name, column_type(field)) for field in record_type(table.record).fields]
    if table.version:
        fields.append(("version", "UInt64"))
    assert [(name, kind.replace("LowCardinality(String)", "String")) for name, kind in columns] == fields


def test_every_table_says_when_outside_of_what_is_compared() -> None:
    for table in all_tables():
        assert [name for name, _ in declared()[table.name]][-2:] == ["ts_published", "ts_stored"]


def test_every_record_that_the_sink_reads_is_on_its_topic() -> None:
    for (topic, record), tables in TABLES.items():
        assert record in TOPICS[topic].records
        assert {table.record for table in tables} == {record}


def bars(count: int, step: int) -> Piece:
    values = [
        encode_record("Bar", LOCAL_IDS["Bar"], {**BAR, "ts_open": n * step, "fill": "flat"})
        for n in range(count)
    ]
    columns = decoded(TOPICS["bars.1m"], values)
    return Piece(columns, chunk_of(columns, "Bar", columns.places("Bar")))


def test_an_insert_touches_fifty_partitions_at_most_and_loses_no_row() -> None:
    month = 31 * 86_400 * 10**9
    (table, _) = TABLES["bars.1m", "Bar"]
    parts = list(inserts(table, [bars(130, month), bars(3, 1)]))
    for part in parts:
        months = np.array(opens(part), "datetime64[ns]").astype("datetime64[M]")
        assert len(np.unique(months)) <= PARTITIONS_PER_INSERT
    assert sorted(ts for part in parts for ts in opens(part)) == sorted(
        [*(n * month for n in range(130)), 0, 1, 2]
    )
    assert len(parts) == 3


def test_partitions_by_text_are_counted_over_all_pieces() -> None:
    def piece(modes: list[str]) -> Piece:
        columns = {"mode": Column("String", texts_of(modes)), "strand_id": Column("String", texts_of(modes))}
        return Piece(bars(1, 1).columns, Chunk(len(modes), columns, np.arange(len(modes))))

    first, second = piece([f"m{n}" for n in range(40)]), piece([f"m{n}" for n in range(30, 70)])
    assert [sum(p.chunk.count for p in part) for part in inserts(STAGING, [first, second])] == [60, 20]
    assert len(list(inserts(EQUITY, [first]))) == 1
    many = piece([f"m{n}" for n in range(3_000)])
    for table in equity_tables(60):
        parts = [[row for p in part for row in p.chunk.places.tolist()] for part in inserts(table, [many])]
        buckets = [{partition_of(b"m%d" % row, 60) for row in part} for part in parts]
        assert sorted(map(len, buckets)) == [10, 50]
        assert not buckets[0] & buckets[1]
        assert sorted(row for part in parts for row in part) == list(range(3_000))


def opens(pieces: list[Piece]) -> list[int]:
    return [ts for piece in pieces for ts in piece.chunk.columns["ts_open"].values.tolist()]


@pytest.mark.parametrize("places", [[0, 2, 3, 5], [0, 2], [5], [3, 0], []])
def test_rows_are_those_of_the_records_asked_for(places: list[int]) -> None:
    """All of a type, as most often, or some; other types stand between them."""
    bar = [encode_record("Bar", LOCAL_IDS["Bar"], {**BAR, "ts_open": n, "high": n}) for n in range(6)]
    fields = {"source": "s", "writer": "s", "ts": 1, "alive": True, "ts_last": 1, "ts_through": 1}
    beat = encode_record("Heartbeat", LOCAL_IDS["Heartbeat"], fields)
    columns = decoded(TOPICS["bars.1m"], [beat if n in {1, 4} else bar[n] for n in range(6)])
    chunk = chunk_of(columns, "Bar", np.array(places, np.intp))
    assert chunk.columns["ts_open"].values.tolist() == places
    assert chunk.columns["high"].values.tolist() == places
    symbols = chunk.columns["symbol"].values
    assert isinstance(symbols, Texts)
    assert texts_at(symbols, np.arange(len(places))) == [b"SPY"] * len(places)


def test_a_block_is_made_once_for_all_tables_that_hold_its_rows() -> None:
    piece, batch = bars(3, 1), Batch()
    published = np.array([7, 8, 9])
    for table in TABLES["bars.1m", "Bar"]:
        batch.add(table, piece.columns, piece.chunk)
    (first,), (second,) = batch.pieces.values()
    assert first.chunk.block() is second.chunk.block()
    assert stamped(piece.chunk, published).block() != piece.chunk.block()
    assert stamped(piece.chunk, published).columns["ts_published"].values.tolist() == [7, 8, 9]
    assert stamped(piece.chunk.take(np.array([2])), published).columns["ts_published"].values.tolist() == [9]


@pytest.mark.parametrize("counts", [[1, 1], [3], [2, 5, 1]])
def test_halves_hold_all_rows_in_order(counts: list[int]) -> None:
    pieces = [bars(count, 1 + number) for number, count in enumerate(counts)]
    first, second = halves(pieces)
    assert opens(first) + opens(second) == opens(pieces)
    assert sum(piece.chunk.count for piece in first) == sum(counts) // 2


def test_a_block_holds_values_nulls_and_texts() -> None:
    columns = {
        "a": Column("Nullable(Int64)", np.array([1, 0]), np.array([False, True])),
        "b": Column("String", texts_of(["x", "y" * 130])),
    }
    assert Chunk(2, columns, np.arange(2)).block() == (
        b"\x02\x02\x01a\x0fNullable(Int64)\0\x01" + b"\x01" + bytes(15)
        + b"\x01b\x06String\x01x\x82\x01" + b"y" * 130
    )  # fmt: skip


def test_equity_rows_of_a_batch_keep_their_line() -> None:
    value = encode_record("Equity", LOCAL_IDS["Equity"], {**EQUITY_ROW, "lines_offset": 7})
    columns = decoded(TOPICS["equity"], [value])
    chunk = chunk_of(columns, "Equity", columns.places("Equity"))
    assert chunk.columns["lines_offset"].values.tolist() == [7]
