"""A condition cut into words, and the one error that a condition can have."""

import re
from typing import Final, NamedTuple

from schemas.errors import ConfigurationError

LONGEST: Final = 1_000
"""Most characters of a condition."""

WORDS: Final = frozenset({"and", "or", "not", "crosses", "above", "below"})
"""Words of the grammar; nothing else is called so."""

_TOKEN: Final = re.compile(
    r"(?P<space>[ \t\r\n]+)"
    r"|(?P<interval>[0-9]+[smhd](?![A-Za-z0-9_.]))"
    r"|(?P<number>[0-9][0-9_]*(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?(?![A-Za-z0-9_.]))"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_.]*)"
    r"|(?P<sign><=|>=|==|!=|[-+*/()<>,@])"
)
_MEANT: Final = {
    "=": "write == to compare",
    "&": "write and",
    "|": "write or",
    "!": "write not",
    "%": "write change(close, 1) for a change in percent",
}


class ConditionError(ConfigurationError):
    """A condition is not one.

    Attributes:
        column: where, from 1.
        rule: what must stand there and what does.
        fix: what to write instead.
    """

    def __init__(self, column: int, rule: str, fix: str) -> None:
        super().__init__(f"{rule} (column {column}; fix: {fix})")
        self.column = column
        self.rule = rule
        self.fix = fix


class Token(NamedTuple):
    """One word: its kind (``interval``, ``number``, ``name``, ``word``, ``sign``, ``end``) and its column."""

    kind: str
    text: str
    column: int


def tokens(text: str) -> list[Token]:
    """The words of a condition, the last of kind ``end``.

    Raises:
        ConditionError: it is too long, or has a character that means nothing.
    """
    if len(text) > LONGEST:
        rule = f"must have at most {LONGEST} characters, was of {len(text)}"
        raise ConditionError(LONGEST + 1, rule, "make two conditions of it")
    found, at = [], 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            fix = _MEANT.get(text[at], "remove it")
            raise ConditionError(at + 1, f"must have names, numbers and signs, was {text[at]!r}", fix)
        kind = "word" if match[0] in WORDS else match.lastgroup
        if kind != "space":
            found.append(Token(kind, match[0], at + 1))
        at = match.end()
    return [*found, Token("end", "", len(text) + 1)]
