"""Conditions compiled: one list of column operations for all of them, each distinct value computed once.

A register holds one column; an operation writes one register from others. Numbers and truths are floats, a
truth 1 or 0, and what is not known is NaN. Beside each register stand the instants until which its column
holds if nothing else comes.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final, NamedTuple, TypeAlias

import numpy as np

from schemas.config import SignalConfig
from schemas.errors import ConfigurationError
from streams.core.analytics.rows import Floats, Ints
from streams.core.analytics.scan.meaning import MOST, QUALITY, Known, base, has_rank, meaning
from streams.core.analytics.scan.tokens import ConditionError
from streams.core.analytics.scan.tree import (
    LAGGED,
    RANKS,
    Binary,
    Call,
    Compare,
    Cross,
    Feature,
    Node,
    Number,
    Unary,
    children,
    text,
)

_MS: Final = 1_000_000

Hops: TypeAlias = tuple[tuple[int, int], ...]
"""(interval number, bars): back by so many bars of an interval, one after the other."""

MOST_HOPS: Final = 3
"""Functions that look back may stand inside each other so often."""


class Op(IntEnum):
    """What an operation computes."""

    LOAD = 0
    CONST = 1
    NEGATE = 2
    ABS = 3
    ADD = 4
    SUBTRACT = 5
    MULTIPLY = 6
    DIVIDE = 7
    MIN = 8
    MAX = 9
    CHANGE = 10
    LESS = 11
    LESS_EQUAL = 12
    EQUAL = 13
    NOT_EQUAL = 14
    NOT = 15
    AND = 16
    OR = 17
    RANK = 18
    PERCENTILE = 19


_BINARY: Final = {
    "+": Op.ADD, "-": Op.SUBTRACT, "*": Op.MULTIPLY, "/": Op.DIVIDE, "and": Op.AND, "or": Op.OR,
    "<": Op.LESS, "<=": Op.LESS_EQUAL, "==": Op.EQUAL, "!=": Op.NOT_EQUAL,
}  # fmt: skip
_TURNED: Final = {">": "<", ">=": "<="}
_CALLS: Final = {
    "abs": Op.ABS, "min": Op.MIN, "max": Op.MAX, "rank": Op.RANK, "percentile": Op.PERCENTILE,
}  # fmt: skip


class Column(NamedTuple):
    """One value that is read of a symbol: its name, interval number and how far back.

    The number after the last interval is that of the session's quality.
    """

    name: str
    interval: int
    hops: Hops


@dataclass(frozen=True, slots=True, eq=False)
class Condition:
    """One condition, ready to be evaluated.

    Attributes:
        name: of its signals.
        interval: the shortest it reads.
        reads: interval numbers it reads.
        symbols: those it is evaluated for, in UTF-8; empty for all.
        debounce: least time between two signals of a symbol, ns.
        digest: the same for the same name and meaning.
        told: register of each value that its signals tell, by its text.
    """

    name: str
    interval: str
    reads: frozenset[int]
    symbols: frozenset[bytes]
    debounce: int
    digest: int
    told: dict[str, int]


@dataclass(slots=True, eq=False)
class Program:
    """Conditions over one symbol, or across symbols; never both.

    Attributes:
        conditions: in the order of the configuration.
        columns: what is read.
        ops: int64[registers, 3]: operation and two registers (a column, or the universe, where it takes one).
        constants: float64[registers].
        roots: int64[conditions], register of each.
        universes: distinct sets of symbols that ranks are taken among; empty for all.
    """

    conditions: list[Condition] = field(default_factory=list)
    columns: list[Column] = field(default_factory=list)
    ops: Ints = field(default_factory=lambda: np.zeros((0, 3), np.int64))
    constants: Floats = field(default_factory=lambda: np.zeros(0))
    roots: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    universes: list[frozenset[bytes]] = field(default_factory=list)

    @property
    def reads(self) -> frozenset[int]:
        """Interval numbers that any condition reads."""
        return frozenset().union(*(condition.reads for condition in self.conditions))


class _Compiler:
    def __init__(self, intervals: Sequence[str]) -> None:
        self._intervals = list(intervals)
        self._ops: list[tuple[int, int, int]] = []
        self._constants: list[float] = []
        self._known: dict[tuple[float, ...], int] = {}
        self._roots: list[int] = []
        self._symbols: frozenset[bytes] = frozenset()
        self.program = Program()

    def add(self, signal: SignalConfig, tree: Node) -> None:
        self._symbols = frozenset(name.encode() for name in signal.symbols)
        self._roots.append(self._node(tree, ()))
        written = f"{signal.name}\0{text(tree)}".encode()
        self.program.conditions.append(
            Condition(
                name=signal.name,
                interval=base(tree),
                reads=frozenset(self._reads(tree)),
                symbols=self._symbols,
                debounce=signal.debounce_ms * _MS,
                digest=int.from_bytes(hashlib.blake2b(written, digest_size=8).digest(), "little"),
                told=dict(self._told(tree)),
            )
        )

    def finish(self) -> Program:
        self.program.ops = np.array(self._ops, np.int64).reshape(-1, 3)
        self.program.constants = np.array(self._constants)
        self.program.roots = np.array(self._roots, np.int64)
        return self.program

    def _reads(self, node: Node) -> Iterable[int]:
        if isinstance(node, Feature):
            yield len(self._intervals) if node.name == QUALITY else self._intervals.index(node.interval)
        for child in children(node):
            yield from self._reads(child)

    def _told(self, node: Node) -> Iterable[tuple[str, int]]:
        if isinstance(node, Feature) or (isinstance(node, Call) and node.name in LAGGED | RANKS):
            yield text(node), self._node(node, ())
            return
        for child in children(node):
            yield from self._told(child)

    def _node(self, node: Node, hops: Hops) -> int:
        """Register of a node as of so many hops back."""
        if isinstance(node, Feature):
            register = self._feature(node, hops)
        elif isinstance(node, Number):
            register = self._emit(Op.CONST, 0, 0, node.value)
        elif isinstance(node, Call):
            register = self._call(node, hops)
        elif isinstance(node, Unary):
            op = Op.NOT if node.op == "not" else Op.NEGATE
            register = self._emit(op, self._node(node.operand, hops), 0)
        elif isinstance(node, Binary):
            sides = self._node(node.left, hops), self._node(node.right, hops)
            register = self._emit(_BINARY[node.op], *sides)
        elif isinstance(node, Cross):
            register = self._cross(node, hops)
        else:
            register = self._chain(node, hops)
        return register

    def _feature(self, node: Feature, hops: Hops) -> int:
        number = len(self._intervals) if node.name == QUALITY else self._intervals.index(node.interval)
        column = Column(node.name, number, hops)
        if column not in self.program.columns:
            self.program.columns.append(column)
        return self._emit(Op.LOAD, self.program.columns.index(column), number)

    def _call(self, node: Call, hops: Hops) -> int:
        first = node.arguments[0]
        if node.name in LAGGED:
            bars = node.arguments[1]
            assert isinstance(bars, Number)  # noqa: S101 (the grammar has seen to it)
            before = self._back(node, first, hops, int(bars.value))
            return self._emit(Op.CHANGE, self._node(first, hops), self._node(first, before))
        if node.name in RANKS:
            if self._symbols not in self.program.universes:
                self.program.universes.append(self._symbols)
            universe = self.program.universes.index(self._symbols)
            return self._emit(_CALLS[node.name], self._node(first, hops), universe)
        found = [self._node(argument, hops) for argument in node.arguments]
        return self._emit(_CALLS[node.name], found[0], found[-1])

    def _back(self, node: Node, inside: Node, hops: Hops, bars: int) -> Hops:
        if len(hops) == MOST_HOPS:
            rule = f"must look back at most {MOST_HOPS} times inside each other"
            raise ConditionError(node.column, rule, "make it flatter")
        return (*hops, (self._intervals.index(base(inside)), bars))

    def _cross(self, node: Cross, hops: Hops) -> int:
        before = self._back(node, node, hops, 1)
        sides = [node.left, node.right] if node.direction == "above" else [node.right, node.left]
        was = self._emit(Op.LESS_EQUAL, *(self._node(side, before) for side in sides))
        now = self._emit(Op.LESS, *(self._node(side, hops) for side in reversed(sides)))
        return self._emit(Op.AND, was, now)

    def _chain(self, node: Compare, hops: Hops) -> int:
        found = [self._node(operand, hops) for operand in node.operands]
        root = -1
        for op, left, right in zip(node.ops, found, found[1:], strict=False):
            if op in _TURNED:
                register = self._emit(_BINARY[_TURNED[op]], right, left)
            else:
                register = self._emit(_BINARY[op], left, right)
            root = register if root < 0 else self._emit(Op.AND, root, register)
        return root

    def _emit(self, op: Op, one: int, other: int, constant: float = 0.0) -> int:
        key = (op, one, other, constant)
        if key not in self._known:
            self._known[key] = len(self._ops)
            self._ops.append((int(op), one, other))
            self._constants.append(constant)
        return self._known[key]


def compiled(
    signals: Sequence[SignalConfig], known: Known, symbols: Iterable[str], partitions: int
) -> tuple[Program, Program]:
    """Programs of the conditions over one symbol, and of those across symbols.

    Args:
        signals: the conditions.
        known: what there is to read, the intervals from 1m on ascending.
        symbols: every symbol of the configuration.
        partitions: of every topic; ranks need all symbols in one.

    Raises:
        ConfigurationError: a condition is none, or cannot be evaluated here.
    """
    if len(signals) > MOST:
        raise ConfigurationError(f"signals must be at most {MOST}, was {len(signals)}")
    every, names = set(symbols), set[str]()
    parts = _Compiler(list(known.values)), _Compiler(list(known.values))
    for signal in signals:
        if signal.name in names:
            raise ConfigurationError(f"name of a signal must be unique, was {signal.name!r} again")
        names.add(signal.name)
        if unknown := set(signal.symbols) - every:
            raise ConfigurationError(f"symbols of {signal.name} must be known, was {min(unknown)!r}")
        try:
            tree = meaning(signal, known)
            parts[has_rank(tree)].add(signal, tree)
        except ConditionError as error:
            raise ConfigurationError(f"condition of {signal.name} {error}") from error
        if has_rank(tree) and partitions != 1:
            raise ConfigurationError(
                f"topics must have 1 partition for signal {signal.name}, which looks across symbols, "
                f"was {partitions or 'unknown'}"
            )
    return parts[0].finish(), parts[1].finish()
