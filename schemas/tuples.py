"""Rows from tuples: for what is gathered record by record and written as columns."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from schemas.columns import Draft, Rows
from schemas.records import SPAN, Op, record_type

_NUMBERS: Final = {Op.LONG: np.int64, Op.DOUBLE: np.float64, Op.BOOLEAN: np.int64}


def rows_of_tuples(draft: Draft, record: str, tuples: Sequence[tuple[object, ...]]) -> Rows:
    """Rows of one record type, their texts in a draft.

    Args:
        draft: where the texts go.
        record: name of the record type.
        tuples: all fields in declaration order: numbers, texts as bytes, enums by position; a text that is
            null as None.
    """
    kind = record_type(record)
    rows = kind.empty(len(tuples))
    if not tuples:
        return rows
    for field, values in zip(kind.fields, zip(*tuples, strict=True), strict=True):
        if field.op in _NUMBERS:
            rows[field.name] = np.array(values, _NUMBERS[field.op])
            continue
        rows[field.name] = np.array([draft.text(value or b"") for value in values], SPAN)
        if field.nullable:
            absent = np.array([value is None for value in values])
            rows["nulls"][absent] |= kind.null_bit(field.name)
    return rows
