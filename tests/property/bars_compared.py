"""Every difference between what the bars stage and its oracle end in."""

from collections import Counter
from collections.abc import Iterable

from streams.core.bars.stage import BarsStage
from tests.factories import Record
from tests.oracle.bars import Bars
from tests.oracle.reading import Ended, Row, difference, newest, through


def closed_sessions(found: Ended, oracle: Bars) -> dict[tuple[object, ...], Row]:
    """The last word on each session that is closed; but those in which its symbol was taken out."""
    last = newest(found.of("sessions", "Session"), "symbol", "session_date", "interval")
    return {key: row for key, row in last.items() if row["state"] == "closed" and key[:2] not in oracle.cut}


def differences(oracle: Bars, log: list[Record], cuts: Iterable[int] = ()) -> list[str]:
    """What differs once the stage has read a log: rows, gaps, sessions, causes and counts, in words."""
    found = through(BarsStage(0), "bars.raw", log, cuts)
    said = difference(oracle.rows(), newest(found.of("bars.1m", "Bar"), "symbol", "ts_open"))
    said += difference(oracle.gaps(), newest(found.of("gaps", "Gap"), "symbol", "ts_open"))
    said += difference(oracle.sessions(), closed_sessions(found, oracle))
    last = {(row["symbol"], row["ts_open"]): row["cause"] for row in found.of("bars.1m", "MinuteStatus")}
    said += [
        f"{at}: {why}, was {last.get(at)}" for at, why in oracle.statuses().items() if last.get(at) != why
    ]
    wanted = Counter(outcome.partition(".")[0] for outcome in oracle.outcomes.values())
    kinds = ("out", "rejected", "late", "duplicate", "held")
    return said + [
        f"{name}: {wanted[name]}, was {found.counts[name]}"
        for name in kinds
        if found.counts[name] != wanted[name]
    ]
