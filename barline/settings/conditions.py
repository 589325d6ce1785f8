"""Tables of sale conditions that come with barline; ``[conditions.<name>]`` in ``barline.toml`` adds more.

=========  =========  ==============================================================================
name       spelling   of
=========  =========  ==============================================================================
sip        letters    the consolidated tapes of US equities, four characters a trade
lean_us    bits       US equities in files of QuantConnect/Lean, a hexadecimal number
=========  =========  ==============================================================================

Of average prices, cash and next-day sales, sellers' options, odd lots, prior reference prices, contingent and
derivatively priced trades, trades out of sequence, Form T and extended hours no open, high, low or close is
taken.
"""

from typing import Final

from schemas.config import ConditionTable

CONDITIONS: Final[dict[str, ConditionTable]] = {
    "sip": ConditionTable(
        spelling="letters",
        # B average price, C cash, G bunched sold, H price variation, I odd lot, N next day, P prior
        # reference, R seller, T Form T, U extended hours, V contingent, W average price,
        # Z sold out of sequence, 4 derivatively priced, 7 qualified contingent
        volume_only=[*"BCGHINPRTUVWZ47"],
        ignored=["M", "Q"],  # official close and open of a market centre
        auction=["6"],  # closing print of the listing market
    ),
    "lean_us": ConditionTable(
        spelling="bits",
        # cash, next day, seller, derivatively priced, Form T, extended hours, out of sequence,
        # average price, price variation, prior reference price, odd lot
        volume_only=["1", "2", "3", "9", "10", "13", "14", "20", "22", "25", "31"],
        ignored=["24", "26"],  # official close and open
        auction=["7"],
    ),
}
