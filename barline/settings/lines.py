"""Where each key of a TOML text stands; ``tomllib`` reads values but gives no lines.

The text is one that ``tomllib`` has read without an error, so the scan need not check it.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final, TypeAlias

Path: TypeAlias = tuple[str | int, ...]
"""Keys from the top, with the number of the element for arrays of tables."""

_KEY: Final = r"""(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')"""
_KEYS: Final = rf"({_KEY}(?:\s*\.\s*{_KEY})*)"
_HEADER: Final = re.compile(rf"\s*(\[\[?)\s*{_KEYS}\s*\]")
_ENTRY: Final = re.compile(rf"\s*{_KEYS}\s*=")
_TOKENS: Final = re.compile(
    r'''(?P<long>"""|\'\'\')|(?P<text>"(?:[^"\\\n]|\\.)*"|'[^'\n]*')|(?P<comment>\#.*)|(?P<open>[\[{])|(?P<close>[\]}])'''
)


def lines_of(text: str) -> dict[Path, int]:
    """Line number, from 1, of every table header and key; inline tables count where their key stands."""
    lines: dict[Path, int] = {}
    counts: dict[Path, int] = {}
    prefix: Path = ()
    value = _Value()
    for number, line in enumerate(text.splitlines(), start=1):
        if value.open:
            value.take(line)
        elif header := _HEADER.match(line):
            prefix = _placed(_keys(header[2]), counts, is_element=header[1] == "[[")
            lines.setdefault(prefix, number)
        elif entry := _ENTRY.match(line):
            value.take(line[entry.end() :])
            for path in _prefixes(_keys(entry[1])):
                lines.setdefault(prefix + path, number)
    return lines


def line_of(lines: Mapping[Path, int], path: Path) -> int:
    """Line of a path, or of what it stands in; 1 where nothing of it is written."""
    return next((lines[path[:end]] for end in range(len(path), 0, -1) if path[:end] in lines), 1)


class _Value:
    """Whether a value goes on in the next line."""

    def __init__(self) -> None:
        self._depth = 0
        self._quote = ""

    @property
    def open(self) -> bool:
        return self._depth > 0 or self._quote != ""

    def take(self, line: str) -> None:
        at = 0
        while at < len(line):
            if self._quote:
                end = line.find(self._quote, at)
                if end < 0:
                    return
                at, self._quote = end + 3, ""
                continue
            token = _TOKENS.search(line, at)
            if token is None:
                return
            at = token.end()
            self._quote = token["long"] or ""
            self._depth += bool(token["open"]) - bool(token["close"])


def _keys(text: str) -> Path:
    return tuple(key.strip("\"'") for key in re.findall(_KEY, text))


def _prefixes(path: Path) -> Iterator[Path]:
    return (path[:end] for end in range(1, len(path) + 1))


def _placed(keys: Path, counts: dict[Path, int], *, is_element: bool) -> Path:
    """The keys of a header with the numbers of the elements they stand in."""
    path: Path = ()
    for position, key in enumerate(keys, start=1):
        path += (key,)
        if is_element and position == len(keys):
            counts[path] = counts.get(path, -1) + 1
        if path in counts:
            path += (counts[path],)
    return path
