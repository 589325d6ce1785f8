"""Ticks and quotes become bars.

Topic ``ticks.raw``, table ``ticks``, stage ``streams.core.ticks``.
"""

from typing import Final

from streams.core.ticks.stage import TicksStage
from streams.transport.app import Agent

AGENT: Final = Agent("ticks", TicksStage)
