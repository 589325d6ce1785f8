"""Bars of real quotes against those of the vendor that they came from."""

import csv
import dataclasses
import gzip
import os
from pathlib import Path

import numpy as np
import pytest

from schemas.columns import Columns, Draft
from schemas.records import record_type
from streams.core.ticks.stage import TicksStage
from tests.factories import around_the_clock, columns, config, domain, heartbeat, symbol

DATA = Path(os.environ.get("BARLINE_DATA", "../shared/data"))
DAY = "2014-05-01"

pytestmark = [
    pytest.mark.data,
    pytest.mark.skipif(not DATA.is_dir(), reason="BARLINE_DATA names no folder with market data"),
]


def read(folder: str) -> dict[str, list[str]]:
    with gzip.open(DATA / "metals" / folder / "XAUUSD-20140501.csv.gz", "rt") as lines:
        rows = list(csv.DictReader(lines))
    return {name: [row[name] for row in rows] for name in rows[0]}


def instants(texts: list[str]) -> np.ndarray:
    return np.array([text.rstrip("Z") for text in texts], "datetime64[ns]").astype(np.int64)


def quotes(first_offset: int) -> Columns:
    found = read("quotes")
    draft = Draft("ticks.raw", 0)
    rows = record_type("Quote").empty(len(found["bid"]))
    rows["symbol"], rows["source"] = draft.text(b"XAUUSD"), draft.text(b"feed")
    rows["ts_event"] = rows["ts_recv"] = instants(found["time"])
    rows["bid"], rows["ask"] = np.array(found["bid"], float), np.array(found["ask"], float)
    rows["seq"] = np.arange(len(rows))
    rows["nulls"] = record_type("Quote").null_bit("bid_size") | record_type("Quote").null_bit("ask_size")
    draft.extend("Quote", rows)
    batch = draft.finish()
    offsets = np.arange(first_offset, first_offset + len(batch))
    return dataclasses.replace(batch, offsets=offsets, timestamps=rows["ts_event"] // 1_000_000)


def assert_equal_bars(found: list[Columns], folder: str) -> None:
    bars = np.concatenate([part.table("Bar") for part in found])
    wanted = read(folder)
    assert bars["ts_open"].tolist() == instants(wanted["time"]).tolist()
    for name in ("open", "high", "low", "close"):
        assert bars[name].tolist() == [float(text) for text in wanted[name]]
    assert not bars["volume"].any()


def test_bids_fold_to_every_bar_of_the_reference():
    stage = TicksStage(0)
    gold = symbol("XAUUSD", asset="commodity", calendar="24x7", price="bid")
    known = domain(gold, calendars={"24x7": around_the_clock(days=(DAY,))}, assets={})
    stage.step(columns("ticks.raw", 0, config(known), heartbeat(f"{DAY}T00:00:00")))
    middle = stage.step(quotes(2))
    end = stage.step(
        columns("ticks.raw", 0, heartbeat(f"{DAY}T23:59:59.5", final=True), first_offset=10_000_000)
    )
    assert middle.counts["out"] == middle.counts["in"]
    assert_equal_bars([middle.topics["bars.1s"], end.topics["bars.1s"]], "bars_1s")
    assert_equal_bars([middle.topics["bars.raw"], end.topics["bars.raw"]], "bars_1m")
