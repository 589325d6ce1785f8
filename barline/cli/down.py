"""Stop everything that `barline up` started."""

import click

from barline.stack.running import stop
from runtime.endpoints import home_directory


@click.command("down")
def command() -> None:
    """Stop the stack of BARLINE_HOME; its data stays."""
    home = home_directory()
    click.echo("stopped" if stop(home) else f"nothing runs in {home}")
