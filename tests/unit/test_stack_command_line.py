"""The frame of the command line: commands by file, errors as one line."""

import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import barline.cli
from barline.cli import Commands, main
from schemas.errors import BarlineError, ConfigurationError, DependencyError, SchemaError, StateError

FILES = Path(barline.cli.__file__).parent


def test_every_file_is_a_command_with_a_line_of_help():
    names = {path.stem.replace("_", "-") for path in FILES.glob("[!_]*.py")}
    assert {"up", "down", "status"} <= names
    assert set(main.list_commands(click.Context(main))) == names
    shown = CliRunner().invoke(main, ["--help"]).output
    for name in names:
        line = next(line for line in shown.splitlines() if line.split()[:1] == [name])
        assert line.split()[1:], f"{name} has no line of help"


def test_help_imports_no_command():
    code = (
        "import sys; from barline.cli import main; main(['-h'], standalone_mode=False); print(*sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = run.stdout.split()
    assert "barline.cli" in loaded
    assert not [name for name in loaded if name.startswith("barline.cli.") or name == "numba"]


@pytest.mark.parametrize(
    ("error", "code"),
    [(BarlineError, 1), (ConfigurationError, 3), (DependencyError, 4), (SchemaError, 5), (StateError, 5)],
)
def test_our_errors_end_as_one_line_and_their_exit_code(error: type[BarlineError], code: int):
    @click.command()
    def fail() -> None:
        raise error("symbols must be unique, were not (barline.toml:3)")

    group = Commands("barline", commands={"fail": fail})
    group.get_command = lambda _context, _name: fail  # type: ignore[method-assign]
    result = CliRunner().invoke(group, ["fail"])
    assert (result.exit_code, result.stdout) == (code, "")
    assert result.stderr == "error: symbols must be unique, were not (barline.toml:3)\n"


def test_other_exceptions_are_bugs_and_show():
    @click.command()
    def fail() -> None:
        raise ZeroDivisionError

    group = Commands("barline")
    group.get_command = lambda _context, _name: fail  # type: ignore[method-assign]
    with pytest.raises(ZeroDivisionError):
        CliRunner().invoke(group, ["fail"], catch_exceptions=False)


def test_a_wrong_command_or_option_is_a_usage_error():
    assert CliRunner().invoke(main, ["nonsense"]).exit_code == 2
    assert CliRunner().invoke(main, ["up", "--nonsense"]).exit_code == 2


def test_nothing_to_stop_is_no_error(tmp_path: Path):
    result = CliRunner().invoke(main, ["down"], env={"BARLINE_HOME": str(tmp_path)})
    assert (result.exit_code, result.output) == (0, f"nothing runs in {tmp_path}\n")
    assert CliRunner().invoke(main, ["status"], env={"BARLINE_HOME": str(tmp_path)}).exit_code == 1
