"""What the registry knows, and the append-only log that it is read back from.

One JSON line a change, synced to disk before it is answered. A last line cut off by a crash was never
answered and is cut away when the log is opened; a damaged line further up is an error.
"""

import errno
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec
from fastavro.schema import SchemaParseException, UnknownType, parse_schema

from barline.stack.registry.compatibility import problems
from schemas.errors import StateError

LEVELS: Final = (
    "NONE",
    "BACKWARD",
    "BACKWARD_TRANSITIVE",
    "FORWARD",
    "FORWARD_TRANSITIVE",
    "FULL",
    "FULL_TRANSITIVE",
)


class RefusedError(Exception):
    """The registry refuses a request, in the terms of Confluent's interface.

    Attributes:
        status: HTTP status.
        code: Confluent's error code.
    """

    def __init__(self, status: int, code: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.code = code


class Change(msgspec.Struct, omit_defaults=True):
    """One line of the log.

    Attributes:
        op: ``add`` a version, ``hide`` versions, ``erase`` versions, or ``level``.
        subject: empty for the level of all subjects.
        version: the version added, hidden or erased; 0 for all.
        id: schema id of an added version.
        text: its canonical text, only where the id is new.
        level: compatibility level; empty takes the subject's own away.
    """

    op: str
    subject: str
    version: int = 0
    id: int = 0
    text: str = ""
    level: str = ""


@dataclass
class Subject:
    """Versions of one subject: schema id by version, and which of them are hidden (softly deleted)."""

    ids: dict[int, int] = field(default_factory=dict)
    hidden: set[int] = field(default_factory=set)

    @property
    def visible(self) -> dict[int, int]:
        """Schema id by version, ascending, without the hidden ones."""
        return {version: number for version, number in sorted(self.ids.items()) if version not in self.hidden}


def canonical(text: Any) -> str:
    """One text for schemas that differ in white space and the order of keys only.

    Raises:
        RefusedError: 42201, it is no Avro schema.
    """
    try:
        schema = msgspec.json.decode(text)
        parse_schema(schema, named_schemas={})
    except (SchemaParseException, UnknownType, msgspec.DecodeError, TypeError, KeyError, ValueError) as error:
        raise RefusedError(422, 42201, f"Invalid schema: {type(error).__name__}: {error}") from error
    return msgspec.json.encode(schema, order="deterministic").decode()


class Store:
    """Subjects, schemas and levels, kept in a log file."""

    def __init__(self, path: Path) -> None:
        """Read the log, or begin one.

        Raises:
            StateError: a line in the middle of the log is damaged.
        """
        self.texts: dict[int, str] = {}
        self.subjects: dict[str, Subject] = {}
        self.levels: dict[str, str] = {"": "BACKWARD"}
        self._numbers: dict[str, int] = {}
        path.parent.mkdir(parents=True, exist_ok=True)
        self._log = path.open("a+b", buffering=0)
        try:
            for change in self._read(path):
                self._apply(change)
        except StateError:
            self.close()
            raise

    def _read(self, path: Path) -> Iterator[Change]:
        """Changes of the log; what follows the last complete line is cut away."""
        whole, newline, _ = path.read_bytes().rpartition(b"\n")
        self._size = len(whole) + len(newline)
        self._log.truncate(self._size)
        for number, line in enumerate(whole.splitlines(), 1):
            try:
                yield msgspec.json.decode(line, type=Change)
            except msgspec.MsgspecError as error:
                raise StateError(f"log line must be one change, was {line!r} ({path}:{number})") from error

    def _commit(self, change: Change) -> None:
        """Make a change durable, then visible."""
        line = msgspec.json.encode(change) + b"\n"
        try:
            if self._log.write(line) != len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))  # noqa: TRY301  # a short write is undone like a failed one
            os.fsync(self._log.fileno())
        except OSError as error:
            self._log.truncate(self._size)
            raise RefusedError(500, 50001, f"Error in the backend data store: {error}") from error
        self._size += len(line)
        self._apply(change)

    def _apply(self, change: Change) -> None:
        """Take a change into memory."""
        if change.op == "level":
            self.levels[change.subject] = change.level
            return
        subject = self.subjects.setdefault(change.subject, Subject())
        versions = [change.version] if change.version else list(subject.ids)
        if change.op == "add":
            if change.text:
                self.texts[change.id] = change.text
                self._numbers[change.text] = change.id
            subject.ids[change.version] = change.id
        elif change.op == "hide":
            subject.hidden.update(versions)
        else:
            for version in versions:
                subject.ids.pop(version, None)

    def register(self, name: str, text: Any) -> int:
        """Id of a schema under a subject, made a new version of it unless it is one already.

        Raises:
            RefusedError: 42201 no schema; 409 incompatible with an earlier version.
        """
        text = canonical(text)
        subject = self.subjects.get(name, Subject())
        number = self._numbers.get(text)
        if number is not None and number in subject.visible.values():
            return number
        if found := self.incompatibilities(name, text):
            raise RefusedError(409, 409, "Schema is incompatible with an earlier one: " + "; ".join(found))
        version = max(subject.ids, default=0) + 1
        change = Change("add", name, version, number or max(self.texts, default=0) + 1)
        change.text = "" if number else text
        self._commit(change)
        return change.id

    def incompatibilities(self, name: str, text: str) -> list[str]:
        """What the level of a subject has against a new version."""
        level = self.level(name)
        ids = list(self.subjects.get(name, Subject()).visible.values())
        ids = ids if level.endswith("_TRANSITIVE") else ids[-1:]
        return [found for number in ids for found in self.compare(level, text, self.texts[number])]

    @staticmethod
    def compare(level: str, new: str, old: str) -> list[str]:
        """What a level has against ``new`` after ``old``."""
        after, before = msgspec.json.decode(new), msgspec.json.decode(old)
        backward = problems(after, before) if level.startswith(("BACKWARD", "FULL")) else []
        forward = problems(before, after) if level.startswith(("FORWARD", "FULL")) else []
        return backward + forward

    def version(self, name: str, version: str) -> tuple[int, int]:
        """Number and schema id of a version: a number, ``latest`` or ``-1``.

        Raises:
            RefusedError: 40401, 40402 there is none; 42202 not a version.
        """
        found = self.visible(name)
        number = max(found) if version in {"latest", "-1"} else int(version) if version.isdecimal() else 0
        if not number:
            raise RefusedError(422, 42202, f"The specified version '{version}' is not a valid version id.")
        if number not in found:
            raise RefusedError(404, 40402, f"Version {version} not found.")
        return number, found[number]

    def visible(self, name: str) -> dict[int, int]:
        """Schema id by version of a subject.

        Raises:
            RefusedError: 40401, there is no such subject.
        """
        found = self.subjects.get(name, Subject()).visible
        if not found:
            raise RefusedError(404, 40401, f"Subject '{name}' not found.")
        return found

    def lookup(self, name: str, text: Any) -> tuple[int, int]:
        """Version and id of a schema under a subject.

        Raises:
            RefusedError: 40401, 40403 there is none.
        """
        number = self._numbers.get(canonical(text))
        for version, found in self.visible(name).items():
            if found == number:
                return version, found
        raise RefusedError(404, 40403, "Schema not found")

    def delete(self, name: str, version: int = 0, *, permanent: bool = False) -> list[int]:
        """Hide, or after that erase, one version or all (0); returns the versions it concerned.

        Raises:
            RefusedError: 40401 there is none; 40405, 40407 erased before it was hidden.
        """
        subject = self.subjects.get(name, Subject())
        versions = sorted(subject.hidden & subject.ids.keys()) if permanent else list(subject.visible)
        if version:
            versions = [version] if version in versions else []
        if permanent and (version in subject.visible if version else subject.visible):
            raise RefusedError(404, 40405, f"Subject '{name}' was not deleted first before being erased.")
        if not versions:
            raise RefusedError(404, 40401, f"Subject '{name}' not found.")
        self._commit(Change("erase" if permanent else "hide", name, version))
        return versions

    def level(self, name: str) -> str:
        """Compatibility level that holds for a subject."""
        return self.levels.get(name) or self.levels[""]

    def set_level(self, name: str, level: str) -> None:
        """Set the level of a subject (``""``: of all that have none).

        Raises:
            RefusedError: 42203, there is no such level.
        """
        if level not in LEVELS:
            raise RefusedError(
                422, 42203, f"Invalid compatibility level. Valid values are {', '.join(LEVELS)}"
            )
        self._commit(Change("level", name, level=level))

    def close(self) -> None:
        """Close the log."""
        self._log.close()
