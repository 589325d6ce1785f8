"""What spans the symbols of a partition, and how it is saved.

The configuration is large and seldom changes, so it has state keys of its own, used in turn: the one that the
partition's state names is not overwritten before that state has moved on.
"""

from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np

from schemas.config import decode
from schemas.errors import StateError
from streams.core.analytics.counts import COUNTS, zeros
from streams.core.analytics.plan import Plan
from streams.core.analytics.rows import NONE, NULL
from streams.core.stage import PARTITION_KEY

CONFIG_KEYS: Final = tuple(f"!config|{number}".encode() for number in range(8))
"""State keys of the configuration."""

_ROW: Final = np.dtype(
    [("watermark", "<i8"), ("version", "<i8"), ("changes", "<i8"), ("counts", "<i8", (len(COUNTS),))]
)
_CHANGE: Final = np.dtype("<i8")


class Partition:
    """What spans the symbols.

    Attributes:
        watermark: through which every minute of ``bars.1m`` is decided, ns.
        version: of the configuration, NONE before the first.
        plan: what the configuration means, None before the first.
        counts: one for each of COUNTS, of records without a known symbol.
    """

    def __init__(self) -> None:
        self.watermark = NULL
        self.version = NONE
        self.plan: Plan | None = None
        self.counts = zeros()
        self._changes = 0
        self._body = b""
        self._configured = False

    def configure(self, version: int, body: bytes) -> None:
        """Take up a newer configuration.

        Raises:
            msgspec.MsgspecError: the body is no configuration.
            ConfigurationError: it makes no sense; nothing has changed then.
        """
        self.plan = Plan(decode(body))
        self.version, self._body = version, body
        self._changes += 1
        self._configured = True

    def take(self) -> Iterator[tuple[bytes, bytes]]:
        """State keys and bodies of what changed: a new configuration first, then the partition itself."""
        if self._configured:
            yield self._config_key(), np.array(self._changes, _CHANGE).tobytes() + self._body
        self._configured = False
        row = np.zeros(1, _ROW)
        row[0] = (self.watermark, self.version, self._changes, self.counts)
        yield PARTITION_KEY, row.tobytes()

    @staticmethod
    def of(bodies: Mapping[bytes, bytes]) -> "Partition":
        """The partition among bodies by state key.

        Raises:
            StateError: the configuration that it names is not there.
        """
        taken_up = Partition()
        if PARTITION_KEY not in bodies:
            return taken_up
        row = np.frombuffer(bodies[PARTITION_KEY], _ROW, 1)[0]
        taken_up.watermark, taken_up.version = int(row["watermark"]), int(row["version"])
        taken_up.counts, taken_up._changes = row["counts"].tolist(), int(row["changes"])
        if taken_up._changes:
            found = bodies.get(taken_up._config_key(), b"")
            change = np.frombuffer(found[: _CHANGE.itemsize], _CHANGE)
            if change.tolist() != [taken_up._changes]:
                raise StateError(f"configuration must be change {taken_up._changes}, was {change.tolist()!r}")
            taken_up._body = found[_CHANGE.itemsize :]
            taken_up.plan = Plan(decode(taken_up._body))
        return taken_up

    def _config_key(self) -> bytes:
        return CONFIG_KEYS[self._changes % len(CONFIG_KEYS)]
