"""When bars are published, in which order, and what stands beside them.

The market opens at 13:30. ``feed`` has no disorder unless a test says so::

    13:30          13:31          13:32
      | first minute | second ...
"""

from typing import Any

from schemas.config import Domain, SourceConfig
from schemas.flags import PARTIAL
from schemas.rules import AssetRules
from streams.core.ticks.stage import TicksStage
from tests.factories import (
    Record,
    at,
    changed,
    columns,
    config,
    domain,
    heartbeat,
    quote,
    rows_of,
    symbol,
    tick,
)

DAY = "2024-07-02"


class Run:
    """A stage and everything it put out so far, by topic."""

    def __init__(self, known: Domain | None = None, *, early: bool = True) -> None:
        self.stage = TicksStage(0)
        self.offset = 0
        self.said: dict[str, list[Record]] = {}
        self.feed(config(known or domain()), *([beat("13:29")] if early else []))
        self.said.clear()

    def feed(self, *records: Record) -> dict[str, list[Record]]:
        """What these records give."""
        found = self.stage.step(columns("ticks.raw", 0, *records, first_offset=self.offset))
        self.offset += len(records)
        new = {topic: rows_of(part) for topic, part in found.topics.items()}
        for topic, rows in new.items():
            self.said.setdefault(topic, []).extend(rows)
        return new

    def bars(self, topic: str = "bars.raw") -> list[Record]:
        return [row for row in self.said.get(topic, []) if row["record"] == "Bar"]

    def named(self, topic: str = "bars.raw") -> list[tuple[str, int, float]]:
        """Minute, revision and close of each bar."""
        return [(minute(row["ts_open"]), row["revision"], row["close"]) for row in self.bars(topic)]


def minute(ts: int) -> str:
    seconds = (ts - at(DAY)) // 1_000_000_000
    text = f"{seconds // 3600:02}:{seconds // 60 % 60:02}"
    return text if seconds % 60 == 0 else f"{text}:{seconds % 60:02}"


def beat(time: str, **fields: Any) -> Record:
    return heartbeat(f"{DAY}T{time}", **fields)


def print_(time: str, price: float, size: float | None = 1.0, **fields: Any) -> Record:
    return tick(f"{DAY}T{time}", price, size, **fields)


def test_a_bar_has_every_field_of_its_prints():
    run = Run()
    run.feed(
        print_("13:30:01", 10.0, 2.0), print_("13:30:59.999", 12.0), print_("13:30:30", 9.0), beat("13:31")
    )
    (bar,) = run.bars()
    wanted = {"open": 10.0, "high": 12.0, "low": 9.0, "close": 12.0, "volume": 4.0, "notional": 41.0}
    wanted |= {"trades": 3, "ts_first": at(f"{DAY}T13:30:01"), "ts_last": at(f"{DAY}T13:30:59.999")}
    wanted |= {"ts_open": at(f"{DAY}T13:30"), "ts_close": at(f"{DAY}T13:31"), "session_date": 19_906}
    wanted |= {"symbol": "SPY", "source": "feed", "interval": "1m", "revision": 0, "fill": "real", "flags": 0}
    wanted |= {"expected": 1, "actual": 1, "filled": 0, "complete": True, "coverage": 1.0, "record": "Bar"}
    assert bar == wanted


def test_a_bar_is_published_when_the_watermark_passes_its_close():
    run = Run(domain(assets={"equity": AssetRules(disorder_ms=2_000)}))
    run.feed(print_("13:30:01", 10.0), print_("13:31:01.999999", 11.0))
    assert run.named() == []
    run.feed(print_("13:31:02", 12.0))
    assert run.named() == [("13:30", 0, 10.0)]


def test_a_print_on_the_boundary_belongs_to_the_new_minute():
    run = Run()
    run.feed(print_("13:30:59", 10.0), print_("13:31:00", 11.0), beat("13:32"))
    assert run.named() == [("13:30", 0, 10.0), ("13:31", 0, 11.0)]


def test_another_symbol_of_the_source_closes_a_quiet_one():
    run = Run(domain(symbol("SPY"), symbol("AIG")))
    run.feed(print_("13:30:01", 10.0), print_("13:31:00", 20.0, symbol="AIG"))
    assert [row["symbol"] for row in run.bars()] == ["SPY"]


def test_another_source_closes_nothing():
    two = domain(symbol(sources=["feed", "other"]))
    two = changed(two, sources=[*two.sources, SourceConfig("other", "ticks.raw")])
    run = Run(two)
    run.feed(print_("13:30:01", 10.0), print_("13:35", 11.0, source="other"), beat("13:36", source="other"))
    assert [(row["source"], row["close"]) for row in run.bars()] == [("other", 11.0)]
    run.feed(beat("13:31"))
    assert [row["source"] for row in run.bars()] == ["other", "feed"]


