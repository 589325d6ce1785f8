"""Nothing is left to compile for the event loop, where the watchdog would take it for a standstill."""

import gc
from concurrent.futures import ProcessPoolExecutor
from datetime import timedelta
from itertools import islice
from multiprocessing import get_context
from pathlib import Path

from numba.core.dispatcher import Dispatcher

from barline.settings.load import load as settings
from connectors.sources.simulator.simulator import SIMULATED, Simulator
from schemas.codec import LOCAL_IDS
from streams.agents import NAMES, load
from streams.core.pipeline import Pipeline
from streams.transport.codec import Codec
from streams.transport.worker import warm_all
from tests.factories import columns, config

AROUND = timedelta(days=3)
OURS = ("schemas.", "streams.")


def kernels() -> set[str]:
    """Every kernel of ours with every list of types it was compiled for."""
    found = [one for one in gc.get_objects() if isinstance(one, Dispatcher)]
    return {
        f"{one.py_func.__module__}.{one.py_func.__qualname__}#{number}"
        for one in found
        for number in range(len(one.signatures))
        if one.py_func.__module__.startswith(OURS)
    }


def missed() -> tuple[set[str], set[str]]:
    """Kernels that warming leaves ready, and those that half a simulated day call for beside them."""
    warm_all([load(name) for name in NAMES], Codec(LOCAL_IDS))
    warmed = kernels()
    body = settings(Path(__file__).parents[2] / "barline.toml").domain(SIMULATED - AROUND, SIMULATED + AROUND)
    pipeline = Pipeline()
    pipeline.feed(columns("ticks.raw", 0, config(body)))
    for block in islice(Simulator(body, scale=0.05).blocks(), 1_500):
        pipeline.feed(block)
    assert sum(pipeline.counts["ticks"].values()) > 1_000
    return warmed, kernels() - warmed


def test_a_simulated_day_needs_no_kernel_that_was_not_warmed():
    # In a process of its own: other tests have used most kernels here.
    with ProcessPoolExecutor(1, get_context("spawn")) as fresh:
        warmed, others = fresh.submit(missed).result()
    assert "streams.core.ticks.close.revise_source#0" in warmed
    assert "streams.core.ticks.corrections.outcomes.note_change#0" in warmed
    assert "streams.core.ticks.fold.open_rows#0" in warmed
    assert sorted(others) == []
