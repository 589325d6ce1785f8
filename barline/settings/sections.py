"""The sections of ``barline.toml`` that describe markets: what becomes the domain configuration."""

from datetime import date
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict

from barline.settings.segments import hours


def _is_hours(text: str) -> str:
    try:
        hours(text)
    except ValueError:
        raise ValueError("must be a range such as 09:15-15:30") from None
    return text


Hours = Annotated[str, AfterValidator(_is_hours)]


class Section(BaseModel):
    """A section of ``barline.toml``: unknown keys are errors, values are not converted."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class SessionSettings(Section):
    """One trade date that differs from the table.

    Attributes:
        date: trade date.
        hours: its segments by the wall clock of the calendar's zone.
    """

    date: date
    hours: list[Hours]


class CalendarSettings(Section):
    """``[calendars.<name>]``: how a calendar differs from the table of that name.

    Attributes:
        base: the table it is made from; empty takes its own name.
        anchor: how intervals above 1m are cut; empty takes the table's.
        zone: IANA time zone; empty takes the table's.
        pauses: daily pauses by the wall clock, cut out of every segment.
        holidays: trade dates that are none.
        sessions: trade dates with hours of their own.
        until: weekdays after the end of the table are trade dates up to then, with the last known hours.
    """

    base: str = ""
    anchor: Literal["", "session", "utc", "local"] = ""
    zone: str = ""
    pauses: list[Hours] = []
    holidays: list[date] = []
    sessions: list[SessionSettings] = []
    until: date | None = None

    def own_hours(self) -> list[tuple[date, list[str]]]:
        """Trade dates with hours of their own."""
        return [(session.date, list(session.hours)) for session in self.sessions]
