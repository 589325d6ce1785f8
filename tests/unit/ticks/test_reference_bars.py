"""Bars of real quotes, all days of them, against those of the vendor that they came from."""

import dataclasses
import gzip
from datetime import date
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from barline.settings.calendars import calendar_rows
from schemas.columns import Columns, Draft
from schemas.config import Domain
from schemas.records import record_type
from streams.core.ticks.stage import TicksStage
from tests.factories import columns, config, domain, heartbeat, symbol

pytestmark = pytest.mark.data

DAYS = ("20140501", "20140502", "20140504")
BATCH = 7_919
PRICES = ("open", "high", "low", "close")


class Market(NamedTuple):
    folder: str
    name: str
    asset: str
    seconds: int  # bars of the reference
    minutes: int


GOLD = Market("metals", "XAUUSD", "commodity", 59_767, 2_752)
EURO = Market("forex", "EURUSD", "fx", 30_563, 2_742)


def read(root: Path, market: Market, kind: str) -> dict[str, NDArray[np.str_]]:
    """Columns of the files of all days."""
    found = []
    for day in DAYS:
        with gzip.open(root / market.folder / kind / f"{market.name}-{day}.csv.gz", "rt") as text:
            names, *lines = text.read().split()
        found.append(np.array([line.split(",") for line in lines]))
    return dict(zip(names.split(","), np.concatenate(found).T, strict=True))


def instants(texts: NDArray[np.str_]) -> NDArray[np.int64]:
    return np.array([text.rstrip("Z") for text in texts], "datetime64[ns]").astype(np.int64)


def quotes(root: Path, market: Market, first_offset: int) -> list[Columns]:
    """Every quote of the files, in batches."""
    found, kind = read(root, market, "quotes"), record_type("Quote")
    draft, rows = Draft("ticks.raw", 0), kind.empty(len(found["bid"]))
    rows["symbol"], rows["source"] = draft.text(market.name.encode()), draft.text(b"feed")
    rows["ts_event"] = rows["ts_recv"] = instants(found["time"])
    rows["bid"], rows["ask"] = found["bid"].astype(float), found["ask"].astype(float)
    rows["seq"] = np.arange(len(rows))
    rows["nulls"] = kind.null_bit("bid_size") | kind.null_bit("ask_size")
    draft.extend("Quote", rows)
    whole, offsets = draft.finish(), np.arange(first_offset, first_offset + len(rows))
    return [
        dataclasses.replace(
            whole, kinds=whole.kinds[at : at + BATCH], rows=whole.rows[: len(offsets[at : at + BATCH])],
            tables=tuple(table[at : at + BATCH] if len(table) else table for table in whole.tables),
            offsets=offsets[at : at + BATCH], timestamps=rows["ts_event"][at : at + BATCH] // 1_000_000,
        )
        for at in range(0, len(rows), BATCH)
    ]  # fmt: skip


def bars(parts: list[dict[str, Columns]], topic: str) -> NDArray[np.void]:
    return np.concatenate([part[topic].table("Bar") for part in parts if topic in part])


def assert_equal_bars(found: NDArray[np.void], wanted: dict[str, NDArray[np.str_]], count: int) -> None:
    assert len(found) == count
    assert found["ts_open"].tolist() == instants(wanted["time"]).tolist()
    for name in PRICES:
        assert found[name].tolist() == wanted[name].astype(float).tolist()
    assert not found["volume"].any()


@pytest.mark.parametrize("market", [GOLD, EURO], ids=[GOLD.name, EURO.name])
def test_bids_of_all_days_fold_to_every_bar_of_the_reference(market: Market, market_data: Path):
    stage = TicksStage(0)
    calendars = {"FX": calendar_rows("FX", date(2014, 5, 1), date(2014, 5, 5))}
    known = symbol(market.name, asset=market.asset, calendar="FX", price="bid")
    rules = domain(known, calendars=calendars, assets=Domain(1).assets)
    stage.step(columns("ticks.raw", 0, config(rules), heartbeat("2014-04-30T23:59")))
    steps = [stage.step(part) for part in quotes(market_data, market, 2)]
    end = heartbeat("2014-05-05T00:00", final=True)
    steps.append(stage.step(columns("ticks.raw", 0, end, first_offset=10_000_000)))
    assert sum(one.counts["out"] for one in steps) == sum(one.counts["in"] for one in steps) > 0
    topics = [one.topics for one in steps]
    for topic, kind, count in (
        ("bars.1s", "bars_1s", market.seconds),
        ("bars.raw", "bars_1m", market.minutes),
    ):
        assert_equal_bars(bars(topics, topic), read(market_data, market, kind), count)
