"""Names and lengths of intervals."""

import pytest

from schemas.errors import ConfigurationError
from schemas.market.intervals import DAY, MINUTE, SECOND, Interval


@pytest.mark.parametrize(
    ("name", "ns"), [("1s", SECOND), ("15s", 15 * SECOND), ("1m", MINUTE), ("90m", 90 * MINUTE), ("1d", DAY)]
)
def test_a_name_gives_its_length(name: str, ns: int):
    assert Interval.parse(name).ns == ns
    assert str(Interval.parse(name)) == name


@pytest.mark.parametrize(
    "name", ["", "m", "0m", "-1m", "1.5h", "60s", "60m", "24h", "90s", "1w", "5 m", "01m"]
)
def test_another_name_is_refused(name: str):
    with pytest.raises(ConfigurationError, match="interval must be"):
        Interval.parse(name)


def test_intervals_are_ordered_by_length():
    names = ["1d", "5m", "1s", "1h", "30m"]
    assert [str(one) for one in sorted(map(Interval.parse, names))] == ["1s", "5m", "30m", "1h", "1d"]
