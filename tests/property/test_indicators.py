"""Laws of every indicator there is: moved along bar by bar, revised and cut, it is what a batch gives."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.config import IndicatorConfig
from schemas.indicators import KINDS as EVERY
from streams.core.analytics.chain import Chain
from streams.core.analytics.indicators.indicator import CONVERGED
from streams.core.analytics.indicators.program import Program
from streams.core.analytics.indicators.steps import STRIDE
from streams.core.analytics.rows import BAR, NONE, Rows

KINDS = st.sampled_from(sorted(EVERY))
PRICES = st.one_of(st.integers(1, 20).map(float), st.floats(1e-12, 1e12))
VOLUMES = st.sampled_from([0, 1, 2, 3, 3, -1])
"""In parts of 1.5; -1 for a minute that is missing."""
BARS = st.lists(st.tuples(PRICES, PRICES, PRICES, VOLUMES), min_size=1, max_size=2 * STRIDE + 9)
LENGTHS = st.integers(2, 8)


def bars_of(prices: list[tuple[float, float, float, int]]) -> Rows:
    """Bars in trade dates of ten."""
    bars = np.zeros(len(prices), BAR)
    for place, (one, other, close, volume) in enumerate(prices):
        bars[place]["high"], bars[place]["low"] = max(one, other, close), min(one, other, close)
        bars[place]["open"], bars[place]["close"], bars[place]["volume"] = one, close, max(volume, 0) * 1.5
        bars[place]["revision"] = NONE if volume < 0 else 0
    bars["notional"] = np.where(bars["volume"] > 2, bars["close"] * bars["volume"], np.nan)
    bars["session_date"] = np.arange(len(bars)) // 10
    bars["starts"] = np.arange(len(bars)) % 10 == 0
    return bars


def chain_of(kind: str, length: int, bars: Rows) -> Chain:
    """A chain of one indicator and of another of its kind."""
    whole = [one.name for one in EVERY[kind].parameters if one.whole and one.name != "length"]
    given = {name: float(length + number) for number, name in enumerate(whole)}
    pair = [IndicatorConfig(str(longer), kind, length + longer, parameters=given) for longer in (0, 1)]
    return Chain(Program(pair), len(bars))


def places_of(bars: Rows) -> list[int]:
    """Where there is a bar."""
    return [int(one) for one in np.flatnonzero(bars["revision"] != NONE)]


def started(chain: Chain, bars: Rows) -> Chain:
    """The chain after all bars there are."""
    chain.restart(bars, [b""] * len(chain.program.keys))
    return chain


def same(one: Chain, other: Chain, bars: Rows) -> bool:
    """Whether two chains are the same to the last bit."""
    values = np.array_equal(one.values, other.values, equal_nan=True)
    ends = [chain.start_at(bars, len(bars)) for chain in (one, other)]
    return values and np.array_equal(one.unseen, other.unseen) and ends[0] == ends[1]


def told_of(chain: Chain, bars: Rows, place: int) -> list[int]:
    return [int(one) for one in chain.revise(bars, [place])]


def converged(chain: Chain) -> np.ndarray:
    return (chain.unseen < CONVERGED) & np.isfinite(chain.values)


@settings(max_examples=100, deadline=None)
@given(kind=KINDS, length=LENGTHS, prices=BARS)
def test_bar_by_bar_gives_what_all_at_once_gives(
    kind: str, length: int, prices: list[tuple[float, float, float, int]]
):
    bars = bars_of(prices)
    whole, grown = chain_of(kind, length, bars), chain_of(kind, length, bars)
    started(whole, bars)
    for place in places_of(bars):
        assert told_of(grown, bars, place) == [place]
    assert same(whole, grown, bars)


@settings(max_examples=100, deadline=None)
@given(kind=KINDS, length=LENGTHS, prices=BARS, order=st.randoms(use_true_random=False))
def test_bars_in_any_order_end_in_the_same_states(
    kind: str, length: int, prices: list[tuple[float, float, float, int]], order: object
):
    bars = bars_of(prices)
    whole, mixed = chain_of(kind, length, bars), chain_of(kind, length, bars)
    started(whole, bars)
    places = places_of(bars)
    order.shuffle(places)
    there = bars.copy()
    there["revision"] = NONE
    for place in places:
        there[place]["revision"] = 0
        mixed.revise(there, [place])
    assert same(whole, mixed, bars)


@settings(max_examples=100, deadline=None)
@given(
    kind=KINDS,
    length=LENGTHS,
    prices=BARS,
    changes=st.lists(st.tuples(st.integers(0, 99), PRICES), max_size=5),
)
def test_a_revision_tells_of_every_value_that_changed_and_of_no_other(
    kind: str, length: int, prices: list[tuple[float, float, float, int]], changes: list[tuple[int, float]]
):
    bars = bars_of(prices)
    chain = chain_of(kind, length, bars)
    started(chain, bars)
    for number, price in changes:
        place = number % len(bars)
        before = chain.values.copy(), converged(chain)
        bars[place]["close"] = bars[place]["high"] = bars[place]["low"] = price
        bars[place]["revision"] += 1  # the first one of a minute that was missing
        told = told_of(chain, bars, place)
        after = chain_of(kind, length, bars)
        started(after, bars)
        assert same(chain, after, bars)
        other = (before[0] != chain.values) & ~(np.isnan(before[0]) & np.isnan(chain.values))
        other |= before[1] != converged(chain)
        assert told == sorted({place, *np.flatnonzero(other.any(axis=0)).tolist()})


@settings(max_examples=100, deadline=None)
@given(kind=KINDS, length=LENGTHS, prices=BARS, cut=st.integers(0, 60))
def test_a_chain_begun_in_the_middle_from_a_saved_state_goes_on(
    kind: str, length: int, prices: list[tuple[float, float, float, int]], cut: int
):
    bars = bars_of(prices)
    cut = min(cut, len(bars))
    whole = chain_of(kind, length, bars)
    started(whole, bars)
    rest = bars[cut:].copy()
    later = chain_of(kind, length, rest)
    later.restart(rest, whole.start_at(bars, cut))
    assert np.array_equal(later.values, whole.values[:, cut:], equal_nan=True)


@settings(max_examples=100, deadline=None)
@given(kind=KINDS, length=LENGTHS, prices=BARS)
def test_the_weight_of_unseen_history_never_grows_within_a_run_of_values(
    kind: str, length: int, prices: list[tuple[float, float, float, int]]
):
    bars = bars_of(prices)
    chain = chain_of(kind, length, bars)
    started(chain, bars)
    for values, unseen in zip(chain.values, chain.unseen, strict=True):
        known = unseen[~np.isnan(values)]
        assert np.all((known >= 0.0) & (known <= 1.0))
        assert np.all(np.diff(known) <= 0.0)


def test_the_law_of_cuts_sees_a_lost_state():
    bars = bars_of([(1.0, 2.0, float(n % 5), 1) for n in range(30)])
    whole = chain_of("ema", 3, bars)
    started(whole, bars)
    rest = bars[10:].copy()
    later = chain_of("ema", 3, rest)
    started(later, rest)
    assert not np.array_equal(later.values, whole.values[:, 10:], equal_nan=True)
    assert later.values[0, -1] == pytest.approx(whole.values[0, -1], abs=1e-3)
