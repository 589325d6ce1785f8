"""SPY on real days: 5m to 1d against a plain pandas fold, indicators against pandas-ta-classic."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from schemas.config import IndicatorConfig
from tests.factories import at, bar, calendar_rows, day, domain, heartbeat
from tests.unit.analytics.feed import DERIVED, Feed, last_rows, only

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # pandas-ta-classic uses what pandas has deprecated
    import pandas_ta_classic as ta

pytestmark = pytest.mark.data

DAYS = ("2013-10-04", "2013-10-07", "2013-10-08", "2013-10-09", "2013-10-10", "2013-10-11")
MINUTES = {"bars.5m": 5, "bars.15m": 15, "bars.30m": 30, "bars.1h": 60, "bars.1d": 390}
BODY = domain(
    calendars={"XNYS": calendar_rows(days=DAYS)},
    indicators=[
        IndicatorConfig("ema_20", "ema", 20),
        IndicatorConfig("rsi_14", "rsi", 14),
        IndicatorConfig("vwap", "vwap"),
    ],
)


@pytest.fixture(scope="module")
def frame(market_data: Path) -> pd.DataFrame:
    """The 1m bars of the sessions, by their start."""
    parts = [
        pd.read_csv(
            market_data / "us_equity" / "bars_1m" / f"SPY-{text.replace('-', '')}.csv.gz",
            parse_dates=["time"],
        )
        for text in DAYS
    ]
    found = pd.concat(parts).set_index("time").between_time("13:30", "20:00", inclusive="left")
    return found.assign(
        session=found.index.normalize(), minute=(found.index.hour * 60 + found.index.minute) - 810
    )


@pytest.fixture(scope="module")
def feed(frame: pd.DataFrame) -> Feed:
    """A stage that was given all of them, with a heartbeat after each minute."""
    feed = Feed(BODY)
    for text in DAYS:
        records: list[dict[str, Any]] = []
        for row in frame[text:text].itertuples():
            ts = row.Index.strftime("%Y-%m-%dT%H:%M:%S")
            records.append(bar(ts, row.open, row.high, row.low, row.close, volume=float(row.volume)))
            records.append(
                heartbeat((row.Index + pd.Timedelta("1min")).strftime("%Y-%m-%dT%H:%M:%S"), "bars")
            )
        feed(*records, heartbeat(f"{text}T20:00", "bars"))
    return feed


@pytest.mark.parametrize("topic", DERIVED)
def test_derived_bars_are_the_fold_of_the_minutes(feed: Feed, frame: pd.DataFrame, topic: str):
    groups = frame.groupby([frame.session, frame.minute // MINUTES[topic]])
    folded = groups.agg(
        open=("open", "first"), high=("high", "max"), low=("low", "min"), close=("close", "last"),
        volume=("volume", "sum"), actual=("close", "size"),
    )  # fmt: skip
    ours = list(last_rows(feed.out[topic]).values())
    assert len(ours) == len(folded)
    assert [{name: row[name] for name in folded.columns} for row in ours] == folded.to_dict("records")


def test_indicators_are_those_of_the_library(feed: Feed, frame: pd.DataFrame):
    index = frame.index.tz_localize(None)
    by_time = frame.set_index(index)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as above
        expected = pd.DataFrame(
            {
                "ema_20": ta.ema(by_time.close, 20, talib=False),
                "rsi_14": ta.rsi(by_time.close, 14, talib=False),
                "vwap": ta.vwap(by_time.high, by_time.low, by_time.close, by_time.volume, anchor="D"),
            }
        )
    values = only(feed.out["indicators"], interval="1m")
    ours = pd.DataFrame(
        [row["values"] for row in values], index=pd.to_datetime([row["ts_open"] for row in values])
    )
    assert np.array_equal(ours[expected.columns].isna(), expected.isna())
    assert float((ours[expected.columns] / expected - 1.0).abs().max().max()) < 1e-9
    assert all(row["revision"] == 0 for row in values)


def test_every_session_is_whole_and_ends_at_its_close(feed: Feed):
    days = feed.out["bars.1d"]
    assert [row["session_date"] for row in days] == [day(text) for text in DAYS]
    assert [row["ts_close"] for row in days] == [at(f"{text}T20:00") for text in DAYS]
    assert {row["expected"] for row in days} == {390}
