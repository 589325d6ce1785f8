"""Bars that nobody traded, on which a function is tried before it is configured."""

from collections.abc import Iterator

import numpy as np

from streams.core.analytics.rows import Floats
from streams.core.analytics.windowed.bars import Bars


def made_up(window: int) -> Iterator[Bars]:
    """Bars, one a minute, of a price that wanders, then of one that rises, then of one that falls.

    Some outputs exist in one of them only: the stop of a long position has no value while prices fall.

    Args:
        window: how many bars, 2,000 at most.
    """
    number = np.arange(window)
    wave = np.sin(number * 0.7)
    yield _of(100.0 + wave + np.cos(number * 0.11) * 3.0)
    yield _of(1.003**number * (100.0 + wave * 0.1))
    yield _of(0.997**number * (100.0 + wave * 0.1))


def _of(price: Floats) -> Bars:
    number = np.arange(len(price))
    opens, dates = number * 60_000_000_000 + 1_719_900_000_000_000_000, np.full(len(price), 19_906)
    volume = (1_000 + number % 7 * 10).astype(np.float64)
    return Bars(opens, dates, price, price * 1.005, price * 0.995, price * 1.001, volume, volume * price)
