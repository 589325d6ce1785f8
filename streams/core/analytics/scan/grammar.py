"""The grammar of conditions, closed: a text becomes a tree or a ConditionError, and nothing is ever run.

::

    condition  = conjunct { "or" conjunct }
    conjunct   = negation { "and" negation }
    negation   = "not" negation | comparison
    comparison = sum [ "crosses" ("above" | "below") sum | { ("<" | "<=" | ">" | ">=" | "==" | "!=") sum } ]
    sum        = product { ("+" | "-") product }
    product    = factor { ("*" | "/") factor }
    factor     = "-" factor | atom
    atom       = number | name [ "@" interval ] | function "(" condition { "," condition } ")"
               | "(" condition ")"

Numbers and truths are told apart here: ``close and 3`` is no condition.
"""

import difflib
from math import isfinite
from typing import Final

from streams.core.analytics.scan.tokens import ConditionError, Token, tokens
from streams.core.analytics.scan.tree import (
    ARITIES,
    LAGGED,
    Binary,
    Call,
    Compare,
    Cross,
    Feature,
    Node,
    Number,
    Unary,
    depth,
    is_truth,
)

DEEPEST: Final = 64
"""Most levels of a tree."""
FARTHEST: Final = 100
"""Most bars that a function may look back."""

_NESTED: Final = 32
_COMPARED: Final = frozenset({"<", "<=", ">", ">=", "==", "!="})


def parse(condition: str) -> Node:
    """The tree of a condition.

    Raises:
        ConditionError: the text is no condition; the first thing that is wrong.
    """
    parser = _Parser(tokens(condition))
    node = parser.whole()
    if depth(node) > DEEPEST:
        raise ConditionError(
            1, f"must have at most {DEEPEST} levels, was deeper", "make two conditions of it"
        )
    if not is_truth(node):
        raise ConditionError(node.column, "must be true or false, was a number", "compare it: ... > 0")
    return node


