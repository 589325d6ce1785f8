"""Instructions that LLVM does not choose by itself, and whether this processor has them.

Kernels that use one have a twin of shifts and tables, for other processors and for plain Python. What is kept
of a compiled kernel holds for one processor, so it never meets another.
"""

import platform
from typing import Any, Final

import numba
from llvmlite import binding, ir  # type: ignore[import-untyped]  # it has no stubs
from numba.core import cgutils, types
from numba.extending import intrinsic

_SLOW_GATHER: Final = frozenset({"bdver4", "znver1", "znver2"})
"""Processors that take it apart: hundreds of cycles instead of three."""


def _has(feature: str) -> bool:
    """Whether the processor has a feature, by LLVM's name, and kernels are compiled."""
    return (
        platform.machine() in {"x86_64", "AMD64"}
        and bool(binding.get_host_cpu_features().get(feature))
        and not numba.config.DISABLE_JIT
    )


def has_crc() -> bool:
    """Whether ``crc_step`` can be used."""
    return _has("sse4.2")


def has_gather() -> bool:
    """Whether ``gather`` can be used and is fast."""
    return _has("bmi2") and binding.get_host_cpu_name() not in _SLOW_GATHER


def _called(name: str) -> Any:
    """What generates the call of an instruction of two numbers that gives a third."""

    def generate(_target: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        long = ir.IntType(64)
        function = ir.FunctionType(long, [long, long])
        return builder.call(cgutils.get_or_insert_function(builder.module, function, name), arguments)

    return types.int64(types.int64, types.int64), generate


@intrinsic  # type: ignore[untyped-decorator]  # numba has no types
def crc_step(_context: Any, crc: Any, word: Any) -> Any:
    """CRC-32C after eight more bytes."""
    del crc, word
    return _called("llvm.x86.sse42.crc32.64.64")


@intrinsic  # type: ignore[untyped-decorator]
def gather(_context: Any, word: Any, mask: Any) -> Any:
    """The bits of a word that a mask names, next to each other."""
    del word, mask
    return _called("llvm.x86.bmi.pext.64")


@intrinsic  # type: ignore[untyped-decorator]
def zeros_below(_context: Any, word: Any) -> Any:
    """How many zeros stand below the lowest one of a word that is not 0."""
    del word

    def generate(_target: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.int64), generate
