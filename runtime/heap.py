"""Memory that was needed once stays with the process.

The C library gives what is free at the end of its heap back to the kernel, and the kernel clears each page
before it hands it out again: that was a fifth of the time of a worker with the states of many symbols.
"""

import ctypes
from typing import Final

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h
_NEVER: Final = (1 << 31) - 1
_LARGEST: Final = 32 << 20
"""Blocks of more bytes may be mapped apart; glibc takes no higher limit."""


def keep() -> None:
    """Give no memory back; does nothing where the C library is not glibc."""
    library = ctypes.CDLL(None)
    if hasattr(library, "mallopt"):
        library.mallopt(_TRIM_THRESHOLD, _NEVER)
        library.mallopt(_MMAP_THRESHOLD, _LARGEST)
