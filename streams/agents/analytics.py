"""1m bars become longer bars, indicators and ready records.

Topic ``bars.1m``, table ``analytics``, stage ``streams.core.analytics``.
"""

from functools import partial
from typing import Final

from streams.core.analytics.stage import AnalyticsStage
from streams.functions.apart import shared
from streams.transport.app import Agent
from streams.transport.figures import Functions

AGENT: Final = Agent("analytics", partial(AnalyticsStage, watch=Functions("analytics"), runner=shared()))
