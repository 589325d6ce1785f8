"""The stages with functions run apart, for whoever runs stages outside a worker."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from streams.core.analytics.stage import AnalyticsStage
from streams.core.pipeline import STAGES
from streams.core.stage import Stage
from streams.functions.apart import shared

APART: Final[Mapping[str, Callable[[int], Stage]]] = {
    **STAGES,
    "analytics": partial(AnalyticsStage, runner=shared()),
}
"""What makes the stage of each agent, given the partition."""
