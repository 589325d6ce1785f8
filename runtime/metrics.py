"""Metrics: ``barline_<what>_<unit>[_total]``, with bounded labels, never the symbol.

Durations are four figures a stage: how often, how long in all, and the shortest and longest so far. An
average over any window follows from the first two; the other two show what an average hides.
"""

import time
from collections.abc import Iterator
from types import TracebackType
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric, SummaryMetricFamily
from prometheus_client.registry import Collector

REGISTRY: Final = CollectorRegistry()
"""Metrics of this process."""


class Durations(Collector):
    """Minimum, average, maximum and count of the time that named stages take.

    Args:
        name: such as ``barline_stage_seconds``.
        text: the help line.
        registry: where it is shown.
    """

    def __init__(self, name: str, text: str, registry: CollectorRegistry = REGISTRY) -> None:
        self._name = name
        self._text = text
        self._figures: dict[str, tuple[int, float, float, float]] = {}
        registry.register(self)

    def time(self, stage: str) -> "Timed":
        """Measure the body of a ``with`` statement, unless it raises."""
        return Timed(self, stage)

    def observe(self, stage: str, seconds: float) -> None:
        """Count one run of a stage."""
        count, total, least, most = self._figures.get(stage, (0, 0.0, seconds, seconds))
        self._figures[stage] = (count + 1, total + seconds, min(least, seconds), max(most, seconds))

    def figures(self, stage: str) -> tuple[int, float, float, float]:
        """Count, sum, minimum and maximum in seconds; zeros before the first run."""
        return self._figures.get(stage, (0, 0.0, 0.0, 0.0))

    def collect(self) -> Iterator[Metric]:
        """What Prometheus scrapes."""
        summary = SummaryMetricFamily(self._name, self._text, labels=["stage"])
        least = GaugeMetricFamily(f"{self._name}_min", f"{self._text}, shortest", labels=["stage"])
        most = GaugeMetricFamily(f"{self._name}_max", f"{self._text}, longest", labels=["stage"])
        for stage, (count, total, shortest, longest) in list(self._figures.items()):
            summary.add_metric([stage], count_value=count, sum_value=total)
            least.add_metric([stage], shortest)
            most.add_metric([stage], longest)
        yield from (summary, least, most)


class Timed:
    """Measures the body of a ``with`` statement; at some steps a millisecond a generator would show."""

    __slots__ = ("_durations", "_stage", "_start")

    def __init__(self, durations: Durations, stage: str) -> None:
        self._durations, self._stage = durations, stage

    def __enter__(self) -> None:
        self._start = time.perf_counter()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._durations.observe(self._stage, time.perf_counter() - self._start)


def exposition(registry: CollectorRegistry = REGISTRY) -> bytes:
    """All metrics in Prometheus' text format."""
    return generate_latest(registry)
