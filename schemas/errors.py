"""The errors of Barline, cut by what the operator does about them.

::

    BarlineError                 exit 1
    ├── ConfigurationError       exit 3   mend barline.toml or the command line
    ├── SchemaError              exit 5   a schema or a record breaks the contract between processes
    ├── DependencyError          exit 4   a server we need cannot be reached: start it, then try again
    ├── SourceError              exit 1   a source of data failed
    │   └── RetryableSourceError          the same call may succeed later
    ├── SinkError                exit 1   a table could not be written
    └── StateError               exit 5   stored state is not what it must be

Texts follow one form: ``<subject> must <rule>, was <value!r> (<where>)``.
"""

from typing import ClassVar


class BarlineError(Exception):
    """Root of every error that Barline raises on purpose.

    Attributes:
        exit_code: what a command ends with when the error reaches it.
    """

    exit_code: ClassVar[int] = 1


class ConfigurationError(BarlineError):
    """A setting is missing or wrong; the operator mends the configuration."""

    exit_code = 3


class DependencyError(BarlineError):
    """A server that is needed cannot be reached; the operator starts it."""

    exit_code = 4


class SchemaError(BarlineError):
    """A schema or a record breaks the contract between processes."""

    exit_code = 5


class StateError(BarlineError):
    """Stored state is of another version, torn or older than what depends on it."""

    exit_code = 5


class SourceError(BarlineError):
    """A source of data failed and trying again does not help."""


class RetryableSourceError(SourceError):
    """A source of data failed and the same call may succeed later."""


class SinkError(BarlineError):
    """A table could not be written."""
