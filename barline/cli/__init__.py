"""The command line: one file a command, loaded only when its command is called.

A file ``barline/cli/<name>.py`` exposes ``command``, a click command or group, and is ``barline <name>`` (an
underscore in the file is a hyphen in the command). The first line of its docstring is its line in
``barline --help``, read without importing it. There is no list to keep: a new command is one file.

How a command ends::

    0  done                         3  configuration
    1  failed, or findings          4  dependency unreachable
    2  usage                        5  data contract broken

An error under BarlineError ends as one line on stderr (its notes below it) and its exit code. Any other
exception is a bug and shows its traceback.
"""

import ast
import importlib
import pkgutil
from pathlib import Path
from typing import Any

import click

from schemas.errors import BarlineError


class Commands(click.Group):
    """The commands found beside this file."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of all commands, sorted."""
        del ctx
        return sorted(m.name.replace("_", "-") for m in pkgutil.iter_modules(__path__) if m.name[0] != "_")

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the file of one command; None when there is none."""
        if cmd_name not in self.list_commands(ctx):
            return None
        module = importlib.import_module(f"{__name__}.{cmd_name.replace('-', '_')}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write one line a command, without importing any."""
        if rows := [(name, _summary(name)) for name in self.list_commands(ctx)]:
            with formatter.section("Commands"):
                formatter.write_dl(rows)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; an error of ours becomes one line and an exit code."""
        try:
            return super().invoke(ctx)
        except BarlineError as error:
            click.echo(f"error: {error}", err=True)
            for note in getattr(error, "__notes__", ()):
                click.echo(note, err=True)
            ctx.exit(error.exit_code)


def _summary(name: str) -> str:
    """First line of the docstring of a command's file."""
    source = (Path(__file__).parent / f"{name.replace('-', '_')}.py").read_text(encoding="utf-8")
    return (ast.get_docstring(ast.parse(source)) or "").partition("\n")[0]


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="barline")
def main() -> None:
    """Market data in, checked tables out: ticks, bars and strategy lines on Apache Kafka."""
