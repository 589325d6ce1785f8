"""What a configuration wants computed on one interval, laid out for the compiled pass."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from schemas.config import IndicatorConfig
from schemas.indicators import KINDS, parameters_of, value_names
from streams.core.analytics.indicators.indicator import Indicator
from streams.core.analytics.indicators.steps import ORDER, PROGRAM, run_along
from streams.core.analytics.rows import Floats, Rows

_INDICATORS: Final[tuple[Indicator, ...]] = tuple(module.INDICATOR for module in ORDER)
_NUMBERS: Final = {one.kind: number for number, one in enumerate(_INDICATORS)}


class Program:
    """Indicators of one interval.

    Attributes:
        indicators: in the order of the configuration.
        codes: PROGRAM[n].
        names: of the values, all of one indicator together.
        width: numbers of the state of all.
        keys: of each indicator, what its state is saved under: equal where the formula is.
        slices: of each indicator, its part of the state.

    Raises:
        ConfigurationError: a kind or a parameter makes no sense.
    """

    def __init__(self, indicators: Sequence[IndicatorConfig]) -> None:
        self.indicators = tuple(indicators)
        self.codes = np.zeros(len(self.indicators), PROGRAM)
        names: list[str] = []
        self.keys: list[str] = []
        self.slices: list[slice] = []
        width = 0
        for code, config in zip(self.codes, self.indicators, strict=True):
            parameters = parameters_of(config)
            number = _NUMBERS[config.kind]
            whole = _whole(config, parameters)
            outputs = value_names(config)
            size = _INDICATORS[number].width(*whole)
            code["kind"], code["state"], code["value"], code["values"] = (
                number,
                width,
                len(names),
                len(outputs),
            )
            code["first"], code["second"], code["third"] = whole
            code["factor"] = parameters[-1] if parameters else 0.0
            names += outputs
            self.keys.append(f"{config.kind}({','.join(f'{one!r}' for one in parameters)})")
            self.slices.append(slice(width, width + size))
            width += size
        self.names, self.width = tuple(names), width

    def peek(self, state: Floats, bar: Rows) -> Floats:
        """Values that a bar would give, which advances nothing; NaN while not ready.

        Args:
            state: float64[width], before the bar.
            bar: the bar, forming or closed, an array of one with a revision of 0 or more.
        """
        values, unseen = np.empty(len(self.names)), np.empty(len(self.names))
        kept = np.empty(self.width)
        run_along(self.codes, state.copy(), kept, bar, 0, 1, values, unseen, len(self.names))
        return values


def _whole(config: IndicatorConfig, parameters: Sequence[float]) -> tuple[int, int, int]:
    """The whole parameters, 0 for those it does not have."""
    wanted = zip(KINDS[config.kind].parameters, parameters, strict=True)
    first, second, third, *_ = [*(int(value) for one, value in wanted if one.whole), 0, 0, 0]
    return first, second, third
