import pytest

from schemas.jsnl import DEPTH_LIMIT, Rejected, Started
from streams.core.lines.parse import EquityItem, Items, OtherItem, parse

TS = 1_720_000_000_000_000_000


def code(data: bytes) -> str:
    found = parse(data, b"m")
    return found.code if isinstance(found, Rejected) else type(found).__name__


def value_line(value: bytes) -> bytes:
    return b'{"timestamp":1720000000,"mode":"m","value":%b}' % value


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", "json"),
        (b"\x00\xff\xfe garbage", "json"),
        (b'{"mode":"m"', "json"),
        (b'{"mode":"m","x":NaN}', "json"),
        (b'{"mode":"m","x":"\xff"}', "json"),
        (b'{"mode":"m"}{"mode":"m"}', "json"),
        (b"[" * 100_000, "json"),
        (b'{"mode":"m","x":' + b"[" * DEPTH_LIMIT + b"]" * DEPTH_LIMIT + b"}", "json"),
        (b'["mode"]', "object"),
        (b"{}", "mode"),
        (b'{"mode":7}', "mode"),
        (b'{"mode":"other"}', "mode"),
        (b'{"mode":"m","mode":"m"}', "duplicate_key"),
        (b'{"mode":"m","m\\u006fde":"m"}', "duplicate_key"),
        (b'{"mode":"m","type":"hello"}', "type"),
        (b'{"mode":"m","type":7}', "type"),
        (b'{"mode":"m","value":{"t":"e","equity":1}}', "timestamp"),
        (b'{"mode":"m","timestamp":true,"value":{"t":"e","equity":1}}', "timestamp"),
        (b'{"mode":"m","timestamp":-1,"value":{"t":"e","equity":1}}', "timestamp"),
        (b'{"mode":"m","timestamp":"1_0","value":{"t":"e","equity":1}}', "timestamp"),
        (b'{"mode":"m","timestamp":1720000000000,"value":{"t":"e","equity":1}}', "timestamp"),
        (b'{"mode":"m","timestamp":1e99,"value":{"t":"e","equity":1}}', "timestamp"),
        (b'{"mode":"m","timestamp":1}', "value"),
        (value_line(b'"e"'), "value"),
        (value_line(b"{}"), "item"),
        (value_line(b"[7]"), "item"),
        (value_line(b'{"t":7}'), "item"),
        (value_line(b'{"t":""}'), "item"),
        (value_line(b'{"t":"e"}'), "item"),
        (value_line(b'{"t":"e","equity":"1"}'), "item"),
        (value_line(b'{"t":"e","equity":true}'), "item"),
        (value_line(b'{"t":"e","equity":1e999}'), "item"),
        (value_line(b'{"t":"e","equity":1,"equity":2}'), "item"),
        (value_line(b'{"t":"e","equity":1,"b":5}'), "item"),
        (b'{"mode":"m","type":"strand_started","config":{}}', "config"),
        (b'{"mode":"m","type":"strand_started","strand_id":"s"}', "config"),
        (b'{"mode":"m","type":"strand_started","strand_id":"s","config":[]}', "config"),
        (b'{"mode":"m","type":"strand_started","strand_id":"s","config":{"live":1}}', "config"),
        (
            b'{"mode":"m","type":"strand_started","strand_id":"s","strand_id":"t","config":{}}',
            "duplicate_key",
        ),
    ],
)
def test_what_cannot_be_read_has_a_code(data: bytes, expected: str) -> None:
    assert code(data) == expected


@pytest.mark.parametrize(
    ("written", "ts"),
    [
        (b"1720000000", TS),
        (b'"1720000000"', TS),
        (b"1720000000.5", TS + 500_000_000),
        (b'"1720000000.123456789"', TS + 123_456_789),
        (b"1720000000.1234567899", TS + 123_456_789),
        (b"1.72e9", TS),
        (b"172000000050E-2", None),
        (b"17200000005e-1", None),
        (b"1720000000.25e0", TS + 250_000_000),
        (b'"1720000000."', None),
        (b'"01"', 1_000_000_000),
        (b'"1720000000.\xd9\xa1"', None),
        (b"9223372036", 9_223_372_036_000_000_000),
        (b"9223372037", None),
        (b"0.5", 500_000_000),
    ],
)
def test_a_time_is_read_to_the_nanosecond(written: bytes, ts: int | None) -> None:
    found = parse(b'{"timestamp":%b,"mode":"m","value":[]}' % written, b"m")
    assert (found.ts_event if isinstance(found, Items) else None) == ts


def test_items_are_told_apart() -> None:
    found = parse(
        value_line(b'[{"t":"e","equity":-1.5e2,"b":"ib"},{"t":"open","price":1},{"t":"e","equity":2}]'), b"m"
    )
    assert found == Items(
        TS,
        [EquityItem(b"ib", -150.0), EquityItem(b"", 2.0)],
        [OtherItem(b"open", 1, b'{"t":"open","price":1}')],
        "",
    )


def test_keys_that_are_not_read_may_repeat() -> None:
    assert code(b'{"x":1,"x":2,"mode":"m","timestamp":1,"value":{"t":"open","p":1,"p":2}}') == "Items"


def test_a_key_may_be_written_with_escapes() -> None:
    assert code(b'{"m\\u006fde":"\\u006d","timestamp":1,"value":{"\\u0074":"\\u0065","equity":1}}') == "Items"


@pytest.mark.parametrize(
    ("config", "live"),
    [
        (b'{"live":true}', True),
        (b'{"live":false,"designator":"strand_live"}', False),
        (b'{"designator":"strand_live"}', True),
        (b'{"designator":"strand_simulation"}', False),
        (b"{}", False),
    ],
)
def test_a_run_is_live_when_its_configuration_says_so(config: bytes, live: bool) -> None:
    found = parse(b'{"type":"strand_started","strand_id":"s","mode":"m","config":%b}' % config, b"m")
    assert found == Started("m", "s", "", 0, live, config)
