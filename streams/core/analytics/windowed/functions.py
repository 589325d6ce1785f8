"""Where the functions come from: entry points of installed packages, and pandas-ta-classic.

An entry point of the group ``barline.indicators`` names a function ``(bars, **parameters)``; its name is the
kind. Whatever is not found there is looked for in the library. Both are loaded when they are first asked for,
in the process that runs them.
"""

import importlib
import inspect
import re
import warnings
from collections.abc import Iterable, Mapping
from functools import lru_cache
from importlib.metadata import entry_points
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np

from schemas.config import IndicatorConfig
from schemas.errors import ConfigurationError
from schemas.history import HISTORY
from streams.core.analytics.windowed.bars import Bars, Function, Values
from streams.core.analytics.windowed.made_up import made_up

GROUP: Final = "barline.indicators"
"""Of entry points."""

LEAST: Final = 2
MOST: Final = 2_000
"""Bars of a window: what is kept for each symbol and interval stays bounded."""

MOST_MS: Final = 60_000
"""How long a function may be allowed to take for one bar."""

_LIBRARY: Final = "pandas_ta_classic"
_COLUMNS: Final = {"open_": "open", "open": "open", "high": "high", "low": "low", "close": "close",
                   "volume": "volume"}  # fmt: skip
UNUSABLE: Final = {
    "beta": "compares with a second series",
    "correl": "compares with a second series",
    "long_run": "compares two averages that it is given",
    "short_run": "compares two averages that it is given",
    "ma": "only chooses an average: name that one",
    "mavp": "is given a length for each bar",
    "tsignals": "is given a trend",
    "xsignals": "is given a signal",
}
"""What the library has and a window of bars is not enough for."""

_OURS: Final = {"offset", "talib", "kwargs"}  # parameters of the library that are not for users


class Answer(NamedTuple):
    """What a function gave.

    Attributes:
        values: of its outputs in their order, NaN for one that is not ready; empty where it gave none.
        failed: why it gave none, empty where it did not fail.
        everywhere: whether it would fail for any bars.
        seconds: how long it took.
    """

    values: tuple[float, ...] = ()
    failed: str = ""
    everywhere: bool = False
    seconds: float = 0.0


def compute(config: bytes, rows: bytes) -> Answer:
    """What the function of an indicator makes of bars.

    Args:
        config: an ``IndicatorConfig`` in JSON.
        rows: HISTORY rows, the newest last.
    """
    try:
        said, function = checked(config)
    except ConfigurationError as error:
        return Answer(failed=str(error), everywhere=True)
    try:
        bars = Bars.of(np.frombuffer(rows, HISTORY))
        return Answer(tuple(named(said, function(bars, **parameters_of(said)))))
    except Exception as error:  # noqa: BLE001 (it is not our code: it must harm nothing but itself)
        return Answer(failed=repr(error))


@lru_cache(256)
def checked(config: bytes) -> tuple[IndicatorConfig, Function]:
    """An indicator in JSON and its function, tried over made-up bars.

    Raises:
        ConfigurationError: see ``check``.
    """
    said = msgspec.json.decode(config, type=IndicatorConfig)
    check(said)
    return said, function_of(said.kind)


def function_of(kind: str) -> Function:
    """The function of a kind.

    Raises:
        ConfigurationError: no package has one, or it cannot be loaded.
    """
    for point in entry_points(group=GROUP, name=kind):
        try:
            found: Function = point.load()
        except Exception as error:
            raise ConfigurationError(
                f"indicator {kind} must be loadable, was {error!r} ({point.value})"
            ) from error
        return found
    return _of_library(kind)


def parameters_of(config: IndicatorConfig) -> dict[str, float | int | str]:
    """What its function is given by name; whole numbers as such."""
    given: dict[str, float | int | str] = {"length": config.length} if config.length else {}
    given |= {name: int(value) if value == int(value) else value for name, value in config.parameters.items()}
    return given | config.options


def check(config: IndicatorConfig) -> None:
    """Compute an indicator over some made-up bars.

    Raises:
        ConfigurationError: its function is not there, refuses its parameters, lacks one of its outputs, or
            has none of them at the newest bar of a full window, whether prices wander, rise or fall.
    """
    if not LEAST <= config.window <= MOST:
        rule = f"from {LEAST} to {MOST}"
        raise ConfigurationError(f"window of {config.name} must be {rule}, was {config.window!r}")
    if not 1 <= config.limit_ms <= MOST_MS:
        rule = f"from 1 to {MOST_MS}"
        raise ConfigurationError(f"limit_ms of {config.name} must be {rule}, was {config.limit_ms!r}")
    function = function_of(config.kind)
    _check_parameters(config, function)
    _check_values(config, function)


