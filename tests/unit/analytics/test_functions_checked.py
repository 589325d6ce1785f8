"""What is refused before it runs: every function of pandas-ta-classic at its defaults, and single outputs."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from schemas.config import IndicatorConfig
from schemas.errors import ConfigurationError
from schemas.indicators import KINDS, is_windowed
from streams.core.analytics.windowed.bars import Bars, Values, history_of
from streams.core.analytics.windowed.functions import UNUSABLE, check, function_of, named, parameters_of
from tests.unit.analytics.library import random_bars, ta
from tests.unit.analytics.packages import installed

NAMES = sorted({name for names in ta.Category.values() for name in names})
REFUSED = {
    "dpo": "outputs of dpo must have a value at the newest bar, was none",  # it looks ahead
    "vfi": "outputs of vfi must have a value at the newest bar, was none",  # 262 bars make its first value
    "vp": "indicator must give a value of each bar, was 10 of 200 bars",  # bins of prices
}


def bars(sign: float, count: int = 200) -> Bars:
    """Bars of a price that nobody made for this, as it is or upside down."""
    rows = random_bars(count)
    rows["volume"] += 1.0
    for name in ("open", "close"):
        rows[name] = 100.0 + sign * (rows[name] - 100.0)
    rows["high"], rows["low"] = rows["close"] + 1.0, rows["close"] - 1.0
    return Bars.of(history_of(rows))


def given(config: IndicatorConfig, sign: float) -> Values:
    """What its function gives of them by output."""
    found = function_of(config.kind)(bars(sign, config.window), **parameters_of(config))
    return found if isinstance(found, Mapping) else {"": found}


def has_value(config: IndicatorConfig) -> bool:
    """Whether an output that it picks has a value, one way or the other."""
    return bool(np.isfinite([named(config, given(config, sign)) for sign in (1.0, -1.0)]).any())


def refusal(config: IndicatorConfig) -> str:
    """Why it is refused, empty where it is not."""
    try:
        check(config)
    except ConfigurationError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("name", [name for name in NAMES if name not in KINDS])
def test_a_function_of_the_library_has_a_value_at_its_defaults_or_is_refused(name: str):
    config = IndicatorConfig(name, name)
    assert is_windowed(config)
    why = refusal(config)
    assert why.endswith(UNUSABLE.get(name, ""))
    assert why.startswith(REFUSED.get(name, ""))
    assert (why != "") == (name in UNUSABLE or name in REFUSED)
    assert why or has_value(config)


@pytest.mark.parametrize("name", [name for name in NAMES if name not in {*KINDS, *UNUSABLE, *REFUSED}])
def test_an_output_that_only_a_rise_or_a_fall_has_may_stand_alone(name: str):
    found = [given(IndicatorConfig(name, name), sign) for sign in (1.0, -1.0)]
    for output in (one for one in found[0] if not np.isfinite([values[one] for values in found]).all()):
        config = IndicatorConfig(name, name, outputs=[output])
        is_ahead = (name, output) == ("ichimoku", "ics")  # the close, 26 bars before it is known
        assert (refusal(config) != "") == is_ahead
        assert has_value(config) != is_ahead


def test_outputs_are_refused_only_where_none_of_them_has_a_value():
    assert refusal(IndicatorConfig("x", "ichimoku", outputs=["ics"])).startswith("outputs of x must have")
    assert refusal(IndicatorConfig("x", "ichimoku", outputs=["ics", "its"])) == ""


def test_the_documentation_names_what_is_refused_as_it_stands():
    text = Path("docs/indicators.md").read_text().split("Three more are refused as they stand")[1]
    assert [name for name in NAMES if f"`{name}`" in text.split("An own indicator is")[0]] == sorted(
        [*REFUSED, "ichimoku"]
    )


@pytest.mark.parametrize(
    "config",
    [IndicatorConfig("x", "dpo", parameters={"centered": 0}), IndicatorConfig("x", "vfi", window=262)],
    ids=lambda config: config.kind,
)
def test_what_is_refused_at_its_defaults_may_be_right_with_others(config: IndicatorConfig):
    assert refusal(config) == ""
    assert has_value(config)


def test_an_own_function_that_never_has_a_value_is_refused(tmp_path: Path):
    with installed(tmp_path):
        assert "must have a value at the newest bar" in refusal(IndicatorConfig("x", "never"))
        assert refusal(IndicatorConfig("x", "falling")) == ""
