"""A condition as a tree, and its text.

The text of a tree gives the same tree again when it is parsed; it has no more parentheses than it needs.
"""

from dataclasses import dataclass, field
from typing import Final, TypeAlias

TRUTHS: Final = frozenset(
    {
        "complete", "flat", "refetched", "partial", "low_coverage", "vwap_range", "off_tick", "large_volume",
        "stuck", "disagrees",
    }
)  # fmt: skip
"""Features that are true or false; all others are numbers."""

LAGGED: Final = frozenset({"change"})
"""Functions of an expression and a number of bars."""
RANKS: Final = frozenset({"rank", "percentile"})
"""Functions across symbols."""
ARITIES: Final = {"abs": 1, "min": 2, "max": 2, "change": 2, "rank": 1, "percentile": 1}
"""Functions and how many arguments they take."""


def _place() -> int:
    return field(default=1, compare=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class Number:
    """A number that stands in the text; never negative."""

    value: float
    column: int = _place()


@dataclass(frozen=True, slots=True)
class Feature:
    """A value of the symbol; an empty interval is the condition's own."""

    name: str
    interval: str = ""
    column: int = _place()


@dataclass(frozen=True, slots=True)
class Unary:
    """``-`` or ``not``."""

    op: str
    operand: "Node"
    column: int = _place()


@dataclass(frozen=True, slots=True)
class Binary:
    """``+ - * /``, ``and`` or ``or``."""

    op: str
    left: "Node"
    right: "Node"
    column: int = _place()


@dataclass(frozen=True, slots=True)
class Compare:
    """A chain: every neighbours are compared, and all must hold."""

    ops: tuple[str, ...]
    operands: tuple["Node", ...]
    column: int = _place()


@dataclass(frozen=True, slots=True)
class Cross:
    """Left was not above (below) right at the bar before, and is now."""

    direction: str
    left: "Node"
    right: "Node"
    column: int = _place()


@dataclass(frozen=True, slots=True)
class Call:
    """A function."""

    name: str
    arguments: tuple["Node", ...]
    column: int = _place()


Node: TypeAlias = Number | Feature | Unary | Binary | Compare | Cross | Call

_OR, _AND, _NOT, _COMPARE, _SUM, _PRODUCT, _SIGN, _ATOM = range(8)
_BINDS: Final = {"or": _OR, "and": _AND, "+": _SUM, "-": _SUM, "*": _PRODUCT, "/": _PRODUCT}


def is_truth(node: Node) -> bool:
    """Whether it is true or false, not a number."""
    if isinstance(node, Feature):
        return node.name in TRUTHS
    if isinstance(node, Unary | Binary):
        return node.op in {"not", "and", "or"}
    return isinstance(node, Compare | Cross)


def children(node: Node) -> tuple[Node, ...]:
    """What a node is made of, in the order of the text."""
    if isinstance(node, Unary):
        return (node.operand,)
    if isinstance(node, Binary | Cross):
        return (node.left, node.right)
    if isinstance(node, Compare):
        return node.operands
    return node.arguments if isinstance(node, Call) else ()


def depth(node: Node) -> int:
    """Levels of a tree; one far too deep to be walked by recursion is measured too."""
    levels, layer = 0, [node]
    while layer:
        levels, layer = levels + 1, [child for above in layer for child in children(above)]
    return levels


def text(node: Node) -> str:
    """The text of a tree."""
    return _written(node)[1]


def _written(node: Node) -> tuple[int, str]:
    """How strongly it binds, and its text."""
    if isinstance(node, Unary):
        own = _NOT if node.op == "not" else _SIGN
        return own, f"{node.op}{' ' if own == _NOT else ''}{_within(node.operand, own)}"
    if isinstance(node, Binary):
        own = _BINDS[node.op]
        return own, f"{_within(node.left, own)} {node.op} {_within(node.right, own + 1)}"
    if isinstance(node, Cross):
        sides = _within(node.left, _SUM), _within(node.right, _SUM)
        return _COMPARE, f" crosses {node.direction} ".join(sides)
    if isinstance(node, Compare):
        operands = [_within(operand, _SUM) for operand in node.operands]
        rest = (f" {op} {operand}" for op, operand in zip(node.ops, operands[1:], strict=True))
        return _COMPARE, operands[0] + "".join(rest)
    return _ATOM, _atom(node)


def _atom(node: Number | Feature | Call) -> str:
    if isinstance(node, Number):
        return repr(node.value).removesuffix(".0")
    if isinstance(node, Feature):
        return f"{node.name}@{node.interval}" if node.interval else node.name
    return f"{node.name}({', '.join(map(text, node.arguments))})"


def _within(node: Node, least: int) -> str:
    binds, written = _written(node)
    return written if binds >= least else f"({written})"
