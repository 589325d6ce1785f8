"""Reads ``barline.toml``: every error at once, each with its line and the fix."""

import os
import tomllib
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from barline.settings.checks import problems as broken_rules
from barline.settings.lines import line_of, lines_of
from barline.settings.reading import Problem, dotted, read
from barline.settings.settings import Settings
from schemas.errors import ConfigurationError

DEFAULT_PATH: Final = Path("barline.toml")
"""Where the settings are looked for: here, or where ``BARLINE_CONFIG`` says."""


def load(path: Path | None = None) -> Settings:
    """The settings of a file.

    Args:
        path: the file; None takes ``BARLINE_CONFIG``, else ``barline.toml`` in the working directory.

    Raises:
        ConfigurationError: the file is missing, is no TOML, or says something wrong. Every error is a note.
    """
    path = path or Path(os.environ.get("BARLINE_CONFIG") or DEFAULT_PATH)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"settings must be readable, was {error} (fix: name them with --config)"
        ) from error
    return parse(text, path.name)


def load_if_there(path: Path | None = None) -> Settings:
    """The same for a process that needs nothing of it: the defaults where no file is named and none is there.

    Raises:
        ConfigurationError: as ``load``.
    """
    named = path or os.environ.get("BARLINE_CONFIG")
    return load(path) if named or DEFAULT_PATH.exists() else Settings()


def parse(text: str, name: str = "barline.toml") -> Settings:
    """The settings in a text.

    Args:
        text: TOML.
        name: what errors call it.

    Raises:
        ConfigurationError: as ``load``.
    """
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{name} must be TOML, was wrong: {error}") from error
    problems: list[Problem] = []
    settings = read(Settings, _named(found, problems), (), problems)
    if settings is not None:
        problems += broken_rules(settings)
    if settings is None or problems:
        raise _error(problems, lines_of(text), name)
    return settings


def _error(problems: Sequence[Problem], lines: Mapping[Any, int], name: str) -> ConfigurationError:
    places = "1 place" if len(problems) == 1 else f"{len(problems)} places"
    error = ConfigurationError(f"{name} must be right, was wrong in {places}")
    notes = sorted((line_of(lines, path), dotted(path), rule, fix) for path, rule, fix in problems)
    for line, where, rule, fix in notes:
        error.add_note(f"{name}:{line}: {where} {rule} (fix: {fix})")
    return error


def _named(found: dict[str, Any], problems: list[Problem]) -> dict[str, Any]:
    """The tables with what their keys and ``[policies]`` say filled in."""
    tables = dict(found)
    policies = found.get("policies")
    fill: dict[str, Any] = {}
    if isinstance(policies, dict):
        fill = {
            to: policies[key]
            for key, to in (("fill", "policy"), ("fill_limit", "fill_limit"))
            if key in policies
        }
    for section, key, defaults in (
        ("sources", "name", {}),
        ("venues", "name", {}),
        ("symbols", "symbol", fill),
    ):
        if isinstance(entries := found.get(section), dict):
            tables[section] = {
                name: defaults | _since(entry, (section, name), problems) | {key: name}
                if isinstance(entry, dict)
                else entry
                for name, entry in entries.items()
            }
    return tables


def _since(entry: dict[str, Any], path: tuple[str, ...], problems: list[Problem]) -> dict[str, Any]:
    """An entry whose ``from``, an instant, has become ``ts_from`` in nanoseconds."""
    if "from" not in entry:
        return entry
    kept = {key: value for key, value in entry.items() if key != "from"}
    if isinstance(since := entry["from"], datetime) and since.tzinfo:
        return kept | {"ts_from": int(since.timestamp()) * 1_000_000_000 + since.microsecond * 1_000}
    rule = f"must be an instant with a zone, was {str(since)!r}"
    problems.append(Problem((*path, "from"), rule, "write from = 2024-07-02T00:00:00Z"))
    return kept