def test_only_what_passes_the_stateless_checks_moves_a_mark():
    run = Run()
    bad = [print_("13:40", -1.0), print_("13:40", 1.0, 0.0), print_("13:40", 1.0, symbol="XYZ")]
    bad += [print_("13:40", 1.0, ts_recv=at(f"{DAY}T13:34"))]
    run.feed(print_("13:30:01", 10.0), *bad)
    assert run.named() == []
    run.feed(quote(f"{DAY}T13:31", 11.0, 10.0))  # crossed: refused, but its time is right
    assert run.named() == [("13:30", 0, 10.0)]


def test_a_mark_is_not_moved_beyond_the_receipt():
    run = Run()
    run.feed(print_("13:30:01", 10.0), print_("13:31:04", 11.0, ts_recv=at(f"{DAY}T13:30:59")))
    assert run.named() == []


def test_bars_of_one_record_come_by_time_and_symbol_before_its_heartbeat():
    run = Run(domain(symbol("SPY"), symbol("AIG")))
    spy = [print_("13:31:01", 11.0), print_("13:30:01", 10.0)]
    run.feed(*spy, print_("13:30:01", 20.0, symbol="AIG"), beat("13:33"))
    said = [(row.get("symbol"), minute(row["ts_open"])) for row in run.bars()]
    assert said == [("AIG", "13:30"), ("SPY", "13:30"), ("SPY", "13:31")]
    assert run.said["bars.raw"][-1]["record"] == "Heartbeat"


def test_a_late_admitted_print_gives_the_next_revision_at_the_next_heartbeat_of_its_source():
    run = Run()
    run.feed(print_("13:30:01", 10.0), beat("13:31"))
    run.feed(print_("13:30:59", 12.0), print_("13:30:30", 9.0), beat("13:31:30", source="clock"))
    assert run.named() == [("13:30", 0, 10.0)]
    run.feed(beat("13:32"), beat("13:33"))
    assert run.named() == [("13:30", 0, 10.0), ("13:30", 1, 12.0)]
    assert run.bars()[1]["low"] == 9.0


def test_a_closed_minute_without_a_bar_gets_revision_0():
    run = Run()
    run.feed(beat("13:35"), print_("13:30:01", 10.0))
    assert run.named() == []
    run.feed(beat("13:36"))
    assert run.named() == [("13:30", 0, 10.0)]


def test_a_print_counts_until_fifteen_minutes_after_the_close_of_its_minute():
    run = Run()
    run.feed(beat("13:45:59.999"), print_("13:30:59", 10.0), beat("13:46"), print_("13:30:59", 11.0))
    assert run.named() == [("13:30", 0, 10.0)]
    assert [row["code"] for row in run.said["late"]] == ["V09"]


def test_a_duplicate_changes_no_bar():
    run = Run()
    run.feed(print_("13:30:01", 10.0, seq=1), beat("13:31"), print_("13:30:01", 10.0, seq=1), beat("13:32"))
    assert run.named() == [("13:30", 0, 10.0)]


def test_a_final_heartbeat_closes_all_that_holds_prints():
    run = Run(domain(assets={"equity": AssetRules(disorder_ms=2_000)}))
    run.feed(print_("13:30:01", 10.0), print_("13:31:01", 11.0), beat("13:31:01.5", final=True))
    assert run.named() == [("13:30", 0, 10.0), ("13:31", 0, 11.0)]
    assert run.named("bars.1s") == [("13:30:01", 0, 10.0), ("13:31:01", 0, 11.0)]
    assert run.said["bars.raw"][-1]["final"] is True


def test_after_a_final_heartbeat_seconds_stay_closed_and_minutes_are_revised():
    run = Run()
    run.feed(print_("13:30:01", 10.0), beat("13:30:01", final=True))
    run.feed(print_("13:30:01.5", 11.0), beat("13:30:02"))
    assert run.named("bars.1s") == [("13:30:01", 0, 10.0)]
    assert run.named() == [("13:30", 0, 10.0), ("13:30", 1, 11.0)]


def test_a_second_is_published_once_and_never_revised():
    run = Run()
    run.feed(print_("13:30:01.2", 10.0), print_("13:30:01.1", 9.0), print_("13:30:02", 11.0))
    run.feed(print_("13:30:01.9", 12.0), beat("13:31"))
    assert run.named("bars.1s") == [("13:30:01", 0, 10.0), ("13:30:02", 0, 11.0)]
    first = run.bars("bars.1s")[0]
    assert (first["open"], first["interval"], first["expected"], first["complete"]) == (9.0, "1s", 0, True)
    assert run.named() == [("13:30", 0, 11.0)]
    assert run.bars()[0]["high"] == 12.0


