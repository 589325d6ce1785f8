"""The checksum of record batches."""

import pytest
from aiokafka.record.util import calc_crc32c
from hypothesis import given
from hypothesis import strategies as st

from schemas.batches.crc32c import TABLES, by_instruction, by_tables, crc32c
from schemas.batches.instructions import has_crc
from schemas.batches.wire import sealed


def test_the_checksum_of_the_standard() -> None:
    assert crc32c(sealed(b"123456789"), 0, 9) == 0xE306_9283


@given(data=st.binary(max_size=200), start=st.integers(0, 20))
def test_tables_and_instruction_give_what_aiokafka_gives(data: bytes, start: int) -> None:
    wanted = calc_crc32c(data[start:])
    end = max(len(data), start)
    assert by_tables(sealed(data), start, end, TABLES) == wanted
    if has_crc():
        assert by_instruction(sealed(data), start, end, TABLES) == wanted


def test_no_bytes_have_the_checksum_zero() -> None:
    assert crc32c(sealed(b""), 0, 0) == 0


@pytest.mark.skipif(not has_crc(), reason="this processor has no such instruction")
def test_the_instruction_is_taken_where_there_is_one() -> None:
    assert by_instruction(sealed(b"123456789"), 0, 9, TABLES) == 0xE306_9283
