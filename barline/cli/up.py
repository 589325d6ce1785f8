"""Start the servers and our programs in the background, and print where they are."""

import contextlib
import signal
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from barline.stack.plan import SERVERS, check_home, plan_programs, plan_servers
from barline.stack.running import attach, running, start
from barline.stack.state import State
from runtime.endpoints import home_directory
from schemas.errors import BarlineError


@click.command("up")
@click.option("--only", type=click.Choice(["servers"]), help="Start no programs of ours.")
@click.option("--foreground", is_flag=True, help="Stay until interrupted, then stop everything.")
@click.option("--kafka-port", type=int, help="Port of Kafka; by default the last one or a free one.")
@click.option("--registry-port", type=int, help="Port of the schema registry.")
@click.option("--clickhouse-port", type=int, help="Port of ClickHouse's HTTP interface.")
def command(only: str | None, foreground: bool, **ports: int | None) -> None:
    """Start Kafka, the schema registry, ClickHouse and our programs.

    They run in the background until `barline down`. Everything they keep is in BARLINE_HOME, by default
    .barline in the working directory; addresses for other programs are in its stack.json.
    """
    home = home_directory()
    if stack := attach(home):
        click.echo(f"runs already in {home}")
        show(stack.state())
        return
    asked = {name: port for name in SERVERS if (port := ports[f"{name}_port"])}
    names = () if only == "servers" else None
    if foreground:
        _stay(home, names, asked)
        return
    began = time.monotonic()
    check_home(home)
    endpoints, services = plan_servers(home, click.echo, asked, lasting=True)
    programs = plan_programs(home, endpoints, names=names)
    stack = start(home, endpoints, [*services, *programs])
    try:
        state = stack.wait_ready()
    except (BarlineError, KeyboardInterrupt):
        stack.stop()
        raise
    show(state)
    click.echo(f"up in {time.monotonic() - began:.1f} s; stop with `barline down`; logs in {home / 'logs'}")


def _stay(home: Path, names: Sequence[str] | None, asked: Mapping[str, int]) -> None:
    """Run the stack until SIGINT or SIGTERM, or until it fails."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    stack_here = running(home, programs=names, ports=asked, say=click.echo, lasting=True)
    with stack_here as stack, contextlib.suppress(KeyboardInterrupt):
        show(stack.state())
        click.echo("interrupt to stop")
        stack.wait_stopped()


def show(state: State) -> None:
    """Print how each service does and where the servers are."""
    for name, service in state.services.items():
        more = f"pid {service.pid}, ready in {service.ready_s:.1f} s" if service.pid else ""
        again = f", started {service.starts} times" if service.starts > 1 else ""
        click.echo(f"  {name:<12}{service.state:<12}{more}{again}")
    for name in ("kafka", "registry", "clickhouse", "clickhouse_reader"):
        if address := getattr(state, name):
            click.echo(f"  {name.replace('_', ' '):<18}{address}")
