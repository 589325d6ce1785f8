"""What the names of a condition mean: each is looked up, and every interval is filled in."""

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from schemas.config import IndicatorConfig, SignalConfig
from schemas.errors import ConfigurationError
from schemas.indicators import value_names
from schemas.market.intervals import Interval
from streams.core.analytics.scan.grammar import parse
from streams.core.analytics.scan.tokens import ConditionError
from streams.core.analytics.scan.tree import (
    LAGGED,
    RANKS,
    TRUTHS,
    Binary,
    Call,
    Compare,
    Cross,
    Feature,
    Node,
    Unary,
    children,
)

QUALITY: Final = "quality"
"""The one feature of a session; it has no interval and moves with each minute."""
FIELDS: Final = (
    "open", "high", "low", "close", "volume", "notional", "trades",
    "coverage", "expected", "actual", "filled",
)  # fmt: skip
"""Features of a bar that are numbers."""

MOST: Final = 256
"""Most conditions of a configuration."""


@dataclass(frozen=True, slots=True)
class Known:
    """What there is to read.

    Attributes:
        values: names of indicator values by interval; its keys are all intervals.
        dates: so many trade dates before the current one are kept.
    """

    values: Mapping[str, frozenset[str]]
    dates: int = 1

    @staticmethod
    def of(intervals: Iterable[str], indicators: Iterable[IndicatorConfig], dates: int = 1) -> "Known":
        """What a configuration computes."""
        computed = list(indicators)
        return Known({name: frozenset(_names(computed, name)) for name in intervals}, dates)


def _names(indicators: Iterable[IndicatorConfig], interval: str) -> Iterator[str]:
    own = (one for one in indicators if not one.intervals or interval in one.intervals)
    return (name for one in own for name in value_names(one))


def meaning(signal: SignalConfig, known: Known) -> Node:
    """The tree of a condition with every interval filled in.

    Raises:
        ConditionError: the text is no condition, or names what there is not.
    """
    if signal.interval not in known.values:
        fix = f"write one of {', '.join(known.values)}"
        raise ConditionError(1, f"must be about a computed interval, was {signal.interval!r}", fix)
    tree = _filled(parse(signal.when), signal.interval, known)
    _check(tree, known.dates, behind=False)
    base(tree)
    return tree


def base(node: Node) -> str:
    """The shortest interval that a node reads.

    Raises:
        ConditionError: it reads nothing of the symbol.
    """
    found = sorted({Interval.parse(one) for one in reads(node)})
    if not found:
        raise ConditionError(node.column, "must read a value of the symbol, was of numbers alone", "name one")
    return found[0].name


def reads(node: Node) -> Iterator[str]:
    """The interval of every feature below a node; that of the quality is 1m."""
    if isinstance(node, Feature):
        yield node.interval or "1m"
    for child in children(node):
        yield from reads(child)


def has_rank(node: Node) -> bool:
    """Whether a node looks across symbols."""
    ranked = isinstance(node, Call) and node.name in RANKS
    return ranked or any(map(has_rank, children(node)))


def across(signals: Iterable[SignalConfig]) -> list[str]:
    """Names of the signals whose conditions look across symbols; conditions that are none are left out."""
    found = []
    for signal in signals:
        try:
            tree = parse(signal.when)
        except ConfigurationError:
            continue
        if has_rank(tree):
            found.append(signal.name)
    return found


def _filled(node: Node, interval: str, known: Known) -> Node:
    if isinstance(node, Feature):
        return _feature(node, interval, known)
    parts = tuple(_filled(child, interval, known) for child in children(node))
    if isinstance(node, Unary):
        return replace(node, operand=parts[0])
    if isinstance(node, Binary | Cross):
        return replace(node, left=parts[0], right=parts[1])
    if isinstance(node, Compare):
        return replace(node, operands=parts)
    return replace(node, arguments=parts) if isinstance(node, Call) else node


def _feature(node: Feature, interval: str, known: Known) -> Feature:
    if node.name == QUALITY:
        if node.interval:
            raise ConditionError(node.column, "quality must stand without an interval", "write quality")
        return node
    name = node.interval or interval
    if name not in known.values:
        fix = f"write one of {', '.join(known.values)}"
        raise ConditionError(node.column, f"must be of a computed interval, was {name!r}", fix)
    if node.name not in TRUTHS and node.name not in FIELDS and node.name not in known.values[name]:
        raise ConditionError(
            node.column, f"must be a value on {name}, was {node.name!r}", _nearest(node, name, known)
        )
    return replace(node, interval=name)


def _nearest(node: Feature, interval: str, known: Known) -> str:
    elsewhere = [name for name, values in known.values.items() if node.name in values]
    if elsewhere:
        return f"write {node.name}@{elsewhere[0]}, or compute it on {interval}"
    there = [*FIELDS, QUALITY, *sorted(TRUTHS), *sorted(known.values[interval])]
    near = difflib.get_close_matches(node.name, there, 1)
    return f"write {near[0]}" if near else f"write one of {', '.join(there)}, or add it to the indicators"


def _check(node: Node, dates: int, *, behind: bool) -> None:
    """Refuse what can never be known: ranks of the past, and days that are not kept."""
    looks_back = isinstance(node, Cross) or (isinstance(node, Call) and node.name in LAGGED)
    if isinstance(node, Call) and node.name in RANKS and behind:
        rule = f"{node.name} must not stand inside a crossing, a change or a rank"
        raise ConditionError(node.column, rule, f"compare it: {node.name}(...) <= 3")
    if isinstance(node, Call) and node.name in LAGGED:
        bars = node.arguments[1]
        if Interval.parse(base(node.arguments[0])).is_daily and getattr(bars, "value", 1) > dates:
            days = "1 day" if dates == 1 else f"{dates} days"
            rule = f"must look back at most {days}, as many as trailing_dates keeps"
            raise ConditionError(bars.column, rule, f"write {dates}, shorter bars, or keep more trade dates")
    inside = behind or looks_back or (isinstance(node, Call) and node.name in RANKS)
    for child in children(node):
        _check(child, dates, behind=inside)
