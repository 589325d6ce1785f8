"""Strategy lines become modes, equity and trades.

Topic ``lines.raw``, table ``lines``, stage ``streams.core.lines``.
"""

from typing import Final

from streams.core.lines.stage import LinesStage
from streams.transport.app import Agent

AGENT: Final = Agent("lines", LinesStage)
