"""What has to be known of a statement before the engine sees it: inserts with data, and the output format."""

import re
from dataclasses import dataclass
from typing import Final

LONGEST_HEAD: Final = 1 << 18
"""An INSERT is recognised within so many bytes."""

# What repeats takes all it can for good (`++`, `*+`): names could otherwise be cut in very many ways.
_NAME: Final = r'(?:`(?:[^`\\]|\\.)++`|"(?:[^"\\]|\\.)++"|\w++)'
_COMMENTS: Final = r"\s*(?:(?:/\*.*?\*/|--[^\n]*\n)\s*)*"
_INSERT: Final = re.compile(
    rf"{_COMMENTS}(INSERT\s+INTO\s+(?:TABLE\s+)?{_NAME}(?:\s*\.\s*{_NAME})?\s*(?:\((?:[\s.,]++|{_NAME})*+\))?)"
    r"\s*(SETTINGS\s.+?)?\s*\bFORMAT\s+(\w+)[ \t]*;?(?:\r?\n|[ \t]|\Z)".encode(),
    re.IGNORECASE | re.DOTALL,
)
_FORMAT: Final = re.compile(r"\sFORMAT\s+(\w+)(\s+SETTINGS\s[^;]+)?\s*\Z", re.IGNORECASE)
_FIRST_WORD: Final = re.compile(_COMMENTS + r"\(*\s*(\w+)", re.DOTALL)
_ANSWERING: Final = frozenset({"SELECT", "WITH", "SHOW", "DESCRIBE", "DESC", "EXISTS", "EXPLAIN", "CHECK"})
_CONCATENATING: Final = frozenset(
    {"Native", "TabSeparated", "TSV", "RowBinary", "JSONEachRow", "CSV", "JSONCompactEachRow"}
)


@dataclass(frozen=True, slots=True)
class Insert:
    """An INSERT whose rows follow the statement.

    Attributes:
        into: the statement up to its columns.
        settings: its SETTINGS clause, or empty.
        format: format of the rows.
        size: bytes of the statement; the rows begin there.
    """

    into: str
    settings: str
    format: str
    size: int

    def from_file(self, path: str) -> str:
        """The statement that reads the rows from a file."""
        return f"{self.into} FROM INFILE {quoted(path)} {self.settings} FORMAT {self.format}"


def find_insert(text: bytes | bytearray, *, whole: bool) -> Insert | None:
    """The INSERT that a text begins with; None when it begins with anything else, or isn't complete yet.

    Args:
        text: the statement, then rows.
        whole: no more text follows.
    """
    found = _INSERT.match(text)
    if found is None or (found.end() == len(text) and not whole):
        return None
    into, settings, form = (part.decode() if part else "" for part in found.groups())
    return Insert(into, settings, form, found.end())


def split_format(sql: str, default: str) -> tuple[str, str]:
    """A statement without its FORMAT clause, and the format."""
    found = _FORMAT.search(sql)
    if found is None:
        return sql, default
    return sql[: found.start()] + (found[2] or ""), found[1]


def first_word(sql: str) -> str:
    """First word of a statement, in capitals; empty for none."""
    found = _FIRST_WORD.match(sql)
    return found[1].upper() if found else ""


def answers(sql: str) -> bool:
    """Whether a statement answers with rows."""
    return first_word(sql) in _ANSWERING


def streams(sql: str, form: str) -> bool:
    """Whether the rows of a statement can be sent as they come: chunks of its format concatenate."""
    return first_word(sql) in {"SELECT", "WITH"} and form in _CONCATENATING


def quoted(text: str) -> str:
    """A string literal."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
