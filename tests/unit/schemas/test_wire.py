"""Varints as the kernels read them, by shifts and by the processor's own instruction."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from schemas.batches import wire
from schemas.batches.instructions import has_gather
from schemas.batches.wire import BROKEN, read_long, sealed

WAYS = [
    pytest.param(wire.joined_by_shifts, wire.front_by_shifts, id="shifts"),
    pytest.param(
        wire.joined_by_instruction,
        wire.front_by_instruction,
        marks=pytest.mark.skipif(not has_gather(), reason="this processor has no such instruction"),
        id="instruction",
    ),
]
LEADING = st.lists(st.integers(128, 255), max_size=11)
"""Bytes of a varint that another follows."""


def bits_of(text: bytes) -> int:
    return sum((byte & 127) << 7 * place for place, byte in enumerate(text))


def number(text: bytes) -> tuple[int, int]:
    """The number at the front and its size; the size is ``BROKEN`` where there is none of 64 bits."""
    for size in range(1, min(len(text), 10) + 1):
        if text[size - 1] < 128:
            bits = bits_of(text[:size])
            return ((bits >> 1) ^ -(bits & 1), size) if bits < 2**64 else (0, BROKEN)
    return 0, BROKEN


@pytest.mark.parametrize(("joined", "front"), WAYS)
@given(text=st.binary(min_size=8, max_size=8))
@example(text=b"\xff" * 7 + b"\x7f")
@example(text=b"\xff" * 8)
def test_a_word_is_joined_by_seven_bits_of_each_byte_up_to_the_one_that_ends_it(
    joined: object, front: object, text: bytes
) -> None:
    word = int.from_bytes(text, "little", signed=True)
    assert joined(word) == bits_of(text)
    last = (~word >> 7) & 0x0101_0101_0101_0101
    if last:
        size = 1 + min(place for place in range(8) if text[place] < 128)
        assert front(word, last) == (bits_of(text[:size]), size)


@given(
    leading=LEADING,
    final=st.integers(0, 127),
    cut=st.integers(0, 12),
    behind=st.sampled_from([b"", b"\0" * 9, b"\xff" * 9]),
)
def test_a_varint_is_read_up_to_its_end_whatever_follows(
    leading: list[int], final: int, cut: int, behind: bytes
) -> None:
    text = bytes([*leading, final])[: cut or None]
    value, size = number(text)
    found = read_long(sealed(b"\x80" + text + behind), 1, 1 + len(text))
    assert found == (value, BROKEN if size == BROKEN else 1 + size)
