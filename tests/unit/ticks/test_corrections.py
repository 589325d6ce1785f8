"""Cancels and corrects of prints: what becomes of their minute, and of themselves."""

from typing import Any

import pytest

from schemas.config import SourceConfig
from schemas.flags import OFF_TICK, WITHDRAWN
from streams.core.ticks.stage import TicksStage
from tests.factories import (
    Record,
    at,
    columns,
    config,
    correction,
    domain,
    heartbeat,
    lenient,
    rows_of,
    symbol,
    tick,
)
from tests.oracle.reading import Ended, newest, through

KEEPING = domain(
    symbol(tick_size=0.5),
    sources=[SourceConfig("feed", "ticks.raw")],
    assets={"equity": lenient(correction_prints=100)},
)
FIRST = tick("2024-07-02T13:30:01", 100.0, 1.0, trade_id="1")
BAD = tick("2024-07-02T13:30:02", 250.0, 5.0, trade_id="2")
LAST = tick("2024-07-02T13:30:03", 101.0, 2.0, trade_id="3")
CLOSE = heartbeat("2024-07-02T13:31:00")
SOON, AGAIN = heartbeat("2024-07-02T13:31:01"), heartbeat("2024-07-02T13:31:02")


def cancel(trade_id: str = "2", ts: str = "2024-07-02T13:31:00", **fields: Any) -> Record:
    return correction(ts, trade_id=trade_id, **fields)


def correct(trade_id: str = "2", ts: str = "2024-07-02T13:31:00", **fields: Any) -> Record:
    return correction(ts, "correct", trade_id=trade_id, **fields)


def ended(*log: Record, kept: Any = KEEPING) -> Ended:
    return through(TicksStage(0), "ticks.raw", [config(kept), heartbeat("2024-07-02T13:29"), *log])


def final(*log: Record, kept: Any = KEEPING) -> Record:
    """The newest revision of the first minute."""
    bars = newest(ended(*log, kept=kept).of("bars.raw", "Bar"), "ts_open")
    return bars[at("2024-07-02T13:30"),]


def refused(found: Ended) -> list[str]:
    return [row["code"] for row in found.of("dead-letters", "DeadLetter")]


def shown(bar: Record) -> tuple[Any, ...]:
    names = ("open", "high", "low", "close", "volume", "notional", "trades", "ts_first", "ts_last", "flags")
    return tuple(bar[name] for name in names)


def test_a_cancelled_print_leaves_a_published_minute_by_a_revision():
    found = ended(FIRST, BAD, LAST, CLOSE, cancel(), SOON).of("bars.raw", "Bar")
    assert [(bar["revision"], bar["high"], bar["volume"], bar["trades"]) for bar in found] == [
        (0, 250.0, 8.0, 3),
        (1, 101.0, 3.0, 2),
    ]
    assert shown(found[1]) == shown(final(FIRST, LAST, CLOSE))


def test_a_print_cancelled_before_its_minute_closes_never_shows():
    (bar,) = ended(FIRST, BAD, cancel(ts="2024-07-02T13:30:05"), LAST, CLOSE).of("bars.raw", "Bar")
    assert shown(bar) == shown(final(FIRST, LAST, CLOSE))
    assert bar["revision"] == 0


def test_a_cancel_that_comes_before_its_print_ends_in_the_same_minute():
    wanted = shown(final(FIRST, LAST, CLOSE))
    found = ended(FIRST, cancel(ts="2024-07-02T13:30:02"), BAD, LAST, CLOSE)
    assert [shown(bar) for bar in found.of("bars.raw", "Bar")] == [wanted]
    assert (found.counts["in"], found.counts["out"], found.counts["held"]) == (4, 4, 0)
    assert shown(final(FIRST, cancel(), LAST, CLOSE, BAD, SOON)) == wanted


def test_a_corrected_print_counts_as_if_it_had_been_sent_so():
    wanted = shown(final(FIRST, {**BAD, "price": 99.5, "size": 4.0}, LAST, CLOSE))
    word = correct(price=99.5, size=4.0)
    assert shown(final(FIRST, BAD, LAST, CLOSE, word, SOON)) == wanted
    assert shown(final(FIRST, word, BAD, LAST, CLOSE)) == wanted
    assert shown(final(word, BAD, LAST, FIRST, CLOSE, SOON)) == wanted


