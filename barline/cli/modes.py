"""Look at, and add, the stored configurations of modes."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import click

from schemas.errors import ConfigurationError

if TYPE_CHECKING:
    from connectors.sources.modes import StoredMode
    from connectors.sources.trading_instances import TradingInstances

_MOST: Final = 100_000


@click.group(help=__doc__)
def command() -> None:
    """Look at, and add, the stored configurations of modes."""


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def list_modes(*, as_json: bool) -> None:
    """List every stored mode with its newest configuration."""
    with _table() as table:
        rows = sorted(table.read([], _MOST), key=lambda row: row.mode)
    for row in rows:
        if as_json:
            click.echo(json.dumps(_as_dict(row)))
        else:
            kind = "live" if row.live else "not live"
            click.echo(f"{row.mode}  {row.strand_id}  {kind}  version {row.version}  {_time(row.ts_event)}")
    if not as_json:
        click.echo(f"{len(rows)} modes")


@command.command()
@click.argument("mode")
def show(mode: str) -> None:
    """Show a mode's newest configuration as JSON; exit 1 where none is stored."""
    with _table() as table:
        rows = table.read([mode], 1)
    if not rows:
        raise click.ClickException(f"mode must be stored, was not ({mode!r}; fix: `barline modes add`)")
    click.echo(json.dumps(_as_dict(rows[0]), indent=2))


@command.command()
@click.argument("mode")
@click.option("--strand", required=True, help="The run that it configures.")
@click.option("--live/--not-live", default=None, help="Whether equity is final at once [what CONFIG says].")
@click.option("--data", "text", default="{}", help="The configuration, a JSON object.")
@click.option("--component", default="modes add", show_default=True, help="Who wrote it.")
def add(mode: str, strand: str, *, live: bool | None, text: str, component: str) -> None:
    """Store a configuration and put it in force for the lines that come from now on.

    Lines that were ignored before come in with `barline lines replay --mode MODE`.
    """
    from barline.cli._publisher import publisher  # noqa: PLC0415
    from connectors.sources.modes import ModeStore  # noqa: PLC0415
    from connectors.sources.resolver import Wanted, answers  # noqa: PLC0415

    row = _checked(mode, strand, text, component, live=live)
    with _table() as table, publisher("modes") as publish:
        store = ModeStore(table)
        store.load_from_database([mode])
        newest = store.get(mode)
        row = _version(row, 1 + (newest.version if newest else 0))
        store.add(row)
        store.update_database()
        publish(answers([Wanted(mode, row.ts_event)], {mode: row}))
    click.echo(f"{mode}: version {row.version} of {strand} is stored and in force")


def _checked(mode: str, strand: str, text: str, component: str, *, live: bool | None) -> "StoredMode":
    """A configuration as a strategy file would give it.

    Raises:
        ConfigurationError: it cannot be read.
    """
    from connectors.sources.modes import StoredMode  # noqa: PLC0415
    from schemas.jsnl import Rejected, fields, started  # noqa: PLC0415

    said = {"type": "strand_started", "mode": mode, "strand_id": strand, "component": component}
    line = f'{json.dumps(said)[:-1]}, "config": {text}}}'.encode()
    found = fields(line)
    config = found if isinstance(found, Rejected) else started(found)
    if isinstance(config, Rejected):
        raise ConfigurationError(
            f"configuration must be one of a strategy file: {config.detail} ({text[:80]})"
        )
    now = int(datetime.now(UTC).timestamp() * 1_000_000) * 1_000
    is_live = config.live if live is None else live
    return StoredMode(mode, strand, is_live, component, now, config.data.decode(), 1)


def _version(row: "StoredMode", version: int) -> "StoredMode":
    import msgspec  # noqa: PLC0415

    return msgspec.structs.replace(row, version=version)


@contextmanager
def _table() -> "Iterator[TradingInstances]":
    from connectors.sources.trading_instances import TradingInstances  # noqa: PLC0415
    from runtime.endpoints import Endpoints  # noqa: PLC0415

    table = TradingInstances(Endpoints.load().clickhouse_settings(), timeout_s=10)
    try:
        yield table
    finally:
        table.close()


def _as_dict(row: "StoredMode") -> dict[str, object]:
    return {
        "mode": row.mode, "strand_id": row.strand_id, "live": row.live, "component": row.component,
        "version": row.version, "time": _time(row.ts_event), "config": json.loads(row.data or "{}"),
    }  # fmt: skip


def _time(ts_event: int) -> str:
    return datetime.fromtimestamp(ts_event / 1e9, UTC).isoformat() if ts_event else "-"
