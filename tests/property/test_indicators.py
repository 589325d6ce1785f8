"""Laws of every indicator there is: moved along bar by bar, revised and cut, it is what a batch gives."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.config import IndicatorConfig
from streams.core.analytics.chain import Chain
from streams.core.analytics.indicators import INDICATORS
from streams.core.analytics.rows import BAR, NONE, Rows

KINDS = st.sampled_from(sorted(INDICATORS))
PRICES = st.one_of(st.integers(1, 20).map(float), st.floats(1e-12, 1e12))
BARS = st.lists(st.tuples(PRICES, PRICES, PRICES, st.integers(0, 3)), min_size=1, max_size=60)
LENGTHS = st.integers(1, 8)


def bars_of(prices: list[tuple[float, float, float, int]]) -> Rows:
    """Bars in trade dates of ten."""
    bars = np.zeros(len(prices), BAR)
    for place, (one, other, close, volume) in enumerate(prices):
        bars[place]["high"], bars[place]["low"] = max(one, other, close), min(one, other, close)
        bars[place]["open"], bars[place]["close"], bars[place]["volume"] = one, close, volume * 1.5
    bars["notional"] = np.where(bars["volume"] > 2, bars["close"] * bars["volume"], np.nan)
    bars["session_date"] = np.arange(len(bars)) // 10
    bars["starts"] = np.arange(len(bars)) % 10 == 0
    return bars


def chain_of(kind: str, length: int, bars: Rows) -> Chain:
    return Chain((IndicatorConfig(kind, kind, length if INDICATORS[kind].has_length else 0),), len(bars))


def same(one: Chain, other: Chain) -> bool:
    """Whether two chains are the same to the last bit."""
    values = np.array_equal(one.values, other.values, equal_nan=True)
    return (
        values
        and np.array_equal(one.unseen, other.unseen)
        and one.states[0].tobytes() == other.states[0].tobytes()
    )


@settings(max_examples=100, deadline=None)
@given(kind=KINDS, length=LENGTHS, prices=BARS)
def test_bar_by_bar_gives_what_all_at_once_gives(
    kind: str, length: int, prices: list[tuple[float, float, float, int]]
):
    bars = bars_of(prices)
    whole, grown = chain_of(kind, length, bars), chain_of(kind, length, bars)
    whole.restart(bars)
    for place in range(len(bars)):
        assert grown.revise(bars, [place]).tolist() == [place]
    assert same(whole, grown)


@settings(max_examples=100, deadline=None)
@given(kind=KINDS, length=LENGTHS, prices=BARS, order=st.randoms(use_true_random=False))
def test_bars_in_any_order_end_in_the_same_states(
    kind: str, length: int, prices: list[tuple[float, float, float, int]], order: object
):
    bars = bars_of(prices)
    whole, mixed = chain_of(kind, length, bars), chain_of(kind, length, bars)
    whole.restart(bars)
    places = list(range(len(bars)))
    order.shuffle(places)
    there = bars.copy()
    there["revision"] = NONE
    for place in places:
        there[place]["revision"] = 0
        mixed.revise(there, [place])
    assert same(whole, mixed)


@settings(max_examples=100, deadline=None)
@given(
    kind=KINDS,
    length=LENGTHS,
    prices=BARS,
    changes=st.lists(st.tuples(st.integers(0, 59), PRICES), max_size=5),
)
def test_a_revision_tells_of_every_value_that_changed_and_of_no_other(
    kind: str, length: int, prices: list[tuple[float, float, float, int]], changes: list[tuple[int, float]]
):
    bars = bars_of(prices)
    chain = chain_of(kind, length, bars)
    chain.restart(bars)
    for number, price in changes:
        place = number % len(bars)
        before = chain.values.copy(), chain.converged(slice(None))
        bars[place]["close"] = bars[place]["high"] = bars[place]["low"] = price
        told = chain.revise(bars, [place]).tolist()
        after = chain_of(kind, length, bars)
        after.restart(bars)
        assert same(chain, after)
        other = (before[0] != chain.values) & ~(np.isnan(before[0]) & np.isnan(chain.values))
        other |= before[1] != chain.converged(slice(None))
        assert told == sorted({place, *np.flatnonzero(other.any(axis=0)).tolist()})


@settings(max_examples=100, deadline=None)
@given(kind=KINDS, length=LENGTHS, prices=BARS, cut=st.integers(0, 60))
def test_a_chain_begun_in_the_middle_from_a_saved_state_goes_on(
    kind: str, length: int, prices: list[tuple[float, float, float, int]], cut: int
):
    bars = bars_of(prices)
    cut = min(cut, len(bars))
    whole = chain_of(kind, length, bars)
    whole.restart(bars)
    rest = bars[cut:].copy()
    later = chain_of(kind, length, rest)
    later.states[0][0] = np.frombuffer(whole.start_at(cut)[0].tobytes(), INDICATORS[kind].state)[0]
    later.restart(rest)
    assert np.array_equal(later.values, whole.values[:, cut:], equal_nan=True)


@settings(max_examples=100, deadline=None)
@given(kind=KINDS, length=LENGTHS, prices=BARS)
def test_the_weight_of_unseen_history_never_grows_within_a_run_of_values(
    kind: str, length: int, prices: list[tuple[float, float, float, int]]
):
    bars = bars_of(prices)
    chain = chain_of(kind, length, bars)
    chain.restart(bars)
    known = chain.unseen[0][~np.isnan(chain.values[0])]
    assert np.all((known >= 0.0) & (known <= 1.0))
    assert np.all(np.diff(known) <= 0.0)


def test_the_law_of_cuts_sees_a_lost_state():
    bars = bars_of([(1.0, 2.0, float(n % 5), 1) for n in range(30)])
    whole = chain_of("ema", 3, bars)
    whole.restart(bars)
    rest = bars[10:].copy()
    later = chain_of("ema", 3, rest)
    later.restart(rest)
    assert not np.array_equal(later.values, whole.values[:, 10:], equal_nan=True)
    assert later.values[0, -1] == pytest.approx(whole.values[0, -1], abs=1e-3)
