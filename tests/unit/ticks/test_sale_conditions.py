"""Bars of real prints under the table of their sale conditions, against those of the vendor."""

import dataclasses
import gzip
from datetime import date
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from barline.settings.calendars import calendar_rows
from barline.settings.conditions import CONDITIONS
from schemas.columns import Columns, Draft
from schemas.config import Domain
from schemas.market.intervals import HOUR, SECOND
from schemas.records import record_type
from streams.core.ticks.stage import TicksStage
from tests.factories import columns, config, domain, heartbeat, symbol

pytestmark = pytest.mark.data

DAY = date(2013, 10, 8)
OPEN = np.datetime64(DAY, "ns").astype(np.int64) + 13 * HOUR + 1_800 * SECOND
PRICES = ("open", "high", "low", "close")
Table = dict[str, NDArray[np.str_]]


class Agreement(NamedTuple):
    """Bars of the reference in regular hours, those with all its prices, and bars that it lacks."""

    reference: int
    equal: int
    extra: int


def read(root: Path, kind: str) -> tuple[Table, NDArray[np.int64]]:
    """Columns of a file in regular hours, and its instants."""
    with gzip.open(root / "us_equity" / kind / f"AIG-{DAY:%Y%m%d}.csv.gz", "rt") as text:
        names, *lines = text.read().splitlines()
    rows = np.array([line.split(",") for line in lines]).T
    instants = np.array([one.rstrip("Z") for one in rows[1]], "datetime64[ns]").astype(np.int64)
    kept = (instants >= OPEN) & (instants < OPEN + 390 * 60 * SECOND)
    return dict(zip(names.split(","), rows[:, kept], strict=True)), instants[kept]


def prints(root: Path) -> Columns:
    found, instants = read(root, "trades")
    kind, draft = record_type("Tick"), Draft("ticks.raw", 0)
    rows = kind.empty(len(instants))
    rows["symbol"], rows["source"] = draft.text(b"AIG"), draft.text(b"feed")
    rows["ts_event"] = rows["ts_recv"] = instants
    rows["price"], rows["size"] = found["price"].astype(float), found["size"].astype(float)
    codes, places = np.unique(found["conditions"], return_inverse=True)
    rows["conditions"] = draft.texts(str(code).encode() for code in codes)[places]
    rows["seq"], rows["nulls"] = np.arange(len(rows)), kind.null_bit("trade_id")
    draft.extend("Tick", rows)
    offsets = np.arange(2, 2 + len(rows))
    return dataclasses.replace(draft.finish(), offsets=offsets, timestamps=instants // 1_000_000)


def agreements(root: Path, table: str) -> dict[str, Agreement]:
    stage = TicksStage(0)
    known = domain(
        symbol("AIG", conditions=table),
        calendars={"XNYS": calendar_rows("XNYS", DAY, DAY)},
        conditions=CONDITIONS,
        assets=Domain(1).assets,
    )
    stage.step(columns("ticks.raw", 0, config(known), heartbeat(f"{DAY}T13:00")))
    parts = [stage.step(prints(root)).topics]
    last = heartbeat(f"{DAY}T20:30", final=True)
    parts.append(stage.step(columns("ticks.raw", 0, last, first_offset=10_000_000)).topics)
    return {
        kind: agreement(
            np.concatenate([part[topic].table("Bar") for part in parts if topic in part]), root, kind
        )
        for kind, topic in (("bars_1m", "bars.raw"), ("bars_1s", "bars.1s"))
    }


def agreement(bars: NDArray[np.void], root: Path, kind: str) -> Agreement:
    wanted, instants = read(root, kind)
    found = {int(bar["ts_open"]): tuple(float(bar[name]) for name in PRICES) for bar in bars}
    rows = zip(*(wanted[name].astype(float).tolist() for name in PRICES), strict=True)
    reference = dict(zip(instants.tolist(), rows, strict=True))
    equal = sum(found.get(ts_open) == prices for ts_open, prices in reference.items())
    return Agreement(len(reference), equal, len(found.keys() - reference.keys()))


def test_the_table_of_the_files_gives_the_bars_of_the_vendor(market_data: Path):
    found = agreements(market_data, "lean_us")
    assert found == {"bars_1m": Agreement(390, 389, 0), "bars_1s": Agreement(6_388, 6_386, 0)}


def test_without_a_table_many_bars_are_others(market_data: Path):
    found = agreements(market_data, "")
    assert found == {"bars_1m": Agreement(390, 238, 0), "bars_1s": Agreement(6_388, 5_605, 1_637)}
