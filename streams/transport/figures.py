"""Metrics of the worker."""

import logging
from collections.abc import Mapping
from functools import cache
from typing import Final

from prometheus_client import Counter, Gauge

from runtime.metrics import REGISTRY, Durations

_LOG: Final = logging.getLogger(__name__)
_REJECTED: Final = "rejected."

DURATIONS: Final = Durations("barline_stage_seconds", "Time one stage takes")
RECORDS: Final = Counter(
    "barline_records", "Records by what became of them", ["agent", "outcome"], registry=REGISTRY
)
HELD: Final = Gauge("barline_held_records", "Records that wait for a decision", ["agent"], registry=REGISTRY)
REJECTED: Final = Counter(
    "barline_rejected_records", "Rejected records by code", ["agent", "code"], registry=REGISTRY
)
OUTPUTS: Final = Counter("barline_output_records", "Records put out", ["agent", "topic"], registry=REGISTRY)
CHUNKS: Final = Counter(
    "barline_chunks", "Fetches by what became of them", ["agent", "outcome"], registry=REGISTRY
)
CHECKPOINTS: Final = Counter("barline_checkpoints", "Checkpoints completed", ["agent"], registry=REGISTRY)
STATES: Final = Counter("barline_state_writes", "States written", ["agent"], registry=REGISTRY)
DISABLED: Final = Counter(
    "barline_disabled_indicators", "Indicators that raised and are computed no more", ["agent", "indicator"],
    registry=REGISTRY,
)  # fmt: skip
LAG: Final = Gauge("barline_lag_records", "Records not read yet", ["agent", "partition"], registry=REGISTRY)
CALENDAR_LEFT: Final = Gauge(
    "barline_calendar_left_seconds",
    "How far the end of a calendar is from the newest heartbeat",
    ["calendar"],
    registry=REGISTRY,
)


def count(agent: str, counts: Mapping[str, int]) -> None:
    """Add the counts of one step."""
    for name, number in counts.items():
        if number:
            _counter(agent, name).inc(number)


@cache
def _counter(agent: str, name: str) -> Counter | Gauge:
    """What a count is added to; looking it up among its labels takes longer than adding."""
    if name == "held":
        return HELD.labels(agent)
    if name.startswith(_REJECTED):
        return REJECTED.labels(agent, name.removeprefix(_REJECTED))
    return RECORDS.labels(agent, name)


@cache
def outputs(agent: str, topic: str) -> Counter:
    """Counts the records that an agent put out to a topic."""
    return OUTPUTS.labels(agent, topic)


@cache
def chunks(agent: str, outcome: str) -> Counter:
    """Counts fetches by what became of them."""
    return CHUNKS.labels(agent, outcome)


class Functions:
    """Looks on while an agent runs functions that are not ours: their time, and those that failed.

    Args:
        agent: its stem.
    """

    def __init__(self, agent: str) -> None:
        self._agent = agent

    def took(self, name: str, seconds: float) -> None:
        """Count one run, as the stage ``<agent>.indicator.<name>``."""
        DURATIONS.observe(f"{self._agent}.indicator.{name}", seconds)

    def disabled(self, name: str, where: str, reason: str) -> None:
        """Tell the operator: a log line, and a counter to alert on."""
        DISABLED.labels(self._agent, name).inc()
        _LOG.error(
            "indicator %s is disabled until a new configuration (%s): %s", name, where or "everywhere", reason
        )
