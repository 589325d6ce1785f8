"""What one step over a batch reads and writes."""

from dataclasses import dataclass

from schemas.columns import Columns
from streams.core.analytics.counts import Counts
from streams.core.analytics.incoming import Incoming, Promises
from streams.core.analytics.ready import Emission


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """The records of a step and what it puts out.

    Attributes:
        batch: the records.
        bars: those that are bars.
        promises: those that are heartbeats.
        emission: what is put out.
        counts: what is counted.
    """

    batch: Columns
    bars: Incoming
    promises: Promises
    emission: Emission
    counts: Counts

    @staticmethod
    def of(batch: Columns, partition: int) -> "Step":
        """The step over a batch of a partition."""
        return Step(batch, Incoming(batch), Promises(batch), Emission(batch, partition), Counts())

    def refuse(self, position: int, code: str, detail: str, counts: list[int]) -> None:
        """A record goes to the dead letters, and is counted in a row of counts."""
        self.emission.refuse(position, code, detail)
        self.counts.add(counts, "rejected")
        self.counts.code(code)

    def late(self, position: int, counts: list[int]) -> None:
        """A bar of a trade date that is no longer kept goes to ``late``."""
        self.emission.refuse(position, "V09", "must be of a trade date that may still be revised", "late")
        self.counts.add(counts, "late")
