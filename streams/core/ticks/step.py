"""What one call of ``TicksStage.step`` works on."""

from collections import Counter
from dataclasses import dataclass, field

from schemas.columns import Columns
from streams.core.ticks.batch import Feed, Prints
from streams.core.ticks.emit import Bars, Drafts
from streams.core.ticks.relay import Beat, Passed


@dataclass(slots=True)
class Step:
    """What one call of ``step`` works on.

    Attributes:
        feed: the batch as kernels take it.
        end: position up to which records were checked.
        counts: of corrections.
        unknown: corrections refused without a pair.
        kept: prints up to this position were offered to those that keep them,
        seen: and so many parts of what was put out were looked through.
        named: first verdicts of prints that a correction has named before they came, by position.
    """

    batch: Columns
    feed: Feed
    prints: Prints
    drafts: Drafts
    beats: list[Beat]
    bars: Bars = field(default_factory=Bars)
    passed: list[Passed] = field(default_factory=list)
    end: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    unknown: int = 0
    kept: int = 0
    seen: int = 0
    named: dict[int, int] = field(default_factory=dict)
