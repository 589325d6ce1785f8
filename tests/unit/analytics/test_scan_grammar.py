"""Conditions as text: what is one, what its text gives again, and what is wrong with what is none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.config import IndicatorConfig, SignalConfig
from schemas.errors import ConfigurationError
from streams.core.analytics.scan.grammar import DEEPEST, parse
from streams.core.analytics.scan.meaning import Known, across, meaning
from streams.core.analytics.scan.program import Op, compiled
from streams.core.analytics.scan.tokens import LONGEST, ConditionError
from streams.core.analytics.scan.tree import (
    Binary,
    Call,
    Compare,
    Cross,
    Feature,
    Node,
    Number,
    Unary,
    depth,
    text,
)

KNOWN = Known.of(
    ["1m", "5m", "1h", "1d"],
    [IndicatorConfig("rsi_14", "rsi", 14, ["5m"]), IndicatorConfig("ema_20", "ema", 20)],
)

features = st.builds(
    Feature,
    st.sampled_from(["close", "volume", "rsi_14", "quality", "a.b_9"]),
    st.sampled_from(["", "5m", "1d"]),
)
literals = st.builds(Number, st.floats(0, allow_infinity=False, allow_nan=False).map(abs))
bars = st.builds(Number, st.integers(1, 100).map(float))
flags = st.builds(Feature, st.sampled_from(["flat", "complete", "low_coverage"]), st.sampled_from(["", "1h"]))


def numbers_of(inner: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    return st.one_of(
        st.builds(Binary, st.sampled_from("+-*/"), inner, inner),
        st.builds(Unary, st.just("-"), inner),
        st.builds(lambda node, count: Call("change", (node, count)), inner, bars),
        st.builds(
            lambda name, one: Call(name, (one,)), st.sampled_from(["abs", "rank", "percentile"]), inner
        ),
        st.builds(
            lambda name, one, two: Call(name, (one, two)), st.sampled_from(["min", "max"]), inner, inner
        ),
    )


numbers = st.recursive(features | literals, numbers_of, max_leaves=5)
signs = st.sampled_from(["<", "<=", ">", ">=", "==", "!="])
chains = st.integers(1, 3).flatmap(
    lambda count: st.builds(
        Compare,
        st.tuples(*[signs] * count),
        st.tuples(*[numbers] * (count + 1)),
    )
)
crossings = st.builds(Cross, st.sampled_from(["above", "below"]), numbers, numbers)
trees = st.recursive(
    chains | crossings | flags,
    lambda inner: (
        st.builds(Binary, st.sampled_from(["and", "or"]), inner, inner)
        | st.builds(Unary, st.just("not"), inner)
    ),
    max_leaves=5,
)


@given(trees)
def test_the_text_of_any_tree_gives_the_tree_again(tree: Node):
    written = text(tree)
    if len(written) <= LONGEST and depth(tree) <= DEEPEST:
        assert parse(written) == tree


@given(st.text(max_size=60) | st.text("()<>=!+-*/@,. _arnkcloseb5m0123dot\t\n", max_size=60))
def test_any_other_text_is_refused_with_the_one_error(written: str):
    caught: ConditionError | None = None
    try:
        parse(written)
    except ConditionError as error:
        caught = error
    if caught is not None:
        assert 1 <= caught.column <= len(written) + 1
        assert caught.rule.startswith(("must", "change", "abs", "rank", "percentile", "min", "max"))
        assert caught.fix


WORDS = "close rsi_14@5m 30 < >= and or not crosses above ( ) + - * / , change( rank( abs( @ 5m quality flat"
pieces = st.sampled_from(WORDS.split(" "))


@given(st.lists(pieces, max_size=25).map(" ".join))
def test_words_in_any_order_are_a_condition_or_the_one_error(written: str):
    try:
        tree = parse(written)
    except ConditionError:
        return
    assert parse(text(tree)) == tree


@pytest.mark.parametrize(
    "hostile",
    [
        "(" * 1_000,
        "not " * 240 + "flat",
        "-" * 900 + "1 > 0",
        "abs(" * 200 + "1" + ")" * 200 + "> 0",
        "+".join(["1"] * 480) + " > 0",
        "close > 1 or " * 2_000 + "flat",
        "\0",
        "close > 1e999",
        "__import__('os').system('true')",
    ],
)
def test_long_deep_and_foreign_text_is_refused(hostile: str):
    with pytest.raises(ConditionError):
        parse(hostile)


@pytest.mark.parametrize(
    ("condition", "column", "rule", "fix"),
    [
        ("rsi_14@5m < 30 and close", 20, "must be true or false here, was a number", "compare it: ... > 0"),
        ("close = 3", 7, "must have names, numbers and signs, was '='", "write == to compare"),
        ("close > ", 9, "must have a value here, was its end", "write a name such as close, a number or ("),
        ("(close > 3", 11, "must have ')' here, was its end", "close the parenthesis"),
        ("close@ > 3", 8, "must have an interval after @, was '>'", "write such as close@5m"),
        ("close > 3 flat", 11, "must end, or go on with and, or, a comparison, was 'flat'",
         "write and before it"),
        ("chang(close, 2) > 3", 1, "must be a known function, was 'chang'", "write change"),
        ("change(close) > 3", 1, "change must have 2 arguments, was 1", "write such as change(close@5m, 3)"),
        ("change(close, 0) > 3", 15, "must be a number of bars from 1 to 100",
         "write such as change(close@5m, 3)"),
        ("close crosses over 3", 15, "must cross above or below, was 'over'", "write crosses above"),
        ("close + flat > 3", 9, "must be a number here, was true or false", "put it behind and"),
        ("close + 3", 7, "must be true or false, was a number", "compare it: ... > 0"),
        ("clse > 3", 1, "must be a value on 1m, was 'clse'", "write close"),
        ("rsi_14 > 3", 1, "must be a value on 1m, was 'rsi_14'", "write rsi_14@5m, or compute it on 1m"),
        ("close@2m > 3", 1, "must be of a computed interval, was '2m'", "write one of 1m, 5m, 1h, 1d"),
        ("quality@5m > 3", 1, "quality must stand without an interval", "write quality"),
        ("1 < 2", 3, "must read a value of the symbol, was of numbers alone", "name one"),
        ("change(close@1d, 2) > 3", 18, "must look back at most 1 day, as many as trailing_dates keeps",
         "write 1, shorter bars, or keep more trade dates"),
        ("change(rank(close), 1) > 3", 8, "rank must not stand inside a crossing, a change or a rank",
         "compare it: rank(...) <= 3"),
    ],
)  # fmt: skip
def test_an_error_says_where_what_and_what_to_write(condition: str, column: int, rule: str, fix: str):
    with pytest.raises(ConditionError) as caught:
        meaning(SignalConfig("s", condition), KNOWN)
    assert (caught.value.column, caught.value.rule, caught.value.fix) == (column, rule, fix)


def test_names_without_an_interval_have_that_of_the_condition():
    tree = meaning(SignalConfig("s", "close > ema_20@1h and quality > 95 and flat", interval="5m"), KNOWN)
    assert text(tree) == "close@5m > ema_20@1h and quality > 95 and flat@5m"


def program(*conditions: str, partitions: int = 1, **fields: object) -> object:
    signals = [SignalConfig(f"s{number}", when, **fields) for number, when in enumerate(conditions)]
    return compiled(signals, KNOWN, ["SPY", "AIG"], partitions)


def test_what_several_conditions_share_is_computed_once():
    one, _ = program("close > ema_20@1h and ema_20@1h > 3")
    both, _ = program("close > ema_20@1h and ema_20@1h > 3", "not close > ema_20@1h", "ema_20@1h < close")
    assert len(both.ops) == len(one.ops) + 1
    assert both.ops[:, 0].tolist().count(Op.NOT) == 1


@pytest.mark.parametrize("partitions", [0, 2, 4])
def test_ranks_are_refused_where_the_symbols_are_in_several_partitions(partitions: int):
    with pytest.raises(ConfigurationError, match=r"must have 1 partition for signal s0"):
        program("rank(close) <= 3", partitions=partitions)
    single, ranked = program("rank(close) <= 3", "close > 3")
    assert [len(part.conditions) for part in (single, ranked)] == [1, 1]


def test_a_configuration_names_each_signal_once_and_known_symbols():
    with pytest.raises(ConfigurationError, match="symbols of s0 must be known, was 'QQQ'"):
        program("close > 3", symbols=["SPY", "QQQ"])
    twice = [SignalConfig("s", "close > 3"), SignalConfig("s", "close > 4")]
    with pytest.raises(ConfigurationError, match="must be unique, was 's' again"):
        compiled(twice, KNOWN, ["SPY"], 1)
    with pytest.raises(ConfigurationError, match="must be at most 256, was 257"):
        compiled([SignalConfig(str(n), "close > 3") for n in range(257)], KNOWN, ["SPY"], 1)
    assert across(
        [SignalConfig("a", "rank(close) < 3"), SignalConfig("b", "close >"), SignalConfig("c", "flat")]
    ) == ["a"]
