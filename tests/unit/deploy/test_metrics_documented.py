"""The page for operators names every metric and every counter of what was forgotten, and no others."""

import re
from pathlib import Path

import pytest

from connectors.sinks.clickhouse import inserter, letters, sink
from connectors.sources.jsnl import figures as files
from runtime.metrics import REGISTRY
from streams.core.bars.doubt import CODES
from streams.core.ticks.rows import FLAGGED
from streams.transport import figures

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "operations.md").read_text()
SOURCE = "".join(path.read_text() for path in sorted((ROOT / "streams").rglob("*.py")))
SHOWN = [inserter, letters, sink, files, figures]
"""Modules that make metrics as they are imported."""


def documented(pattern: str) -> set[str]:
    return set(re.findall(pattern, PAGE))


def test_the_page_names_every_metric_and_no_other():
    counters = {
        f"{family.name}_total" if family.type == "counter" else family.name for family in REGISTRY.collect()
    }
    families = {re.sub(r"_(sum|count|min|max)$", "", name) for name in counters}
    assert documented(r"`?(barline_[a-z_]+)") == {name for name in families if name.startswith("barline_")}


def test_the_page_names_everything_that_is_forgotten():
    assert documented(r"`evicted\.([a-z_]+)`") == set(re.findall(r"\"evicted\.([a-z_]+)\"", SOURCE))


@pytest.mark.parametrize(
    ("agent", "codes"), [("ticks", {code for _, code in FLAGGED}), ("bars", set(CODES.values()))]
)
def test_the_page_names_every_flag_that_is_counted(agent: str, codes: set[str]):
    (line,) = [line for line in PAGE.splitlines() if "`flagged.<code>`" in line]
    (said,) = re.findall(rf"of `{agent}` ((?:V\d\d,? ?)+)", line)
    assert set(re.findall(r"V\d\d", said)) == codes
