"""The five ways in which the body of a record batch can be compressed."""

import struct
from collections.abc import Callable
from typing import Final

import cramjam
import numpy as np

from schemas.batches.wire import Bytes, sealed
from schemas.errors import SchemaError

_XERIAL: Final = b"\x82SNAPPY\x00"
_XERIAL_HEADER: Final = 16


def _snappy(body: Bytes) -> Bytes:
    """Raw snappy, or blocks of it as Java's xerial library frames them: a header, then size and block."""
    if body[: len(_XERIAL)].tobytes() != _XERIAL:
        return sealed(cramjam.snappy.decompress_raw(body.data))
    blocks, at = [], _XERIAL_HEADER
    while at < len(body):
        (size,) = struct.unpack_from(">i", body.data, at)
        if not 0 < size <= len(body) - at - 4:
            raise cramjam.DecompressionError("a block of xerial snappy is torn")
        blocks.append(sealed(cramjam.snappy.decompress_raw(body[at + 4 : at + 4 + size].data)))
        at += 4 + size
    return np.concatenate(blocks) if blocks else sealed(b"")


_CODECS: Final[dict[int, tuple[str, Callable[[Bytes], Bytes]]]] = {
    1: ("gzip", lambda body: sealed(cramjam.gzip.decompress(body.data))),
    2: ("snappy", _snappy),
    3: ("lz4", lambda body: sealed(cramjam.lz4.decompress(body.data))),
    4: ("zstd", lambda body: sealed(cramjam.zstd.decompress(body.data))),
}


def decompress(body: Bytes, codec: int) -> Bytes:
    """The records of a batch.

    Args:
        body: uint8, as it stands in the batch.
        codec: the lowest three bits of the batch's attributes.

    Raises:
        SchemaError: the codec is unknown or the bytes are not of it.
    """
    if codec == 0:
        return body
    if codec not in _CODECS:
        raise SchemaError(f"codec of a record batch must be 0 to 4, was {codec!r}")
    name, run = _CODECS[codec]
    try:
        return run(body)
    except (cramjam.DecompressionError, struct.error) as error:
        raise SchemaError(f"body of a record batch must be {name}, was {error}") from error
