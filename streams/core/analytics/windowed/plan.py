"""What a configuration wants computed by functions on one interval."""

import hashlib
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Protocol

import msgspec
import numpy as np

from schemas.config import IndicatorConfig
from schemas.errors import ConfigurationError
from streams.core.analytics.rows import Floats
from streams.core.analytics.windowed.bars import Bars, Function
from streams.core.analytics.windowed.functions import check, function_of, named, parameters_of


class Watch(Protocol):
    """Looks on while functions run; nothing depends on it."""

    def time(self, name: str) -> AbstractContextManager[None]:
        """Measure one run of an indicator's function."""
        ...

    def disabled(self, name: str, where: str, reason: str) -> None:
        """Say that an indicator is computed no more, for a symbol and interval or everywhere (empty)."""
        ...


class Unwatched:
    """Nobody looks on."""

    def time(self, _name: str) -> AbstractContextManager[None]:
        """Measure nothing."""
        return nullcontext()

    def disabled(self, _name: str, _where: str, _reason: str) -> None:
        """Say nothing."""


UNWATCHED: Final = Unwatched()


@lru_cache(256)
def _checked(config: bytes) -> Function:
    """The function of a configuration, in JSON; it is the same on every interval."""
    said = msgspec.json.decode(config, type=IndicatorConfig)
    check(said)
    return function_of(said.kind)


@dataclass(frozen=True, slots=True, eq=False)
class Windowed:
    """One indicator by a function.

    Attributes:
        config: of it.
        first: place of its first value among those of its interval.
        count: how many values it has.
        key: what its values are saved under: equal where the formula is.
        function: None where it cannot be computed.
        reason: why it cannot.
    """

    config: IndicatorConfig
    first: int
    count: int
    key: str
    function: Function | None
    reason: str = ""

    @staticmethod
    def of(config: IndicatorConfig, first: int, count: int) -> "Windowed":
        """That of a configuration; one that cannot be computed here harms no other."""
        said = (config.kind, sorted(parameters_of(config).items()), config.outputs, config.window)
        key = hashlib.blake2s(repr(said).encode(), digest_size=12).hexdigest()
        try:
            return Windowed(config, first, count, key, _checked(msgspec.json.encode(config)))
        except ConfigurationError as error:
            return Windowed(config, first, count, key, None, str(error))

    def compute(self, bars: Bars) -> Floats:
        """Its values at the newest bar; NaN while not ready.

        Raises:
            Exception: whatever its function raises.
        """
        values = np.full(self.count, np.nan)
        if self.function is not None:
            found = named(self.config, self.function(bars, **parameters_of(self.config)))
            values[: len(found)] = found
        return values
