"""Each code of validation with its action; counts always add up."""

import math
import sys

import pytest

from schemas.columns import Columns
from schemas.config import Domain
from schemas.flags import NONPOSITIVE, OFF_TICK, TS_FROM_RECV, WIDE_SPREAD
from schemas.rules import AssetRules
from streams.core.stage import Outputs
from streams.core.ticks.stage import TicksStage
from tests.factories import (
    Record,
    changed,
    columns,
    config,
    domain,
    heartbeat,
    quote,
    raw,
    rows_of,
    symbol,
    tick,
)

OPEN = "2024-07-02T13:30:00"


def step(*records: Record, known: Domain | None = None) -> Outputs:
    """What a stage puts out over a configuration and records, all of it."""
    return TicksStage(3).step(columns("ticks.raw", 3, config(known or domain()), *records))


def letters(outputs: Outputs, topic: str = "dead-letters") -> list[Record]:
    return rows_of(outputs.topics[topic]) if topic in outputs.topics else []


def codes(outputs: Outputs, topic: str = "dead-letters") -> list[str]:
    return [letter["code"] for letter in letters(outputs, topic)]


def total(counts: dict[str, int]) -> int:
    return sum(counts[name] for name in ("out", "rejected", "late", "duplicate", "held"))


def bars(found: Columns | None) -> list[Record]:
    return rows_of(found, "Bar") if found is not None else []


def closing(second: str = "2024-07-02T13:40:00") -> Record:
    return heartbeat(second)


@pytest.mark.parametrize(
    ("record", "code"),
    [
        (raw(b"\x00garbage"), "V01"),
        (raw(None), "V01"),
        (tick(OPEN, math.nan), "V01"),
        (tick(OPEN, math.inf), "V01"),
        (tick(OPEN, 1.0, math.nan), "V01"),
        (tick(OPEN, 1.0, sys.float_info.max), "V01"),
        (tick(OPEN, 1.1e100), "V01"),
        (tick(OPEN, 1.0, ts_event=0), "V01"),
        (tick(OPEN, 1.0, ts_recv=1 << 62), "V01"),
        (tick(OPEN, 1.0, seq=1 << 62), "V01"),
        (quote(OPEN, math.nan, 1.0), "V01"),
        (quote(OPEN, 1.0, math.inf), "V01"),
        (quote(OPEN, 1.0, sys.float_info.max), "V01"),
        (quote(OPEN, 1.0, 1.0, bid_size=math.nan), "V01"),
        (tick(OPEN, 1.0, symbol="XYZ"), "V02"),
        (tick(OPEN, 1.0, source="nobody"), "V02"),
        (tick(OPEN, 1.0, source="feed.bars"), "V02"),
        (quote(OPEN, 1.0, 1.0, symbol=""), "V02"),
        (tick(OPEN, 0.0), "V03"),
        (tick(OPEN, -1.0), "V03"),
        (quote(OPEN, 0.0, 1.0), "V03"),
        (tick(OPEN, 1.0, 0.0), "V05"),
        (tick(OPEN, 1.0, -5.0), "V05"),
        (quote(OPEN, 1.0, 1.0, ask_size=-1.0), "V05"),
        (tick(OPEN, 1.0, ts_recv=tick("2024-07-02T13:29:54.999", 1.0)["ts_recv"]), "V08"),
        (quote(OPEN, 1.01, 1.0), "V11"),
    ],
)
def test_a_bad_record_is_refused_with_its_code(record: Record, code: str):
    outputs = step(record, tick(OPEN, 1.0), closing())
    assert codes(outputs) == [code]
    assert outputs.counts["rejected"] == outputs.counts[f"rejected.{code}"] == 1
    assert outputs.counts["in"] == total(outputs.counts) == 2
    assert len(bars(outputs.topics["bars.raw"])) == 1


def test_a_dead_letter_carries_the_original_bytes_and_where_they_stood():
    batch = columns("ticks.raw", 3, config(domain()), raw(b"\x00garbage", b"SPY", 1234), first_offset=70)
    (letter,) = letters(TicksStage(3).step(batch))
    assert (letter["stage"], letter["topic"], letter["partition"]) == ("ticks", "ticks.raw", 3)
    assert (letter["offset"], letter["ts_event"]) == (71, 1_234_000_000)
    assert (letter["key"], letter["data"]) == (b"SPY", b"\x00garbage")


def test_a_null_key_stays_null():
    (letter,) = letters(step(raw(b"\x00garbage", None)))
    assert letter["key"] is None


def test_before_any_configuration_every_symbol_is_unknown():
    outputs = TicksStage(0).step(columns("ticks.raw", 0, tick(OPEN, 1.0)))
    assert codes(outputs) == ["V02"]


def test_a_record_five_seconds_ahead_of_its_receipt_still_passes():
    early = tick(OPEN, 1.0, ts_recv=tick("2024-07-02T13:29:55", 1.0)["ts_recv"])
    assert step(early).counts["out"] == 1


@pytest.mark.parametrize(("action", "flags"), [("flag", NONPOSITIVE), ("allow", 0)])
def test_a_class_may_flag_or_allow_prices_that_are_not_positive(action: str, flags: int):
    oil = domain(assets={"equity": AssetRules(disorder_ms=0, nonpositive_price=action)})
    outputs = step(heartbeat(OPEN), tick(OPEN, -37.63), closing(), known=oil)
    (bar,) = bars(outputs.topics["bars.raw"])
    assert (bar["close"], bar["flags"]) == (-37.63, flags)