def test_what_a_correction_leaves_out_stays_as_it_was_sent():
    bar = final(FIRST, BAD, LAST, CLOSE, correct(size=1.0), SOON)
    assert (bar["high"], bar["volume"]) == (250.0, 4.0)
    bar = final(FIRST, BAD, LAST, CLOSE, correct(price=99.75), SOON)
    assert (bar["low"], bar["volume"], bar["flags"]) == (99.75, 8.0, OFF_TICK)


def test_of_several_words_on_a_print_the_latest_holds_and_a_cancel_is_final():
    early, late = correct(ts="2024-07-02T13:30:04", price=99.0), correct(ts="2024-07-02T13:30:05", price=98.0)
    void = cancel(ts="2024-07-02T13:30:03")
    for words, low in (((early, late), 98.0), ((late, early), 98.0), ((late, void, early), 100.0)):
        assert final(FIRST, BAD, LAST, CLOSE, *words, SOON)["low"] == low
        assert final(*words, FIRST, BAD, LAST, CLOSE, SOON)["low"] == low


def test_the_same_cancel_again_changes_nothing_and_is_a_duplicate():
    found = ended(FIRST, BAD, LAST, CLOSE, cancel(), SOON, cancel(), AGAIN)
    assert [bar["revision"] for bar in found.of("bars.raw", "Bar")] == [0, 1]
    assert (found.counts["duplicate"], found.counts["out"]) == (1, 4)


def test_a_cancelled_print_that_is_sent_again_stays_a_duplicate():
    found = ended(FIRST, BAD, LAST, cancel(), BAD, CLOSE)
    assert found.of("bars.raw", "Bar")[0]["trades"] == 2
    assert found.counts["duplicate"] == 1


def test_a_correction_of_a_print_that_never_comes_is_a_dead_letter_of_its_own_code():
    word = cancel("77")
    found = ended(FIRST, word, CLOSE, heartbeat("2024-07-02T13:46:59"))
    assert (refused(found), found.counts["held"]) == ([], 1)
    found = ended(FIRST, word, CLOSE, heartbeat("2024-07-02T13:47"))
    assert (refused(found), found.counts["held"], found.counts["rejected.C01"]) == (["C01"], 0, 1)
    letter = found.of("dead-letters", "DeadLetter")[0]
    assert letter["offset"] == 3
    batch = columns("ticks.raw", 0, word)
    assert bytes.fromhex(letter["data"]) == batch.bytes_at(batch.values[0])
    assert refused(ended(FIRST, word, {**CLOSE, "final": True})) == ["C01"]


def test_a_correction_beyond_the_lateness_is_late():
    late = heartbeat("2024-07-02T13:46")
    found = ended(
        FIRST, BAD, CLOSE, late, cancel(ts="2024-07-02T13:46"), cancel("78", ts_print=BAD["ts_event"])
    )
    assert [row["code"] for row in found.of("late", "DeadLetter")] == ["V09", "V09"]
    assert found.counts["late"] == 2
    in_time = heartbeat("2024-07-02T13:45:59")
    assert ended(FIRST, BAD, CLOSE, in_time, cancel(ts="2024-07-02T13:45:59")).counts["late"] == 0


def test_without_prints_that_are_kept_a_correction_is_refused():
    plain = domain(symbol(), assets={"equity": lenient()})
    assert refused(ended(FIRST, cancel("1"), kept=plain)) == ["C02"]


@pytest.mark.parametrize(
    ("word", "code"),
    [
        ({**cancel(), "trade_id": None}, "V01"),
        (correct(), "V01"),
        (correct(price=float("nan")), "V01"),
        (correct(size=1.1e100), "V01"),
        ({**cancel(), "symbol": "X"}, "V02"),
        (correct(price=0.0), "V03"),
        (correct(size=0.0), "V05"),
        ({**cancel(), "ts_event": at("2024-07-02T13:31:06")}, "V08"),
    ],
)
def test_a_correction_that_cannot_be_is_refused(word: Record, code: str):
    found = ended(FIRST, BAD, LAST, word, CLOSE)
    assert refused(found) == [code]
    assert found.of("bars.raw", "Bar")[0]["trades"] == 3


