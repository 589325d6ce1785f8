"""Asking for memory before it is needed: with many symbols every row comes from far, one after the other.

A hint changes no result; where nothing is compiled it does nothing.
"""

from typing import Any, Final

import numba
from llvmlite import ir  # type: ignore[import-untyped]  # it has no stubs
from numba.core import cgutils, types
from numba.extending import intrinsic

_INSTRUCTION: Final = "llvm.prefetch.p0"
_WRITE, _KEEP, _DATA = 1, 3, 1


@intrinsic  # type: ignore[untyped-decorator]  # numba has no types
def _compiled(_context: Any, row: Any, offset: Any) -> Any:
    """Ask for the cache line at a number of bytes from the beginning of a row or an array."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        byte, number = ir.IntType(8), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [byte.as_pointer(), number, number, number])
        prefetch = cgutils.get_or_insert_function(builder.module, kind, _INSTRUCTION)
        place = arguments[0]
        if isinstance(row, types.Array):
            place = context.make_array(row)(context, builder, place).data
        start = builder.bitcast(place, byte.as_pointer())
        shift = context.cast(builder, arguments[1], signature.args[1], types.int64)
        builder.call(prefetch, [builder.gep(start, [shift]), number(_WRITE), number(_KEEP), number(_DATA)])
        return context.get_dummy_value()

    return types.void(row, offset), generate


def _nothing(_row: Any, _offset: Any) -> None:
    """Ask for nothing."""


ask: Final[Any] = _nothing if numba.config.DISABLE_JIT else _compiled
"""``ask(row, offset)`` in a kernel: fetch the cache line of that byte of a row or array to change it soon."""
