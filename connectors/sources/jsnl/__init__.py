"""Strategy files as a source: growing and rotated files, whole directories, resumed where they stopped."""

from connectors.sources.jsnl.positions import Positions, locked
from connectors.sources.jsnl.source import LinesSource

__all__ = ["LinesSource", "Positions", "locked"]