def test_a_minute_whose_prints_were_all_cancelled_is_withdrawn_where_it_was_published():
    bars = ended(BAD, CLOSE, cancel(), SOON).of("bars.raw", "Bar")
    assert [(bar["revision"], bar["flags"], bar["actual"]) for bar in bars] == [(0, 0, 1), (1, WITHDRAWN, 0)]
    assert (bars[1]["volume"], bars[1]["notional"], bars[1]["trades"]) == (0.0, None, None)
    assert ended(BAD, cancel(), CLOSE, SOON).of("bars.raw", "Bar") == []
    late = tick("2024-07-02T13:30:40", 100.0, 1.0, trade_id="9")
    bars = ended(BAD, CLOSE, cancel(), SOON, late, AGAIN).of("bars.raw", "Bar")
    assert [(bar["revision"], bar["flags"], bar["close"]) for bar in bars[1:]] == [
        (1, WITHDRAWN, 250.0),
        (2, 0, 100.0),
    ]


def test_an_open_second_follows_and_a_closed_one_never_changes():
    other = tick("2024-07-02T13:30:02.5", 100.0, 1.0, trade_id="4")
    word = cancel(ts="2024-07-02T13:30:02.6")
    (bar,) = ended(BAD, other, word, heartbeat("2024-07-02T13:30:03")).of("bars.1s", "Bar")
    assert (bar["high"], bar["trades"]) == (100.0, 1)
    (bar,) = ended(BAD, other, heartbeat("2024-07-02T13:30:03"), word, CLOSE).of("bars.1s", "Bar")
    assert (bar["high"], bar["trades"]) == (250.0, 2)


def test_a_price_that_is_doubted_counts_when_it_is_corrected():
    doubting = domain(
        symbol(), assets={"equity": lenient(correction_prints=100, outlier_prints=21)},
        sources=[SourceConfig("feed", "ticks.raw")],
    )  # fmt: skip
    calm = [tick("2024-07-02T13:30:00", 100.0, 1.0, trade_id=f"{n}") for n in range(10, 15)]
    word = correct(ts="2024-07-02T13:30:03", price=99.0)
    wanted = shown(final(*calm, {**BAD, "price": 99.0}, LAST, CLOSE, kept=doubting))
    for log in (
        [*calm, BAD, word, LAST],
        [*calm, BAD, LAST, word],
        [*calm, word, BAD, LAST],
        [word, *calm, BAD, LAST],
    ):
        found = ended(*log, CLOSE, SOON, kept=doubting)
        assert shown(found.of("bars.raw", "Bar")[-1]) == wanted
        assert found.counts["held"] == 0
    held = ended(*calm, BAD, LAST, CLOSE, kept=doubting)
    assert refused(held) == ["V13"]


def test_prints_beyond_the_limit_are_forgotten_and_counted():
    kept = domain(symbol(), assets={"equity": lenient(correction_prints=10)})
    many = [tick("2024-07-02T13:30:01", 100.0, 1.0, trade_id=str(n)) for n in range(1_100)]
    found = ended(*many, cancel("0"), cancel("1099"), CLOSE, kept=kept)
    assert found.counts["evicted.print"] == 1_024
    assert refused(found) == ["C02"]  # its minute is not kept whole; the first one waits for a print
    assert found.of("bars.raw", "Bar")[0]["trades"] == 1_100


def test_no_more_corrections_wait_than_there_is_room_for():
    found = ended(*(cancel(f"w{n}") for n in range(66)))
    assert (refused(found), found.counts["held"]) == (["C03", "C03"], 64)


def test_prints_are_kept_from_the_configuration_that_asks_for_it():
    plain = domain(symbol(), assets={"equity": lenient()})
    log = [FIRST, config(KEEPING, version=2), BAD, LAST, cancel(), cancel("3", ts="2024-07-02T13:31"), CLOSE]
    log[1]["body"] = log[1]["body"].replace('"version":1', '"version":2')
    assert refused(ended(*log, kept=plain)) == ["C02", "C02"]
    next_minute = [
        tick("2024-07-02T13:31:01", 100.0, 1.0, trade_id="8"),
        tick("2024-07-02T13:31:02", 7.0, trade_id="9"),
    ]
    log = [
        *log[:2],
        CLOSE,
        *next_minute,
        cancel("9", ts="2024-07-02T13:31:03"),
        heartbeat("2024-07-02T13:32"),
    ]
    assert ended(*log, kept=plain).of("bars.raw", "Bar")[-1]["low"] == 100.0


def test_a_stage_that_keeps_nothing_has_no_state_for_it():
    stage = TicksStage(0)
    stage.step(columns("ticks.raw", 0, config(domain()), FIRST, cancel("1")))
    assert not any(key.count(b"|") == 3 for key in stage.take_dirty())
    assert rows_of(stage.step(columns("ticks.raw", 0, CLOSE, first_offset=3)).topics["bars.raw"], "Bar")
