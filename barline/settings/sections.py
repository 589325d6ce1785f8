"""The sections of ``barline.toml`` that no other package owns: servers, calendars, policies."""

from datetime import date
from typing import Annotated, Final, Literal

import msgspec

from schemas.config import Domain, ExpiryMs, Policy, TrailingDates

_DEFAULT: Final = Domain(version=0)

Hours = Annotated[
    str,
    msgspec.Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d$", examples=['"09:15-15:30"']),
]
"""Wall-clock hours, such as ``09:15-15:30``."""
Count = Annotated[int, msgspec.Meta(ge=0, examples=["0"])]
Share = Annotated[float, msgspec.Meta(ge=0, le=1, examples=["0.8"])]


class BrokerSettings(msgspec.Struct, frozen=True):
    """``[kafka]``: the brokers; empty means those of the running stack.

    Attributes:
        bootstrap: ``host:port[,host:port]``.
    """

    bootstrap: str = ""


class UrlSettings(msgspec.Struct, frozen=True):
    """``[registry]`` and ``[clickhouse]``: a server; empty means that of the running stack.

    Attributes:
        url: its address, for ClickHouse with user, password and database.
    """

    url: str = ""


class SessionSettings(msgspec.Struct, frozen=True):
    """One trade date that differs from the table.

    Attributes:
        date: trade date.
        hours: its segments by the wall clock of the calendar's zone.
    """

    date: date
    hours: list[Hours]


class ChangeSettings(msgspec.Struct, frozen=True):
    """Hours that change for good.

    Attributes:
        since: first trade date on which they hold; half days after it stand in ``sessions``.
        hours: segments of every trade date by the wall clock of the calendar's zone.
    """

    since: date
    hours: Annotated[list[Hours], msgspec.Meta(min_length=1)]


class CalendarSettings(msgspec.Struct, frozen=True):
    """``[calendars.<name>]``: how a calendar differs from the table of that name.

    Attributes:
        base: the table it is made from; empty takes its own name.
        anchor: how intervals above 1m are cut; empty takes the table's.
        zone: IANA time zone; empty takes the table's.
        pauses: daily pauses by the wall clock, cut out of every segment.
        holidays: trade dates that are none.
        sessions: trade dates with hours of their own.
        changes: other hours of every trade date from one on, until the next change.
        until: weekdays after the end of the table are trade dates up to then, with the last known hours.
    """

    base: str = ""
    anchor: Literal["", "session", "utc", "local"] = ""
    zone: str = ""
    pauses: list[Hours] = []
    holidays: list[date] = []
    sessions: list[SessionSettings] = []
    changes: list[ChangeSettings] = []
    until: date | None = None

    def own_hours(self) -> list[tuple[date, list[str]]]:
        """Trade dates with hours of their own."""
        return [(session.date, list(session.hours)) for session in self.sessions]


class PolicySettings(msgspec.Struct, frozen=True):
    """``[policies]``: what holds for every symbol.

    Attributes:
        fill: what is done about a missing minute, in order, where a symbol does not say.
        fill_limit: most minutes in a row filled for another cause than no_trades, likewise.
        lateness_ms: how long after the close of its minute a tick still counts.
        source_timeout_ms: a source is dead when its last heartbeat is that much older than the newest.
        probation_ms: how long a source that failed must be alive before it counts again.
        silence_ms: silence longer than this is an outage, not no_trades.
        coverage_limit: derived bars below it are flagged, 0 to 1.
        auction_ms: how long after the close a print with an auction condition still counts.
        session_timeout_ms: a session without any known minute for so long is flagged.
        trailing_dates: so many trade dates before the current one may still be revised.
        expiry_ms: how long a value stays fresh after the next one was due.
    """

    fill: list[Policy] = msgspec.field(default_factory=lambda: ["refetch", "flat"])
    fill_limit: Count = 5
    lateness_ms: Count = _DEFAULT.lateness_ms
    source_timeout_ms: Count = _DEFAULT.source_timeout_ms
    probation_ms: Count = _DEFAULT.probation_ms
    silence_ms: Count = _DEFAULT.silence_ms
    coverage_limit: Share = _DEFAULT.coverage_limit
    auction_ms: Count = _DEFAULT.auction_ms
    session_timeout_ms: Count = _DEFAULT.session_timeout_ms
    trailing_dates: TrailingDates = _DEFAULT.trailing_dates
    expiry_ms: ExpiryMs = _DEFAULT.expiry_ms


class LinesSettings(msgspec.Struct, frozen=True):
    """``[lines]``: strategy lines.

    Attributes:
        equity_on_change: whether a value equal to the last one of its run is dropped.
        parked_lines: lines of an unknown mode kept while it is asked for.
        parked_bytes: their size in bytes.
    """

    equity_on_change: bool = _DEFAULT.equity_on_change
    parked_lines: Count = _DEFAULT.parked_lines
    parked_bytes: Count = _DEFAULT.parked_bytes
