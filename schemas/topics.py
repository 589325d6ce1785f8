"""The topics as data: which records a topic holds, who writes it and how the broker keeps it."""

from dataclasses import dataclass
from typing import Final

_FOREVER: Final = {
    # Record timestamps are event times: the default retention would delete historical data at once.
    "retention.ms": "-1",
    # Records from the future are refused by us (V08), never by the broker.
    "message.timestamp.after.max.ms": "9223372036854775807",
    "message.timestamp.type": "CreateTime",
    "cleanup.policy": "delete",
}


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic.

    Attributes:
        name: dots and hyphens, never underscores.
        records: names of its record types; their order gives the ``kinds`` of its columns.
        written_by: kinds of process.
        read_by: kinds of process.
        event_time: field that becomes the record timestamp; empty keeps that of the record type.
        announces: its records tell of those of other topics and are sent when those have arrived.
        has_headers: its records say who wrote them and when.
    """

    name: str
    records: tuple[str, ...]
    written_by: tuple[str, ...]
    read_by: tuple[str, ...]
    event_time: str = ""
    announces: bool = False
    has_headers: bool = True

    def kind(self, record: str) -> int:
        """Number of a record type in this topic's columns."""
        return self.records.index(record)

    @property
    def settings(self) -> dict[str, str]:
        """Broker settings the topic is created with."""
        return dict(_FOREVER)


DERIVED: Final = ("5m", "15m", "30m", "1h", "1d")
"""Derived intervals that have a topic by default."""

_ALL: Final = (
    Topic(
        "ticks.raw",
        ("Tick", "Quote", "Heartbeat", "SourceStatus", "Config", "Correction"),
        ("sources", "clock", "config"),
        ("ticks",),
    ),
    Topic(
        "bars.raw",
        ("Bar", "MinuteStatus", "Heartbeat", "SourceStatus", "Config"),
        ("ticks", "sources", "clock"),
        ("bars",),
    ),
    Topic("bars.1s", ("Bar",), ("ticks",), ("sink", "api")),
    # Most of what is put out, by one agent, into no table: the two headers would cost as much as the bar.
    Topic("bars.forming", ("Bar",), ("ticks",), ("api",), event_time="ts_last", has_headers=False),
    Topic(
        "bars.1m",
        ("Bar", "MinuteStatus", "Heartbeat", "Config", "History"),
        ("bars", "config"),
        ("analytics", "sink", "api"),
    ),
    Topic("gaps", ("Gap",), ("bars",), ("sink", "api", "backfill")),
    Topic("sessions", ("Session",), ("bars",), ("sink", "api")),
    *(Topic(f"bars.{interval}", ("Bar",), ("analytics",), ("sink", "api")) for interval in DERIVED),
    Topic("indicators", ("IndicatorValues",), ("analytics",), ("sink", "api")),
    Topic("ready", ("Ready", "Heartbeat"), ("analytics",), ("sink", "api"), announces=True),
    Topic("signals", ("Signal",), ("analytics",), ("sink", "api")),
    Topic(
        "lines.raw",
        ("Line", "ModeConfig", "ModeUnknown", "RunEnd", "Config"),
        ("line source", "resolver", "config"),
        ("lines",),
    ),
    Topic("modes", ("ModeConfig",), ("lines",), ("sink", "api")),
    Topic("equity", ("Equity", "RunEnd"), ("lines",), ("sink", "api")),
    Topic("trades", ("Trade",), ("lines",), ("sink", "api")),
    Topic("modes.wanted", ("ModeWanted",), ("lines",), ("resolver",)),
    Topic("late", ("DeadLetter",), ("agents",), ("sink", "api")),
    Topic("dead-letters", ("DeadLetter",), ("agents", "sink"), ("sink", "api")),
)

TOPICS: Final = {topic.name: topic for topic in _ALL}
"""Every topic by name."""

INPUTS: Final = {"ticks": "ticks.raw", "bars": "bars.raw", "analytics": "bars.1m", "lines": "lines.raw"}
"""Input topic of each agent."""


def changelog(app: str, agent: str) -> str:
    """Name of the changelog topic of an agent's table."""
    return f"{app}-{agent}-changelog"


CHANGELOG_SETTINGS: Final = {
    "cleanup.policy": "compact",
    # A state that a worker wrote late, after its partition's next owner, is known by its offset and passed
    # over while the newer one is still there: compaction waits, so that the owner's next write comes first.
    "min.compaction.lag.ms": "3600000",
    "message.timestamp.after.max.ms": "9223372036854775807",
}
"""Broker settings of a changelog."""
