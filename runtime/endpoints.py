"""Where the servers are: read from the state file of the stack, or from the environment.

``barline up`` writes ``stack.json`` into the home directory (``BARLINE_HOME``, else ``.barline`` in the
working directory); every other process reads it here. ``BARLINE_KAFKA``, ``BARLINE_REGISTRY``,
``BARLINE_CLICKHOUSE`` and ``BARLINE_CLICKHOUSE_READER`` come before the file, so any other Kafka, registry or
ClickHouse works as well.
"""

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import msgspec

from schemas.errors import ConfigurationError, DependencyError

STATE_FILE: Final = "stack.json"
_FIX: Final = "start the stack with `barline up`"


def home_directory(environ: Mapping[str, str] = os.environ) -> Path:
    """Directory of all that the stack keeps: ``BARLINE_HOME``, else ``.barline`` in the working directory."""
    return Path(environ.get("BARLINE_HOME") or ".barline").expanduser().absolute()


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Addresses of the servers.

    Attributes:
        kafka: bootstrap servers, ``host:port[,host:port]``.
        registry: URL of the schema registry.
        clickhouse: ``http://user:password@host:port/database`` of a user that may write; empty when there
            is no database.
        clickhouse_reader: the same of a user that may only read; empty when there is none.
    """

    kafka: str
    registry: str
    clickhouse: str
    clickhouse_reader: str = ""

    @classmethod
    def load(cls, home: Path | None = None, environ: Mapping[str, str] = os.environ) -> "Endpoints":
        """Read the addresses: from the environment where it has them, else from the state file.

        Args:
            home: directory of the state file; None means :func:`home_directory`.
            environ: environment to read.

        Raises:
            DependencyError: neither names a server.
            ConfigurationError: the state file cannot be read as one.
        """
        path = (home or home_directory(environ)) / STATE_FILE
        found = _read(path)
        found |= {name: value for name in cls.__slots__ if (value := environ.get(f"BARLINE_{name.upper()}"))}
        missing = [name for name in ("kafka", "registry") if not found.get(name)]
        if missing:
            names = ", ".join(missing)
            raise DependencyError(
                f"address of {names} must be known, was in no {path} and no environment ({_FIX})"
            )
        return cls(**{name: found.get(name, "") for name in cls.__slots__})

    def clickhouse_settings(self, *, reader: bool = False) -> dict[str, Any]:
        """Keyword arguments for ``clickhouse_connect.get_client``.

        Args:
            reader: as the user that may only read, when there is one.

        Raises:
            ConfigurationError: the URL is not http(s) or has no host.
            DependencyError: there is no database.
        """
        if not self.clickhouse:
            raise DependencyError(
                "address of clickhouse must be known, was not (fix: set BARLINE_CLICKHOUSE)"
            )
        return clickhouse_settings((reader and self.clickhouse_reader) or self.clickhouse)

    def environment(self) -> dict[str, str]:
        """Environment variables that carry these addresses to another process."""
        return {f"BARLINE_{name.upper()}": value for name, value in asdict(self).items() if value}


def clickhouse_settings(url: str) -> dict[str, Any]:
    """Keyword arguments for ``clickhouse_connect.get_client`` from a URL.

    Sessions are off: the embedded engine has none, and concurrent queries of one client must not wait.

    Raises:
        ConfigurationError: the URL is not http(s) or has no host.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ConfigurationError(
            f"clickhouse address must be http(s)://user:password@host:port/db, was {url!r}"
        )
    secure = parts.scheme == "https"
    return {
        "host": parts.hostname,
        "port": parts.port or (8443 if secure else 8123),
        "secure": secure,
        "username": unquote(parts.username or "default"),
        "password": unquote(parts.password or ""),
        "database": parts.path.strip("/") or "default",
        "autogenerate_session_id": False,
    }


def _read(path: Path) -> dict[str, str]:
    """Text entries of the state file; none when there is no file."""
    try:
        state = msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
    except FileNotFoundError:
        return {}
    except (OSError, msgspec.MsgspecError) as error:
        raise ConfigurationError(f"state file must be readable JSON, was {error} ({path})") from error
    return {name: value for name, value in state.items() if isinstance(value, str)}
