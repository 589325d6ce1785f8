"""List, show and replay records that were refused or came too late."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, TextIO, TypeVar

import click

if TYPE_CHECKING:
    from barline.dlq.letters import Letter, Wanted
    from runtime.kafka import KafkaSettings

_F = TypeVar("_F", bound=Callable[..., Any])
_TIMES: Final = ["%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d"]
_WIDTH: Final = 24


def _filters(function: _F) -> _F:
    """Options that say which letters are meant."""
    for option in (
        click.argument("ids", nargs=-1),
        click.option("--topic", default="", help="Of records that stood in this topic."),
        click.option("--code", default="", help='Of this code, such as V13; "V*" is a pattern.'),
        click.option("--agent", "stage", default="", help="Refused by this agent, or by the sink."),
        click.option(
            "--from", "first", type=click.DateTime(_TIMES), help="With a timestamp from then on, UTC."
        ),
        click.option("--to", "last", type=click.DateTime(_TIMES), help="With a timestamp before then, UTC."),
    ):
        function = option(function)
    return function


@click.group(help=__doc__)
def command() -> None:
    """List, show and replay records that were refused or came too late."""


@command.command("list")
@_filters
def list_letters(**filters: Any) -> None:
    """Print a line for each letter: where it stands, why, and where the record stood."""
    count = 0
    with _letters(_wanted(**filters)) as (letters, _):
        for letter in letters:
            at = datetime.fromtimestamp(letter.ts_event / 1e9, UTC)
            key = (letter.key or b"").decode("utf-8", "replace")[:_WIDTH]
            place = f"{letter.topic}/{letter.partition}/{letter.offset}"
            click.echo(
                f"{letter.id:<{_WIDTH}} {letter.stage:<10} {letter.code:<10} {at:%Y-%m-%dT%H:%M:%S.%f}Z "
                f"{place:<{_WIDTH}} {key}  {letter.detail}"
            )
            count += 1
    click.echo(f"{count} letters", err=True)


@command.command()
@_filters
def show(**filters: Any) -> None:
    """Print each letter as a line of JSON, its record decoded where it can be.

    The lines may be mended in an editor and given to `barline dlq replay`.
    """
    from barline.dlq.lines import shown  # noqa: PLC0415

    with _letters(_wanted(**filters)) as (letters, names):
        for letter in letters:
            click.echo(json.dumps(shown(letter, names), ensure_ascii=False))


@command.command()
@click.argument("file", type=click.File(encoding="utf-8"))
@click.option("--dry-run", is_flag=True, help="Say what would be sent.")
def replay(file: TextIO, *, dry_run: bool) -> None:
    """Put the records of FILE, lines of `barline dlq show`, back onto the topics they came from; - is stdin.

    Nothing is sent unless every line can be. A record that was put back carries the header `dead_letter`.
    """
    from barline.dlq.lines import mended  # noqa: PLC0415
    from runtime.headers import headers  # noqa: PLC0415
    from runtime.kafka import partition_counts  # noqa: PLC0415
    from runtime.producer import Producer  # noqa: PLC0415

    kafka, ids = _servers()
    partitions = partition_counts(kafka, "dlq")
    lines = [(number, line) for number, line in enumerate(file, start=1) if line.strip()]
    records = [mended(line, f"{file.name}:{number}", ids, partitions) for number, line in lines]
    if not dry_run:
        producer = Producer(kafka, "dlq")
        for one in records:
            producer.send(
                one.topic, one.key, one.value, partition=one.partition, timestamp_ms=max(one.timestamp_ms, 1),
                headers=[*headers("dlq"), ("dead_letter", one.id.encode())],
            )  # fmt: skip
        producer.wait()
        producer.close()
    changed = sum(one.changed for one in records)
    click.echo(
        f"{len(records)} records {'would be' if dry_run else 'were'} put back, {changed} of them mended"
    )


def _wanted(
    ids: tuple[str, ...], topic: str, code: str, stage: str, first: datetime | None, last: datetime | None
) -> "Wanted":
    from barline.dlq.letters import Wanted  # noqa: PLC0415

    ends = [
        None if at is None else int(at.replace(tzinfo=UTC).timestamp()) * 1_000_000_000
        for at in (first, last)
    ]
    return Wanted(frozenset(ids), topic, code, stage, ends[0] or 0, ends[1])


def _servers() -> "tuple[KafkaSettings, dict[str, int]]":
    """The brokers and the schema ids."""
    from barline.settings.load import load_if_there  # noqa: PLC0415
    from runtime.kafka import KafkaSettings, security  # noqa: PLC0415
    from schemas.registry import registered  # noqa: PLC0415

    endpoints = load_if_there().endpoints()
    return KafkaSettings(endpoints.kafka, security()), registered(endpoints.registry)


@contextmanager
def _letters(wanted: "Wanted") -> "Iterator[tuple[Iterator[Letter], dict[int, str]]]":
    """The letters asked for, and record types by schema id."""
    from barline.dlq.letters import read_letters  # noqa: PLC0415
    from runtime.reader import Reader  # noqa: PLC0415
    from schemas.codec import names_of  # noqa: PLC0415

    kafka, ids = _servers()
    names = names_of(ids)
    reader = Reader(kafka, "dlq")
    try:
        yield read_letters(reader, names, wanted), names
    finally:
        reader.close()
