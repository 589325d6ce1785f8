"""What is saved, what is taken up, and what a re-read of the log gives."""

import pytest

from schemas.config import IndicatorConfig, encode
from schemas.errors import StateError
from streams.core.analytics.partition import Partition
from streams.core.analytics.saved import Saved
from streams.core.analytics.stage import AnalyticsStage
from streams.core.slots import HEADER_SIZE, offset_of, pack
from streams.core.stage import PARTITION_KEY
from tests.factories import bar, changed, columns, config, domain, raw, rows_of, symbol
from tests.unit.analytics.feed import THREE, Feed, minute, missing, only, plain, through

BODY = domain(symbol("SPY"), symbol("AIG"), indicators=list(THREE))


def restored(states: dict[bytes, bytes], at_offset: int) -> Feed:
    """A feed whose stage took up saved states and is fed from an offset on."""
    feed = Feed()
    feed.stage.restore(states)
    feed.rewind(at_offset)
    return feed


def test_only_what_changed_is_taken_out_and_the_partition_last():
    feed = Feed(BODY)
    feed(minute(0), minute(0, symbol="AIG"))
    assert list(feed.stage.take_dirty()) == [b"AIG", b"SPY", b"!config|1", PARTITION_KEY]
    feed(minute(1))
    assert list(feed.stage.take_dirty()) == [b"SPY|recent", PARTITION_KEY]
    feed(through(1))
    assert list(feed.stage.take_dirty()) == [PARTITION_KEY]
    assert feed.stage.take_dirty() == {}


def test_a_saved_state_names_the_last_record_of_the_partition_it_reflects():
    feed = Feed(BODY)
    feed(minute(0), minute(0, symbol="AIG"), through(1))
    assert {offset_of(state) for state in feed.stage.take_dirty().values()} == {3}


def test_records_at_or_below_the_saved_offset_have_no_effect():
    feed = Feed(BODY)
    records = [minute(n) for n in range(5)]
    feed(*records)
    again = restored(feed.stage.take_dirty(), 0)
    assert again(config(BODY), *records) == {}
    assert again.counts == {}
    assert [row["ts_open"] for row in again(minute(5))["ready"]]


def test_a_symbol_ahead_of_its_partition_skips_what_it_reflects():
    feed = Feed(BODY)
    feed(minute(0), minute(0, symbol="AIG"))
    older = feed.stage.take_dirty()
    records = [*(minute(n) for n in range(1, 5)), *(minute(n, symbol="AIG") for n in range(1, 5))]
    expected = feed(*records, through(5))
    newer = feed.stage.take_dirty()
    again = restored({**older, b"SPY|recent": newer[b"SPY|recent"]}, 3)
    found = again(*records, through(5))
    assert found["bars.5m"] == only(expected["bars.5m"], symbol="AIG")
    more = [minute(n, symbol=name) for n in range(3, 12) for name in ("SPY", "AIG")]
    assert again(*more) == feed(*more)


def test_a_symbol_ahead_of_its_configuration_waits_for_it():
    before = domain(indicators=[THREE[2]], intervals=["5m"])
    after = changed(before, indicators=list(THREE), intervals=["5m", "15m"])
    feed = Feed(before)
    feed(minute(0))
    older = feed.stage.take_dirty()
    records = [config(after), *(minute(n) for n in range(1, 5))]
    feed(*records)
    newer = feed.stage.take_dirty()
    expected = feed(*(minute(n) for n in range(5, 15)))
    assert b"SPY" in newer
    again = restored({**older, b"SPY": newer[b"SPY"]}, 2)
    assert again(*records) == {}
    assert again(*(minute(n) for n in range(5, 15))) == expected


def test_states_of_another_version_are_refused():
    with pytest.raises(StateError):
        AnalyticsStage(0).restore({b"SPY": pack(99, 3, b"")})


def test_a_saved_symbol_is_read_back_as_it_was():
    feed = Feed(BODY)
    feed(*(minute(n) for n in range(20)), missing(20, "outage"))
    body = feed.stage.take_dirty()[b"SPY"][HEADER_SIZE:]
    assert Saved.from_bytes(body).to_bytes() == body


def test_a_saved_partition_is_read_back_as_it_was():
    partition = Partition()
    partition.configure(7, encode(BODY).encode())
    partition.watermark, partition.counts = 5, [1, 2, 3, 4, 5, 6]
    states = dict(partition.take())
    again = Partition.of(states)
    assert (again.watermark, again.version, again.counts) == (5, 7, [1, 2, 3, 4, 5, 6])
    assert again.plan is not None
    assert list(again.plan.symbols) == [b"AIG", b"SPY"]
    assert list(again.take()) == [(PARTITION_KEY, states[PARTITION_KEY])]


def test_a_partition_without_the_configuration_it_names_is_refused():
    partition = Partition()
    partition.configure(7, encode(BODY).encode())
    states = dict(partition.take())
    with pytest.raises(StateError):
        Partition.of({PARTITION_KEY: states[PARTITION_KEY]})


def test_a_minute_rewrites_little_of_its_day():
    feed = Feed(BODY)
    feed(*(minute(n) for n in range(300)))
    whole = feed.stage.take_dirty()[b"SPY"]
    written = []
    for number in range(300, 390):
        feed(minute(number))
        written += [len(state) for key, state in feed.stage.take_dirty().items() if key != PARTITION_KEY]
    assert max(written[:10]) < 3_000
    assert sum(written) / len(written) < len(whole) / 4


