"""What the ClickHouse server tells of a statement before the engine sees it."""

import pytest

from barline.stack.clickhouse.statements import find_insert


@pytest.mark.parametrize("columns", [b"a " * 60, b"name, " * 20_000, b"`a``b`" * 50, b"(" * 1_000])
def test_a_long_list_of_columns_without_rows_is_refused_at_once(columns: bytes):
    assert find_insert(b"INSERT INTO t (" + columns + b" SELECT 1", whole=True) is None
    assert find_insert(b"INSERT INTO t (" + columns + b") SELECT 1", whole=True) is None


def test_an_insert_names_its_table_columns_and_format():
    found = find_insert(b"-- rows\nINSERT INTO db.`t x` (a, `b``c`, d.e) FORMAT Native\n\x01", whole=False)
    assert found is not None
    assert (found.into, found.format) == ("INSERT INTO db.`t x` (a, `b``c`, d.e)", "Native")
