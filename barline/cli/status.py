"""Say what runs, where, and since when."""

import sys
import time

import click
import msgspec

from barline.cli.up import show
from barline.stack.running import attach
from barline.stack.state import State
from runtime.endpoints import home_directory


@click.command("status")
@click.option("--json", "as_json", is_flag=True, help="Print the state as JSON.")
def command(as_json: bool) -> None:
    """Show the stack of BARLINE_HOME; ends with 0 when every service is ready, else with 1."""
    home = home_directory()
    stack = attach(home)
    state = stack.state() if stack else None
    if as_json:
        click.echo(msgspec.json.encode(state))
    elif state is None:
        last = State.read(home)
        click.echo(
            f"nothing runs in {home}"
            + (f"; the last stack failed: {last.error}" if last and last.error else "")
        )
    else:
        click.echo(f"{state.phase} in {home}, for {time.time() - state.started:.0f} s")
        show(state)
    well = state is not None and all(s.state in {"ready", "done"} for s in state.services.values())
    sys.exit(0 if well else 1)
