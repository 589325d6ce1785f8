"""The table ``trading_instances`` of ClickHouse, read and written by the resolver and ``barline modes``."""

import math
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

import clickhouse_connect
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError, DatabaseError, OperationalError

from connectors.sources.modes import StoredMode
from schemas.errors import RetryableSourceError, SourceError

_COLUMNS: Final = ("mode", "strand_id", "live", "component", "ts_event", "data", "version")
_SELECT: Final = """
SELECT mode, strand_id, live, component, toUnixTimestamp64Nano(ts_event), data, version
FROM trading_instances FINAL
WHERE {named:UInt8} = 0 OR mode IN {modes:Array(String)}
ORDER BY version DESC, strand_id DESC
LIMIT 1 BY mode
LIMIT {most:UInt32}
"""
_T = TypeVar("_T")


class TradingInstances:
    """Configurations in ClickHouse; it connects at the first question, and again after a failure.

    Args:
        settings: arguments of ``clickhouse_connect.get_client``.
        timeout_s: seconds that one question may take.
    """

    def __init__(self, settings: dict[str, Any], timeout_s: float = 2.0) -> None:
        whole = max(math.ceil(timeout_s), 1)  # the client knows no parts of a second
        self._settings = {**settings, "connect_timeout": whole, "send_receive_timeout": whole}
        self._client: Client | None = None

    def read(self, modes: Sequence[str], limit: int) -> list[StoredMode]:
        """The newest configuration of each mode; of any modes where none is named.

        Raises:
            RetryableSourceError: the store does not answer.
            SourceError: it refuses, such as when the table is not there.
        """
        wanted = {"named": int(bool(modes)), "modes": list(modes), "most": limit}
        rows = self._ask(lambda client: client.query(_SELECT, parameters=wanted).result_rows)
        return [StoredMode(*row) for row in rows]

    def write(self, rows: Sequence[StoredMode]) -> None:
        """Store configurations.

        Raises:
            RetryableSourceError: the store does not answer.
            SourceError: it refuses.
        """
        cells = [[getattr(row, name) for name in _COLUMNS] for row in rows]
        self._ask(lambda client: client.insert("trading_instances", cells, column_names=_COLUMNS))

    def close(self) -> None:
        """Close the connection."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _ask(self, question: Callable[[Client], _T]) -> _T:
        try:
            if self._client is None:
                self._client = clickhouse_connect.get_client(**self._settings)
            return question(self._client)
        except (OperationalError, OSError) as error:
            self.close()
            raise RetryableSourceError(f"store must answer, was {_short(error)}") from error
        except (DatabaseError, ClickHouseError) as error:
            self.close()
            raise SourceError(
                f"trading_instances must be readable, was {_short(error)} (fix: `barline init`)"
            ) from error


def _short(error: Exception) -> str:
    return str(error).partition("\n")[0][:200]
