"""Whatever is sent, the state has a limit, and what is forgotten for it is counted."""

from random import Random

from schemas.config import Domain
from streams.core.bars.halts import MOST as MOST_HALTS
from streams.core.bars.stage import BarsStage
from streams.core.bars.state import most_bytes
from streams.core.periods import MOST as MOST_PERIODS
from streams.core.stage import PARTITION_KEY
from streams.core.watermark import MOST_SOURCES, MOST_WRITERS
from tests.factories import Record, around_the_clock, bar, columns, config, domain, heartbeat, status, symbol
from tests.unit.bars.desk import Desk, beat, minute, two

DATES = [f"2024-07-{date:02d}" for date in range(1, 21)]
MINUTES = 240
PARTITION_LIMIT = 500_000


def world(history: str = "") -> Domain:
    calendar = around_the_clock(days=DATES)
    short = type(calendar)(
        "24x7", "test", "utc", "UTC", calendar.session_dates, calendar.opens,
        [opens + 60 * MINUTES for opens in calendar.opens],
    )  # fmt: skip
    one = symbol(sources=["feed"], calendar="24x7", history=history)
    return domain(one, calendars={"24x7": short}, partitions=1)


def hostile(seed: int, count: int) -> list[Record]:
    """Bars of any minute from hundreds of sources, refetched, revised and bad, with heartbeats of anybody."""
    pick, log = Random(seed), []
    for _ in range(count):
        date, place = pick.choice(DATES), pick.randrange(MINUTES)
        text = f"{date}T{place // 60:02d}:{place % 60:02d}"
        source = f"source{int(pick.expovariate(0.1)) % 400}"
        made = bar(text, pick.choice([1.0, 2.0]), source=source, revision=pick.randrange(9))
        kind = pick.random()
        if kind < 0.9:
            log.append(
                {**made, "fill": pick.choice(["real", "refetched"]), "volume": pick.choice([1.0, -1.0])}
            )
        elif kind < 0.95:
            alive = pick.random() < 0.5
            text = DATES[0] + text[10:]  # so that no trade date leaves the window
            log.append(heartbeat(text, source, writer=f"writer{pick.randrange(2000)}", alive=alive))
        else:
            log.append(status(text, pick.choice(["halted", "resumed"]), source, symbol="SPY"))
    return log


def sizes(log: list[Record]) -> tuple[int, int, BarsStage]:
    """Bytes of the symbol and of the partition after a log, and the stage."""
    stage, saved = BarsStage(0), {}
    for start in range(0, len(log), 1_000):
        stage.step(columns("bars.raw", 0, *log[start : start + 1_000], first_offset=start))
        saved |= stage.take_dirty()
    own = sum(len(state) for key, state in saved.items() if key.startswith(b"SPY"))
    return own, len(saved[PARTITION_KEY]), stage


def test_the_state_of_a_symbol_stays_below_its_limit_whatever_is_sent():
    own, shared, _ = sizes([config(world()), *hostile(1, 12_000)])
    assert 100_000 < own < most_bytes(MINUTES)
    assert shared < PARTITION_LIMIT


def test_the_state_of_a_symbol_that_waits_for_its_history_stays_below_its_limit():
    own, _, _ = sizes([config(world(history="past")), *hostile(2, 12_000)])
    assert 20_000 < own < most_bytes(MINUTES)


def test_sources_and_writers_beyond_the_limit_are_not_remembered():
    beats = [heartbeat("2024-07-01T00:00", f"s{n % 300}", writer=f"w{n}") for n in range(3_000)]
    _, _, stage = sizes([config(world()), *beats])
    marks = stage._book.partition.marks
    assert (len(marks), len(marks._writers)) == (MOST_SOURCES, MOST_WRITERS)


def test_the_oldest_halt_is_forgotten_and_counted():
    desk = Desk()
    halts = [status(minute(1), "halted", symbol="SPY") for _ in range(MOST_HALTS + 3)]
    assert desk.feed(*halts).counts == {"evicted.halt": 3}


def test_the_oldest_outage_and_silence_of_a_source_are_forgotten_and_counted():
    desk = Desk(two(sources=["feed"]))
    failures = [
        one
        for number in range(MOST_PERIODS + 2)
        for one in (beat(3 * number + 1, alive=False), beat(3 * number + 2), beat(3 * number + 3.5))
    ]
    assert desk.feed(*failures).counts == {"evicted.outage": 2}
    quiet = [beat(100 + 10 * number) for number in range(MOST_PERIODS + 2)]
    assert desk.feed(*quiet).counts["evicted.silence"] > 0


def test_a_bar_so_far_ahead_that_it_needs_the_slot_of_the_present_is_refused():
    desk = Desk(world(), at=None)
    desk.feed(heartbeat("2024-07-01T00:01"), bar("2024-07-01T00:01", 10.0, source="feed"))
    got = desk.feed(bar("2024-07-17T00:01", 11.0, source="feed"))
    assert got.counts == {"in": 1, "rejected": 1, "rejected.V08": 1}
    assert desk.feed(bar("2024-07-01T00:01", 12.0, source="feed", revision=1)).bars()[0][1] == 12.0


def test_a_minute_writes_what_changed_and_not_its_whole_trade_date():
    stage, states, offset = BarsStage(0), {}, 0
    for place in range(MINUTES - 1):
        text = f"2024-07-01T{place // 60:02d}:{place % 60:02d}"
        log = [config(world())] if not place else []
        log += [bar(text, 10.0, source="feed"), heartbeat(text, "feed")]
        stage.step(columns("bars.raw", 0, *log, first_offset=offset))
        last = stage.take_dirty()
        states, offset = states | last, offset + len(log)
    recent = [key for key in last if key.endswith(b"+")]
    assert len(recent) == 1
    assert len(last[recent[0]]) * 2 < len(states[recent[0].removesuffix(b"+")])
    again = BarsStage(0)
    again.restore(states)
    slot = int(recent[0].removeprefix(b"SPY|").removesuffix(b"+"))
    found, kept = (one._book.days._days[b"SPY"][slot] for one in (again, stage))
    assert found.rows.tobytes() == kept.rows.tobytes()
