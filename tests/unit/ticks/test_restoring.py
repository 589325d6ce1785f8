"""States taken up that are of another configuration, of another version, or not whole."""

import struct
from collections import Counter

import pytest

from schemas.config import Domain
from schemas.errors import StateError
from schemas.rules import AssetRules
from streams.core.stage import PARTITION_KEY
from streams.core.ticks.stage import TicksStage
from tests.factories import DAY, columns, config, domain, heartbeat, symbol, tick

NUMBERS = (5, 90, 100, 130, 131)


def with_window(size: int) -> Domain:
    """SPY with so many numbers remembered."""
    return domain(symbol(), assets={"equity": AssetRules(identity_window=size, outlier_prints=0)})


def of_numbers(known: Domain) -> dict[bytes, bytes]:
    """What is saved after a few ticks with numbers."""
    stage = TicksStage(0)
    ticks = [tick(f"{DAY}T13:30:01", 100.0, seq=number) for number in NUMBERS]
    stage.step(columns("ticks.raw", 0, config(known), *ticks))
    return stage.take_dirty()


def again(states: dict[bytes, bytes], *numbers: int) -> Counter[str]:
    """Counts of ticks with the same numbers after a restart."""
    stage = TicksStage(0)
    stage.restore(states)
    ticks = [tick(f"{DAY}T13:30:02", 100.0, seq=number) for number in numbers]
    return Counter(stage.step(columns("ticks.raw", 0, *ticks, first_offset=100)).counts)


def test_a_window_saved_in_fewer_words_than_it_has_now_says_the_same():
    short, long = of_numbers(with_window(128)), of_numbers(with_window(1_024))
    assert len(short[b"SPY|feed"]) < len(long[b"SPY|feed"])
    mixed = {**long, b"SPY|feed": short[b"SPY|feed"]}
    assert again(mixed, *NUMBERS)["duplicate"] == len(NUMBERS)
    assert again(mixed, *(number + 2 for number in NUMBERS))["out"] == len(NUMBERS)


def test_what_decides_is_saved_after_what_it_changes():
    parts = [1 if key == b"SPY|feed" else 2 * key.startswith(b"!") for key in of_numbers(with_window(128))]
    assert parts == sorted(parts)
    assert list(of_numbers(with_window(128)))[-1] == PARTITION_KEY


@pytest.mark.parametrize("key", [b"SPY|feed", b"SPY|feed|m10"])
def test_a_state_of_another_version_or_cut_short_is_refused(key: bytes):
    states = of_numbers(with_window(128))
    key = next(name for name in states if name.startswith(key[:10]) and name.count(b"|") == key.count(b"|"))
    whole = states[key]
    for other in (struct.pack("<i", 1) + whole[4:], whole[:-1], whole[:20], whole[:3]):
        with pytest.raises(StateError):
            TicksStage(0).restore({**states, key: other})
    TicksStage(0).restore(states)


def test_a_configuration_that_is_missing_is_refused():
    stage = TicksStage(0)
    states: dict[bytes, bytes] = {}
    stage.step(columns("ticks.raw", 0))
    TicksStage(0).restore(stage.take_dirty())  # none was there yet
    for version in range(1, 4):  # each under the other key
        stage.step(columns("ticks.raw", 0, config(domain(symbol(), version=version)), first_offset=version))
        states |= stage.take_dirty()
        TicksStage(0).restore(states)
        missing = {key: state for key, state in states.items() if key != b"!config|%d" % (version % 2)}
        with pytest.raises(StateError, match="the configuration must be saved"):
            TicksStage(0).restore(missing)


def test_a_restart_between_the_first_configuration_and_the_partition_finds_none():
    stage, again = TicksStage(0), TicksStage(0)
    stage.step(columns("ticks.raw", 0, heartbeat(f"{DAY}T13:30:00")))
    before = stage.take_dirty()
    log = columns("ticks.raw", 0, config(domain(symbol())), tick(f"{DAY}T13:30:01", 1.0), first_offset=1)
    whole = stage.step(log)
    ahead = {key: state for key, state in stage.take_dirty().items() if key.startswith(b"!config")}
    again.restore({**before, **ahead})
    assert again.step(log).counts == whole.counts
