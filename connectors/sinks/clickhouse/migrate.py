"""Migrations: the numbered files beside this one, in order, each applied once."""

import hashlib
from importlib.resources import files
from typing import Final

from connectors.sinks.clickhouse.errors import TablesError
from connectors.sinks.clickhouse.store import Store
from connectors.sinks.clickhouse.tables import chunk_of_rows

_APPLIED: Final = """
CREATE TABLE IF NOT EXISTS schema_migrations
(name String, sha256 String, ts_applied DateTime64(9, 'UTC') DEFAULT now64(9))
ENGINE = ReplacingMergeTree ORDER BY name
"""


def migrations() -> dict[str, str]:
    """Text of every migration by name, in order."""
    folder = files("connectors.sinks.clickhouse").joinpath("migrations")
    found = [path for path in folder.iterdir() if path.name.endswith(".sql")]
    return {path.name: path.read_text(encoding="utf-8") for path in sorted(found, key=lambda path: path.name)}


def statements(text: str) -> list[str]:
    """Statements of a migration without comments; each ends with a semicolon at the end of a line."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("--")]
    return [part.strip() for part in "\n".join(lines).split(";\n") if part.strip(" \n;")]


def migrate(store: Store) -> list[str]:
    """Apply what was not applied yet; names of what was.

    Every statement can be repeated, so one that was cut off half-way is simply applied again.

    Raises:
        TablesError: a migration was changed after it had been applied.
        StoreDownError: ClickHouse cannot be reached.
    """
    store.command(_APPLIED)
    applied = {row[0]: row[1] for row in store.rows("SELECT name, sha256 FROM schema_migrations FINAL")}
    done = []
    for name, text in migrations().items():
        digest = hashlib.sha256(text.encode()).hexdigest()
        if applied.get(name, digest) != digest:
            raise TablesError(
                f"migration {name} must stay as it was applied, was changed (fix: add a new one)"
            )
        if name not in applied:
            for statement in statements(text):
                store.command(statement)
            store.insert("schema_migrations", [chunk_of_rows([{"name": name, "sha256": digest}])])
            done.append(name)
    return done


def missing(store: Store) -> list[str]:
    """Migrations that were not applied yet."""
    if not store.value("EXISTS TABLE schema_migrations"):
        return list(migrations())
    applied = {row[0] for row in store.rows("SELECT name FROM schema_migrations FINAL")}
    return [name for name in migrations() if name not in applied]


def check_applied(store: Store) -> None:
    """See that all were applied.

    Raises:
        TablesError: one was not.
    """
    if left := missing(store):
        raise TablesError(f"migrations must be applied, was without {left[0]} (fix: `barline init`)")