class _Parser:
    """Recursive descent over the words of one condition."""

    def __init__(self, words: list[Token]) -> None:
        self._words = words
        self._at = 0
        self._nested = 0

    @property
    def _next(self) -> Token:
        return self._words[self._at]

    def whole(self) -> Node:
        node = self._condition()
        if self._next.kind != "end":
            raise self._wrong("must end, or go on with and, or, a comparison", "write and before it")
        return node

    def _take(self) -> Token:
        self._at += 1
        return self._words[self._at - 1]

    def _has(self, *texts: str) -> bool:
        return self._next.kind in {"word", "sign"} and self._next.text in texts

    def _wrong(self, rule: str, fix: str) -> ConditionError:
        found = "its end" if self._next.kind == "end" else repr(self._next.text)
        return ConditionError(self._next.column, f"{rule}, was {found}", fix)

    def _expect(self, text: str, fix: str) -> Token:
        if not self._has(text):
            raise self._wrong(f"must have {text!r} here", fix)
        return self._take()

    def _condition(self) -> Node:
        self._nested += 1
        if self._nested > _NESTED:
            raise self._wrong(f"must be nested at most {_NESTED} times", "make two conditions of it")
        node = self._conjunct()
        while self._has("or"):
            op = self._take()
            node = Binary("or", _truth(node), _truth(self._conjunct()), column=op.column)
        self._nested -= 1
        return node

    def _conjunct(self) -> Node:
        node = self._negation()
        while self._has("and"):
            op = self._take()
            node = Binary("and", _truth(node), _truth(self._negation()), column=op.column)
        return node

    def _negation(self) -> Node:
        ops = []
        while self._has("not"):
            ops.append(self._take())
        node = self._comparison()
        for op in reversed(ops):
            node = Unary("not", _truth(node), column=op.column)
        return node

    def _comparison(self) -> Node:
        node = self._sum()
        if self._has("crosses"):
            return self._cross(node)
        ops, operands, column = [], [node], self._next.column
        while self._has(*_COMPARED):
            ops.append(self._take().text)
            operands.append(self._sum())
        if not ops:
            return node
        return Compare(tuple(ops), tuple(map(_number, operands)), column=column)

    def _cross(self, left: Node) -> Node:
        column = self._take().column
        if not self._has("above", "below"):
            raise self._wrong("must cross above or below", "write crosses above")
        direction = self._take().text
        return Cross(direction, _number(left), _number(self._sum()), column=column)

    def _sum(self) -> Node:
        node = self._product()
        while self._has("+", "-"):
            op = self._take()
            node = Binary(op.text, _number(node), _number(self._product()), column=op.column)
        return node

    def _product(self) -> Node:
        node = self._factor()
        while self._has("*", "/"):
            op = self._take()
            node = Binary(op.text, _number(node), _number(self._factor()), column=op.column)
        return node

    def _factor(self) -> Node:
        signs = []
        while self._has("-"):
            signs.append(self._take())
        node = self._atom()
        for sign in reversed(signs):
            node = Unary("-", _number(node), column=sign.column)
        return node

    def _atom(self) -> Node:
        word = self._next
        if word.kind == "number":
            return self._literal()
        if word.kind == "name":
            self._take()
            return self._call(word) if self._has("(") else self._feature(word)
        if self._has("("):
            self._take()
            node = self._condition()
            self._expect(")", "close the parenthesis")
            return node
        if word.kind == "interval":
            raise self._wrong("must have a value before an interval", f"write such as close@{word.text}")
        raise self._wrong("must have a value here", "write a name such as close, a number or (")

    def _literal(self) -> Node:
        word = self._take()
        value = float(word.text.replace("_", ""))
        if not isfinite(value):
            raise ConditionError(
                word.column, f"must be a finite number, was {word.text}", "write a smaller one"
            )
        return Number(value, column=word.column)

    def _feature(self, word: Token) -> Node:
        if not self._has("@"):
            return Feature(word.text, column=word.column)
        self._take()
        if self._next.kind != "interval":
            raise self._wrong("must have an interval after @", f"write such as {word.text}@5m")
        return Feature(word.text, self._take().text, column=word.column)

    def _call(self, word: Token) -> Node:
        if word.text not in ARITIES:
            near = difflib.get_close_matches(word.text, ARITIES, 1)
            fix = f"write {near[0]}" if near else f"write one of {', '.join(sorted(ARITIES))}"
            raise ConditionError(word.column, f"must be a known function, was {word.text!r}", fix)
        self._take()
        arguments = [_number(self._condition())]
        while self._has(","):
            self._take()
            arguments.append(_number(self._condition()))
        self._expect(")", "close the parenthesis")
        if len(arguments) != ARITIES[word.text]:
            rule = f"{word.text} must have {ARITIES[word.text]} arguments, was {len(arguments)}"
            raise ConditionError(word.column, rule, _example(word.text))
        if word.text in LAGGED:
            _bars(arguments[1])
        return Call(word.text, tuple(arguments), column=word.column)


def _example(name: str) -> str:
    if name in LAGGED:
        return "write such as change(close@5m, 3)"
    return f"write {name}({', '.join(['close', 'open'][: ARITIES[name]])})"


def _bars(node: Node) -> None:
    if not (isinstance(node, Number) and node.value % 1 == 0 and 1 <= node.value <= FARTHEST):
        raise ConditionError(
            node.column, f"must be a number of bars from 1 to {FARTHEST}", "write such as change(close@5m, 3)"
        )


def _number(node: Node) -> Node:
    if is_truth(node):
        raise ConditionError(node.column, "must be a number here, was true or false", "put it behind and")
    return node


def _truth(node: Node) -> Node:
    if not is_truth(node):
        raise ConditionError(node.column, "must be true or false here, was a number", "compare it: ... > 0")
    return node
