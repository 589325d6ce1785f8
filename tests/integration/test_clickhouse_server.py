"""ClickHouse's interface over the embedded engine, as ordinary clients see it."""
# ruff: noqa: S608  # the statements are put together from names that the tests make up

import asyncio
import base64
import http.client
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote, urlsplit

import clickhouse_connect
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from clickhouse_connect.datatypes.format import clear_all_formats, set_write_format
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError

from runtime.endpoints import Endpoints

pytestmark = pytest.mark.stack

COLUMNS = """(s LowCardinality(String), ts DateTime64(9, 'UTC'), v Float64, n Nullable(UInt8), version UInt64,
    projection newest (select s, max(version) group by s)) engine = ReplacingMergeTree(version)
    partition by toYYYYMM(ts) order by (s, ts) settings deduplicate_merge_projection_mode = 'rebuild'"""


@pytest.fixture
def client(stack: Endpoints) -> Iterator[Client]:
    opened = clickhouse_connect.get_client(**stack.clickhouse_settings())
    yield opened
    opened.close()


@pytest.fixture
def table(client: Client, unique: Callable[[str], str]) -> Iterator[str]:
    name = unique("t").replace("-", "_")
    client.command(f"create table {name} {COLUMNS}")
    yield name
    client.command(f"drop table {name}")


def rows(count: int) -> pd.DataFrame:
    """So many rows of two symbols."""
    return pd.DataFrame(
        {
            "s": np.where(np.arange(count) % 2, "A", "B"),
            "ts": pd.date_range("2025-01-01", periods=count, freq="s", tz="UTC"),
            "v": np.random.default_rng(1).random(count),
            "n": pd.array(np.arange(count) % 7, dtype="UInt8"),
            "version": np.arange(count, dtype="uint64"),
        }
    )


@pytest.mark.parametrize("compression", [False, "lz4", "zstd", "gzip"])
def test_rows_come_back_as_they_went_in_whatever_the_compression(
    stack: Endpoints, table: str, compression: bool | str
):
    sent = rows(20_000)
    with clickhouse_connect.get_client(**stack.clickhouse_settings(), compress=compression) as client:
        assert client.insert_df(table, sent).written_rows == len(sent)
        found = client.query_df(f"select * from {table} final order by version")
    assert found["v"].tolist() == sent["v"].tolist()
    assert found["s"].tolist() == sent["s"].tolist()
    assert found["ts"].dt.tz_localize("UTC").tolist() == sent["ts"].tolist()


def test_rows_may_come_as_rows_arrow_or_csv(client: Client, table: str):
    instant = pd.Timestamp("2025-01-01 00:00:00.123456789", tz="UTC")
    client.insert(table, [["C", instant, 1.0, None, 1]], column_names=["s", "ts", "v", "n", "version"])
    client.insert_arrow(table, pa.Table.from_pandas(rows(10), preserve_index=False))
    client.raw_insert(table, ["s", "ts", "v"], b"D,2025-01-02 00:00:00,1.5\n", fmt="CSV")
    assert client.query(f"select s, count() from {table} group by s order by s").result_rows == [
        ("A", 5),
        ("B", 5),
        ("C", 1),
        ("D", 1),
    ]
    assert (
        client.command(f"select toUnixTimestamp64Nano(ts) % 1000000000 from {table} where s = 'C'")
        == 123456789
    )
    assert client.query_arrow(f"select * from {table}").num_rows == 12


def test_instants_may_be_inserted_as_int64(client: Client, table: str):
    instants = np.array([1_735_689_600_123_456_789, 1], dtype="int64")
    set_write_format("DateTime*", "int")
    try:
        client.insert(table, [["A", "B"], instants], column_names=["s", "ts"], column_oriented=True)
    finally:
        clear_all_formats()
    found = client.query(f"select toUnixTimestamp64Nano(ts) from {table} order by s").result_rows
    assert [row[0] for row in found] == instants.tolist()


