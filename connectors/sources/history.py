"""Closed bars in ClickHouse: what indicators are warmed up with, and recomputed from."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Protocol

import clickhouse_connect
import numpy as np
from clickhouse_connect.driver.exceptions import ClickHouseError

from schemas.columns import Columns, Draft
from schemas.config import Domain
from schemas.errors import DependencyError
from schemas.history import HISTORY, Rows, needed

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
_AT_ONCE: Final = 50
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
            found = self._client.query(text, parameters=parameters).result_rows
        except (ClickHouseError, OSError) as error:
            said = str(error).partition("\n")[0]
            raise DependencyError(f"stored bars must be readable, was {said!r}") from error
        by_symbol: dict[str, list[tuple[Any, ...]]] = {}
        for symbol, *cells in found:
            by_symbol.setdefault(symbol, []).append(tuple(cells))
        return {symbol: np.array(rows[::-1], STORED) for symbol, rows in by_symbol.items()}


def histories(domain: Domain, stored: Newest) -> Iterator[Columns]:
    """``History`` records for the indicators of a configuration, for ``bars.1m``: the newest bars there are.

    They go out before the configuration does, so that its first live values are warm.
    """
    symbols = [symbol.symbol for symbol in domain.symbols]
    for interval in ("1m", *domain.intervals):
        count = needed(domain, interval)
        for first in range(0, len(symbols) if count else 0, _AT_ONCE):
            found = stored.newest(interval, symbols[first : first + _AT_ONCE], count)
            draft = Draft("bars.1m", 0)
            for symbol, rows in found.items():
                bars = np.zeros(len(rows), HISTORY)
                for name in HISTORY.names or ():
                    bars[name] = rows[name]
                ts = int(bars["ts_open"][-1])
                draft.row("History", symbol=symbol, interval=interval, ts_event=ts, bars=bars.tobytes())
            if found:
                yield draft.finish()
