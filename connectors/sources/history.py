"""Closed bars in ClickHouse: what indicators are warmed up with, and recomputed from."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final, Protocol

import clickhouse_connect
import numpy as np
from clickhouse_connect.driver.exceptions import ClickHouseError

from schemas.columns import Columns, Draft
from schemas.config import Domain
from schemas.errors import DependencyError
from schemas.history import HISTORY, MOST, Rows, needed

STORED: Final = np.dtype([*HISTORY.descr, ("ts_close", "<i8"), ("revision", "<i8")])
"""A stored bar: HISTORY and what names its record."""

_CELLS: Final = """
symbol, toUnixTimestamp64Nano(ts_open), toInt64(toInt32(session_date)), open, high, low, close, volume,
ifNull(notional, nan), toUnixTimestamp64Nano(ts_close), revision
"""
_NEWEST: Final = f"""
SELECT {_CELLS} FROM bars FINAL
WHERE interval = {{interval:String}} AND symbol IN {{symbols:Array(String)}}
  AND ts_open < fromUnixTimestamp64Nano({{before:Int64}}, 'UTC')
ORDER BY symbol, bars.ts_open DESC
LIMIT {{count:UInt32}} BY symbol
"""  # noqa: S608 (no value is written into it)
_RANGE: Final = f"""
SELECT {_CELLS} FROM bars FINAL
WHERE interval = {{interval:String}} AND symbol IN {{symbols:Array(String)}}
  AND ts_open >= fromUnixTimestamp64Nano({{first:Int64}}, 'UTC')
  AND ts_open < fromUnixTimestamp64Nano({{end:Int64}}, 'UTC')
ORDER BY symbol, bars.ts_open DESC
"""  # noqa: S608 (no value is written into it)
_SYMBOLS_AT_ONCE: Final = 50
_ROWS_AT_ONCE: Final = 300_000  # 100 MB, as Python has them
END_OF_TIME: Final = 4_102_444_800_000_000_000  # 2100


class Newest(Protocol):
    """Where closed bars come from."""

    def newest(
        self, interval: str, symbols: Sequence[str], count: int, before: int = END_OF_TIME
    ) -> dict[str, Rows]:
        """STORED rows by symbol, ascending: the last ones that begin before an instant (ns)."""
        ...

    def close(self) -> None:
        """Close the connections."""
        ...


class StoredBars:
    """The table ``bars``; it connects at the first question.

    Args:
        settings: arguments of ``clickhouse_connect.get_client``.
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._settings = settings
        self._client: Any = None

    def newest(
        self, interval: str, symbols: Sequence[str], count: int, before: int = END_OF_TIME
    ) -> dict[str, Rows]:
        """STORED rows by symbol, ascending: the last ones that begin before an instant (ns).

        Raises:
            DependencyError: the database does not answer or has no such table.
        """
        return self._ask(_NEWEST, interval, symbols, count=count, before=before)

    def between(self, interval: str, symbols: Sequence[str], first: int, end: int) -> dict[str, Rows]:
        """STORED rows by symbol, ascending: those that begin in a range of instants (ns).

        Raises:
            DependencyError: the database does not answer or has no such table.
        """
        return self._ask(_RANGE, interval, symbols, first=first, end=end)

    def close(self) -> None:
        """Close the connection."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _ask(self, text: str, interval: str, symbols: Sequence[str], **given: int) -> dict[str, Rows]:
        try:
            if self._client is None:
                self._client = clickhouse_connect.get_client(**self._settings)
            parameters = {"interval": interval, "symbols": list(symbols), **given}
            columns = self._client.query(text, parameters=parameters, column_oriented=True).result_columns
        except (ClickHouseError, OSError) as error:
            said = str(error).partition("\n")[0]
            raise DependencyError(f"stored bars must be readable, was {said!r}") from error
        return _by_symbol(*columns) if columns else {}


def _by_symbol(symbols: Sequence[str], *cells: Sequence[float]) -> dict[str, Rows]:
    """STORED rows by symbol of columns that are in order of the symbols, of each the newest row first."""
    rows = np.zeros(len(symbols), STORED)
    for name, column in zip(STORED.names or (), cells, strict=True):
        rows[name] = column
    counts = Counter(symbols)
    ends = np.cumsum([0, *counts.values()]).tolist()
    return {name: rows[first:end][::-1] for name, (first, end) in zip(counts, pairwise(ends), strict=True)}


def histories(domain: Domain, stored: Newest) -> Iterator[Columns]:
    """``History`` records for the indicators of a configuration, for ``bars.1m``: the newest bars there are.

    Of each symbol and interval one, of as many bars as let its indicators converge, at most ``MOST``. They
    go out before the configuration does, so that its first live values are warm.
    """
    symbols = [symbol.symbol for symbol in domain.symbols]
    for interval in ("1m", *domain.intervals):
        count = min(needed(domain, interval), MOST)
        at_once = min(max(_ROWS_AT_ONCE // max(count, 1), 1), _SYMBOLS_AT_ONCE)
        for first in range(0, len(symbols) if count else 0, at_once):
            found = stored.newest(interval, symbols[first : first + at_once], count)
            draft = Draft("bars.1m", 0)
            for symbol, rows in found.items():
                bars = np.zeros(len(rows), HISTORY)
                for name in HISTORY.names or ():
                    bars[name] = rows[name]
                ts = int(bars["ts_open"][-1])
                draft.row("History", symbol=symbol, interval=interval, ts_event=ts, bars=bars.tobytes())
            if found:
                yield draft.finish()
