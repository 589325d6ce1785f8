"""Errors as ClickHouse tells them: a code, a text and the HTTP status that goes with the code."""

import re
from typing import Final

_CODE: Final = re.compile(r"Code: (\d+)\.")
_UNKNOWN: Final = 1002
_STATUS: Final = {
    400: (6, 26, 27, 33, 36, 38, 41, 42, 43, 53, 62, 69, 70, 72, 131),
    403: (192, 193, 497, 516),
    404: (16, 46, 47, 50, 56, 60, 73, 81, 115),
    413: (161, 307),
    501: (1, 48),
}
_STATUS_OF: Final = {code: status for status, codes in _STATUS.items() for code in codes}


class QueryError(Exception):
    """A query that can't be answered.

    Attributes:
        code: ClickHouse's number of the error.
        text: the text in ClickHouse's form, ``Code: <n>. DB::Exception: ...``.
    """

    def __init__(self, code: int, text: str) -> None:
        self.code = code
        self.text = text if text.startswith("Code: ") else f"Code: {code}. DB::Exception: {text}"
        super().__init__(self.text)

    @property
    def status(self) -> int:
        """HTTP status that a ClickHouse server gives this code."""
        return _STATUS_OF.get(self.code, 500)

    @classmethod
    def of(cls, error: Exception) -> "QueryError":
        """The error of the engine as ours; the engine's text may have a prefix."""
        if isinstance(error, cls):
            return error
        text = str(error)
        found = _CODE.search(text)
        return cls(int(found[1]), text[found.start() :]) if found else cls(_UNKNOWN, text)


def late(error: QueryError, tag: str) -> bytes:
    """What is written after rows that were sent already, so that a client sees the error.

    Args:
        error: what went wrong.
        tag: 16 characters that the headers announced.
    """
    text = error.text + "\n"
    size = len(text.encode())
    return f"\r\n__exception__\r\n{tag}\r\n{text}{size} {tag}\r\n__exception__\r\n".encode()
