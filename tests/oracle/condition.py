"""One condition over the bars of one symbol, read with Python's own parser and looked up bar by bar.

Each sentence behind ``By law`` is one of SEMANTICS or of docs/scanner.md.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

EVER = 1 << 80
LENGTHS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
Bar = dict[str, Any]


@cache
def python(when: str) -> ast.expr:
    """A condition as a Python expression: ``@`` becomes a call, a crossing the operator ``in``."""
    text = re.sub(r"([A-Za-z_][\w.]*)\s*@\s*(\w+)", r"at_('\1','\2')", " ".join(when.split()))
    return ast.parse(text.replace("crosses above", "in").replace("crosses below", "not in"), mode="eval").body


def seconds(interval: str) -> int:
    """Length of an interval."""
    return int(interval[:-1]) * LENGTHS[interval[-1]]


@dataclass
class View:
    """What one symbol has at one record.

    Attributes:
        bars: by interval, ascending; each with its values and ``expires``.
        decided: close and what became of each minute of which that is known, ascending.
        watermark: of that record.
        by: bars closed later do not count.
    """

    bars: dict[str, list[Bar]]
    decided: list[Bar]
    watermark: int
    by: int = EVER
    ranks: dict[str, Any] = field(default_factory=dict)

    def newest(self, interval: str, by: int) -> Bar | None:
        """The newest bar closed by an instant; of ``quality``, the newest decided minute."""
        rows = self.decided if interval == "quality" else self.bars[interval]
        known = [bar for bar in rows if bar["ts_close"] <= min(by, self.by)]
        return known[-1] if known else None

    def before(self, interval: str, by: int, count: int) -> int | None:
        """Close of the bar so many bars before the newest one closed by an instant."""
        known = [bar["ts_close"] for bar in self.bars[interval] if bar["ts_close"] <= min(by, self.by)]
        return known[-1 - count] if len(known) > count else None


class Judge:
    """One condition over one view."""

    def __init__(self, view: View, default: str) -> None:
        self._view = view
        self._default = default

    def names(self, node: ast.expr) -> Iterator[tuple[str, str]]:
        """Name and interval of everything a node reads; ``quality`` is its own interval."""
        if isinstance(node, ast.Name):
            yield node.id, node.id if node.id == "quality" else self._default
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "at_":
            name, interval = (getattr(one, "value", "") for one in node.args)
            yield name, interval
        elif isinstance(node, ast.Call):
            for one in node.args:
                yield from self.names(one)
        else:
            for child in ast.iter_child_nodes(node):
                if isinstance(child, ast.expr):
                    yield from self.names(child)

    def base(self, node: ast.expr) -> str:
        """The shortest interval a node reads; the quality moves with the minutes."""
        return min(
            ("1m" if name == "quality" else interval for name, interval in self.names(node)), key=seconds
        )

    def value(self, node: ast.expr, by: int = EVER) -> Any:
        """True, False, a number, or None for what is unknown."""
        if isinstance(node, ast.Constant):
            return float(str(node.value))
        if isinstance(node, ast.Name) or getattr(getattr(node, "func", None), "id", "") == "at_":
            ((name, interval),) = self.names(node)
            return self._read(name, interval, by)
        ways: dict[type, Any] = {
            ast.UnaryOp: self._signed, ast.BoolOp: self._joined, ast.Compare: self._compared,
            ast.BinOp: self._reckoned, ast.Call: self._called,
        }  # fmt: skip
        return ways[type(node)](node, by)

    def _signed(self, node: ast.UnaryOp, by: int) -> Any:
        value = self.value(node.operand, by)
        if value is None:
            return None
        return not value if isinstance(node.op, ast.Not) else -value

    def _read(self, name: str, interval: str, by: int) -> Any:
        # By law "A feature expires at ts_close of the next expected bar + disorder + [2 s]; the scanner
        # compares that with the watermark": the newest bar there is says whether the interval is fresh
        now = self._view.newest(interval, EVER)
        if now is None or now["expires"] <= self._view.watermark:
            return None
        bar = self._view.newest(interval, by)
        value = None if bar is None else bar.get(name)
        return value if value is None or isinstance(value, bool) else float(value)

    def _joined(self, node: ast.BoolOp, by: int) -> Any:
        values = [self.value(one, by) for one in node.values]
        decides = isinstance(node.op, ast.Or)
        if decides in values:
            return decides
        return None if None in values else not decides

    def _compared(self, node: ast.Compare, by: int) -> Any:
        if isinstance(node.ops[0], ast.In | ast.NotIn):
            return self._crossed(node, by)
        values = [self.value(one, by) for one in (node.left, *node.comparators)]
        links = [
            self._link(op, one, other) for op, one, other in zip(node.ops, values, values[1:], strict=False)
        ]
        return False if False in links else None if None in links else True

    def _link(self, op: ast.cmpop, one: Any, other: Any) -> Any:
        if one is None or other is None:
            return None
        signs = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!="}
        return {
            "<": one < other, "<=": one <= other, ">": one > other,
            ">=": one >= other, "==": one == other, "!=": one != other,
        }[signs[type(op)]]  # fmt: skip

    def _crossed(self, node: ast.Compare, by: int) -> Any:
        # By law "at the bar before, of the shortest interval it reads, left was not above right; now it is"
        above = isinstance(node.ops[0], ast.In)
        left, right = (node.left, node.comparators[0]) if above else (node.comparators[0], node.left)
        then = self._view.before(self.base(node), by, 1)
        was = None if then is None else self._link(ast.LtE(), self.value(left, then), self.value(right, then))
        now = self._link(ast.Gt(), self.value(left, by), self.value(right, by))
        return False if False in (was, now) else None if None in (was, now) else True

    def _reckoned(self, node: ast.BinOp, by: int) -> Any:
        one, other = self.value(node.left, by), self.value(node.right, by)
        if one is None or other is None or (isinstance(node.op, ast.Div) and other == 0):
            return None
        match node.op:
            case ast.Add():
                return one + other
            case ast.Sub():
                return one - other
            case ast.Mult():
                return one * other
        return one / other

    def _called(self, node: ast.Call, by: int) -> Any:
        name = getattr(node.func, "id", "")
        if name in {"rank", "percentile"}:
            return self._view.ranks.get(ast.dump(node))
        if name == "change":
            # By law "100 * (now - then) / then, then being n bars before"
            count = int(getattr(node.args[1], "value", 0))
            then = self._view.before(self.base(node.args[0]), by, count)
            now, was = self.value(node.args[0], by), None if then is None else self.value(node.args[0], then)
            return None if now is None or not was else 100 * (now - was) / was
        values = [self.value(one, by) for one in node.args]
        if None in values:
            return None
        return {"abs": abs, "min": min, "max": max}[name](*values)
