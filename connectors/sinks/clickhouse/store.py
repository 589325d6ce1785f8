"""ClickHouse as the sink sees it: insert blocks, ask, command. Its errors are those of ``errors``."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, Self, TypeVar

import clickhouse_connect
from clickhouse_connect.driver.exceptions import ClickHouseError

from connectors.sinks.clickhouse.errors import StoreDownError, ours
from connectors.sinks.clickhouse.native import Chunk

_T = TypeVar("_T")

_TIMEOUT: Final = 120
_NO_DEDUPLICATION: Final = ("deduplicate_insert", "insert_deduplicate")


class Store:
    """A ClickHouse database.

    Args:
        settings: arguments for ``clickhouse_connect.get_client``.
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._settings = settings
        self._client: Any = None
        self._insert_settings: dict[str, Any] = {}

    def another(self) -> Self:
        """The same database over connections of its own, for another thread."""
        return type(self)(self._settings)

    def insert(self, table: str, chunks: Iterable[Chunk]) -> None:
        """Insert rows, all or none of each partition; when it returns they are stored.

        Raises:
            StoreDownError: later, perhaps.
            RowsRefusedError: never, as they are.
            TablesError: the table is another one.
        """
        body = b"".join(chunk.block() for chunk in chunks)

        def run(client: Any) -> None:
            client.raw_insert(table, insert_block=body, fmt="Native", settings=self._insert_settings)

        self._ask(f"table {table}", run)

    def command(self, text: str, parameters: Mapping[str, Any] | None = None) -> None:
        """Carry out a statement; values are bound as ``{name:Type}``, never written into it."""
        self._ask("a statement", lambda client: client.command(text, parameters=parameters))

    def rows(self, text: str, parameters: Mapping[str, Any] | None = None) -> list[Sequence[Any]]:
        """Rows that a query gives."""
        found = self._ask("a query", lambda client: client.query(text, parameters=parameters).result_rows)
        return list(found)

    def value(self, text: str, parameters: Mapping[str, Any] | None = None) -> Any:
        """The one value that a query gives."""
        return self.rows(text, parameters)[0][0]

    def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _ask(self, what: str, run: Callable[[Any], _T]) -> _T:
        try:
            return run(self._connected())
        except ClickHouseError as error:
            raise ours(error, what) from error
        except OSError as error:
            raise StoreDownError(f"clickhouse must answer, was {error!r} ({what})") from error

    def _connected(self) -> Any:
        """The client; made at the first use, because it asks the server at once."""
        if self._client is None:
            self._client = clickhouse_connect.get_client(**self._settings, send_receive_timeout=_TIMEOUT)
            names = "SELECT name FROM system.settings WHERE name IN {names:Array(String)}"
            known = {
                row[0] for row in self._client.query(names, {"names": list(_NO_DEDUPLICATION)}).result_rows
            }
            self._insert_settings = {"async_insert": 0}
            # A repeat must replace what it repeats, also where the server takes it for a copy and drops it.
            if _NO_DEDUPLICATION[0] in known:
                self._insert_settings[_NO_DEDUPLICATION[0]] = "disable"
            elif _NO_DEDUPLICATION[1] in known:
                self._insert_settings[_NO_DEDUPLICATION[1]] = 0
        return self._client
