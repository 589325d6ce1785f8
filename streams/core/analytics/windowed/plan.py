"""What a configuration wants computed by functions on one interval."""

import hashlib
from dataclasses import dataclass
from functools import cached_property

import msgspec

from schemas.config import IndicatorConfig
from streams.core.analytics.rows import Rows
from streams.core.analytics.windowed.functions import parameters_of
from streams.core.analytics.windowed.runner import Job


@dataclass(frozen=True, eq=False)
class Windowed:
    """One indicator by a function; nothing is loaded here.

    Attributes:
        config: of it.
        first: place of its first value among those of its interval.
        count: how many values it has.
    """

    config: IndicatorConfig
    first: int
    count: int

    @cached_property
    def key(self) -> str:
        """What its values are saved under: equal where the formula is."""
        config = self.config
        said = (config.kind, sorted(parameters_of(config).items()), config.outputs, config.window)
        return hashlib.blake2s(repr(said).encode(), digest_size=12).hexdigest()

    @cached_property
    def _said(self) -> bytes:
        return msgspec.json.encode(self.config)

    def job(self, window: Rows) -> Job:
        """What is asked of its function: its values at the newest of some bars, HISTORY rows."""
        return Job(self._said, window[-self.config.window :].tobytes())
