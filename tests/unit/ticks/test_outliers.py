"""V13: a price far from the last ones waits for two more near it."""

import pytest

from schemas.config import Domain
from schemas.rules import AssetRules
from streams.core.ticks.stage import TicksStage
from tests.factories import Record, columns, config, domain, heartbeat, lenient, rows_of, symbol, tick

STRICT = domain(symbol(), assets={"equity": lenient(outlier_prints=21)})


class Run:
    """A stage fed a record at a time, with everything it said."""

    def __init__(self, known: Domain = STRICT) -> None:
        self.stage = TicksStage(0)
        self.offset = 0
        self.counts = dict.fromkeys(("in", "out", "rejected", "late", "duplicate", "held"), 0)
        self.said: list[Record] = []
        self.states: dict[bytes, bytes] = {}
        self.feed(config(known))

    def feed(self, *records: Record) -> None:
        for record in records:
            found = self.stage.step(columns("ticks.raw", 0, record, first_offset=self.offset))
            self.offset += 1
            for name in self.counts:
                self.counts[name] += found.counts[name]
            for topic, part in found.topics.items():
                self.said += [{**row, "said_on": topic} for row in rows_of(part)]

    def prices(self, *prices: float, minute: str = "13:30") -> None:
        for number, price in enumerate(prices):
            self.feed(tick(f"2024-07-02T{minute}:{10 + number}", price, seq=self.offset))

    def restart(self) -> None:
        self.states |= self.stage.take_dirty()
        self.stage = TicksStage(0)
        self.stage.restore(self.states)

    def of(self, topic: str, record: str) -> list[Record]:
        return [row for row in self.said if (row["said_on"], row["record"]) == (topic, record)]

    def fates(self) -> tuple[int, int, int]:
        counts = self.counts
        assert counts["in"] == sum(counts[name] for name in counts if name != "in")
        return counts["out"], counts["rejected"], counts["held"]


def test_a_price_within_the_share_of_its_class_passes():
    run = Run()
    run.prices(100.0, 120.0, 80.0)
    assert run.fates() == (3, 0, 0)


def test_a_price_beyond_the_share_but_within_the_deviations_passes():
    run = Run()
    run.prices(100.0, 110.0, 90.0, 105.0, 95.0, 130.0)
    assert run.fates() == (6, 0, 0)


def test_two_further_prints_near_a_held_one_let_all_of_them_count():
    run = Run()
    run.prices(100.0, 100.0, 150.0, 151.0)
    assert run.fates() == (2, 0, 2)
    run.prices(149.0)
    run.feed(heartbeat("2024-07-02T13:31:00"))
    (bar,) = run.of("bars.raw", "Bar")
    assert run.fates() == (5, 0, 0)
    assert (bar["high"], bar["close"], bar["trades"]) == (151.0, 151.0, 5)


def test_a_print_that_is_not_near_refuses_what_is_held():
    run = Run()
    run.prices(100.0, 100.0, 1000.0, 100.5)
    (letter,) = run.of("dead-letters", "DeadLetter")
    assert run.fates() == (3, 1, 0)
    assert (letter["code"], letter["offset"], letter["key"]) == ("V13", 3, b"SPY")


def test_another_outlier_that_is_not_near_takes_its_place():
    run = Run()
    run.prices(100.0, 100.0, 1000.0, 10.0)
    assert run.fates() == (2, 1, 1)
    run.prices(10.0, 10.5)
    assert run.fates() == (5, 1, 0)


def test_the_close_of_its_minute_refuses_a_held_print_before_the_bar():
    run = Run()
    run.prices(100.0, 1000.0)
    run.feed(heartbeat("2024-07-02T13:31:00"))
    (letter,) = run.of("dead-letters", "DeadLetter")
    kinds = [row["record"] for row in run.said if row["said_on"] == "bars.raw"]
    assert (letter["offset"], run.fates()) == (2, (1, 1, 0))
    assert kinds == ["Config", "MinuteStatus", "Bar", "Heartbeat"]
    assert run.of("bars.raw", "MinuteStatus")[0]["rejected"] == 1
    assert run.of("bars.raw", "Bar")[0]["high"] == 100.0


def test_an_outlier_of_a_closed_minute_is_refused_at_once():
    run = Run()
    run.prices(100.0)
    run.feed(heartbeat("2024-07-02T13:31:00"))
    run.prices(1000.0)
    assert run.fates() == (1, 1, 0)


def test_a_final_heartbeat_refuses_what_is_held():
    run = Run()
    run.prices(100.0, 1000.0)
    run.feed(heartbeat("2024-07-02T13:30:50", final=True))
    assert run.fates() == (1, 1, 0)


def test_a_repeat_of_a_held_print_does_not_confirm_it():
    run = Run()
    run.prices(100.0)
    far = tick("2024-07-02T13:30:20", 1000.0, seq=77)
    run.feed(far, far, far, far)
    assert run.counts["duplicate"] == 3
    assert run.fates() == (1, 0, 1)


def test_held_prints_survive_a_restart_with_their_bytes():
    run = Run()
    run.prices(100.0, 100.0, 1000.0)
    run.restart()
    run.prices(1001.0)
    run.restart()
    run.prices(100.0)
    letters = run.of("dead-letters", "DeadLetter")
    batch = columns("ticks.raw", 0, tick("2024-07-02T13:30:12", 1000.0, seq=3))
    assert [letter["offset"] for letter in letters] == [3, 4]
    assert letters[0]["data"] == batch.bytes_at(batch.values[0])
    assert run.fates() == (3, 2, 0)


def test_the_median_is_the_same_after_a_restart():
    run = Run()
    run.prices(*[100.0] * 5, 119.0, 119.0)
    run.restart()
    run.prices(140.0)
    assert run.fates() == (7, 0, 1)


def test_a_long_record_is_refused_instead_of_held():
    run = Run()
    run.prices(100.0)
    run.feed(tick("2024-07-02T13:30:20", 1000.0, trade_id="x" * 2_000))
    assert run.fates() == (1, 1, 0)


@pytest.mark.parametrize(
    ("asset", "share"), [("equity", 0.2), ("crypto", 0.5), ("fx", 0.1), ("commodity", 0.15)]
)
def test_each_class_has_its_own_share(asset: str, share: float):
    known = domain(symbol(asset=asset), assets=Domain(1).assets)
    run = Run(known)
    run.prices(100.0, round(100.0 * (1 + share), 6))
    assert run.fates() == (2, 0, 0)
    run = Run(known)
    run.prices(100.0, 100.0 * (1 + share) + 0.01)
    assert run.fates() == (1, 0, 1)


def test_a_class_may_check_no_outliers():
    run = Run(domain(assets={"equity": AssetRules(outlier_prints=0)}))
    run.prices(100.0, 1000.0, 1.0)
    assert run.fates() == (3, 0, 0)


def test_prices_around_zero_are_judged_by_the_median_each_time():
    oil = lenient(outlier_prints=21, nonpositive_price="allow")
    run = Run(domain(assets={"equity": oil}))
    run.prices(0.5, -0.5, 0.4, -37.0)
    assert run.fates() == (2, 1, 1)
