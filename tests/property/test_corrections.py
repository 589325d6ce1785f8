"""Laws of cancels and corrects: order, repeats, batching, restarts.

Blocks of kept prints are small here, so that short logs fill, drop and save many of them.
"""

from collections import Counter
from collections.abc import Iterator
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.errors import StateError
from schemas.flags import WITHDRAWN
from streams.core.stage import PARTITION_KEY
from streams.core.ticks.corrections import kept
from streams.core.ticks.corrections.corrections import Corrections
from streams.core.ticks.stage import TicksStage
from tests.factories import Record, config, correction, domain, heartbeat, lenient, symbol, tick
from tests.oracle.reading import newest, through
from tests.property import test_ticks_stage as laws
from tests.property.test_ticks_stage import OPEN, S, Said, distinct, feed

KEEPING = domain(symbol(), assets={"equity": lenient(correction_prints=1_000)})
EXACT = ("open", "high", "low", "close", "trades", "ts_first", "ts_last", "flags")
Rows = dict[Any, Record]

modest = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
seeds = st.integers(0, 1 << 32)


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setattr(kept, "BLOCK", 8)
        yield


def some(seed: int) -> tuple[list[Record], list[Record]]:
    """Prints of three minutes, and words on some of them: several on one, cancels among them."""
    pick = Random(seed)
    prints = []
    for number in range(pick.randint(1, 25)):
        ts = OPEN + pick.randrange(180 * S)
        size = pick.choice([None, 1.0, 0.1, 7.3])
        one = tick("2024-07-02", pick.choice([99.0, 100.0, 100.1, 101.7]), size, trade_id=f"t{number}")
        prints.append({**one, "ts_event": ts, "ts_recv": ts, "seq": pick.choice([None, number, 3])})
    words = []
    for _ in range(pick.randint(1, 12)):
        one = pick.choice(prints)
        ts = OPEN + pick.randrange(180, 240) * S
        said = {"ts_event": ts, "ts_recv": ts, "trade_id": one["trade_id"]}
        said |= {"price": pick.choice([98.0, 100.05, 102.0]), "size": pick.choice([None, 2.0])}
        words.append({**correction("2024-07-02", pick.choice(["cancel", "correct", "correct"])), **said})
    return prints, words


