"""Bars of all sources become gapless 1m bars.

Topic ``bars.raw``, table ``bars``, stage ``streams.core.bars``.
"""

from typing import Final

from streams.core.bars.stage import BarsStage
from streams.transport.app import Agent

AGENT: Final = Agent("bars", BarsStage)
