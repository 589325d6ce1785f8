"""The one way to compile a kernel: ``@kernel`` instead of ``@numba.njit``.

Numba's cache does not see a change in another file than the kernel's own, so a kernel that inlines a changed
one would go on with the old code. Each kernel is therefore kept in a folder that ends in a hash of its file
and of everything that file imports from here: a change compiles again what depends on it and nothing else.
"""

import functools
import hashlib
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar, cast

import numba

_ROOT: Final = Path(__file__).resolve().parent.parent
_CACHE: Final = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "barline" / "numba"
_IMPORT: Final = re.compile(r"^from ((?:schemas|streams)[\w.]*) import (\([^)]*\)|.*)$", re.MULTILINE)

_F = TypeVar("_F", bound=Callable[..., Any])


def kernel(function: _F) -> _F:
    """Compile a function without Python objects: it releases the GIL and is kept between runs."""
    return _compiled(function)


def inlined(function: _F) -> _F:
    """Compile a small function that kernels take in whole; it may not make an array.

    A call between kernels counts the references of each array it passes with atomic operations, which costs
    more than a small function's work: inlined and without the counting, decoding a tick took 83 instead of
    360 ns.
    """
    return _compiled(function, forceinline=True, _nrt=False)


def lanewise(function: _F) -> _F:
    """Compile a small function for loops that LLVM is to run several numbers at a time.

    As ``inlined``, and a division by 0 gives infinity or NaN: looking for one would keep the loop from it.
    In plain Python it is an error, so whoever divides sees to it that it is not by 0.
    """
    return _compiled(function, forceinline=True, _nrt=False, error_model="numpy")


def _compiled(function: _F, **options: bool | str) -> _F:
    numba.config.CACHE_DIR = str(_CACHE / _digest(Path(function.__code__.co_filename)))
    return cast("_F", numba.njit(nogil=True, cache=True, **options)(function))


@functools.cache
def _digest(path: Path) -> str:
    """Hash of a file and of all files it imports from this tree, directly or not."""
    found, waiting = {path: _source(path)}, [path]
    while waiting:
        for imported in _imported(found[waiting.pop()]):
            if imported not in found:
                found[imported] = _source(imported)
                waiting.append(imported)
    digest = hashlib.sha256()
    for source in sorted(found):
        digest.update(source.name.encode() + b"\0" + found[source].encode())
    return digest.hexdigest()[:16]


@functools.cache
def _source(path: Path) -> str:
    return path.read_text("utf-8")


def _imported(source: str) -> list[Path]:
    """Files of this tree that a source text imports."""
    paths = []
    for package, names in _IMPORT.findall(source):
        folder = _ROOT.joinpath(*package.split("."))
        found = [folder / f"{name}.py" for name in re.findall(r"\w+", names)]
        found += [folder.with_suffix(".py"), folder / "__init__.py"]
        paths += [path for path in found if path.is_file()]
    return paths
