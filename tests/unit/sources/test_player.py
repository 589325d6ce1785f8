"""The player merges files by event time and writes the heartbeats that its promise allows."""

from pathlib import Path

import numpy as np
import pytest

from connectors.sources.files import MINUTE, read_file
from connectors.sources.player import CLOCK, Player
from schemas.columns import UNDECODABLE, Columns
from schemas.config import CalendarRows, Domain, SourceConfig, SymbolConfig
from schemas.errors import ConfigurationError
from schemas.records import record_type

DAY = 1_400_000 * 10**9 // (86_400 * 10**9) * 86_400 * 10**9  # midnight
SECOND = 10**9


def domain() -> Domain:
    day = DAY // (86_400 * SECOND)
    open_s = DAY // SECOND + 60 * 60
    calendar = CalendarRows("HOUR", "1", "session", "UTC", [day], [open_s], [open_s + 600])
    symbols = [SymbolConfig(name, "equity", "HOUR", ["files"]) for name in ("A", "B")]
    return Domain(1, symbols, [SourceConfig("files", "ticks.raw")], {"HOUR": calendar})


def at(seconds: float) -> str:
    moment = np.datetime64(DAY + 3_600 * SECOND + int(seconds * SECOND), "ns")
    return f"{np.datetime_as_string(moment, 'us')}Z"


def player(**files: list[Path]) -> Player:
    return Player([read_file(path, record) for record, paths in files.items() for path in paths], domain())


def write(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n")
    return path


def ticks(path: Path, symbol: str, *seconds: float) -> Path:
    lines = [f"{symbol},{at(second)},10.5,100" for second in seconds]
    return write(path, "symbol,time,price,size", *lines)


def records(blocks: list[Columns]) -> list[tuple[str, str, int]]:
    """Topic, record name and time of everything, in sending order."""
    found = []
    for block in blocks:
        for kind, row in zip(block.kinds.tolist(), block.rows.tolist(), strict=True):
            name = "raw" if kind == UNDECODABLE else block.topic.records[kind]
            table = None if kind == UNDECODABLE else block.tables[kind][row]
            time = 0 if table is None else int(table["ts" if name == "Heartbeat" else "ts_event"])
            found.append((block.topic.name, name, time))
    return found


def test_files_are_merged_by_event_time(tmp_path: Path):
    paths = [ticks(tmp_path / "a.csv", "A", 0.5, 2.5, 70), ticks(tmp_path / "b.csv", "B", 0.1, 2.6)]
    blocks = list(player(Tick=paths).blocks())
    times = [time for _, name, time in records(blocks) if name == "Tick"]
    assert times == sorted(times)
    assert len(times) == 5


def test_every_record_up_to_ts_through_precedes_its_heartbeat(tmp_path: Path):
    path = ticks(tmp_path / "a.csv", "A", 0, 0.5, 1, 1.0001, 59.9, 60, 61, 300)
    through = -1
    for _, name, time in records(list(player(Tick=[path]).blocks())):
        if name == "Heartbeat":
            through = time
        else:
            assert time > through


def test_heartbeats_stand_at_seconds_with_records_and_at_minutes_of_the_session(tmp_path: Path):
    path = ticks(tmp_path / "a.csv", "A", 0.5, 130.2)
    blocks = list(player(Tick=[path]).blocks())
    start = DAY + 3_600 * SECOND
    beats = np.concatenate([block.table("Heartbeat") for block in blocks])
    names = [block.text_at(row["source"]) for block in blocks for row in block.table("Heartbeat")]
    own = beats["ts"][[name == "files" for name in names]].tolist()
    clock = beats["ts"][[name == CLOCK for name in names]].tolist()
    minutes = [start + n * MINUTE for n in range(12)]
    assert clock == minutes
    assert own == sorted({*minutes, start + SECOND, start + 131 * SECOND})
    assert beats["final"].tolist().count(1) == 1


def test_a_line_that_cannot_be_read_keeps_its_bytes(tmp_path: Path):
    path = write(
        tmp_path / "a.csv", "symbol,time,price,size", f"A,{at(1)},1,1", "A,never,1,1", f"A,{at(2)},x,1"
    )
    blocks = list(player(Tick=[path]).blocks())
    raw = [b.bytes_at(b.values[n]) for b in blocks for n in np.flatnonzero(b.kinds == UNDECODABLE)]
    assert raw == [b"A,never,1,1", f"A,{at(2)},x,1".encode()]


def test_seq_is_the_number_of_the_file_and_the_line(tmp_path: Path):
    paths = [ticks(tmp_path / "late.csv", "A", 5, 6), ticks(tmp_path / "early.csv", "B", 1)]
    blocks = list(player(Tick=paths).blocks())
    rows = np.concatenate([block.table("Tick") for block in blocks])
    assert rows["seq"].tolist() == [2, (1 << 32) + 2, (1 << 32) + 3]


def test_bars_follow_the_ticks_of_their_minute(tmp_path: Path):
    bars = write(tmp_path / "bars.csv", "symbol,time,open,high,low,close,volume", f"A,{at(0)},1,2,1,2,5")
    found = list(player(Bar=[bars], Tick=[ticks(tmp_path / "a.csv", "A", 1, 61)]).blocks())
    order = [block.topic.name for block in found][:4]
    assert order == ["ticks.raw", "bars.raw", "ticks.raw", "bars.raw"]
    (bar,) = np.concatenate([block.table("Bar") for block in found if block.topic.name == "bars.raw"])
    assert bar["ts_close"] - bar["ts_open"] == MINUTE


def test_a_file_without_its_columns_is_a_clear_error(tmp_path: Path):
    path = write(tmp_path / "a.csv", "symbol,time,bid,ask", f"A,{at(1)},1,1")
    with pytest.raises(ConfigurationError, match="header must have price, size"):
        read_file(path, "Tick")
    with pytest.raises(ConfigurationError, match="file must be readable"):
        read_file(tmp_path / "none.csv", "Tick")


def test_corrections_name_the_ticks_of_files(tmp_path: Path):
    lines = [f"A,{at(0.5)},cancel,t1,,", f"A,{at(1)},correct,t2,10.25,", f"A,{at(2)},void,t3,,"]
    paths = [write(tmp_path / "words.csv", "symbol,time,action,trade_id,price,size", *lines)]
    named = [write(tmp_path / "ticks.csv", "symbol,time,price,size,trade_id", f"A,{at(0.2)},10.5,100,t1")]
    blocks = list(player(Tick=named, Correction=paths).blocks())
    assert [name for _, name, _ in records(blocks) if name in ("Tick", "Correction", "raw")] == [
        "Tick", "Correction", "Correction", "raw",
    ]  # fmt: skip
    texts = [block.bytes_at(row["trade_id"]) for block in blocks for row in block.table("Tick")]
    words = [row for block in blocks for row in block.table("Correction")]
    texts += [block.bytes_at(row["trade_id"]) for block in blocks for row in block.table("Correction")]
    assert texts == [b"t1", b"t1", b"t2"]
    assert [(int(row["action"]), float(row["price"])) for row in words] == [(0, 0.0), (1, 10.25)]
    bits = [int(record_type("Correction").null_bit(name)) for name in ("seq", "price", "size")]
    assert [[bool(int(row["nulls"]) & bit) for bit in bits] for row in words] == [
        [True] * 3,
        [True, False, True],
    ]
