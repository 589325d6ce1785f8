"""The twelve symbols of the simulated day and the three sources that speak of them."""

from dataclasses import dataclass
from typing import Final, Literal

TICKS: Final = "sim"
"""Source of the ticks and quotes of New York, FX and crypto."""
INDIA: Final = "sim.nse"
"""Source of the ticks of Mumbai, the one with an outage."""
BARS: Final = "sim.bars"
"""Poller of vendor bars."""


@dataclass(frozen=True, slots=True)
class Instrument:
    """One symbol as the simulator trades it.

    Attributes:
        symbol: canonical name.
        record: what its source sends.
        source: name of the source.
        price: first price.
        tick_size: smallest step of a price.
        per_minute: mean number of records a minute at scale 1.
        volatility: standard deviation of a step, relative to the price.
        named: whether trades have a trade_id; otherwise their seq identifies them.
    """

    symbol: str
    record: Literal["Tick", "Quote", "Bar"]
    source: str
    price: float
    tick_size: float
    per_minute: float
    volatility: float = 2e-5
    named: bool = False


INSTRUMENTS: Final = (
    Instrument("SPY", "Tick", TICKS, 545.0, 0.01, 120),
    Instrument("AIG", "Tick", TICKS, 74.0, 0.01, 40),
    Instrument("BRK.A", "Tick", TICKS, 610_000.0, 1.0, 0.7, 3e-4),
    Instrument("GOOG", "Bar", BARS, 184.0, 0.01, 50),
    Instrument("INFY", "Tick", INDIA, 1_590.0, 0.05, 45),
    Instrument("YESBANK", "Tick", INDIA, 23.7, 0.01, 35),
    Instrument("RELIANCE", "Tick", INDIA, 3_120.0, 0.05, 60),
    Instrument("EURUSD", "Quote", TICKS, 1.0738, 0.00001, 25, 1e-5),
    Instrument("USDJPY", "Quote", TICKS, 161.45, 0.001, 20, 1e-5),
    Instrument("XAUUSD", "Quote", TICKS, 2_331.0, 0.01, 20, 3e-5),
    Instrument("BTCUSD", "Tick", TICKS, 62_800.0, 0.01, 40, 5e-5, named=True),
    Instrument("ETHUSD", "Tick", TICKS, 3_440.0, 0.01, 25, 5e-5),
)
"""Every symbol of the day, in the order of their seeds."""