def test_parameters_are_bound_never_pasted(stack: Endpoints):
    hostile = "a'b\\c\td\n{x}; drop table t --" * 20
    for options in ({}, {"form_encode_query_params": True}):
        with clickhouse_connect.get_client(**stack.clickhouse_settings(), **options) as client:
            assert client.query("select {x:String}", parameters={"x": hostile}).result_rows == [(hostile,)]


def test_a_setting_holds_for_its_query_alone(client: Client):
    value = "select value from system.settings where name = 'max_threads'"
    changed = "select changed from system.settings where name = 'max_threads'"
    assert client.query(value, settings={"max_threads": 1}).result_rows == [("1",)]
    assert {client.query(changed).result_rows[0][0] for _ in range(10)} == {0}


def test_a_long_answer_streams_and_may_be_left(client: Client):
    with client.query_row_block_stream("select number from numbers(1000000)") as stream:
        assert sum(len(block) for block in stream) == 1_000_000
    with client.query_df_stream("select number, toString(number) from numbers(30000000)") as stream:
        assert len(next(iter(stream))) > 0
    assert client.query("select 1").result_rows == [(1,)]


@pytest.mark.parametrize(
    ("sql", "code", "name"),
    [
        ("select * from nowhere", 60, "UNKNOWN_TABLE"),
        ("select 1 +", 62, "SYNTAX_ERROR"),
        ("select nothing", 47, "UNKNOWN_IDENTIFIER"),
        ("select * from nowhere.nothing", 81, "UNKNOWN_DATABASE"),
        ("select throwIf(number = 900000) from numbers(1000000) settings max_block_size = 1000", 395, ""),
    ],
)
def test_errors_have_the_codes_of_clickhouse(client: Client, sql: str, code: int, name: str):
    with pytest.raises(DatabaseError) as raised:
        client.query(sql)
    assert f"code: {code}" in str(raised.value).lower()
    assert name in str(raised.value)
    assert client.query("select 1").result_rows == [(1,)]


@pytest.mark.parametrize("form", ["Native", "JSONEachRow", "JSON", "Arrow"])
@pytest.mark.parametrize("waiting", [0, 1])
def test_an_answer_holds_nothing_that_a_failed_query_left(stack: Endpoints, form: str, waiting: int):
    sql = "select throwIf(number = 900000) from numbers(1000000) settings max_block_size = 1000"
    path = f"/?wait_end_of_query={waiting}&default_format={form}"
    assert b"Code: 395" in ask(stack, path, sql.encode())[1]
    for _ in range(10):
        assert ask(stack, "/?wait_end_of_query=1", b"select 1")[1] == b"1\n"


def test_a_row_that_does_not_parse_is_refused_and_stores_nothing(client: Client, table: str):
    with pytest.raises(DatabaseError, match="CANNOT_PARSE"):
        client.raw_insert(table, ["s", "v"], b"A,1.5\nB,abc\n", fmt="CSV")
    assert client.command(f"select count() from {table}") == 0


def test_a_partition_is_replaced_in_one_step(client: Client, table: str):
    client.insert_df(table, rows(100))
    client.command(f"create table {table}_staged as {table}")
    client.insert_df(f"{table}_staged", rows(10))
    client.command(f"alter table {table} replace partition 202501 from {table}_staged")
    client.command(f"drop table {table}_staged")
    assert client.command(f"select count() from {table}") == 10


def ask(
    stack: Endpoints, path: str, body: bytes | None = None, *, reader: bool = False
) -> tuple[int, bytes, Any]:
    """One plain HTTP request: status, body, headers."""
    address = urlsplit(stack.clickhouse_reader if reader else stack.clickhouse)
    who = base64.b64encode(f"{address.username}:{address.password}".encode()).decode()
    connection = http.client.HTTPConnection(address.hostname or "", address.port)
    try:
        method = "GET" if body is None else "POST"
        connection.request(method, path, body, {"Authorization": f"Basic {who}"})
        answer = connection.getresponse()
        return answer.status, answer.read(), answer.headers
    finally:
        connection.close()


