"""CSV text becomes instants and numbers, and bad text a value that says so."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.sources.csv import BAD_TIME, Table, instant


def table(*lines: str) -> Table:
    return Table(np.frombuffer("\n".join(lines).encode(), np.uint8))


def test_a_line_with_too_few_or_too_many_fields_is_not_good():
    found = table("a,b", "1,2", "1", "1,2,3", "", "3,4\r")
    assert found.good.tolist() == [True, False, False, True]
    assert found.floats("b")[0].tolist()[-1] == 4.0


@settings(deadline=None)  # the first example compiles
@given(st.datetimes(datetime(1970, 1, 1), datetime(2199, 12, 31)), st.integers(0, 999))  # noqa: DTZ001
def test_an_instant_is_read_to_the_nanosecond(moment: datetime, nanoseconds: int):
    seconds = (moment - datetime(1970, 1, 1)) // timedelta(seconds=1)  # noqa: DTZ001
    text = f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond:06}{nanoseconds:03}Z"
    expected = seconds * 10**9 + moment.microsecond * 1_000 + nanoseconds
    assert table("time", text).instants("time").tolist() == [expected]


@settings(deadline=None)  # the first example compiles
@given(st.text(alphabet="0123456789-:TZ. x", max_size=30))
def test_a_text_that_is_no_instant_says_so(text: str):
    try:
        known = datetime.fromisoformat(text)
    except ValueError:
        known = None
    (found,) = table("time,x", f"{text},1").instants("time").tolist()
    if known is None:
        assert found == BAD_TIME
    elif found != BAD_TIME:
        assert found // 10**9 == int(known.replace(tzinfo=UTC).timestamp())


@settings(deadline=None)  # the first example compiles
@given(st.decimals(allow_nan=False, allow_infinity=False, places=8, min_value=-(10**9), max_value=10**9))
def test_a_decimal_is_rounded_correctly(number: Decimal):
    values, good = table("price", str(number)).floats("price")
    assert good.tolist() == [True]
    assert values.tolist() == [float(str(number))]


def test_a_day_that_its_month_does_not_have_is_no_instant():
    lines = ["2024-02-29T00:00:00Z", "2023-02-29T00:00:00Z", "2024-04-31T00:00:00Z"]
    assert (table("time,x", *(f"{line},1" for line in lines)).instants("time") == BAD_TIME).tolist() == [
        False,
        True,
        True,
    ]


def test_numbers_with_an_exponent_and_nan_are_read_and_words_are_not():
    values, good = table("x", "1e5", "nan", "abc", "-0.1", "1.2.3").floats("x")
    assert good.tolist() == [True, True, False, True, False]
    assert values[0] == 1e5
    assert np.isnan(values[1])
    assert values[3] == -0.1


def test_an_instant_on_the_command_line_is_utc_without_a_zone():
    assert instant("2024-01-02T00:00:00") == instant("2024-01-02T01:00:00+01:00") == 1_704_153_600 * 10**9
