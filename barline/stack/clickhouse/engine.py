"""The embedded engine: a few connections, each with a thread of its own, some of them read-only.

Rows are inserted from a file (``INSERT ... FROM INFILE``), never with chdb's ``send_insert``: on a full disk
that reports success and the rows are gone (chdb 4.4), while INFILE fails with code 243.

A query that fails after its first rows leaves them in its connection, and they would stand before the rows
of the next query (chdb 4.4 again); so a connection is cleaned after every failure.
"""

import asyncio
import re
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import chdb

from barline.stack.clickhouse.errors import QueryError
from barline.stack.clickhouse.statements import quoted

_SETTING: Final = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Scope:
    """What a query runs under.

    Attributes:
        database: where names without a database are looked up.
        settings: engine settings of this query alone.
        readonly: nothing may be changed.
    """

    database: str
    settings: Mapping[str, str]
    readonly: bool


class Connection:
    """One connection; it remembers its database and settings, so that only differences cost a statement."""

    def __init__(self, directory: Path, *, readonly: bool) -> None:
        self.raw: Any = chdb.connect(str(directory))
        self._database = ""
        self._settings: dict[str, str] = {}
        if readonly:
            self.raw.query("SET readonly=2")

    def clean(self) -> None:
        """Throw away what a failed query left.

        Raises:
            QueryError: the connection stays dirty.
        """
        for _ in range(3):
            if self.raw.query("SELECT 1", "TabSeparated").bytes() == b"1\n":
                return
        raise QueryError(1002, "A connection of the engine cannot be cleaned after a failed query.")

    def enter(self, scope: Scope) -> None:
        """Take over database and settings of a query.

        Raises:
            QueryError: 115, a name is no setting.
        """
        for name in self._settings.keys() - scope.settings.keys():
            self.raw.query(f"SET {name}=DEFAULT")
            del self._settings[name]
        for name, value in scope.settings.items():
            if not _SETTING.fullmatch(name):
                raise QueryError(115, f"Unknown setting {name!r}. (UNKNOWN_SETTING)")
            if self._settings.get(name) != value:
                self.raw.query(f"SET {name}={quoted(value)}")
                self._settings[name] = value
        if scope.database != self._database:
            self.raw.query(f"USE `{scope.database.replace('`', '')}`")
            self._database = scope.database


class Engine:
    """The engine of one directory.

    Args:
        directory: where it keeps its tables; locked while it is open.
        connections: how many queries run at once, reading and writing each.
    """

    def __init__(self, directory: Path, connections: int = 4) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._mine = threading.local()
        self._all: list[Connection] = []
        self._threads = {
            readonly: ThreadPoolExecutor(
                connections, f"engine-{readonly}", initializer=self._open, initargs=(directory, readonly)
            )
            for readonly in (False, True)
        }

    def _open(self, directory: Path, readonly: bool) -> None:
        """Open the connection of a thread."""
        self._mine.connection = Connection(directory, readonly=readonly)
        self._all.append(self._mine.connection)

    async def run(self, scope: Scope, work: Callable[[Any], Any]) -> Any:
        """Run ``work`` with a chdb connection under a scope, in a thread.

        Raises:
            QueryError: the engine refuses.
        """
        return await asyncio.get_running_loop().run_in_executor(
            self._threads[scope.readonly], self._run, scope, work
        )

    def _run(self, scope: Scope, work: Callable[[Any], Any]) -> Any:
        connection: Connection = self._mine.connection
        try:
            connection.enter(scope)
            return work(connection.raw)
        except (chdb.ChdbError, RuntimeError, ValueError, OSError) as error:
            connection.clean()
            raise QueryError.of(error) from error

    def close(self) -> None:
        """Finish what runs, then close the engine."""
        for threads in self._threads.values():
            threads.shutdown(cancel_futures=True)
        for connection in self._all:
            connection.raw.close()


def insert(statement: str) -> Callable[[Any], dict[str, str]]:
    """Work that inserts and returns how much it wrote."""

    def work(raw: Any) -> dict[str, str]:
        result = raw.query(statement, "TabSeparated")
        return {"written_rows": str(result.rows_read()), "written_bytes": str(result.bytes_read())}

    return work


def answer(
    sql: str, form: str, parameters: Mapping[str, str], put: Callable[[bytes], bool], *, stream: bool
) -> Callable[[Any], None]:
    """Work that gives the bytes of an answer to ``put``, in chunks when it streams, until that is False."""

    def work(raw: Any) -> None:
        if not stream:
            put(raw.query(sql, form, params=dict(parameters)).bytes() or b"")
            return
        result = raw.send_query(sql, form, params=dict(parameters))
        try:
            for chunk in result:
                if not put(chunk.bytes()):
                    return
        finally:
            result.close()

    return work
