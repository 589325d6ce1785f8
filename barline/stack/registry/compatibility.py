"""Whether a reader with one Avro schema can read everything written with another.

The answer errs on the safe side: what it accepts, resolves for every value. So it refuses three things that
the Avro specification lets pass, because they depend on the values or change what they mean: ``bytes`` read
as ``string`` (not every bytes are text), one logical type read as another, and one read as a wider number.
"""

from dataclasses import dataclass, field
from typing import Any, Final

from fastavro.schema import parse_schema

_PRIMITIVE: Final = frozenset({"null", "boolean", "int", "long", "float", "double", "bytes", "string"})
_WIDER: Final = {
    "int": {"long", "float", "double"},
    "long": {"float", "double"},
    "float": {"double"},
    "string": {"bytes"},
}
_LOGICAL: Final = ("logicalType", "precision", "scale")


def problems(reader: Any, writer: Any) -> list[str]:
    """What keeps a reader from reading everything written with another schema; empty when nothing does.

    Args:
        reader: Avro schema as parsed JSON.
        writer: the same, of what was written.
    """
    pair = _Pair({}, {})
    top = (_parse(reader, pair.readers), _parse(writer, pair.writers))
    pair.compare(*top, at="")
    return pair.found


def _parse(schema: Any, named: dict[str, Any]) -> Any:
    """A schema with full names, its named types gathered in ``named``."""
    return parse_schema(schema, named_schemas=named, _write_hint=False)


def _kind(schema: Any) -> str:
    """Name of a schema's Avro type."""
    return "union" if isinstance(schema, list) else schema["type"] if isinstance(schema, dict) else schema


def _plain(name: str) -> str:
    """A name without its namespace."""
    return name.rpartition(".")[2]


@dataclass
class _Pair:
    """One comparison of two schemas.

    Attributes:
        readers: named types of the reader.
        writers: named types of the writer.
        found: problems so far.
        open: pairs of records being compared or done, so that recursive types end.
    """

    readers: dict[str, Any]
    writers: dict[str, Any]
    found: list[str] = field(default_factory=list)
    open: set[tuple[str, str]] = field(default_factory=set)

    def compare(self, reader: Any, writer: Any, at: str) -> None:
        """Add what keeps ``reader`` from reading ``writer`` at a place of the schema."""
        reader, writer = _named(reader, self.readers), _named(writer, self.writers)
        if isinstance(writer, list):
            for branch in writer:
                self.compare(reader, branch, at)
        elif isinstance(reader, list):
            self._compare_union(reader, writer, at)
        elif not _matches(reader, writer):
            self.found.append(f"{at or '/'}: {_show(reader)} does not read {_show(writer)}")
        else:
            self._compare_same(reader, writer, at)

    def _compare_union(self, reader: list[Any], writer: Any, at: str) -> None:
        """Readers take the first branch that matches, so that one must fit."""
        branches = (_named(branch, self.readers) for branch in reader)
        branch = next((branch for branch in branches if _matches(branch, writer)), None)
        if branch is None:
            self.found.append(f"{at or '/'}: no branch of {_show(reader)} reads {_show(writer)}")
        else:
            self._compare_same(branch, writer, at)

    def _compare_same(self, reader: Any, writer: Any, at: str) -> None:
        """Compare the insides of two schemas of matching type and name."""
        kind = _kind(writer)
        self._compare_logical(reader, writer, at)
        if kind == "record":
            self._compare_records(reader, writer, at)
        elif kind == "array":
            self.compare(reader["items"], writer["items"], f"{at}[]")
        elif kind == "map":
            self.compare(reader["values"], writer["values"], f"{at}{{}}")
        elif kind == "fixed" and reader["size"] != writer["size"]:
            self.found.append(f"{at or '/'}: size {reader['size']} does not read size {writer['size']}")
        elif kind == "enum" and not reader.get("default") and (lost := _lost_symbols(reader, writer)):
            self.found.append(f"{at or '/'}: symbols {lost} are gone and the enum has no default")

    def _compare_logical(self, reader: Any, writer: Any, at: str) -> None:
        """A number must keep what it means."""
        before, after = (
            tuple(schema.get(name) for name in _LOGICAL) if isinstance(schema, dict) else (None,) * 3
            for schema in (writer, reader)
        )
        widened = _kind(reader) != _kind(writer)
        if before[0] and ((after[0] and after != before) or widened):
            self.found.append(f"{at or '/'}: {_show(reader)} changes the meaning of logical type {before[0]}")

    def _compare_records(self, reader: Any, writer: Any, at: str) -> None:
        """Each field that the reader wants is written, or has a default."""
        names = (reader["name"], writer["name"])
        if names in self.open:
            return
        self.open.add(names)
        wanted = {part["name"]: part for part in reader["fields"]}
        aliases = {alias: name for name, part in wanted.items() for alias in part.get("aliases", ())}
        filled: set[str] = set()
        for part in writer["fields"]:
            name = part["name"] if part["name"] in wanted else aliases.get(part["name"])
            if name is None:
                continue
            if name in filled:
                self.found.append(f"{at}/{name}: two written fields fill it")
            filled.add(name)
            self.compare(wanted[name]["type"], part["type"], f"{at}/{name}")
        for name in wanted.keys() - filled:
            if "default" not in wanted[name]:
                self.found.append(f"{at}/{name}: a new field has no default")


def _named(schema: Any, named: dict[str, Any]) -> Any:
    """The schema behind a name, or behind a type that is nothing but a wrapped type."""
    while True:
        if isinstance(schema, str) and schema not in _PRIMITIVE:
            schema = named[schema]
        elif isinstance(schema, dict) and not isinstance(schema["type"], str):
            schema = schema["type"]
        elif isinstance(schema, dict) and schema["type"] in named and "name" not in schema:
            schema = named[schema["type"]]
        else:
            return schema


def _lost_symbols(reader: Any, writer: Any) -> list[str]:
    """Symbols of the writer's enum that the reader's doesn't have."""
    return sorted(set(writer["symbols"]) - set(reader["symbols"]))


def _matches(reader: Any, writer: Any) -> bool:
    """Whether two schemas, neither a union, are of one type and name, or the reader's is the wider number."""
    kind, written = _kind(reader), _kind(writer)
    if kind != written:
        return kind in _WIDER.get(written, ())
    if kind not in {"record", "enum", "fixed"}:
        return True
    aliases = reader.get("aliases", ())
    return _plain(reader["name"]) == _plain(writer["name"]) or writer["name"] in aliases


def _show(schema: Any) -> str:
    """A schema in few words."""
    if isinstance(schema, list):
        return "[" + ", ".join(map(_show, schema)) + "]"
    if isinstance(schema, dict):
        return str(schema.get("name") or schema.get("logicalType") or schema["type"])
    return str(schema)
