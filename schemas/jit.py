"""The one way to compile a kernel: ``@kernel`` instead of ``@numba.njit``.

Numba's cache does not see a change in another file than the kernel's own, so a kernel that inlines a changed
Numba's cache does not see a change in another file than the kernel's own, so a kernel that inlines a changed
it is set here, before numba is imported.
"""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar, cast

_ROOT: Final = Path(__file__).resolve().parent.parent
_SOURCES: Final = ("schemas", "streams/core")


def _digest() -> str:
    digest = hashlib.sha256()
    for folder in _SOURCES:
        for path in sorted((_ROOT / folder).rglob("*.py")):
            digest.update(path.relative_to(_ROOT).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


_CACHE: Final = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "barline" / "numba"
os.environ["NUMBA_CACHE_DIR"] = str(_CACHE / _digest())

import numba  # noqa: E402  (after the cache folder is set)

_F = TypeVar("_F", bound=Callable[..., Any])


def kernel(function: _F) -> _F:
    """Compile a function without Python objects: it releases the GIL and is kept between runs."""
    return cast("_F", numba.njit(nogil=True, cache=True)(function))


def inlined(function: _F) -> _F:
    """Compile a small function that kernels take in whole; it may not make an array.

    A call between kernels counts the references of each array it passes with atomic operations, which costs
    more than a small function's work: inlined and without the counting, decoding a tick took 83 instead of
    360 ns.
    """
    return cast("_F", numba.njit(nogil=True, cache=True, forceinline=True, _nrt=False)(function))
