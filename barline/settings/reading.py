"""Reads a tree of plain values as typed sections and collects every problem, not only the first.

A section is a msgspec struct or a dataclass. Tables and lists of sections are walked here, so that each leaf
is converted by itself; msgspec alone stops at its first error.
"""

import dataclasses
import difflib
from datetime import date, datetime
from typing import Any, Literal, NamedTuple, TypeVar, cast, get_args, get_origin, get_type_hints

import msgspec

from barline.settings.lines import Path

_T = TypeVar("_T")

_NAMES = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    date: "a date such as 2024-07-03",
}


class Problem(NamedTuple):
    """One thing that is wrong.

    Attributes:
        path: where it stands.
        rule: what it must be, such as ``must be a number, was 'x'``.
        fix: what to write instead.
    """

    path: Path
    rule: str
    fix: str


def read(kind: type[_T], found: object, path: Path, problems: list[Problem]) -> _T | None:
    """A value of a kind, None where something is wrong.

    Args:
        kind: a section, ``dict[str, ...]`` or ``list[...]`` of sections, or any type msgspec converts.
        found: what the file says.
        path: where it stands.
        problems: gets one entry for each thing that is wrong.
    """
    before = len(problems)
    value: Any = _read(kind, found, path, problems)
    return value if len(problems) == before else None


def _read(kind: Any, found: object, path: Path, problems: list[Problem]) -> object:
    arguments = get_args(kind)
    if get_origin(kind) is dict and isinstance(found, dict):
        for key in found:
            read(arguments[0], key, (*path, key), problems)
        return {key: read(arguments[1], value, (*path, key), problems) for key, value in found.items()}
    if get_origin(kind) is list and isinstance(found, list):
        return [read(arguments[0], value, (*path, place), problems) for place, value in enumerate(found)]
    if is_section(kind):
        return _section(kind, found, path, problems)
    try:
        return msgspec.convert(found, kind, builtin_types=(date, datetime))
    except msgspec.ValidationError as error:
        problems.append(Problem(path, f"{_rule(kind, error)}, was {found!r}", _fix(kind, path, found)))
        return None


def is_section(kind: object) -> bool:
    """Whether a type is read as a table of keys."""
    return isinstance(kind, type) and (issubclass(kind, msgspec.Struct) or dataclasses.is_dataclass(kind))


def _section(kind: type, found: object, path: Path, problems: list[Problem]) -> object:
    if not isinstance(found, dict):
        problems.append(
            Problem(path, f"must be a table, was {found!r}", f"write [{dotted(path)}] and its keys")
        )
        return None
    hints = get_type_hints(kind, include_extras=True)
    for key in sorted(set(found) - set(hints)):
        near = difflib.get_close_matches(key, hints, n=1)
        fix = f"write {near[0]}" if near else f"remove it, or write one of {', '.join(sorted(hints))}"
        problems.append(Problem((*path, key), "must be a known setting", fix))
    missing = [key for key in required(kind) if key not in found]
    problems += [Problem(path, f"must have {key}", f"add {key} = {_example(hints[key])}") for key in missing]
    before = len(problems)
    values = {key: read(hints[key], found[key], (*path, key), problems) for key in hints if key in found}
    return kind(**values) if len(problems) == before and not missing else None


def required(kind: type) -> list[str]:
    """Keys of a section that have no default."""
    if issubclass(kind, msgspec.Struct):
        return [field.name for field in msgspec.structs.fields(kind) if field.required]
    none = dataclasses.MISSING
    fields: Any = dataclasses.fields(cast("Any", kind))
    return [field.name for field in fields if field.default is none and field.default_factory is none]


def dotted(path: Path) -> str:
    """A path as it is written, such as ``indicators[2].kind``."""
    text = "".join(f"[{key}]" if isinstance(key, int) else f".{_quoted(key)}" for key in path)
    return text.removeprefix(".")


def _quoted(key: str) -> str:
    return key if key.replace("_", "").replace("-", "").isalnum() else f'"{key}"'


def _choices(kind: Any) -> list[str]:
    return [str(choice) or '""' for choice in get_args(kind)] if get_origin(kind) is Literal else []


def _rule(kind: Any, error: Exception) -> str:
    if choices := _choices(kind):
        return f"must be one of {', '.join(choices)}"
    known = _NAMES.get(kind)
    return f"must be {known}" if known else f"must be right ({str(error).lower()})"


def _fix(kind: Any, path: Path, found: object) -> str:
    key = path[-1] if path and isinstance(path[-1], str) else "it"
    if choices := _choices(kind):
        near = difflib.get_close_matches(str(found), choices, n=1)
        return f'write "{near[0] if near else choices[0]}"'
    return f"write {key} = {_example(kind)}"


def _example(kind: Any) -> str:
    while hasattr(kind, "__metadata__"):
        examples = [text for meta in kind.__metadata__ for text in (meta.examples or [])]
        if examples:
            return str(examples[0])
        kind = kind.__origin__
    if choices := _choices(kind):
        return f'"{choices[0]}"'
    if get_origin(kind) is list:
        return f"[{_example(get_args(kind)[0])}]"
    return {int: "1", float: "1.0", bool: "true", str: '"..."', date: "2024-07-03"}.get(kind, "...")
