"""Real bars through the stage: the vendor outage of 2018-04-04 and what surrounds it."""

import os
from collections import Counter
from pathlib import Path

import pytest

from connectors.sources.files import read_file
from connectors.sources.player import Player
from schemas.batches.decode import Decoder
from schemas.batches.encode import Encoder
from schemas.batches.frames import from_records
from schemas.codec import LOCAL_IDS, LOCAL_NAMES
from schemas.config import Domain, SourceConfig, SymbolConfig
from schemas.topics import TOPICS
from streams.core.bars.stage import BarsStage
from tests.factories import Record, around_the_clock, at, config, framed, rows_of

DATA = Path(os.environ.get("BARLINE_DATA", "../shared/data"))
DAYS = ("2018-04-03", "2018-04-04", "2018-04-05", "2018-04-06")
SYMBOLS = ("BTCUSD", "ETHUSD")

pytestmark = [
    pytest.mark.data,
    pytest.mark.skipif(not DATA.is_dir(), reason="the real market data is not here (BARLINE_DATA)"),
]


def domain_of(*names: str) -> Domain:
    symbols = [SymbolConfig(name, "crypto", "24x7", ["files.bars"]) for name in names]
    sources = [SourceConfig("files.bars", "bars.raw", files=True)]
    return Domain(1, symbols, sources, {"24x7": around_the_clock(days=DAYS)}, partitions=1)


def played(*names: str) -> dict[str, list[Record]]:
    body = domain_of(*names)
    paths = [DATA / "crypto" / "bars_1m" / f"{name}-2018040{day}.csv.gz" for name in names for day in (4, 5)]
    blocks = Player([read_file(path, "Bar") for path in paths], body).blocks()
    sent = [framed(config(body))]
    for block in blocks:
        records = Encoder(block.topic, LOCAL_IDS).encode(block).records()
        sent += [(timestamp, key, value) for key, value, timestamp in records]
    frames = from_records((offset, *record) for offset, record in enumerate(sent))
    found = BarsStage(0).step(Decoder(TOPICS["bars.raw"], LOCAL_NAMES).decode(frames, 0))
    return {topic: rows_of(made) for topic, made in found.topics.items()}


def last_gaps(rows: dict[str, list[Record]], name: str) -> list[tuple[str, int, int, int]]:
    last = {
        row["ts_open"]: row for row in rows["gaps"] if row["symbol"] == name and row["state"] != "abandoned"
    }
    causes = ("no_trades", "outage", "unknown")
    return [(ts, *(row[cause] for cause in causes)) for ts, row in sorted(last.items())]


def at_minute(number: int) -> int:
    return at(f"2018-04-04T16:{number}")


def test_the_outage_of_the_vendor_is_a_gap_with_its_cause():
    rows = played(*SYMBOLS)
    assert last_gaps(rows, "BTCUSD") == [
        (at("2018-04-04T16:46"), 1, 0, 0),
        (at("2018-04-04T16:48"), 5, 427, 0),
    ]
    assert last_gaps(rows, "ETHUSD") == [
        (at("2018-04-04T16:48"), 4, 0, 0),
        (at("2018-04-04T16:53"), 0, 427, 0),
    ]
    bars = [row for row in rows["bars.1m"] if row["record"] == "Bar"]
    assert Counter(row["fill"] for row in bars if row["revision"] == 0) == {"real": 4896, "flat": 20}


def test_of_one_symbol_alone_silence_is_unknown():
    rows = played("BTCUSD")
    assert last_gaps(rows, "BTCUSD") == [
        (at("2018-04-04T16:46"), 0, 0, 1),
        (at("2018-04-04T16:48"), 0, 0, 432),
    ]


def test_the_session_of_the_outage_has_its_quality():
    rows = [row for row in played(*SYMBOLS)["sessions"] if row["state"] == "closed"]
    closed = [row for row in rows if (row["symbol"], row["interval"]) == ("BTCUSD", "1m")]
    real, no_trades = 1007, 6
    assert [row["expected"] for row in closed] == [1440, 1440]
    assert closed[0]["quality"] == pytest.approx(100 * (real + no_trades) / 1440)
    assert (closed[0]["outage"], closed[1]["quality"]) == (427, 100.0)
