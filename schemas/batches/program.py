"""A record type as a program: one step a field, which the kernels of decode and encode run."""

from typing import Final

import numpy as np

from schemas.batches.wire import Ints
from schemas.records import Op, RecordType

LONG: Final = int(Op.LONG)
DOUBLE: Final = int(Op.DOUBLE)
BOOLEAN: Final = int(Op.BOOLEAN)
TEXT: Final = int(Op.TEXT)
MAP_DOUBLE: Final = int(Op.MAP_DOUBLE)
"""Operations as plain numbers: what a kernel can hold."""

OP: Final = 7
NULLABLE: Final = 8
SYMBOLS: Final = 4
"""A step is one number: the operation in its lowest bits, a bit for nullable, an enum's symbols above."""


def program(kind: RecordType) -> Ints:
    """int64[fields]: one step each; ``step >> SYMBOLS`` is the number of symbols, 0 for what is no enum."""
    steps = [int(f.op) | NULLABLE * f.nullable | len(f.symbols) << SYMBOLS for f in kind.fields]
    return np.array(steps, np.int64)


def programs(kinds: tuple[RecordType, ...]) -> tuple[Ints, Ints]:
    """Programs of several types behind each other, and int64[kinds + 1] where each begins."""
    parts = [program(kind) for kind in kinds]
    return np.concatenate(parts), np.cumsum([0, *(len(part) for part in parts)])
