"""A source that reads many lines in one piece says what it says of them one by one."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.sources.jsnl.block import Block
from connectors.sources.jsnl.positions import Position
from connectors.sources.jsnl.rows import FileRows
from connectors.sources.jsnl.tail import Raw
from schemas.batches.glances import glances
from schemas.batches.wire import sealed
from schemas.jsnl import glance
from tests.factories import Record, rows_of
from tests.property.test_lines_scan import SNIPPETS, WHOLE

Said = tuple[list[Record], Position]

NESTED = st.sampled_from([
    '{"mode":"m","timestamp":1720000000,"value":[],"x":{"y":[1,{"z":[]},"]"],"t":{}}}',
    '{"mode":"m","timestamp":1720000000.25}', '{"timestamp":1720000001,"x":[[[[]]],[{}]],"mode":"other"}',
    '{"mode":"m","timestamp":1720000000,"x":' + "[" * 60 + "]" * 60 + "}",
    '{"mode":"m","timestamp":1720000000,"x":' + "[" * 61 + "]" * 61 + "}",
])  # fmt: skip
TYPED = st.sampled_from([
    '{"type":"strand_started","strand_id":"s1","mode":"m","config":{}}',
    '{"type":"strand_started","strand_id":"s2","mode":"other","config":{"live":true}}',
    '{"type":"strand_finished","mode":"m","timestamp":1720000009}',
    '{"type":"strand_stopped","mode":"other","strand_id":"s2"}',
    '{"type":"weather","mode":"m"}', "", " ", "\r", '{"mode":"',
])  # fmt: skip
EDITED = st.builds(
    lambda text, at, size, snippet: text[:at] + snippet + text[at + size :],
    WHOLE | NESTED, st.integers(0, 110), st.integers(0, 12), SNIPPETS,
)  # fmt: skip
LINES = st.lists(st.one_of(WHOLE, NESTED, TYPED, EDITED), min_size=1, max_size=12)


def rows(position: Position) -> FileRows:
    return FileRows("file", position)


def said(found: FileRows, position: Position) -> Said:
    return [row for columns in found.columns() for row in rows_of(columns)], position


def in_one_piece(data: bytes, scan_size: int) -> Said:
    position = Position(scan_size, "x.jsnl")
    found = rows(position)
    found.block(Block(data, 100, 7), scan_size)
    return said(found, position)


def one_by_one(data: bytes, scan_size: int) -> Said:
    position, end = Position(scan_size, "x.jsnl"), 100
    found = rows(position)
    for number, text in enumerate(data.splitlines(keepends=True), 8):
        end += len(text)
        line = text.removesuffix(b"\n").removesuffix(b"\r")
        position.line = number
        found.line(Raw(number, line, len(line), end), end > scan_size)
    return said(found, position)


@given(LINES, st.booleans(), st.integers(0, 500))
@settings(max_examples=150)
def test_lines_in_one_piece_are_those_lines(texts: list[str], last: bool, scan_size: int) -> None:
    data = "".join(text.strip("\r") + "\r\n" * (n % 2) + "\n" * (1 - n % 2) for n, text in enumerate(texts))
    data = data if last else data.rstrip("\r\n") + "x"
    assert in_one_piece(data.encode(), scan_size) == one_by_one(data.encode(), scan_size)


@given(
    st.one_of(WHOLE, NESTED),
    st.lists(st.tuples(st.integers(0, 110), st.integers(0, 12), SNIPPETS), max_size=3),
)
@settings(max_examples=500)
def test_an_edited_line_is_glanced_at_alike_or_left(text: str, edits: list[tuple[int, int, str]]) -> None:
    for at, size, snippet in edits:
        text = text[:at] + snippet + text[at + size :]
    data = text.encode()
    modes, instants = np.empty(1, np.int64), np.empty(1, np.int64)
    glances(sealed(data), np.array([len(data) << 32]), modes, instants)
    if instants[0] >= 0:
        at, size = int(modes[0]) & 0xFFFF_FFFF, int(modes[0]) >> 32
        assert (data[at : at + size].decode(), int(instants[0])) == glance(data)


def test_common_lines_are_taken_in_one_piece() -> None:
    data = b'{"mode":"m","timestamp":1720000000.5,"value":[{"t":"e","equity":1},{"t":"open","x":{"y":[]}}]}\n'
    assert Block(data * 3, 0, 0).instants.tolist() == [1_720_000_000_500_000_000] * 3