def test_a_get_answers_and_may_not_write(stack: Endpoints, table: str):
    assert ask(stack, "/?query=" + quote("select 1"))[:2] == (200, b"1\n")
    status, text, headers = ask(stack, "/?query=" + quote(f"drop table {table}"))
    assert (status, headers["X-ClickHouse-Exception-Code"]) == (500, "164"), text
    assert ask(stack, "/")[:2] == (200, b"Ok.\n")


def test_a_post_answers_in_the_format_it_names(stack: Endpoints):
    json_path = "/?default_format=JSONEachRow&query_id=mine"
    status, body, headers = ask(stack, json_path, b"select 1 as x")
    assert (status, body) == (200, b'{"x":1}\n')
    assert headers["X-ClickHouse-Query-Id"] == "mine"
    assert headers["X-ClickHouse-Format"] == "JSONEachRow"
    assert ask(stack, "/", b"select 1 as x format CSV settings max_threads = 1")[1] == b"1\n"


def test_rows_of_a_statement_in_the_address_come_from_the_body(stack: Endpoints, table: str):
    path = "/?query=" + quote(f"insert into {table} (s, v) format JSONEachRow")
    status, _, headers = ask(stack, path, b'{"s": "A", "v": 1}\n{"s": "B", "v": 2}\n')
    assert (status, '"written_rows":"2"' in headers["X-ClickHouse-Summary"]) == (200, True)
    assert ask(stack, "/", f"insert into {table} (s, v) format CSV\nC,3\n".encode())[0] == 200
    assert ask(stack, "/", f"insert into {table} (s, v) values ('D', 4)".encode())[0] == 200
    assert ask(stack, "/", f"select sum(v) from {table}".encode())[1] == b"10\n"


def test_only_users_with_their_password_may_ask(stack: Endpoints):
    settings = stack.clickhouse_settings()
    for wrong in ({"password": "wrong"}, {"username": "nobody"}, {"username": "", "password": ""}):
        with pytest.raises(DatabaseError, match="516"):
            clickhouse_connect.get_client(**(settings | wrong))


def test_the_reader_may_read_and_nothing_else(stack: Endpoints, table: str):
    if not stack.clickhouse_reader:
        pytest.skip("this server has no reader")
    with clickhouse_connect.get_client(**stack.clickhouse_settings(reader=True)) as reader:
        assert reader.command(f"select count() from {table}") == 0
        for forbidden in (
            f"drop table {table}",
            f"insert into {table} (s) values ('A')",
            f"alter table {table} delete where 1",
            "create table mine (x Int8) engine = Memory",
        ):
            with pytest.raises(DatabaseError, match="164"):
                reader.command(forbidden)
        with pytest.raises(DatabaseError, match="164"):
            reader.insert(table, [["A", 1.0]], column_names=["s", "v"])
    status, text, _ = ask(stack, "/?readonly=0", b"select 1", reader=True)
    assert (status, b"Code: 164" in text) == (500, True)


async def test_the_async_client_works_with_many_queries_at_once(stack: Endpoints, table: str):
    client = await clickhouse_connect.get_async_client(**stack.clickhouse_settings())
    try:
        names = [f"S{number}" for number in range(50)]
        await client.insert(table, [names, [1.0] * 50], column_names=["s", "v"], column_oriented=True)
        counts = await asyncio.gather(*[client.query(f"select count() from {table}") for _ in range(20)])
        assert {count.result_rows[0][0] for count in counts} == {50}
        async with await client.query_rows_stream("select number from numbers(100000)") as stream:
            assert sum([1 async for _ in stream]) == 100_000
        with pytest.raises(DatabaseError, match="60"):
            await client.query("select * from nowhere")
    finally:
        await client.close()
