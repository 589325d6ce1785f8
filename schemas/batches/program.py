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


def program(kind: RecordType) -> Ints:
    """int64[fields, 3]: operation, whether the field may be null, number of symbols (0: no enum)."""
    steps = [(int(field.op), int(field.nullable), len(field.symbols)) for field in kind.fields]
    return np.array(steps, np.int64)


def programs(kinds: tuple[RecordType, ...]) -> tuple[Ints, Ints]:
    """Programs of several types behind each other, and int64[kinds + 1] where each begins."""
    parts = [program(kind) for kind in kinds]
    return np.concatenate(parts), np.cumsum([0, *(len(part) for part in parts)])
