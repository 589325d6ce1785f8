"""The kernels say the same compiled and as plain Python."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]

SCRIPT = """
import hashlib, sys
sys.path.insert(0, "tests/property")
from test_ticks_stage import made, through
for seed in range(12):
    found = [sorted(part.items()) for part in through(made(seed, 80), [20, 50])]
    print(hashlib.sha256(repr(found).encode()).hexdigest())
"""


def printed(**environment: str) -> list[str]:
    command = [sys.executable, "-W", "error", "-c", SCRIPT]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_plain_python_gives_the_same_outputs_counts_and_states():
    plain = printed(NUMBA_DISABLE_JIT="1")
    assert len(plain) == 12
    assert plain == printed(NUMBA_DISABLE_JIT="0")
