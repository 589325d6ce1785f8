"""The domain configuration of a run over files: what the settings say, with the files as the only source."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final

import msgspec

from barline.settings.settings import Settings
from connectors.sources.files import FileRows, times_by_symbol
from schemas.config import Domain, PriceBasis, SourceConfig, SymbolConfig
from schemas.errors import ConfigurationError
from schemas.rules import Asset

FILES: Final = "files"
"""Name of the source of ticks and quotes; that of bars is ``files.bars``."""

_ASSETS: Final[dict[str, Asset]] = {"FX": "fx", "METALS": "commodity", "24x7": "crypto"}
_MARGIN: Final = timedelta(days=10)  # the trade dates before and after, over any run of holidays
_DAY_NS: Final = 86_400_000_000_000
_EPOCH: Final = date(1970, 1, 1)


def file_domain(
    settings: Settings, files: Sequence[FileRows], calendar: str = "", price: PriceBasis = "last"
) -> Domain:
    """The configuration for some files.

    Args:
        settings: what is known of symbols, indicators and policies.
        files: the files.
        calendar: calendar of symbols that the settings lack; empty leaves them unknown, so refused.
        price: which price of their quotes counts.

    Raises:
        ConfigurationError: no symbol of the files is known, or a calendar is not.
    """
    found = sorted({name.decode("utf-8", "replace") for file in files for name, _ in _times(file)})
    symbols = {name: _symbol(settings, name, calendar, price) for name in found}
    known = {name: symbol for name, symbol in symbols.items() if symbol is not None}
    if found and not known:
        raise ConfigurationError(
            f"symbols of the files must be in the settings or be given --calendar, was {found!r}"
        )
    sources = {
        FILES: SourceConfig(FILES, "ticks.raw", files=True),
        f"{FILES}.bars": SourceConfig(f"{FILES}.bars", "bars.raw", files=True),
    }
    narrowed = msgspec.structs.replace(settings, symbols=known, sources=sources)
    return narrowed.domain(*_dates(files))


def _symbol(settings: Settings, name: str, calendar: str, price: PriceBasis) -> SymbolConfig | None:
    symbol = settings.symbols.get(name)
    if symbol is None and calendar:
        symbol = SymbolConfig(name, _ASSETS.get(calendar, "equity"), calendar, [], price=price)
    if symbol is None:
        return None
    return msgspec.structs.replace(symbol, sources=[FILES, f"{FILES}.bars"], history="")


def _times(file: FileRows) -> list[tuple[bytes, tuple[int, int]]]:
    return [(name, (int(times.min()), int(times.max()))) for name, times in times_by_symbol(file, file.data)]


def _dates(files: Sequence[FileRows]) -> tuple[date, date]:
    bounds = [bound for file in files for _, bound in _times(file)]
    first = min((low for low, _ in bounds), default=0)
    last = max((high for _, high in bounds), default=0)
    return _date(first) - _MARGIN, _date(last) + _MARGIN


def _date(instant: int) -> date:
    return _EPOCH + timedelta(days=instant // _DAY_NS)
