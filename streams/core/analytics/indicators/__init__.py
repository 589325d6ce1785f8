"""The indicators by kind: every module of this folder with an ``INDICATOR`` is one."""

from collections.abc import Mapping
from importlib import import_module
from pkgutil import iter_modules
from typing import Final

from streams.core.analytics.indicators.indicator import Indicator


def _found() -> dict[str, Indicator]:
    modules = (import_module(f"{__name__}.{found.name}") for found in iter_modules(__path__))
    indicators = (getattr(module, "INDICATOR", None) for module in modules)
    return {one.kind: one for one in indicators if isinstance(one, Indicator)}


INDICATORS: Final[Mapping[str, Indicator]] = _found()
"""Every indicator by its kind."""
