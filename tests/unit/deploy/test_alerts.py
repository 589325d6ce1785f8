"""The alert rules name metrics, and labels, that the processes really show."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import Counter, Gauge

from connectors.sinks.clickhouse import inserter, letters, sink
from connectors.sources.jsnl import figures as files
from runtime.metrics import Durations
from streams.transport import figures

RULES: list[dict[str, Any]] = yaml.safe_load(Path("deploy/alerts.yml").read_text())["groups"][0]["rules"]
WORDS = {"sum", "by", "increase", "rate", "max", "and", "or", "unless", "offset", "on", "up", "job"}


def shown() -> dict[str, set[str]]:
    """Labels by the name of every metric."""
    found: dict[str, set[str]] = {}
    for module in (inserter, letters, sink, files, figures):
        for metric in vars(module).values():
            if isinstance(metric, Durations):
                for ending in ("_sum", "_count", "_max", "_min"):
                    found[metric._name + ending] = {"stage"}
            elif isinstance(metric, Counter):
                found[f"{metric._name}_total"] = set(metric._labelnames)
            elif isinstance(metric, Gauge):
                found[metric._name] = set(metric._labelnames)
    return found


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_a_rule_is_about_what_is_shown(rule: dict[str, Any]):
    known, expression = shown(), re.sub(r'"[^"]*"', "", rule["expr"])
    metrics = set(re.findall(r"\bbarline_\w+", expression))
    assert metrics <= known.keys()
    labels = {"instance", "job"}.union(*(known[name] for name in metrics))
    words = set(re.findall(r"[a-z_]+", re.sub(r"\[?\d+m\b\]?", "", expression))) - metrics - WORDS
    assert words <= labels, words
    assert set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"])) <= labels
    assert (expression.count("("), expression.count("{")) == (expression.count(")"), expression.count("}"))
    assert {"alert", "expr", "labels", "annotations"} <= rule.keys()
    assert rule["annotations"].keys() == {"summary", "fix"}


def test_each_rule_has_a_name_of_its_own():
    assert len({rule["alert"] for rule in RULES}) == len(RULES) > 0


@pytest.mark.parametrize(
    "metric",
    ["disabled_indicators", "lag", "checkpoints", "rejected", "gaps", "sink_waiting", "calendar_left"],
)
def test_what_can_go_wrong_has_a_rule(metric: str):
    assert any(metric in rule["expr"] for rule in RULES)


@pytest.mark.parametrize("metric", ["barline_disabled_indicators_total", "barline_rejected_records_total"])
def test_the_first_count_of_a_series_is_seen(metric: str):
    """To Prometheus a series that begins has not increased, and these begin with what is alerted on."""
    (rule,) = (rule for rule in RULES if f"increase({metric}" in rule["expr"])
    assert f"{metric} unless {metric} offset 10m" in rule["expr"]
