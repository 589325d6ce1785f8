"""What the domain configuration allows of ticks and bars: rules by asset class, and sale conditions."""

from typing import Literal

import msgspec

Asset = Literal["equity", "crypto", "fx", "commodity"]
Action = Literal["forbid", "flag", "allow"]


class AssetRules(msgspec.Struct, frozen=True):
    """What an asset class allows; SEMANTICS gives the defaults.

    Attributes:
        disorder_ms: how far the watermark stays behind the mark.
        nonpositive_price: action of V03.
        future_ms: V08, how far ts_event may be after ts_recv.
        spread_limit: V11, a wider spread is flagged, as a share of the middle.
        outlier_share: V13, how far from the median a print may be, as a share of it.
        outlier_sigmas: V13, how many deviations it may be from it.
        outlier_prints: V13, how many admitted prints the median is taken of, at most 64; 0 does not check.
        volume_factor: V14, a volume more than so many times the median is flagged.
        volume_bars: V14, how many real bars the median is taken of; 0 does not check.
        stuck_bars: V15, so many real bars with the same close in a row are flagged; 0 does not check.
        quiet_ms: V15, silence in an open session that is flagged; 0 does not check.
        identity_window: V16, how many numbers are remembered below the newest.
        disagreement: V19, by how much another source's close may differ, as a share; 0 does not check.
        correction_prints: so many of the newest prints of a symbol from a source are kept, for cancels and
            corrects; 0 keeps none.
    """

    disorder_ms: int = 2_000
    nonpositive_price: Action = "forbid"
    future_ms: int = 5_000
    spread_limit: float = 0.02
    outlier_share: float = 0.2
    outlier_sigmas: float = 8.0
    outlier_prints: int = 21
    volume_factor: float = 10.0
    volume_bars: int = 20
    stuck_bars: int = 5
    quiet_ms: int = 60_000
    identity_window: int = 4_096
    disagreement: float = 0.001
    correction_prints: int = 0


class RuleChanges(msgspec.Struct, frozen=True, omit_defaults=True):
    """What differs from the rules of a class: the fields of ``AssetRules``, None for what does not."""

    disorder_ms: int | None = None
    nonpositive_price: Action | None = None
    future_ms: int | None = None
    spread_limit: float | None = None
    outlier_share: float | None = None
    outlier_sigmas: float | None = None
    outlier_prints: int | None = None
    volume_factor: float | None = None
    volume_bars: int | None = None
    stuck_bars: int | None = None
    quiet_ms: int | None = None
    identity_window: int | None = None
    disagreement: float | None = None
    correction_prints: int | None = None

    def over(self, rules: AssetRules) -> AssetRules:
        """The rules with what differs put in."""
        changes = {name: value for name, value in msgspec.structs.asdict(self).items() if value is not None}
        return msgspec.structs.replace(rules, **changes) if changes else rules


class ConditionTable(msgspec.Struct, frozen=True):
    """Sale conditions as a venue spells them, and what they mean for a bar.

    A code is a character, a decimal number below 256, or the number of a bit below 64, by the spelling.

    Attributes:
        spelling: ``letters``, each character a code (``@ TI``); ``numbers``, decimal, anything between them
            (``12,37``); or ``bits``, a hexadecimal number (``20000020``).
        volume_only: prints with one of these codes count for volume, notional and trades alone.
        ignored: prints with one of these codes repeat others and count for nothing.
        auction: prints with one of these codes count into the last bar when they come soon after the close.
    """

    spelling: Literal["letters", "numbers", "bits"]
    volume_only: list[str] = []
    ignored: list[str] = []
    auction: list[str] = []


def default_rules() -> dict[Asset, AssetRules]:
    """The rules of every class."""
    return {
        "equity": AssetRules(),
        "crypto": AssetRules(disorder_ms=1_000, outlier_share=0.5, stuck_bars=3),
        "fx": AssetRules(disorder_ms=1_000, outlier_share=0.1, stuck_bars=10),
        "commodity": AssetRules(disorder_ms=1_000, outlier_share=0.15),
    }
