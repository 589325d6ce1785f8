"""What a configuration wants computed on one interval, laid out for the compiled pass."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from schemas.batches.nested import map_key
from schemas.config import IndicatorConfig
from schemas.indicators import KINDS, is_windowed, parameters_of, value_names
from streams.core.analytics.indicators.indicator import Indicator
from streams.core.analytics.indicators.steps import ORDER, PROGRAM, STRIDE, run_along
from streams.core.analytics.rows import Bools, Floats, Row, Rows
from streams.core.analytics.windowed.plan import Windowed

_INDICATORS: Final[tuple[Indicator, ...]] = tuple(module.INDICATOR for module in ORDER)
_BLOCK: Final = 128 * STRIDE  # bars: of every STRIDE of them a state is kept along the way
_NUMBERS: Final = {one.kind: number for number, one in enumerate(_INDICATORS)}


class Program:
    """Indicators of one interval.

    Attributes:
        indicators: those compiled, in the order of the configuration.
        codes: PROGRAM[n], of the compiled ones.
        windowed: those computed by functions.
        longest: bars of the longest of their windows, 0 where there are none.
        names: of the values in the order of the configuration, all of one indicator together.
        late: bool[names], the values of functions.
        texts: the names as Avro has them, one after the other.
        ends: int64[names + 1], where each ends; the first is 0.
        width: numbers of the state of all.
        keys: of each indicator, what its state is saved under: equal where the formula is.
        slices: of each indicator, its part of the state.

    Raises:
        ConfigurationError: a kind or a parameter makes no sense.
    """

    def __init__(self, indicators: Sequence[IndicatorConfig]) -> None:
        self.indicators = tuple(one for one in indicators if not is_windowed(one))
        self.codes = np.zeros(len(self.indicators), PROGRAM)
        self.keys: list[str] = []
        self.slices: list[slice] = []
        self.width = 0
        codes, names, windowed = iter(self.codes), list[str](), list[Windowed]()
        for config in indicators:
            outputs = value_names(config)
            if is_windowed(config):
                windowed.append(Windowed(config, len(names), len(outputs)))
            else:
                self._lay_out(next(codes), config, len(names), len(outputs))
            names += outputs
        self.names, self.windowed = tuple(names), tuple(windowed)
        self.longest = max((one.config.window for one in windowed), default=0)
        cells = [map_key(name) for name in names]
        self.texts = np.frombuffer(b"".join(cells), np.uint8)
        self.ends = np.cumsum([0, *map(len, cells)])
        self.late: Bools = np.zeros(len(names), np.bool_)
        for one in windowed:
            self.late[one.first : one.first + one.count] = True

    def move(self, state: Floats, bars: Rows) -> None:
        """Move a state on along closed bars; what it gives on the way is dropped.

        Args:
            state: float64[width], before the first of them; it becomes that after the last.
            bars: BAR rows, however many.
        """
        most, outputs = min(len(bars), _BLOCK), len(self.names)
        kept = np.empty((most // STRIDE + 1) * self.width)
        values, unseen = np.empty(most * outputs), np.empty(most * outputs)
        for first in range(0, len(bars), _BLOCK):
            part = bars[first : first + _BLOCK]
            run_along(self.codes, state, kept, part, 0, len(part), values, unseen, outputs)

    def _lay_out(self, code: Row, config: IndicatorConfig, first: int, count: int) -> None:
        parameters = parameters_of(config)
        number, whole = _NUMBERS[config.kind], _whole(config, parameters)
        size = _INDICATORS[number].width(*whole)
        code["kind"], code["state"], code["value"], code["values"] = number, self.width, first, count
        code["width"] = size
        code["first"], code["second"], code["third"] = whole
        code["factor"] = parameters[-1] if parameters else 0.0
        self.keys.append(f"{config.kind}({','.join(f'{one!r}' for one in parameters)})")
        self.slices.append(slice(self.width, self.width + size))
        self.width += size

    def peek(self, state: Floats, bar: Rows) -> Floats:
        """Values that a bar would give, which advances nothing; NaN while not ready, and for functions.

        Args:
            state: float64[width], before the bar.
            bar: the bar, forming or closed, an array of one with a revision of 0 or more.
        """
        values, unseen = np.full(len(self.names), np.nan), np.ones(len(self.names))
        kept = np.empty(self.width)
        run_along(self.codes, state.copy(), kept, bar, 0, 1, values, unseen, len(self.names))
        return values


def _whole(config: IndicatorConfig, parameters: Sequence[float]) -> tuple[int, int, int]:
    """The whole parameters, 0 for those it does not have."""
    wanted = zip(KINDS[config.kind].parameters, parameters, strict=True)
    first, second, third, *_ = [*(int(value) for one, value in wanted if one.whole), 0, 0, 0]
    return first, second, third
