"""What a follower shows of itself on ``/metrics``."""

from typing import TYPE_CHECKING, Final

from prometheus_client import Counter, Gauge

from runtime.metrics import REGISTRY

if TYPE_CHECKING:
    from connectors.sources.jsnl.source import LinesSource

RECORDS: Final = Counter("barline_lines_records_total", "Records sent to lines.raw", registry=REGISTRY)
_FILES: Final = Gauge("barline_lines_files", "Files followed", registry=REGISTRY)
_OPEN: Final = Gauge("barline_lines_open_files", "Files followed that are open", registry=REGISTRY)
_UNREAD: Final = Gauge("barline_lines_unread_bytes", "Bytes not read yet, half lines too", registry=REGISTRY)
_PROBLEMS: Final = Gauge("barline_lines_unreadable_files", "Files that could not be read", registry=REGISTRY)


def show(source: "LinesSource") -> None:
    """Take the figures of a source."""
    _FILES.set(source.followed)
    _OPEN.set(source.opened)
    _UNREAD.set(source.unread)
    _PROBLEMS.set(source.discovery.problems)
