"""A cancelled or corrected print through all stages: every table ends as if it had never been sent so."""

from typing import Any

import pytest

from schemas.config import IndicatorConfig, SourceConfig
from streams.core.pipeline import Pipeline
from tests.factories import Record, at, columns, config, correction, domain, heartbeat, lenient, symbol, tick
from tests.oracle.reading import newest, plain

MINUTE = 60_000_000_000
OPEN = at("2024-07-02T13:30")
TOPICS = ("bars.1m", "bars.5m", "bars.15m", "indicators")
BARE = 7  # minute in which the bad print is the only one
KEEPING = domain(
    symbol(),
    symbol("AIG"),
    sources=[SourceConfig("feed", "ticks.raw")],
    assets={"equity": lenient(correction_prints=1_000)},
    intervals=["5m", "15m"],
    indicators=[IndicatorConfig("ema_3", "ema", 3), IndicatorConfig("vwap", "vwap")],
    partitions=1,
)
BAD = ((3, 250.0), (BARE, 17.0), (12, 300.0))
Tables = dict[str, dict[Any, Record]]


def printed(bad: dict[int, float]) -> list[list[Record]]:
    """Prints of 20 minutes, minute by minute; where a bad one stands it has the price given."""
    found = []
    for number in range(20):
        moment = OPEN + number * MINUTE
        mine = []
        for name, second in (("SPY", 1), ("AIG", 2), ("SPY", 50)):
            if name == "SPY" and number == BARE:
                continue
            one = tick(
                "2024-07-02", 100.0 + number % 5, 1.0 + number, symbol=name, trade_id=f"{number}-{second}"
            )
            mine.append({**one, "ts_event": moment + second * 10**9, "ts_recv": moment + second * 10**9})
        if number in bad:
            one = tick("2024-07-02", bad[number], 4.0, trade_id=f"bad-{number}")
            mine.append({**one, "ts_event": moment + 30 * 10**9, "ts_recv": moment + 30 * 10**9})
        found.append(mine)
    return found


def words(action: str, minute: int, **fields: Any) -> list[Record]:
    """Words on the bad prints, said at a minute."""
    ts = OPEN + minute * MINUTE
    return [
        {
            **correction("2024-07-02", action),
            "ts_event": ts,
            "ts_recv": ts,
            "trade_id": f"bad-{number}",
            **fields,
        }
        for number, _ in BAD
    ]


def ended(minutes: list[list[Record]], said: dict[int, list[Record]]) -> tuple[Tables, list[Record]]:
    """The newest rows of every table, and the gaps, of prints minute by minute and words before some."""
    pipeline = Pipeline()
    pipeline.feed(columns("ticks.raw", 0, config(KEEPING), heartbeat("2024-07-02T13:29:59")))
    for number, mine in enumerate([*minutes, [], []]):
        beat = heartbeat("2024-07-02", through="2024-07-02")
        moment = OPEN + (number + 1) * MINUTE
        beat |= {"ts": moment, "ts_last": moment - MINUTE // 2, "ts_through": moment}
        pipeline.feed(columns("ticks.raw", 0, *said.get(number, []), *mine, beat))
    tables = {}
    for topic in TOPICS:
        rows = [row for part in pipeline.columns(topic) for row in plain(part) if row["record"] in _KINDS]
        tables[topic] = newest(rows, "symbol", "interval", "ts_open")
    return tables, [row for part in pipeline.columns("gaps") for row in plain(part)]


_KINDS = ("Bar", "IndicatorValues")
_REVISIONS = ("revision", "bar_revision", "missing")  # what earlier ones said


def assert_same(found: Tables, wanted: Tables) -> None:
    for topic in TOPICS:
        assert found[topic].keys() == wanted[topic].keys(), topic
        for key, row in wanted[topic].items():
            other = found[topic][key]
            for name in row.keys() - {*_REVISIONS}:
                same = (
                    pytest.approx(row[name], rel=1e-9) if isinstance(row[name], float | dict) else row[name]
                )
                assert other[name] == same, (topic, key, name)


@pytest.mark.parametrize("minute", [0, 12, 18])
def test_cancelled_prints_leave_every_table_as_if_they_had_never_been(minute: int):
    wanted, gaps = ended(printed({}), {})
    found, told = ended(printed(dict(BAD)), {minute: words("cancel", minute)})
    assert_same(found, wanted)
    bare, missed = (newest(rows, "symbol", "ts_open")["SPY", OPEN + BARE * MINUTE] for rows in (gaps, told))
    assert {**bare, "revision": 0} == {**missed, "revision": 0}


@pytest.mark.parametrize("minute", [0, 18])
def test_corrected_prints_leave_every_table_as_if_they_had_been_sent_so(minute: int):
    wanted, _ = ended(printed({number: 101.5 for number, _ in BAD}), {})
    found, _ = ended(printed(dict(BAD)), {minute: words("correct", minute, price=101.5)})
    assert_same(found, wanted)


def test_prints_that_nobody_cancels_show():
    with pytest.raises(AssertionError):
        assert_same(ended(printed(dict(BAD)), {})[0], ended(printed({}), {})[0])