def test_null_sizes_and_quoted_zero_sizes_pass():
    sizes = {"bid_size": 0.0, "ask_size": 0.0}
    outputs = step(tick(OPEN, 1.0, None), quote(OPEN, 1.0, 1.0, **sizes))
    assert outputs.counts["out"] == 2


def test_a_late_record_goes_to_late():
    outputs = step(tick(OPEN, 1.0), heartbeat("2024-07-02T13:46:00"), tick(OPEN, 2.0))
    (letter,) = letters(outputs, "late")
    assert (letter["code"], outputs.counts["late"], outputs.counts["out"]) == ("V09", 1, 1)


def test_a_record_outside_the_session_is_late_with_that_reason():
    outputs = step(tick("2024-07-02T13:29:59.999", 1.0), tick("2024-07-02T20:00:00", 1.0))
    assert codes(outputs, "late") == ["V10", "V10"]
    assert outputs.counts["late"] == 2


def test_a_wide_spread_and_a_price_off_its_ticks_are_flagged():
    gold = domain(symbol("SPY", price="bid", tick_size=0.05))
    outputs = step(heartbeat(OPEN), quote(OPEN, 100.02, 103.0), closing(), known=gold)
    assert bars(outputs.topics["bars.raw"])[0]["flags"] == WIDE_SPREAD | OFF_TICK
    fair = step(heartbeat(OPEN), quote(OPEN, 100.05, 102.0), closing(), known=gold)
    assert bars(fair.topics["bars.raw"])[0]["flags"] == 0


def test_of_the_flags_of_a_record_only_the_missing_venue_time_is_taken_over():
    outputs = step(heartbeat(OPEN), tick(OPEN, 1.0, flags=0xFFFF), closing())
    assert bars(outputs.topics["bars.raw"])[0]["flags"] == TS_FROM_RECV


@pytest.mark.parametrize(
    ("first", "second", "duplicate"),
    [
        ({"trade_id": "77"}, {"trade_id": "77"}, True),
        ({"trade_id": "77"}, {"trade_id": "077"}, False),
        ({"trade_id": "a-1"}, {"trade_id": "a-1"}, True),
        ({"trade_id": "a-1"}, {"trade_id": "a-2"}, False),
        ({"trade_id": "77", "seq": 1}, {"trade_id": "77", "seq": 2}, True),
        ({"trade_id": "77", "seq": 1}, {"trade_id": "78", "seq": 1}, False),
        ({"trade_id": "5"}, {"seq": 5}, False),
        ({"seq": 9}, {"seq": 9}, True),
        ({"seq": 9}, {"seq": 8}, False),
        ({"seq": -9}, {"seq": -9}, True),
        ({}, {}, False),
    ],
)
def test_a_duplicate_has_the_same_trade_id_or_else_the_same_seq(
    first: Record, second: Record, duplicate: bool
):
    outputs = step(tick(OPEN, 1.0, **first), tick(OPEN, 1.0, **second))
    assert outputs.counts["duplicate"] == duplicate
    assert outputs.counts["in"] == total(outputs.counts) == 2


def test_quotes_ticks_symbols_and_sources_have_identities_of_their_own():
    both = domain(symbol(sources=["feed", "other"]), symbol("AIG"))
    both = changed(both, sources=[*both.sources, both.sources[0].__class__("other", "ticks.raw")])
    records = [tick(OPEN, 1.0, seq=1), quote(OPEN, 1.0, 1.0, seq=1), tick(OPEN, 1.0, symbol="AIG", seq=1)]
    outputs = step(*records, tick(OPEN, 1.0, source="other", seq=1), known=both)
    assert (outputs.counts["out"], outputs.counts["duplicate"]) == (4, 0)


def test_a_number_below_the_window_is_late():
    outputs = step(tick(OPEN, 1.0, seq=5000), tick(OPEN, 1.0, seq=905), tick(OPEN, 1.0, seq=904))
    (letter,) = letters(outputs, "late")
    assert (letter["code"], letter["offset"]) == ("V16", 3)
    assert outputs.counts["out"] == 2


@pytest.mark.parametrize("jump", [1, 63, 64, 65, 4_095, 4_096, 1 << 40])
def test_a_window_forgets_what_its_newest_number_passes(jump: int):
    between = [tick(OPEN, 1.0, seq=100), tick(OPEN, 1.0, seq=100 + jump)]
    again = [tick(OPEN, 1.0, seq=100 + jump), tick(OPEN, 1.0, seq=100 + jump + 4_096)]
    outputs = step(*between, *again, tick(OPEN, 1.0, seq=101 + jump))
    assert (outputs.counts["out"], outputs.counts["duplicate"]) == (4, 1)


def test_other_identities_are_remembered_five_hundred_and_twelve_long():
    names = [tick(OPEN, 1.0, trade_id=f"t{number}") for number in range(513)]
    outputs = step(*names, names[1], names[0])
    assert (outputs.counts["out"], outputs.counts["duplicate"]) == (514, 1)


def test_a_refused_record_does_not_spend_its_identity():
    outputs = step(tick(OPEN, -1.0, seq=1), quote(OPEN, 2.0, 1.0, seq=1), tick(OPEN, 1.0, seq=1))
    assert (outputs.counts["rejected"], outputs.counts["out"]) == (2, 1)