def named(config: IndicatorConfig, found: Values | float | None) -> list[float]:
    """The values a function gave in the order of the outputs; empty where it gave none, NaN for not ready.

    Raises:
        ConfigurationError: it gave none of that name.
    """
    if found is None:
        return []
    values = found if isinstance(found, Mapping) else {"": found}
    outputs = config.outputs or list(values)[:1]
    if unknown := [output for output in outputs if output not in values]:
        raise ConfigurationError(
            f"outputs of {config.name} must be of {', '.join(sorted(values))}, was {unknown[0]!r}"
        )
    return [_finite(values[output]) for output in outputs]


def _finite(value: float | None) -> float:
    number = np.nan if value is None else float(value)
    return number if np.isfinite(number) else np.nan


def _of_library(kind: str) -> Function:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it uses what pandas has deprecated
        library: Any = importlib.import_module(_LIBRARY)
    if kind not in {name for names in library.Category.values() for name in names}:
        raise ConfigurationError(
            f"indicator must be one of ours, an entry point of {GROUP} or of {_LIBRARY}, was {kind!r}"
        )
    if kind in UNUSABLE:
        raise ConfigurationError(
            f"indicator must be made of the bars alone, was {kind!r}, which {UNUSABLE[kind]}"
        )
    theirs: Any = getattr(library, kind)
    wanted = inspect.signature(theirs).parameters

    def function(bars: Bars, **parameters: float | str) -> Values | None:
        columns = _series(bars)
        given = {name: columns[_COLUMNS[name]] for name in wanted if name in _COLUMNS}
        # What else is installed must not change a value.
        own = {"talib": False} if "talib" in wanted else {}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _last_row(theirs(**given, **own, **parameters), len(bars))

    function.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [one for name, one in wanted.items() if name not in _COLUMNS and name not in _OURS]
    )
    return function


def _check_parameters(config: IndicatorConfig, function: Function) -> None:
    known = inspect.signature(function).parameters
    if any(one.kind is inspect.Parameter.VAR_KEYWORD for one in known.values()):
        return
    if unknown := sorted(parameters_of(config).keys() - known.keys()):
        raise ConfigurationError(f"parameters of {config.name} must be of {', '.join(known)}, was {unknown}")


def _check_values(config: IndicatorConfig, function: Function) -> None:
    """One value of a full window is enough: some exist in a rise only, some in a fall."""
    found, given = list[float](), parameters_of(config)
    for bars in made_up(config.window):
        try:
            found = named(config, function(bars, **given))
        except ConfigurationError:
            raise
        except Exception as error:
            raise ConfigurationError(f"indicator {config.name} must compute, was {error!r}") from error
        if np.isfinite(found).any():
            return
    if not found:
        raise ConfigurationError(f"window of {config.name} must be long enough, was {config.window!r}")
    rule = "have a value at the newest bar"
    where = f"of {config.window} made-up bars; a longer window or other parameters may give one"
    raise ConfigurationError(f"outputs of {config.name} must {rule}, was none ({where})")


def _series(bars: Bars) -> dict[str, Any]:
    pandas: Any = importlib.import_module("pandas")
    index = pandas.DatetimeIndex(bars.ts_open.astype("datetime64[ns]"), tz="UTC").tz_localize(None)
    return {name: pandas.Series(getattr(bars, name), index) for name in set(_COLUMNS.values())}


def _last_row(found: Any, count: int) -> Values | None:
    """Its newest values; an answer that is not one of each bar has none."""
    if isinstance(found, tuple):
        found = next((one for one in found if one is not None), None)
    if found is None or len(found) == 0:
        return None
    if len(found) != count:
        raise ConfigurationError(f"indicator must give a value of each bar, was {len(found)} of {count} bars")
    if not hasattr(found, "columns"):
        return {"": float(found.iloc[-1])}
    last = found.iloc[-1]
    numbers = {str(name): last[name] for name in found.columns if np.issubdtype(found[name].dtype, np.number)}
    return dict(_short(numbers))


def _short(numbers: Mapping[str, float]) -> Iterable[tuple[str, float]]:
    """Values by the first part of their names, ``supertd`` for ``SUPERTd_7_3.0``; the whole where shared."""
    firsts = [_plain(name.split("_")[0]) for name in numbers]
    for name, first in zip(numbers, firsts, strict=True):
        yield (first if firsts.count(first) == 1 else _plain(name)), float(numbers[name])


def _plain(name: str) -> str:
    return re.sub(r"\W+", "_", name.lower()).strip("_")
