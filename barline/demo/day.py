"""What the demo plays: the simulated day, or real files."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from barline.offline.domain import file_domain
from barline.settings.settings import Settings
from connectors.sources.files import read_file
from connectors.sources.modes import StoredMode
from connectors.sources.player import Player
from connectors.sources.simulator import lines as simulated_lines
from connectors.sources.simulator.planted import Planted
from connectors.sources.simulator.simulator import SIMULATED, Simulator
from connectors.sources.source import Source
from schemas.config import Domain
from schemas.errors import ConfigurationError

_AROUND: Final = timedelta(days=3)
_KINDS: Final = (("trades", "Tick"), ("quotes", "Quote"), ("bars_1m", "Bar"))


@dataclass(frozen=True, slots=True)
class Day:
    """Everything that is played.

    Attributes:
        domain: the configuration.
        market: ticks, quotes and bars.
        lines: strategy files.
        stored: modes that only the store knows.
        planted: faults and what must come of them; empty for real files.
    """

    domain: Domain
    market: Source
    lines: Sequence[Path] = ()
    stored: Sequence[StoredMode] = ()
    planted: Sequence[Planted] = ()


def simulated(settings: Settings, folder: Path, seed: int, scale: float) -> Day:
    """The simulated day; its strategy files are written into a folder."""
    domain = settings.domain(SIMULATED - _AROUND, SIMULATED + _AROUND)
    market = Simulator(domain, seed=seed, scale=scale)
    lines, planted = simulated_lines.write_lines(folder, SIMULATED, seed)
    return Day(domain, market, lines, simulated_lines.STORED, [*market.planted, *planted])


def real(settings: Settings, data: Path) -> Day:
    """Real files: of each market its trades, else its quotes, else its 1m bars.

    Args:
        settings: what is known of the symbols.
        data: a folder a market, in it a folder a kind, in it CSV files.

    Raises:
        ConfigurationError: there are no such files, or a symbol is unknown.
    """
    files = []
    for market in sorted(path for path in data.iterdir() if path.is_dir()):
        for kind, record in _KINDS:
            if paths := sorted((market / kind).glob("*.csv*")):
                files += [read_file(path, record) for path in paths]
                break
    if not files:
        raise ConfigurationError(f"data must hold <market>/trades|quotes|bars_1m/*.csv.gz, was {str(data)!r}")
    domain = file_domain(settings, files)
    return Day(domain, Player(files, domain))