def test_the_forming_bar_goes_out_when_the_largest_ts_event_enters_a_new_slot():
    run = Run()
    times = ["13:30:00", "13:30:00.1", "13:30:00.25", "13:30:00.1", "13:30:00.499", "13:30:00.5", "13:31"]
    for number, time in enumerate(times):
        run.feed(print_(time, float(number + 1)))
    assert run.named("bars.forming") == [
        ("13:30", 0, 1.0), ("13:30", 0, 3.0), ("13:30", 0, 6.0), ("13:31", 0, 7.0),
    ]  # fmt: skip
    third = run.bars("bars.forming")[2]
    assert (third["volume"], third["complete"], third["actual"]) == (6.0, False, 0)


def test_a_bar_is_partial_where_its_source_was_not_alive_throughout():
    run = Run(early=False)
    run.feed(beat("13:30:01"), print_("13:30:02", 10.0), print_("13:31:02", 10.0), beat("13:32"))
    run.feed(print_("13:32:02", 10.0), beat("13:32:30", alive=False), beat("13:32:40"), beat("13:33"))
    run.feed(print_("13:33:02", 10.0), beat("13:34"))
    assert [row["flags"] for row in run.bars()] == [PARTIAL, 0, PARTIAL, 0]


def test_a_minute_keeps_being_partial_when_it_is_revised():
    run = Run(early=False)
    run.feed(
        beat("13:30:01"), print_("13:30:02", 10.0), beat("13:31"), print_("13:30:03", 10.0), beat("13:32")
    )
    assert [(row["revision"], row["flags"]) for row in run.bars()] == [(0, PARTIAL), (1, PARTIAL)]


def test_without_heartbeats_every_bar_is_partial():
    run = Run(early=False)
    run.feed(print_("13:30:02", 10.0), print_("13:31:02", 10.0))
    assert [row["flags"] for row in run.bars()] == [PARTIAL]


def test_a_minute_says_what_was_refused_before_its_bar():
    run = Run()
    bad = [print_("13:30:03", 0.0), print_("13:30:04", 1.0, -1.0), print_("13:30:01", 10.0, seq=5000)]
    bad += [print_("13:30:01", 10.0, seq=5000), print_("13:30:01", 10.0, seq=1)]
    run.feed(*bad, print_("13:31", 10.0))
    status, bar = run.said["bars.raw"]
    assert (status["record"], bar["record"]) == ("MinuteStatus", "Bar")
    assert (status["rejected"], status["duplicate"], status["late"]) == (2, 1, 1)
    assert (status["symbol"], status["source"], status["cause"]) == ("SPY", "feed", None)
    assert minute(status["ts_open"]) == "13:30"


def test_a_minute_that_has_only_refused_records_has_a_status_and_no_bar():
    run = Run()
    run.feed(print_("13:30:03", 0.0), beat("13:31"), beat("13:32"))
    kinds = [row["record"] for row in run.said["bars.raw"]]
    assert kinds == ["MinuteStatus", "Heartbeat", "Heartbeat"]


def test_nothing_is_said_of_a_minute_that_is_closed_or_outside_the_session():
    run = Run()
    run.feed(beat("13:31"), print_("13:30:03", 0.0), print_("20:00:01", 0.0), beat("13:32"))
    assert [row["record"] for row in run.said["bars.raw"]] == ["Heartbeat", "Heartbeat"]


def test_quotes_make_bars_of_the_configured_price_without_volume():
    prices = {}
    for basis in ("bid", "ask", "mid"):
        run = Run(domain(symbol(price=basis)))
        run.feed(quote(f"{DAY}T13:30:01", 10.0, 10.1), print_("13:30:02", 99.0), beat("13:31"))
        (bar,) = run.bars()
        assert (bar["volume"], bar["notional"], bar["trades"]) == (0.0, None, None)
        prices[basis] = bar["close"]
    assert prices == {"bid": 10.0, "ask": 10.1, "mid": (10.0 + 10.1) / 2}


def test_quotes_of_a_symbol_that_goes_by_trades_make_no_bar():
    run = Run()
    run.feed(quote(f"{DAY}T13:30:01", 10.0, 10.1), beat("13:31"))
    assert run.named() == []


def test_prints_without_a_size_add_nothing_to_volume():
    run = Run()
    run.feed(print_("13:30:01", 10.0, None), print_("13:30:02", 11.0, 3.0), beat("13:31"))
    (bar,) = run.bars()
    assert (bar["volume"], bar["notional"], bar["trades"], bar["open"]) == (3.0, 33.0, 1, 10.0)


def test_a_mark_that_jumps_over_a_night_closes_and_revises_everything():
    run = Run()
    run.feed(print_("13:30:01", 10.0), beat("13:31"), print_("13:30:02", 11.0))
    run.feed(tick("2024-07-03T13:30:01", 12.0), tick("2024-07-03T14:02:01", 13.0))
    assert run.bars()[-1]["ts_open"] == at("2024-07-03T13:30")
    run.feed(heartbeat("2024-07-03T14:03"))
    closes = [(row["revision"], row["close"]) for row in run.bars()]
    assert sorted(closes) == [(0, 10.0), (0, 12.0), (0, 13.0), (1, 11.0)]
