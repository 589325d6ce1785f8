"""CSV text to arrays: lines into fields, fields into instants and numbers. Nothing raises on bad text.

The files are the plain ones of market-data vendors: no quotes, no escapes, a header line with names.
"""

import gzip
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from schemas.columns import Bytes, Ints, Rows
from schemas.jit import kernel
from schemas.records import SPAN

BAD_TIME: Final = np.iinfo(np.int64).min
"""What a text that is no instant becomes."""

_EPOCH_DAY: Final = 719_468  # days from 0000-03-01 to 1970-01-01
_POWERS: Final = np.array([10.0**power for power in range(23)])  # exact as doubles
_EXACT: Final = 1 << 53


def read(path: Path) -> Bytes:
    """The bytes of a file, unpacked where its name ends in ``.gz``."""
    raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return np.frombuffer(raw, np.uint8)


@kernel
def _lines(data: Bytes, at: int, starts: Ints, ends: Ints) -> int:
    """Start and end of each line from ``at`` on; returns how many there are."""
    count = 0
    start = at
    for place in range(at, len(data) + 1):
        if place == len(data) or data[place] == 10:
            end = place
            if end > start and data[end - 1] == 13:
                end -= 1
            if end > start:
                starts[count] = start
                ends[count] = end
                count += 1
            start = place + 1
    return count


@kernel
def _fields(data: Bytes, starts: Ints, ends: Ints, spans: Rows, good: NDArray[np.bool_]) -> None:
    """Spans of the fields of each line; a line with another number of fields is not good."""
    width = spans.shape[1]
    for line in range(len(starts)):
        field = 0
        start = starts[line]
        for place in range(starts[line], ends[line] + 1):
            if place == ends[line] or data[place] == 44:
                if field < width:
                    spans[line, field].at = start
                    spans[line, field].size = place - start
                field += 1
                start = place + 1
        good[line] = field == width


class Table:
    """One CSV file split into lines and fields.

    Attributes:
        data: the bytes of the file.
        names: column names of the header.
        lines: span[n] of each line below the header, empty lines left out.
        good: bool[n], whether the line has as many fields as the header.
    """

    def __init__(self, data: Bytes) -> None:
        self.data = data
        newline = int(np.argmax(data == 10)) if len(data) else 0
        header = data[:newline].tobytes().decode("utf-8", "replace").strip()
        self.names = header.split(",") if header else []
        count = int(np.count_nonzero(data == 10)) + 1
        starts, ends = np.empty(count, np.int64), np.empty(count, np.int64)
        found = _lines(data, newline + 1, starts, ends)
        self.lines = np.zeros(found, SPAN)
        self.lines["at"], self.lines["size"] = starts[:found], ends[:found] - starts[:found]
        self.good = np.zeros(found, np.bool_)
        self._spans = np.zeros((found, max(1, len(self.names))), SPAN)
        _fields(data, starts[:found], ends[:found], self._spans, self.good)

    def __len__(self) -> int:
        return len(self.lines)

    def spans(self, name: str) -> Rows:
        """Where a column stands in ``data``."""
        return self._spans[:, self.names.index(name)]

    def instants(self, name: str) -> Ints:
        """A column of ISO 8601 UTC instants in nanoseconds, ``BAD_TIME`` where it is none."""
        times = np.empty(len(self), np.int64)
        _instants(self.data, np.ascontiguousarray(self.spans(name)), times)
        return times

    def floats(self, name: str) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """A column of decimal numbers, correctly rounded, and where it is one."""
        values, good = np.empty(len(self)), np.ones(len(self), np.bool_)
        spans = np.ascontiguousarray(self.spans(name))
        hard = np.empty(len(self), np.int64)
        for row in hard[: _floats(self.data, spans, values, _POWERS, hard)].tolist():
            values[row], good[row] = _float(self.data, spans[row])
        return values, good


@kernel
def _digits(data: Bytes, at: int, count: int) -> int:
    """The number written in ``count`` digits, or -1."""
    value = 0
    for place in range(at, at + count):
        digit = int(data[place]) - 48
        if digit < 0 or digit > 9:
            return -1
        value = value * 10 + digit
    return value


@kernel
def _days_of(year: int, month: int) -> int:
    """Days of a month."""
    if month == 2:
        return 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
    return 30 if month in (4, 6, 9, 11) else 31


@kernel
def _instant(data: Bytes, at: int, size: int) -> int:
    """Nanoseconds of ``YYYY-MM-DDThh:mm:ss[.fraction]Z``.

    Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", days_from_civil.
    """
    if size < 20 or data[at + size - 1] != 90 or data[at + 10] != 84:
        return BAD_TIME
    year, month, day = _digits(data, at, 4), _digits(data, at + 5, 2), _digits(data, at + 8, 2)
    hour, minute, second = _digits(data, at + 11, 2), _digits(data, at + 14, 2), _digits(data, at + 17, 2)
    if min(year, hour, minute, second) < 0 or month < 1 or month > 12 or day < 1:
        return BAD_TIME
    if hour > 23 or minute > 59 or second > 59 or size > 30 or year < 1700 or year > 2200:
        return BAD_TIME
    if day > _days_of(year, month):
        return BAD_TIME
    digits = size - 21 if size > 20 else 0
    fraction = _digits(data, at + 20, digits)
    if fraction < 0 or (size > 20 and data[at + 19] != 46):
        return BAD_TIME
    for _ in range(9 - digits):
        fraction *= 10
    if month <= 2:
        year -= 1
    era = year // 400
    of_era = year - era * 400
    of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    days = era * 146_097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - _EPOCH_DAY
    return (days * 86_400 + hour * 3_600 + minute * 60 + second) * 1_000_000_000 + fraction


@kernel
def _instants(data: Bytes, spans: Rows, times: Ints) -> None:
    for row in range(len(spans)):
        times[row] = _instant(data, spans[row].at, spans[row].size)


@kernel
def _floats(
    data: Bytes, spans: Rows, values: NDArray[np.float64], powers: NDArray[np.float64], hard: Ints
) -> int:
    """Plain decimals of up to 53 bits, exactly; the rows of all others go to ``hard``.

    A mantissa and a power of ten that are both exact doubles give a correctly rounded quotient.
    Source: William D. Clinger, "How to Read Floating Point Numbers Accurately", 1990.
    """
    count = 0
    for row in range(len(spans)):
        place = spans[row].at
        end = place + spans[row].size
        negative = place < end and data[place] == 45
        if negative:
            place += 1
        mantissa, decimals, digits, point = 0, 0, 0, False
        while place < end and digits < 18:
            char = int(data[place])
            if char == 46 and not point:
                point = True
            elif 48 <= char <= 57:
                mantissa = mantissa * 10 + char - 48
                digits += 1
                decimals += 1 if point else 0
            else:
                break
            place += 1
        if place < end or digits == 0 or mantissa >= _EXACT:
            hard[count] = row
            count += 1
        else:
            value = mantissa / powers[decimals]
            values[row] = -value if negative else value
    return count


def _float(data: Bytes, span: np.void) -> tuple[float, bool]:
    at, size = int(span["at"]), int(span["size"])
    try:
        return float(data[at : at + size].tobytes()), True
    except ValueError:
        return 0.0, False


def instant(text: str) -> int:
    """Nanoseconds of an ISO 8601 instant; without a zone it is UTC.

    Raises:
        ValueError: the text is no instant.
    """
    moment = datetime.fromisoformat(text)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return int(moment.timestamp()) * 1_000_000_000 + moment.microsecond * 1_000
