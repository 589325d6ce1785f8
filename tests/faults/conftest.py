"""Fixtures of the fault tests: runs with topics of their own on a real broker."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.harness import Run


@pytest.fixture
def new_run(kafka: str, tmp_path: Path, unique: Callable[[str], str]) -> Iterator[Callable[..., Run]]:
    """Make runs; their workers and topics go when the test ends."""
    runs: list[Run] = []

    def make(**options: dict[str, str]) -> Run:
        runs.append(Run(unique("fault"), kafka, tmp_path, **options))
        return runs[-1]

    yield make
    for run in runs:
        run.close()


@pytest.fixture
def run(new_run: Callable[..., Run]) -> Run:
    """One run."""
    return new_run()
