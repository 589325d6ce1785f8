"""Tables of sale conditions that come with barline; ``[conditions.<name>]`` in ``barline.toml`` adds more.

=========  =========  ==============================================================================
name       spelling   of
=========  =========  ==============================================================================
lean_us    bits       US equities in files of QuantConnect/Lean, a hexadecimal number
=========  =========  ==============================================================================

Of average prices, cash and next-day sales, sellers' options, odd lots, prior reference prices, contingent and
derivatively priced trades, Form T and extended hours no open, high, low or close is taken. A table is here
only where it was measured on prints and bars of one vendor; others are for ``barline.toml``.

``lean_us`` is what the vendor's own bars follow: they take no price of intermarket sweeps, nearly half of all
prints, but do of trades out of sequence. Of SPY and AIG on 2013-10-07 and 08, regular hours, 1,554 of 1,559
bars of a minute and 44,192 of 44,199 of a second have all four prices of the vendor's, without any table 974
and 36,821; the volume of a minute is the vendor's in 1,550 with or without.
"""

from typing import Final

from schemas.rules import ConditionTable

CONDITIONS: Final[dict[str, ConditionTable]] = {
    "lean_us": ConditionTable(
        spelling="bits",
        # cash, next day, seller, intermarket sweep, derivatively priced, Form T, extended hours,
        # average price, price variation, prior reference price, odd lot
        volume_only=["1", "2", "3", "5", "9", "10", "13", "20", "22", "25", "31"],
        ignored=["24", "26"],  # official close and open
        auction=["7"],
    ),
}