def test_an_older_state_of_what_changed_lately_does_not_count():
    feed = Feed(BODY)
    states = {}
    for record in (minute(0), minute(1), minute(2, day="2024-07-03")):
        feed(record)
        states |= feed.stage.take_dirty()
    assert {b"SPY", b"SPY|recent"} < set(states)
    again = restored(states, 4)
    more = [minute(n, day="2024-07-03") for n in range(3, 9)]
    assert again(*more) == feed(*more)


def test_the_size_of_a_state_is_bounded_by_two_trade_dates():
    feed = Feed(BODY)
    sizes = []
    for day in ("2024-07-01", "2024-07-02", "2024-07-03"):
        feed(*(minute(n, day=day) for n in range(390)))
        sizes.append(len(feed.stage.take_dirty()[b"SPY"]))
    assert sizes[0] < sizes[1] == sizes[2] < 90_000


def test_counts_of_a_symbol_live_in_its_row():
    feed = Feed(BODY)
    feed(minute(0), minute(0), minute(1), bar("2024-07-02T03:00", 1.0))
    saved = Saved.from_bytes(feed.stage.take_dirty()[b"SPY"][HEADER_SIZE:])
    assert saved.counts == [4, 2, 1, 0, 1, 0]
    assert feed.counts == {"in": 4, "out": 2, "duplicate": 1, "rejected": 1, "rejected.V06": 1}


def test_before_any_configuration_every_symbol_is_unknown():
    found = Feed()(minute(0), through(1))
    assert [row["code"] for row in found["dead-letters"]] == ["V02"]


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("{", "Input data was truncated"),
        ('{"version": 1, "intervals": ["7m"]}', "interval must be above 1m and have a topic"),
        (
            '{"version": 1, "indicators": [{"name": "x", "kind": "ema"}]}',
            "length of x must be a whole",
        ),
    ],
)
def test_a_configuration_that_says_nothing_sensible_is_a_dead_letter(body: str, why: str):
    feed = Feed()
    letters = feed(config(body, version=1))["dead-letters"]
    assert [(row["code"], why in row["detail"]) for row in letters] == [("V01", True)]


def test_a_version_that_is_not_newer_changes_nothing():
    feed = Feed(BODY)
    assert feed(config(domain(symbol("MSFT")))) == {}
    assert "dead-letters" not in feed(minute(0))


def test_undecodable_bytes_become_a_dead_letter_with_their_place():
    feed = Feed(BODY)
    letter = feed(raw(b"\x07nonsense", b"SPY", 12))["dead-letters"][0]
    assert (letter["code"], letter["data"], letter["key"]) == ("V01", b"\x07nonsense", b"SPY")
    assert (letter["topic"], letter["partition"], letter["offset"]) == ("bars.1m", 0, 1)
    assert letter["ts_event"] == 12_000_000
    assert feed.counts == {"in": 1, "rejected": 1, "rejected.V01": 1}


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"close": float("nan")}, "V01"),
        ({"notional": float("inf")}, "V01"),
        ({"interval": "5m"}, "V06"),
        ({"ts_close": 1_719_927_061_000_000_000}, "V06"),
        ({"revision": 2**31}, "V01"),
    ],
)
def test_a_bar_that_is_no_minute_is_refused(fields: dict, code: str):
    feed = Feed(BODY)
    assert [row["code"] for row in feed(minute(0) | fields)["dead-letters"]] == [code]


def test_a_symbol_that_left_and_comes_back_goes_on_where_it_was():
    feed = Feed(BODY)
    feed(*(minute(n) for n in range(4)))
    without = changed(BODY, symbols=[symbol("AIG")])
    assert [row["code"] for row in feed(config(without), minute(4))["dead-letters"]] == ["V02"]
    found = feed(config(changed(without, symbols=BODY.symbols)), minute(4))
    assert [row["actual"] for row in found["bars.5m"]] == [5]


def test_an_interval_added_later_is_published_for_the_bars_that_are_kept():
    before = plain(intervals=["5m"])
    feed = Feed(before)
    feed(*(minute(n) for n in range(20)))
    after = changed(before, intervals=["5m", "15m"], indicators=[IndicatorConfig("ema_3", "ema", 3)])
    assert [row["actual"] for row in feed(config(after), through(15))["bars.15m"]] == [15]


def test_the_symbols_of_a_batch_do_not_depend_on_each_other():
    records = [minute(n, symbol=name) for n in range(6) for name in ("SPY", "AIG")]
    both, alone = Feed(BODY), Feed(BODY)
    both(*records)
    alone(*only(records, symbol="AIG"))
    for topic in ("bars.5m", "indicators"):
        assert only(both.out[topic], symbol="AIG") == alone.out[topic]


def test_columns_of_any_partition_go_to_the_same_partition():
    stage = AnalyticsStage(3)
    batch = columns("bars.1m", 3, config(BODY), *(minute(n) for n in range(5)))
    outputs = stage.step(batch)
    assert {found.partition for found in outputs.topics.values()} == {3}
    assert rows_of(outputs.topics["bars.5m"])