def ended(records: list[Record]) -> tuple[Rows, Counter[str]]:
    """The newest revision of each minute, withdrawn ones left out, of records among heartbeats."""
    beats = [heartbeat(f"2024-07-02T13:{minute}") for minute in range(29, 40)]
    log = [config(KEEPING), beats[0]]
    for number, one in enumerate(records):
        log += [one] if number % 4 else [one, beats[1 + min(number // 4, 8)]]
    found = through(TicksStage(0), "ticks.raw", [*log, beats[10]])
    bars = newest(found.of("bars.raw", "Bar"), "ts_open")
    return {at: bar for at, bar in bars.items() if not bar["flags"] & WITHDRAWN}, found.counts


def as_said(prints: list[Record], words: list[Record]) -> list[Record]:
    """The prints that a venue would have sent had it known: the last word holds, a cancel for good."""
    found = []
    for one in prints:
        mine = [word for word in words if word["trade_id"] == one["trade_id"]]
        last = max(
            (word for word in mine),
            key=lambda word: (
                word["ts_event"],
                word["price"],
                -1.0 if word["size"] is None else word["size"],
            ),
            default=None,
        )
        if any(word["action"] == "cancel" for word in mine):
            continue
        new = {name: last[name] for name in ("price", "size") if last and last[name] is not None}
        found.append({**one, **new})
    return found


def assert_same(one: Rows, other: Rows) -> None:
    assert one.keys() == other.keys()
    for at, bar in one.items():
        assert {name: bar[name] for name in EXACT} == {name: other[at][name] for name in EXACT}
        assert bar["volume"] == pytest.approx(other[at]["volume"], rel=1e-12)
        if bar["notional"] is not None:
            assert bar["notional"] == pytest.approx(other[at]["notional"], rel=1e-12)


def assert_order_does_not_show(seed: int) -> None:
    prints, words = some(seed)
    words = [word if word["action"] == "correct" else {**word, "price": None, "size": None} for word in words]
    wanted, _ = ended(as_said(prints, [{**word, "price": word["price"] or 0.0} for word in words]))
    mixed = [*prints, *words]
    Random(seed + 1).shuffle(mixed)
    for log in (mixed, [*words, *prints], [*prints, *words]):
        found, counts = ended(log)
        assert_same(found, wanted)
        assert counts["in"] == counts["out"] + counts["duplicate"] == len(log)


@modest
@given(seeds)
def test_any_order_of_prints_and_words_ends_in_what_should_have_been_sent(seed: int):
    assert_order_does_not_show(seed)


def test_a_stage_that_forgets_what_comes_before_its_print_is_found_out(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Corrections, "name", lambda *_: None)
    with pytest.raises(AssertionError):
        all(assert_order_does_not_show(seed) is None for seed in range(20))


@modest
@given(seeds)
def test_repeats_change_nothing_and_are_counted(seed: int):
    prints, words = some(seed)
    mixed = [*prints, *words]
    Random(seed + 1).shuffle(mixed)
    once, counts = ended(mixed)
    twice, again = ended([one for one in mixed for _ in range(2)] + words)
    assert_same(twice, once)
    assert again["out"] == counts["out"]
    assert again["duplicate"] == counts["duplicate"] + len(mixed) + len(words)


# Batches and restarts: the generated logs of the stage's own laws, with words among them.

_SLOW = msgspec.structs.replace(laws.SLOW, correction_prints=20)
_BASE = msgspec.structs.replace(laws.BASE, assets={**laws.BASE.assets, "equity": _SLOW})


def logged(seed: int, length: int) -> list[Record]:
    """A log of the laws whose first configuration keeps prints; a later one may end that."""
    pick, log = Random(seed), [config(_BASE)]
    for one in laws.made(seed, length)[1:]:
        log.append(one)
        now = one.get("ts_event", 0)
        if one["record"] != "Tick" or now <= 0 or pick.random() < 0.4:
            continue
        named = {name: one[name] for name in ("symbol", "source", "trade_id", "seq")}
        named |= pick.choice(
            [{}, {}, {"trade_id": str(pick.randint(10, 30))}, {"trade_id": "b", "seq": None}]
        )
        said = {"ts_event": now + S, "ts_recv": now + S, "price": pick.choice([None, 100.25, 97.0])}
        log.append({**correction("2024-07-02", pick.choice(["cancel", "correct"])), **named, **said})
    if pick.random() < 0.3:
        rules = msgspec.structs.replace(laws.SLOW, correction_prints=pick.choice([9, 40]))
        newer = msgspec.structs.replace(_BASE, version=9, assets={**laws.BASE.assets, "equity": rules})
        log.insert(pick.randrange(1, len(log)), config(newer))
    return log


logs = st.builds(logged, seeds, st.integers(5, 70))


def states(found: dict[bytes, bytes]) -> dict[bytes, Any]:
    """What saved states say; in which block a print lies is not compared."""
    stage, plain = TicksStage(0), laws.bodies({key: one for key, one in found.items() if key.count(b"|") < 3})
    stage.restore(found)
    for name, pair in stage._corrections.pairs.items():
        key = b"|".join(name)
        plain[key] = plain[key][: -len(pair.pack())]
        plain[key + b"|kept"] = (
            pair.kept.rows.tobytes(),
            pair.kept.lost,
            pair.kept.most,
            str(pair.waiting),
            str(pair.words),
        )
    return plain


@modest
@given(logs, st.lists(st.integers(0, 90), max_size=8))
def test_any_batching_gives_the_same_bytes_and_the_same_state(log: list[Record], borders: list[int]):
    whole, parts = laws.through(log), laws.through(log, borders)
    assert parts[0] == whole[0]
    assert parts[1] == whole[1]
    assert states(parts[2]) == states(whole[2])


def killed(log: list[Record], pick: Random) -> tuple[Said, dict[bytes, bytes]]:
    """As ``restarted`` of the laws, killed three times: each time a checkpoint breaks off at any write."""
    said: Said = {}
    saved: dict[bytes, bytes] = {}
    start = 0
    for _ in range(3):
        stage = TicksStage(0)
        stage.restore(saved)
        first, second, crash = sorted(pick.randint(start, len(log)) for _ in range(3))
        feed(stage, log, start, first, said)
        saved |= stage.take_dirty()
        feed(stage, log, first, second, said)
        writes = list(stage.take_dirty().items())
        saved |= dict(writes[: pick.randint(0, len(writes))])
        feed(stage, log, second, crash, said)
        start = pick.randint(
            0, laws.slots.offset_of(saved[PARTITION_KEY]) + 1 if PARTITION_KEY in saved else 0
        )
    stage = TicksStage(0)
    stage.restore(saved)
    feed(stage, log, start, len(log), said)
    return said, {**saved, **stage.take_dirty()}


@modest
@given(logs, seeds)
def test_restarts_anywhere_give_the_same_outputs_and_state(log: list[Record], seed: int):
    whole, _, final = laws.through(log)
    said, saved = killed(log, Random(seed))
    assert distinct(said) == distinct(whole)
    assert states(saved) == states(final)


def broken_off() -> list[bool]:
    """Whether what is restored is a whole state, for each write after which a checkpoint breaks off."""
    stage, name = TicksStage(0), (b"SPY", b"feed")
    prints = [tick("2024-07-02T13:30:01", 100.0, trade_id=f"t{number}") for number in range(140)]
    log = [config(_BASE), heartbeat("2024-07-02T13:29"), *prints]
    saved: dict[bytes, bytes] = {}
    whole, found = [], []
    for end in range(20, len(log), 17):
        start = 0 if end == 20 else end - 17
        feed(stage, log, start, end - 8, {})  # drops blocks whose keys the rest could take
        feed(stage, log, end - 8, end, {})
        writes = list(stage.take_dirty().items())
        whole.append(stage._corrections.pairs[name].kept.rows.tobytes())
        for count in range(len(writes) + 1):
            again = TicksStage(0)
            try:
                again.restore(saved | dict(writes[:count]))
            except StateError:
                found.append(False)
                continue
            if name in again._corrections.pairs:
                found.append(again._corrections.pairs[name].kept.rows.tobytes() in whole[-2:])
        saved |= dict(writes)
    return found


def test_a_checkpoint_that_breaks_off_leaves_every_block_that_the_one_before_needs():
    assert all(broken_off())


def test_a_key_that_is_written_too_early_is_found_out(monkeypatch: pytest.MonkeyPatch):
    def hasty(one: kept.Kept) -> int:
        return next(key for key in range(len(one._keys) + 1) if key not in one._keys)

    monkeypatch.setattr(kept.Kept, "_free_key", hasty)
    assert not all(broken_off())
