"""Installs a package with indicators of its own, as pip would leave it."""

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

OWN = """
import os
import time

import numpy as np

def hangs_at_eight(bars):
    while bars.close[-1] == 8.0:
        time.sleep(60.0)
    return bars.close[-1]

def exits(bars):
    os._exit(3)

def prints(bars):
    print("said by a function", flush=True)
    return 1.0

def mean_of_five(bars, scale=1.0):
    return scale * float(np.mean(bars.close[-5:])) if len(bars) >= 5 else None

def both(bars):
    return {"low": bars.low.min(), "high": bars.high.max()}

def fails_at_seven(bars):
    if bars.close[-1] == 7.0:
        raise RuntimeError("seven")
    return bars.close[-1]

def vandal(bars):
    bars.close[:] = -1.0
    bars.ts_open[:] = 0
    return 1.0

def compiles(bars, known=[]):
    if not known:
        time.sleep(1.0)
        known.append(True)
    return 1.0

def never(bars):
    return {"one": None, "other": float("nan")}

def falling(bars):
    return bars.close[-1] if bars.close[-1] < 0.9 * bars.close[0] else None
"""
NAMES = (
    "mean_of_five", "both", "fails_at_seven", "vandal", "hangs_at_eight", "exits", "prints", "never",
    "falling", "compiles",
)  # fmt: skip


@contextmanager
def installed(folder: Path) -> Iterator[None]:
    """The package of ``OWN`` is there, each of its functions an entry point of its name."""
    module = "barline_test_indicators"
    (folder / f"{module}.py").write_text(OWN)
    about = folder / f"{module}-1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1\n")
    points = "".join(f"{name} = {module}:{name}\n" for name in NAMES)
    (about / "entry_points.txt").write_text(f"[barline.indicators]\n{points}missing = {module}:nothing\n")
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        sys.modules.pop(module, None)
