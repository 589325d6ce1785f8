"""What the kernel reads in a line is what the long way reads, to the last bit; all else it leaves alone."""

import json
import math
from typing import Any

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from streams.core.lines.items import Lines
from streams.core.lines.parse import EquityItem, Items, parse
from streams.core.lines.scan import HARD, OTHER, room, scan
from tests.factories import columns
from tests.line_factories import line

Read = list[Any]


def scanned(*texts: bytes, mode: str = "m") -> list[Read | None]:
    """What the kernel takes: time and items of each line; None for one that it leaves."""
    batch = columns("lines.raw", 0, *(line(mode, number, data=text) for number, text in enumerate(texts, 1)))
    rows, data = batch.table("Line"), batch.data
    spans = [np.ascontiguousarray(rows[name].view(np.int64)) for name in ("data", "mode", "detail")]
    instants, starts = np.empty(len(rows), np.int64), np.empty(len(rows), np.int64)
    kinds, brokers, items, places = (np.empty(room(spans[0]), np.int64) for _ in range(4))
    values = np.empty(len(kinds))
    data.flags.writeable = False
    count = scan(data, *spans, instants, starts, kinds, values, brokers, items, places)

    def text(span: int) -> bytes:
        return data[span & 0xFFFF_FFFF : (span & 0xFFFF_FFFF) + (span >> 32)].tobytes()

    def item(at: int) -> Read:
        if kinds[at] == OTHER:
            return [text(brokers[at]), int(places[at]), text(items[at])]
        return [text(brokers[at]), float(text(items[at])) if kinds[at] == HARD else float(values[at])]

    ends = [*starts[1:], count]
    return [
        None if ts < 0 else [int(ts), *map(item, range(first, end))]
        for ts, first, end in zip(instants, starts, ends, strict=True)
    ]


def long_way(text: bytes, mode: bytes = b"m") -> Read | None:
    """The same by ``parse``; None for a line that is not good as a whole."""
    found = parse(text, mode)
    if not isinstance(found, Items) or found.bad:
        return None
    items: list[tuple[int, Read]] = []
    taken = {other.position for other in found.others}
    free = (place for place in range(len(taken) + len(found.equity)) if place not in taken)
    items += [(next(free), [item.broker, item.equity]) for item in found.equity]
    items += [(item.position, [item.type, item.position, item.data]) for item in found.others]
    return [found.ts_event, *(item for _, item in sorted(items, key=lambda pair: pair[0]))]


def same(text: bytes) -> None:
    [short] = scanned(text)
    if short is not None:
        assert repr(short) == repr(long_way(text)), text


SNIPPETS = st.sampled_from([
    '"mode"', '"m"', '"timestamp"', '"value"', '"t"', '"e"', '"equity"', '"b"', '"type"', '"x"', '""', '"c"',
    '"\\u0074"', '"ä"', '"\x7f"', "1720000000", "1720000000.123456789123", "01", '"1720000000"',
    "01", "-", "1.", "e",
    ":", ":", ":", ",", ",", ",", "{", "}", "[", "]", "1", "-0", "1.5e3", "1e999", "null", "true", "nul", " ",
])  # fmt: skip
WHOLE = st.sampled_from([
    '{"mode":"m","timestamp":1720000000,"value":{"t":"e","equity":1}}',
    '{"mode":"m","timestamp":"1720000000.5","value":[{"t":"e","equity":-0,"b":"x"},{"t":"e","equity":2.5}]}',
    '{"value":[{"price":1.5,"t":"open"}, {"b":null,"equity":1e2,"t":"e"}],"mode":"m","timestamp":1720000000}',
])  # fmt: skip


@given(WHOLE, st.lists(st.tuples(st.integers(0, 110), st.integers(0, 12), SNIPPETS), max_size=3))
@settings(max_examples=1_500)
def test_an_edited_line_is_read_alike_or_left(text: str, edits: list[tuple[int, int, str]]) -> None:
    for at, size, snippet in edits:
        text = text[:at] + snippet + text[at + size :]
    same(text.encode())


@given(st.binary(max_size=80))
def test_any_bytes_are_read_alike_or_left(text: bytes) -> None:
    same(text)
    same(b'{"mode":"m","timestamp":1720000000,"value":{"t":"e","equity":1' + text + b"}}")


@st.composite
def numbers(draw: st.DrawFn) -> str:
    """A JSON number as someone might write it, long and short."""
    digits = st.text("0123456789", min_size=1, max_size=draw(st.sampled_from([3, 9, 16, 20])))
    whole = draw(digits).lstrip("0") or "0"
    part = draw(st.one_of(st.just(""), digits.map(lambda text: "." + text)))
    power = draw(
        st.one_of(
            st.just(""), st.builds("{}{}{}".format, *map(st.sampled_from, ("eE", ["", "+", "-"], range(40))))
        )
    )
    return draw(st.sampled_from(["", "-"])) + whole + part + power


@given(st.lists(st.one_of(numbers(), st.floats(allow_nan=False, allow_infinity=False).map(repr)), min_size=1))
@example(
    ["0.1", "123456789.123456", "1e22", "1e23", "999999999999999e22", "9007199254740993", "5e-324", "-0.0"]
)
def test_numbers_are_those_of_python_to_the_last_bit(texts: list[str]) -> None:
    lines = [
        b'{"mode":"m","timestamp":1720000000,"value":{"t":"e","equity":%b}}' % text.encode() for text in texts
    ]
    for text, found in zip(texts, scanned(*lines), strict=True):
        if found is not None:
            value = found[1][1]
            assert value == float(text)
            assert math.copysign(1, value) == math.copysign(1, float(text) + 0.0)


def test_the_common_shapes_are_taken() -> None:
    item: dict[str, Any] = {"t": "e", "equity": 100_023.45678912345, "b": "ib"}
    trade = {"t": "open", "instrument": "EUR/USD", "price": 1.0735, "units": -5, "profit": None, "won": True}
    said = {"log_id": 1, "timestamp": 1_720_000_000.123456, "mode": "m", "component": "c"}
    texts = [json.dumps({**said, "value": value}).encode() for value in (item, [item, trade], [trade])]
    texts += [json.dumps({"value": item, **said}, indent=1, separators=(" ,\t", " : ")).encode()]
    assert [found is not None for found in scanned(*texts)] == [True] * 4
    for text in texts:
        same(text)


def test_lines_read_both_ways_stand_in_their_order() -> None:
    items = '[{"t":"e","equity":%s,"b":"\\u00e4"},{"t":"e","equity":9}]'
    odd = '{"mode":"m","timestamp":1720000000,"value":' + items + "}"
    plain = '{"mode":"m","timestamp":1720000000,"value":{"t":"e","equity":%s}}'
    texts = [(odd if number % 2 else plain) % number for number in range(6)]
    batch = columns("lines.raw", 0, *(line("m", n, data=text.encode()) for n, text in enumerate(texts, 1)))
    lines = Lines(batch.data, batch.table("Line"), np.ones(6, np.bool_))
    assert lines.rows.tolist() == [0, 1, 1, 2, 3, 3, 4, 5, 5]
    assert lines.values.tolist() == [0, 1, 9, 2, 3, 9, 4, 5, 9]
    assert [lines.texts[number] for number in lines.brokers] == [b"", "ä".encode(), b""] * 3
    assert (
        EquityItem(b"", 1.0) in parse(b'{"mode":"m","timestamp":1,"value":{"t":"e","equity":1}}', b"m").equity
    )  # type: ignore[union-attr]
