"""Compressed files: read once, when they are whole, and never after the file they are a copy of."""

import gzip
from pathlib import Path

from connectors.sources.jsnl import LinesSource, Positions
from tests.factories import rows_of
from tests.unit.jsnl.files import append, plain, polled, started, told, write


def pack(path: Path, data: bytes) -> Path:
    path.write_bytes(gzip.compress(data))
    return path


def test_a_compressed_file_is_read_once_and_its_end_ends_its_runs(tmp_path: Path) -> None:
    text = "\n".join([plain("m"), started("m", "a"), plain("m")]).encode()
    path, kept = pack(tmp_path / "x.jsnl.gz", text), tmp_path / "positions.json"
    rows = polled(LinesSource([tmp_path], Positions(kept)), final=True)
    assert told(rows) == [("config", "m/a", 2), ("line", "m", 1), ("line", "m", 3), ("end", "m/a", 3)]
    path.rename(tmp_path / "x.jsnl.1.gz")
    assert polled(LinesSource([tmp_path], Positions(kept)), final=True) == []


def test_a_compressed_file_is_waited_for_until_it_is_whole(tmp_path: Path) -> None:
    path, source = tmp_path / "x.jsnl.gz", LinesSource([tmp_path])
    data = gzip.compress((plain("m") + "\n").encode() * 3)
    for part in (b"", data[: len(data) // 2]):
        path.write_bytes(part)
        assert polled(source) == polled(source) == []
    path.write_bytes(data)
    assert polled(source) == []
    assert told(polled(source)) == [("line", "m", 1), ("line", "m", 2), ("line", "m", 3), ("end", "m", 3)]
    assert polled(source) == []


def test_damaged_bytes_are_no_compressed_file(tmp_path: Path) -> None:
    for name in ("a.jsnl.gz", "b.jsnl.bz2", "c.jsnl.xz", "d.jsnl.zst"):
        (tmp_path / name).write_bytes(b"\x1f\x8bno such thing" * 9)
    source = LinesSource([tmp_path])
    assert polled(source, final=True) == []
    assert source.discovery.problems == 4


def test_a_followed_file_that_was_compressed_is_gone_on_with(tmp_path: Path) -> None:
    kept, path = tmp_path / "positions.json", write(tmp_path / "x.jsnl", plain("m", 1), plain("m", 2))
    first = polled(LinesSource([tmp_path], Positions(kept)))
    append(path, plain("m", 3))
    pack(tmp_path / "x.jsnl.1.gz", path.read_bytes())
    path.unlink()
    write(path, plain("m", 1), plain("m", 9))  # begins as the other one did
    source = LinesSource([tmp_path], Positions(kept))
    rows = [*polled(source), *polled(source)]
    assert sorted(told(rows)) == [("end", "m", 3), ("line", "m", 1), ("line", "m", 2), ("line", "m", 3)]
    assert [row["line"] for row in rows if row["file_id"] == first[0]["file_id"]] == [3, 3]


def test_compressed_files_with_the_same_first_line_are_two(tmp_path: Path) -> None:
    pack(tmp_path / "a.jsnl.1.gz", f"{plain('m')}\n{plain('m', 2)}".encode())
    pack(tmp_path / "a.jsnl.2.gz", f"{plain('m')}\n{plain('m', 3)}".encode())
    rows = polled(LinesSource([tmp_path]), final=True)
    assert len({row["file_id"] for row in rows}) == 2
    assert [row["ts_event"] // 10**9 for row in rows if row["record"] == "Line"] == [1, 2, 1, 3]


def test_a_crash_in_a_compressed_file_resumes_where_the_last_commit_was(tmp_path: Path) -> None:
    kept = tmp_path / "positions.json"
    lines = [plain("m" * 900, number) for number in range(12_000)]  # more than one block
    pack(tmp_path / "x.jsnl.gz", "\n".join(lines).encode())
    source = LinesSource([tmp_path], Positions(kept))
    blocks = source.poll(final=True)
    seen = rows_of(next(blocks))
    source.commit()
    blocks.close()
    rest = polled(LinesSource([tmp_path], Positions(kept)), final=True)
    assert [row["line"] for row in [*seen, *rest]] == [*range(1, 12_001), 12_000]


def test_the_same_lines_compressed_or_not_give_the_same_records_where_nothing_grows(tmp_path: Path) -> None:
    path = write(tmp_path / "x.jsnl", started("m", "a"), plain("m"))
    packed = pack(tmp_path / "y.jsnl.gz", path.read_bytes())
    found = [
        [row for block in LinesSource([file]).blocks() for row in rows_of(block)] for file in (path, packed)
    ]
    assert [{**row, "file": ""} for row in found[0]] == [{**row, "file": ""} for row in found[1]]


def test_many_files_are_followed_with_few_of_them_open(tmp_path: Path) -> None:
    paths = [write(tmp_path / f"{number:03}.jsnl", plain(f"m{number}")) for number in range(60)]
    source = LinesSource([tmp_path], open_limit=5)
    assert len(polled(source)) == 60
    assert (source.followed, source.opened) == (60, 5)
    for path in paths[::7]:
        append(path, plain("m", 2))
    assert len(polled(source)) == len(paths[::7])
    assert source.opened == 5
    paths[1].rename(tmp_path / "001.jsnl.1")
    append(tmp_path / "001.jsnl.1", plain("m1", 3))
    write(paths[1], plain("m1", 4))
    assert sorted(row["ts_event"] // 10**9 for row in polled(source)) == [3, 4]
    source.close()
    assert source.opened == 0


def test_a_deleted_file_ends_its_runs_and_is_forgotten(tmp_path: Path) -> None:
    clock, positions = [0.0], Positions()
    paths = [write(tmp_path / f"{number}.jsnl", plain(f"m{number}")) for number in range(4)]
    source = LinesSource([tmp_path], positions, idle_s=10, now=lambda: clock[0], open_limit=2)
    polled(source)
    for path in paths:
        path.unlink()
    assert polled(source) == []
    clock[0] = 11.0
    assert sorted(told(polled(source))) == [("end", f"m{number}", 1) for number in range(4)]
    assert source.followed == 0
    assert positions.files == {}
