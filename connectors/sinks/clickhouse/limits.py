"""The section ``[sink]`` of the settings."""

from dataclasses import dataclass
from typing import Annotated

import msgspec

from connectors.sinks.clickhouse.guard import LARGEST_IN_BUCKETS, LARGEST_NUMBER


@dataclass(frozen=True, slots=True)
class Limits:
    """When a batch is stored.

    Attributes:
        rows: as soon as so many rows wait.
        age_s: as soon as the oldest has waited so long, or a tenth less.
        modes: so many modes may be in ``equity``; None is what suits the layout.
        buckets: partitions of ``equity``, which modes share; 0 is one for each mode.
    """

    rows: int = 100_000
    age_s: float = 1.0
    modes: int | None = None
    buckets: Annotated[int, msgspec.Meta(ge=0, le=LARGEST_NUMBER)] = 0

    def most_modes(self) -> int:
        """Modes at most."""
        return (LARGEST_IN_BUCKETS if self.buckets else LARGEST_NUMBER) if self.modes is None else self.modes
