"""The indicators by kind: what each is given and what it gives, as all processes know it.

The formulas are in ``streams/core/analytics/indicators``, a file each.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from schemas.config import IndicatorConfig
from schemas.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Parameter:
    """One number that an indicator is given.

    Attributes:
        name: ``length`` is a field of the configuration, the others stand under ``parameters``.
        default: where it is not given; None: it must be.
        least: smallest value.
        whole: a whole number.
    """

    name: str
    default: float | None
    least: float = 1.0
    whole: bool = True


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of indicator.

    Attributes:
        parameters: in the order of its formula.
        outputs: what follows ``<name>_`` in the names of its values, empty for the name alone.
    """

    parameters: tuple[Parameter, ...] = ()
    outputs: tuple[str, ...] = ("",)


_LENGTH: Final = (Parameter("length", None),)
_FACTOR: Final = Parameter("factor", 2.0, 0.0, whole=False)
_BANDS: Final = ("lower", "middle", "upper")

KINDS: Final[Mapping[str, Kind]] = {
    "adx": Kind((Parameter("length", None, 2),), ("", "plus", "minus")),
    "atr": Kind(_LENGTH),
    "bollinger": Kind((*_LENGTH, _FACTOR), _BANDS),
    "deviation": Kind(_LENGTH),
    "donchian": Kind(_LENGTH, _BANDS),
    "ema": Kind(_LENGTH),
    "keltner": Kind((*_LENGTH, _FACTOR), _BANDS),
    "macd": Kind(
        (Parameter("fast", 12), Parameter("slow", 26), Parameter("signal", 9)), ("", "signal", "histogram")
    ),
    "momentum": Kind(_LENGTH),
    "obv": Kind(),
    "roc": Kind(_LENGTH),
    "rsi": Kind(_LENGTH),
    "sma": Kind(_LENGTH),
    "stochastic": Kind((*_LENGTH, Parameter("smooth", 3), Parameter("signal", 3)), ("k", "d")),
    "true_range": Kind(),
    "volume_average": Kind(_LENGTH),
    "vwap": Kind(),
}
"""Every kind by its name."""


def parameters_of(config: IndicatorConfig) -> tuple[float, ...]:
    """The parameters of an indicator in the order of its kind, checked.

    Raises:
        ConfigurationError: the kind is unknown, or a parameter is missing, unknown or out of its range.
    """
    kind = KINDS.get(config.kind)
    if kind is None:
        raise ConfigurationError(f"indicator must be one of {sorted(KINDS)}, was {config.kind!r}")
    unknown = sorted(config.parameters.keys() - {one.name for one in kind.parameters})
    if unknown:
        raise ConfigurationError(f"parameters of {config.name} must be its own, was {unknown}")
    return tuple(_value(config, one) for one in kind.parameters)


def _value(config: IndicatorConfig, one: Parameter) -> float:
    given = config.length if one.name == "length" else config.parameters.get(one.name, one.default)
    if given is None or not given >= one.least or (one.whole and given != int(given)) or given > _MOST:
        rule = f"a whole number from {one.least:g} on" if one.whole else f"at least {one.least:g}"
        raise ConfigurationError(f"{one.name} of {config.name} must be {rule}, was {given!r}")
    return float(given)


def is_windowed(config: IndicatorConfig) -> bool:
    """Whether it is not one of ours, but a function over a window of bars."""
    return config.kind not in KINDS


def value_names(config: IndicatorConfig) -> tuple[str, ...]:
    """Names of the values of an indicator, such as ``("macd", "macd_signal", "macd_histogram")``."""
    outputs = config.outputs or ("",) if is_windowed(config) else KINDS[config.kind].outputs
    return tuple(f"{config.name}_{output}" if output else config.name for output in outputs)


_MOST: Final = 10_000.0  # bars: what is kept for each symbol and interval stays bounded
