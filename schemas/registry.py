"""The schema registry: a thin face over Confluent's client, for any registry that speaks its language.

Subjects follow RecordNameStrategy (``barline.Tick``), since several record types share a topic, and are
BACKWARD compatible: who reads with a new schema can read what was written with the one before.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final, Self, TypeVar

from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.error import SchemaRegistryError

from schemas.errors import BarlineError, DependencyError, SchemaError
from schemas.records import RECORDS, record_type

_T = TypeVar("_T")

_INCOMPATIBLE: Final = 409
_MISSING: Final = 404
_COMPATIBILITY: Final = "BACKWARD"


def subject(record: str) -> str:
    """Subject of a record type: its full name."""
    return f"barline.{record}"


class Registry:
    """A schema registry.

    Args:
        url: ``http(s)://[user:password@]host:port[/path]``.
        timeout: seconds a question may take.
        retries: how often a question that failed in transit is asked again.
    """

    def __init__(self, url: str, timeout: float = 10.0, retries: int = 2) -> None:
        self._url = url
        self._client = SchemaRegistryClient(
            {"url": url, "timeout": timeout, "max.retries": retries, "retries.wait.ms": 100}
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close its connections."""
        self._client.close()

    def register(self, record: str) -> int:
        """Id of a record's schema, registered where it was not.

        Raises:
            SchemaError: it cannot read what was written with the schema before it.
            DependencyError: the registry does not answer or refuses.
        """
        name = subject(record)
        self._ask(f"compatibility of {name}", lambda: self._client.set_compatibility(name, _COMPATIBILITY))
        return int(self._ask(name, lambda: self._client.register_schema(name, _declared(record))))

    def lookup(self, record: str) -> int:
        """Id of a record's schema as it was registered.

        Raises:
            SchemaError: it was not.
            DependencyError: the registry does not answer or refuses.
        """
        name = subject(record)
        return int(self._ask(name, lambda: self._client.lookup_schema(name, _declared(record))).schema_id)

    def schema(self, schema_id: int) -> str | None:
        """Text of a schema, None where the registry has none of that id.

        Raises:
            DependencyError: the registry does not answer or refuses.
        """
        try:
            text: str = self._ask(f"id {schema_id}", lambda: self._client.get_schema(schema_id)).schema_str
        except SchemaError:
            return None
        return text

    def _ask(self, what: str, call: Callable[[], _T]) -> _T:
        """Answer of the client, its errors as ours."""
        try:
            return call()
        except SchemaRegistryError as error:
            raise self._refused(what, error) from error
        except Exception as error:
            raise DependencyError(
                f"registry must answer, was {error!r} ({self._url}; start it, such as with `barline up`)"
            ) from error

    def _refused(self, what: str, error: SchemaRegistryError) -> BarlineError:
        if error.http_status_code == _INCOMPATIBLE:
            return SchemaError(
                f"schema {what} must stay backward compatible, was changed: {error.error_message} "
                "(fix: give the new field a default, and keep names and types)"
            )
        if error.http_status_code == _MISSING:
            return SchemaError(f"schema {what} must be registered, was not found (fix: `barline init`)")
        return DependencyError(f"registry must take {what}, was {error.error_message!r} ({self._url})")


def _declared(record: str) -> Any:
    return Schema(record_type(record).text, "AVRO")


def register_all(url: str, records: Iterable[str] = RECORDS) -> dict[str, int]:
    """Register every record type; ids by name. Doing it again changes nothing.

    Raises:
        SchemaError: a schema cannot read what was written with the one before it.
        DependencyError: the registry does not answer or refuses.
    """
    with Registry(url) as registry:
        return {record: registry.register(record) for record in records}


def registered(url: str, records: Iterable[str] = RECORDS) -> dict[str, int]:
    """Ids of the record types by name, registering nothing.

    Raises:
        SchemaError: one is not registered.
        DependencyError: the registry does not answer or refuses.
    """
    with Registry(url) as registry:
        return {record: registry.lookup(record) for record in records}
