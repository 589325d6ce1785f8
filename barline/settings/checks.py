"""What the parts of a ``barline.toml`` must be to each other; each alone is well-formed."""

import re
from collections.abc import Iterator
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from barline.settings.conditions import CONDITIONS
from barline.settings.reading import Problem, read
from barline.settings.scanner import signal_problems
from barline.settings.settings import Settings
from schemas.config import IndicatorConfig
from schemas.errors import ConfigurationError
from schemas.indicators import KINDS, is_windowed, parameters_of, value_names
from schemas.market.intervals import MINUTE, Interval

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/ &-]{0,63}")
_RESERVED: Final = {"clock", "ticks", "bars", "analytics", "lines"}


def problems(settings: Settings) -> Iterator[Problem]:
    """Every rule between sections that is broken."""
    yield from _symbols(settings)
    yield from _sources(settings)
    yield from _intervals(settings)
    yield from _indicators(settings)
    yield from signal_problems(settings)
    yield from _zones(settings)
    yield from _worker(settings)
    yield from _sink(settings)


def _symbols(settings: Settings) -> Iterator[Problem]:
    known = ", ".join(settings.sources) or "none"
    for name, symbol in settings.symbols.items():
        path = ("symbols", name)
        if not _NAME.fullmatch(name):
            yield Problem(
                path, f"must be a name of letters, digits and . _ : / & -, was {name!r}", "rename it"
            )
        if symbol.conditions not in {"", *CONDITIONS, *settings.conditions}:
            rule = f"must name a table, was {symbol.conditions!r}"
            fix = f"write one of {', '.join([*CONDITIONS, *settings.conditions])}"
            yield Problem((*path, "conditions"), rule, fix)
        if not symbol.sources:
            yield Problem((*path, "sources"), "must name a source, was []", f"write one of {known}")
        for source in [*symbol.sources, *([symbol.history] if symbol.history else [])]:
            if source not in settings.sources:
                key = "sources" if source in symbol.sources else "history"
                fix = f"write one of {known}, or add [sources.{source!r}]".replace("'", '"')
                yield Problem((*path, key), f"must name known sources, was {source!r}", fix)


def _sources(settings: Settings) -> Iterator[Problem]:
    for name in settings.sources:
        if name in _RESERVED or not _NAME.fullmatch(name):
            yield Problem(("sources", name), f"must not be a name of our own, was {name!r}", "rename it")


def _intervals(settings: Settings) -> Iterator[Problem]:
    lengths: list[int] = []
    for place, name in enumerate(settings.intervals):
        try:
            lengths.append(Interval.parse(name).ns)
        except ConfigurationError as error:
            yield Problem(("intervals", place), str(error).removeprefix("interval "), 'write such as "5m"')
    if lengths != sorted({*lengths}) or any(ns <= MINUTE for ns in lengths):
        rule = f"must be above 1m, ascending and without repeats, was {settings.intervals!r}"
        yield Problem(("intervals",), rule, 'write such as ["5m", "1h", "1d"]')


def _indicators(settings: Settings) -> Iterator[Problem]:
    seen: set[str] = set()
    for place, indicator in enumerate(settings.indicators):
        path = ("indicators", place)
        yield from _formula(path, indicator)
        for name in value_names(indicator):
            if name in seen:
                yield Problem((*path, "name"), f"must be unique, was {name!r} again", "rename it")
            seen.add(name)
        for interval in indicator.intervals:
            if interval != "1m" and interval not in settings.intervals:
                fix = f"write one of {', '.join(['1m', *settings.intervals])}"
                yield Problem((*path, "intervals"), f"must be computed, was {interval!r}", fix)


def _formula(path: tuple[str, int], indicator: IndicatorConfig) -> Iterator[Problem]:
    if is_windowed(indicator):
        yield from _function(path, indicator)
        return
    kind = KINDS[indicator.kind]
    names = [one.name for one in kind.parameters]
    if "length" in names and indicator.length < 1:
        yield Problem((*path, "length"), f"must be 1 or more, was {indicator.length!r}", "add length = 14")
        return
    try:
        parameters_of(indicator)
    except ConfigurationError as error:
        rule = str(error).partition(" must ")[2]
        yield Problem((*path, "parameters"), f"must {rule}", f"write those of {', '.join(names) or 'none'}")


def _function(path: tuple[str, int], indicator: IndicatorConfig) -> Iterator[Problem]:
    """What is wrong with an indicator that is not ours: its function computes over made-up bars."""
    # Only where a function is named is there a process to run it.
    from streams.core.analytics.windowed.runner import Job  # noqa: PLC0415
    from streams.functions.apart import shared  # noqa: PLC0415

    failed = shared().answer(Job(msgspec.json.encode(indicator), b"")).failed
    if failed:
        subject, _, rule = failed.partition(" must ")
        key = subject.partition(" ")[0]
        key = key if key in ("parameters", "outputs", "window", "limit_ms") else "kind"
        fix = f"write one of {', '.join(KINDS)}, of pandas-ta-classic or an entry point"
        yield Problem((*path, key), f"must {rule}", fix if key == "kind" else f"change {key}")


def _zones(settings: Settings) -> Iterator[Problem]:
    for name, calendar in settings.calendars.items():
        try:
            ZoneInfo(calendar.zone or "UTC")
        except (KeyError, ValueError):
            rule = f"must be an IANA time zone, was {calendar.zone!r}"
            yield Problem(("calendars", name, "zone"), rule, 'write such as "America/New_York"')


def _worker(settings: Settings) -> Iterator[Problem]:
    if not settings.worker:
        return
    # What another package owns is loaded only where something is said of it.
    from pydantic import ValidationError  # noqa: PLC0415

    from streams.transport.settings import WorkerSettings  # noqa: PLC0415

    try:
        WorkerSettings(**settings.worker_settings())
    except ValidationError as error:
        for found in error.errors():
            rule = f"must be right ({found['msg'].lower()}), was {found['input']!r}"
            fix = f"write one of {', '.join(WorkerSettings.model_fields)}, or remove it"
            yield Problem(("worker", *found["loc"]), rule, fix)


def _sink(settings: Settings) -> Iterator[Problem]:
    if not settings.sink:
        return
    from connectors.sinks.clickhouse.limits import Limits  # noqa: PLC0415

    found: list[Problem] = []
    read(Limits, settings.sink, ("sink",), found)
    yield from found
