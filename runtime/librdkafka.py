"""librdkafka's C interface, as far as the reader speaks it: the library its Python client brings.

``confluent_kafka`` makes a Python object of every record that is read. Its library does not: it is called
here directly, by a kernel where records are many (``runtime.intake``) and by ctypes where they are not. Only
what ``rdkafka.h`` documents is used.
"""

import ctypes
from collections.abc import Callable, Mapping
from typing import Any, Final

import numba
from confluent_kafka import cimpl
from llvmlite import binding  # type: ignore[import-untyped]  # it has no stubs
from numba import types

from schemas.errors import ConfigurationError

_LEVELS: Final = 50, 50, 50, 40, 30, 20, 20, 10
"""Of ``logging``, by level of syslog from emergencies to debugging."""

_CONSUMER: Final = 1
_TEXT: Final = 512
POINTER: Final = ctypes.c_int64
"""Pointers are numbers here: kernels take them as such."""

# The extension module is linked to the library, wherever its wheel keeps that, so its symbols are found here.
_LIBRARY: Final = ctypes.CDLL(cimpl.__file__)
_NUMBERS: Final = {ctypes.c_int64: types.int64, ctypes.c_int32: types.int32, None: types.void}


def function(name: str, result: Any, *arguments: Any) -> Any:
    """A function of the library for Python; the GIL is released while it runs."""
    found = getattr(_LIBRARY, name)
    found.restype, found.argtypes = result, arguments
    return found


def for_kernels(name: str, result: Any, *arguments: Any) -> Any:
    """A function of the library, or of C itself, for kernels; they are kept with its name, not its address.

    Args:
        name: its symbol.
        result: ctypes type, None for nothing.
        arguments: ctypes types.
    """
    found = function(name, result, *arguments)
    if numba.config.DISABLE_JIT:
        return lambda *given: found(*map(int, given))
    binding.add_symbol(name, ctypes.cast(found, ctypes.c_void_p).value)
    return types.ExternalFunction(name, _NUMBERS[result](*(_NUMBERS[one] for one in arguments)))


_conf_new: Final = function("rd_kafka_conf_new", POINTER)
_conf_destroy: Final = function("rd_kafka_conf_destroy", None, POINTER)
_conf_set: Final = function(
    "rd_kafka_conf_set", ctypes.c_int, POINTER, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p,
    ctypes.c_size_t,
)  # fmt: skip
_new: Final = function("rd_kafka_new", POINTER, ctypes.c_int, POINTER, ctypes.c_char_p, ctypes.c_size_t)
_set_log_queue: Final = function("rd_kafka_set_log_queue", ctypes.c_int, POINTER, POINTER)
_error_name: Final = function("rd_kafka_err2str", ctypes.c_char_p, ctypes.c_int)
_name: Final = function("rd_kafka_name", ctypes.c_char_p, POINTER)
_fatal_error: Final = function(
    "rd_kafka_fatal_error", ctypes.c_int, POINTER, ctypes.c_char_p, ctypes.c_size_t
)
_topic_name: Final = function("rd_kafka_topic_name", ctypes.c_char_p, POINTER)
_error_code: Final = function("rd_kafka_error_code", ctypes.c_int, POINTER)
_error_destroy: Final = function("rd_kafka_error_destroy", None, POINTER)
_read_error_text: Final = function("rd_kafka_message_errstr", ctypes.c_char_p, POINTER)

destroy: Final = function("rd_kafka_destroy", None, POINTER)
queue_destroy: Final = function("rd_kafka_queue_destroy", None, POINTER)
new_topic: Final = function("rd_kafka_topic_new", POINTER, POINTER, ctypes.c_char_p, POINTER)
topic_destroy: Final = function("rd_kafka_topic_destroy", None, POINTER)


def new_client(properties: Mapping[str, Any], prepare: Callable[[int], object]) -> int:
    """A consumer whose lines of the log go to its main queue; ``destroy`` ends it.

    Args:
        properties: of librdkafka, by name.
        prepare: gives its configuration what properties cannot say.

    Raises:
        ConfigurationError: it knows no such property, or not this value of it.
    """
    text = ctypes.create_string_buffer(_TEXT)
    conf = _conf_new()
    for name, value in {**properties, "log.queue": True}.items():
        said = str(value).lower() if isinstance(value, bool) else str(value)
        if _conf_set(conf, name.encode(), said.encode(), text, _TEXT) != 0:
            _conf_destroy(conf)
            raise ConfigurationError(f"a setting of kafka must be valid, was refused: {_read(text.value)}")
    prepare(conf)
    client = int(_new(_CONSUMER, conf, text, _TEXT) or 0)
    if not client:
        _conf_destroy(conf)
        raise ConfigurationError(f"the settings of kafka must fit, were refused: {_read(text.value)}")
    _set_log_queue(client, 0)
    return client


def error_text(code: int) -> str:
    """What an error code says."""
    return _read(_error_name(code))


def fatal_text(client: int) -> str:
    """What put an end to a client, empty where nothing did."""
    text = ctypes.create_string_buffer(_TEXT)
    return _read(text.value) if _fatal_error(client, text, _TEXT) else ""


def told(client: int, level: int, facility: bytes | None, text: bytes | None) -> tuple[int, str]:
    """Level, as of ``logging``, and text of a line of the log; its own level is that of syslog."""
    return _LEVELS[level], f"{_read(facility)} [{_read(_name(client))}] {_read(text)}"


def read_error_text(message: int) -> str:
    """What a message that is an error instead of a record says."""
    return _read(_read_error_text(message))


def code_of(error: int) -> int:
    """Code of an ``rd_kafka_error_t``, which is given back; 0 where there is none."""
    code = int(_error_code(error))
    _error_destroy(error)
    return code


def topic_name(topic: int) -> str:
    """Name of a topic."""
    return _read(_topic_name(topic))


def _read(text: bytes | None) -> str:
    return (text or b"").decode("utf-8", "replace")
