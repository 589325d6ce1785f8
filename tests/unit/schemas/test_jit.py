"""A kept kernel is compiled again when anything that it takes in has changed."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import schemas.jit

_TAKEN_IN = """
from schemas.jit import inlined

@inlined
def taken_in():
    return {value}
"""
_KERNEL = """
from schemas.jit import kernel
from schemas.taken_in import taken_in

@kernel
def twice():
    return 2 * taken_in()

print(twice(), sum(twice.stats.cache_hits.values()))
"""


def _run(folder: Path) -> list[int]:
    environment = {
        **os.environ, "XDG_CACHE_HOME": str(folder / "cache"), "PYTHONPATH": str(folder),
        "NUMBA_DISABLE_JIT": "0",
    }  # fmt: skip
    run = [sys.executable, "-m", "schemas.twice"]
    found = subprocess.run(run, env=environment, cwd=folder, capture_output=True, text=True, check=True)
    return [int(word) for word in found.stdout.split()]


def test_a_kernel_is_kept_until_a_file_that_it_takes_in_changes(tmp_path: Path):
    package = tmp_path / "schemas"
    package.mkdir()
    (package / "__init__.py").touch()
    shutil.copy(schemas.jit.__file__, package / "jit.py")
    (package / "twice.py").write_text(_KERNEL)
    (package / "taken_in.py").write_text(_TAKEN_IN.format(value=1))
    assert _run(tmp_path) == [2, 0]
    assert _run(tmp_path) == [2, 1], "the second process must find it compiled"
    (package / "taken_in.py").write_text(_TAKEN_IN.format(value=21))
    assert _run(tmp_path) == [42, 0]
