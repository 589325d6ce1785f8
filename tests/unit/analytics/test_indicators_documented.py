"""The file of each indicator says what it is, and its size is the one it has."""

import re
from pathlib import Path
from types import ModuleType

import pytest

from streams.core.analytics.indicators.steps import ORDER

SECTIONS = ("Formula:", "Seed:", "Warm-up:", "Unseen history:", "State:", "Source:")


def kind(module: ModuleType) -> str:
    return str(module.INDICATOR.kind)


@pytest.mark.parametrize("module", ORDER, ids=kind)
def test_a_file_says_formula_seed_warm_up_state_and_source(module: ModuleType):
    text = module.__doc__ or ""
    places = [text.index(f"\n{section} ") for section in SECTIONS]
    assert places == sorted(places)


@pytest.mark.parametrize("module", ORDER, ids=kind)
@pytest.mark.parametrize("length", [2, 14, 200])
def test_a_state_has_the_bytes_that_its_file_says(module: ModuleType, length: int):
    said = re.search(r"\nState: (.*) bytes\.", module.__doc__ or "")
    assert said is not None
    numbers = {"n": length, "smooth": 3, "signal": 5}
    terms = [re.fullmatch(r"(\d+)(?: (\w+))?", term) for term in said[1].split(" + ")]
    size = sum(int(term[1]) * numbers.get(term[2] or "", 1) for term in terms if term)
    assert None not in terms
    assert 8 * module.INDICATOR.width(length, 3, 5) == size


def test_the_documentation_names_the_kinds_that_have_no_form_for_many_symbols():
    text = Path("docs/indicators.md").read_text().split("\nBars of eight or more symbols")[1]
    said = re.findall(r"`(\w+)`", text.partition(" have no form")[0])
    assert said == sorted(kind(module) for module in ORDER if not hasattr(module, "across"))
