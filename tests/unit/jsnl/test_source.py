import json
import os
from pathlib import Path

import pytest

from connectors.sources.jsnl import LinesSource, Positions
from connectors.sources.jsnl.positions import locked
from connectors.sources.jsnl.tail import HEAD, LINE_LIMIT
from schemas.errors import ConfigurationError, SourceError
from tests.factories import rows_of
from tests.unit.jsnl.files import append, plain, polled, started, told, write


def test_configurations_of_the_opening_scan_go_out_before_every_line(tmp_path: Path) -> None:
    path = write(tmp_path / "x.jsnl", plain("m"), started("m", "a", live=True), plain("m"), started("m", "b"))
    rows = polled(LinesSource([path]))
    assert told(rows) == [("config", "m/a", 2), ("config", "m/b", 4), ("line", "m", 1), ("line", "m", 3)]
    assert [row["scanned"] for row in rows[:2]] == [True, True]
    assert [row["live"] for row in rows[:2]] == [True, False]
    assert rows[0]["data"] == '{"live": true}'


def test_a_later_configuration_goes_out_in_its_place(tmp_path: Path) -> None:
    path = write(tmp_path / "x.jsnl", plain("m"))
    source = LinesSource([path])
    polled(source)
    append(path, plain("m"), started("m", "a"), plain("m"))
    rows = polled(source)
    assert told(rows) == [("line", "m", 2), ("config", "m/a", 3), ("line", "m", 4)]
    assert rows[1]["scanned"] is False


def test_a_line_is_sent_as_it_stands_with_its_key_and_time(tmp_path: Path) -> None:
    path = tmp_path / "x.jsnl"
    path.write_bytes(b'\xff\xfe\n{"mode":"m\xc3\xa4", "timestamp":"1.5"}\r\n\n{"mode":7}\n')
    rows = polled(LinesSource([path]))
    found = [(row["mode"], row["line"], row["ts_event"], row["data"]) for row in rows]
    assert found == [
        ("", 1, 0, b"\xff\xfe"),
        ("mä", 2, 1_500_000_000, b'{"mode":"m\xc3\xa4", "timestamp":"1.5"}'),
        ("", 4, 0, b'{"mode":7}'),
    ]
    assert {row["file"] for row in rows} == {"x.jsnl"}


def test_half_a_line_is_waited_for(tmp_path: Path) -> None:
    whole = plain("m")
    path = write(tmp_path / "x.jsnl", plain("m"), whole[:9], end="")
    source = LinesSource([path])
    assert told(polled(source)) == [("line", "m", 1)]
    append(path, whole[9:])
    assert told(polled(source)) == [("line", "m", 2)]


def test_half_a_line_is_a_line_where_nothing_grows_any_more(tmp_path: Path) -> None:
    path = write(tmp_path / "x.jsnl", plain("m"), plain("m")[:9], end="")
    assert told(polled(LinesSource([path]), final=True)) == [
        ("line", "m", 1),
        ("line", "", 2),
        ("end", "m", 2),
    ]


def test_a_configuration_without_a_line_end_is_found_where_nothing_grows_any_more(tmp_path: Path) -> None:
    path = write(tmp_path / "x.jsnl", plain("m"), started("m", "a"), end="")
    assert told(polled(LinesSource([path]), final=True)) == [
        ("config", "m/a", 2),
        ("line", "m", 1),
        ("end", "m/a", 2),
    ]


def test_reading_goes_on_where_the_last_commit_was(tmp_path: Path) -> None:
    path = write(tmp_path / "x.jsnl", started("m", "a"), plain("m"))
    kept = tmp_path / "positions.json"
    polled(LinesSource([path], Positions(kept)))
    append(path, plain("m"))
    uncommitted = LinesSource([path], Positions(kept))
    assert told([row for block in uncommitted.poll() for row in rows_of(block)]) == [("line", "m", 3)]
    assert told(polled(LinesSource([path], Positions(kept)))) == [("line", "m", 3)]
    assert polled(LinesSource([path], Positions(kept))) == []


def test_the_opening_scan_ends_where_the_file_ended_when_it_was_first_opened(tmp_path: Path) -> None:
    path = write(tmp_path / "x.jsnl", plain("m"), started("m", "a"))
    kept = tmp_path / "positions.json"
    next(LinesSource([path], Positions(kept)).poll())  # a crash before anything was committed
    append(path, started("m", "b"))
    rows = polled(LinesSource([path], Positions(kept)))
    assert told(rows) == [("config", "m/a", 2), ("line", "m", 1), ("config", "m/b", 3)]
    assert [row["scanned"] for row in rows if row["record"] == "ModeConfig"] == [True, False]


def test_a_new_file_does_not_save_what_another_has_not_delivered(tmp_path: Path) -> None:
    kept = tmp_path / "positions.json"
    write(tmp_path / "a.jsnl", plain("m"))
    source = LinesSource([tmp_path], Positions(kept))
    list(source.poll())
    write(tmp_path / "b.jsnl", plain("n"))
    list(source.poll())
    assert [found.offset for found in Positions(kept).files.values()] == [0, 0]


def test_a_rotated_file_is_read_to_its_end_and_not_twice(tmp_path: Path) -> None:
    path = write(tmp_path / "x.jsnl", plain("m", 1))
    source = LinesSource([path])
    first = polled(source)
    append(path, plain("m", 2))
    path.rename(tmp_path / "x.jsnl.1")
    write(path, plain("m", 3))
    rows = polled(source)
    assert [row["ts_event"] // 10**9 for row in rows] == [2, 3]
    assert rows[0]["file_id"] == first[0]["file_id"] != rows[1]["file_id"]


@pytest.mark.parametrize("directory", [False, True])
def test_a_file_rotated_while_nobody_looked_is_finished(tmp_path: Path, directory: bool) -> None:
    kept = tmp_path / "positions.json"
    path = write(tmp_path / "x.jsnl", plain("m", 1))
    named = tmp_path if directory else path
    polled(LinesSource([named], Positions(kept)))
    append(path, plain("m", 2))
    path.rename(tmp_path / "x.jsnl.1")
    write(path, plain("m", 3))
    rows = polled(LinesSource([named], Positions(kept)))
    assert sorted(row["ts_event"] // 10**9 for row in rows) == [2, 3]


def test_files_rotated_before_anyone_followed_are_left_alone_and_later_ones_are_read(tmp_path: Path) -> None:
    kept = tmp_path / "positions.json"
    path = write(tmp_path / "x.jsnl", plain("m", 1))
    path.rename(tmp_path / "x.jsnl.9")
    write(path, plain("m", 2))
    assert [row["ts_event"] // 10**9 for row in polled(LinesSource([path], Positions(kept)))] == [2]
    path.rename(tmp_path / "x.jsnl.2")
    write(path, plain("m", 3))
    path.rename(tmp_path / "x.jsnl.1")
    write(path, plain("m", 4))
    rows = polled(LinesSource([path], Positions(kept)))
    assert [row["ts_event"] // 10**9 for row in rows] == [3, 4]


def test_a_truncated_file_is_another_one(tmp_path: Path) -> None:
    kept = tmp_path / "positions.json"
    path = write(tmp_path / "x.jsnl", plain("m", 1), plain("m", 2))
    source = LinesSource([path], Positions(kept))
    first = polled(source)
    os.truncate(path, 0)
    assert polled(source) == []
    append(path, plain("m", 1))
    rows = polled(source)
    assert told(rows) == [("line", "m", 1)]
    assert rows[0]["file_id"] != first[0]["file_id"]
    assert polled(LinesSource([path], Positions(kept))) == []


@pytest.mark.parametrize("restarted", [False, True])
def test_a_file_written_anew_and_longer_that_begins_the_same_is_another_one(
    tmp_path: Path, restarted: bool
) -> None:
    kept, path = tmp_path / "positions.json", write(tmp_path / "x.jsnl", plain("m", 1), plain("m", 2))
    source = LinesSource([path], Positions(kept))
    first = polled(source)
    os.truncate(path, 0)
    append(path, plain("m", 1), plain("m", 8), plain("m", 9))
    rows = polled(LinesSource([path], Positions(kept)) if restarted else source)
    assert [row["line"] for row in rows] == [1, 2, 3]
    assert rows[0]["file_id"] != first[0]["file_id"]


def test_a_directory_gains_files(tmp_path: Path) -> None:
    source = LinesSource([tmp_path])
    assert polled(source) == []
    write(tmp_path / "b.jsnl", plain("b"))
    write(tmp_path / "a.jsnl", plain("a"))
    write(tmp_path / "notes.txt", plain("c"))
    assert told(polled(source)) == [("line", "a", 1), ("line", "b", 1)]


def test_a_line_that_is_too_long_is_told_of_by_its_head(tmp_path: Path) -> None:
    path = tmp_path / "x.jsnl"
    with path.open("wb") as file:
        file.write(b'{"mode":"m","x":"' + b"x" * LINE_LIMIT + b'"}\n')
        file.write(b"y" * 20_000_000 + b"\n" + started("m", "a").encode() + b"\n" + b"z" * 9_000_000)
    source = LinesSource([path])
    rows = polled(source)
    assert told(rows) == [("config", "m/a", 3), ("line", "", 1), ("line", "", 2)]
    assert [len(row["data"]) for row in rows[1:]] == [HEAD, HEAD]
    assert rows[2]["detail"] == "line must have at most 786432 bytes, was 20000000; the first stand here"
    append(path, "z", plain("m"))
    assert told(polled(source)) == [("line", "", 4), ("line", "m", 5)]


def test_an_end_marker_ends_the_run_in_its_place(tmp_path: Path) -> None:
    marker = json.dumps({"type": "strand_finished", "mode": "m", "strand_id": "a", "timestamp": 9})
    path = write(tmp_path / "x.jsnl", started("m", "a"), plain("m"), marker, plain("m"))
    rows = polled(LinesSource([path]), final=True)
    assert told(rows)[2:] == [("end", "m/a", 3), ("line", "m", 4), ("end", "m", 4)]
    assert [(row["reason"], row["ts_event"]) for row in rows if row["record"] == "RunEnd"] == [
        ("marker", 9_000_000_000),
        ("end_of_file", 1_000_000_000),
    ]


def test_a_run_whose_configuration_is_elsewhere_ends_once(tmp_path: Path) -> None:
    marker = json.dumps({"type": "strand_finished", "mode": "m", "strand_id": "a"})
    path = write(tmp_path / "x.jsnl", plain("m"), marker)
    assert told(polled(LinesSource([path]), final=True)) == [("line", "m", 1), ("end", "m/a", 2)]


def test_the_end_of_the_file_ends_every_run_in_it(tmp_path: Path) -> None:
    path = write(tmp_path / "x.jsnl", plain("n"), started("m", "a"), plain("m"), started("m", "b"))
    rows = polled(LinesSource([path]), final=True)
    assert told(rows)[-3:] == [("end", "n", 4), ("end", "m/a", 4), ("end", "m/b", 4)]


def test_a_run_ends_when_its_file_is_idle_and_ends_again_when_it_went_on(tmp_path: Path) -> None:
    clock = [0.0]
    path = write(tmp_path / "x.jsnl", started("m", "a"), plain("m"))
    source = LinesSource([path], idle_s=10, now=lambda: clock[0])
    polled(source)
    clock[0] = 9.0
    assert polled(source) == []
    clock[0] = 10.0
    assert told(polled(source)) == [("end", "m/a", 2)]
    assert polled(source) == []
    append(path, plain("m"))
    assert told(polled(source)) == [("line", "m", 3)]
    clock[0] = 20.0
    assert told(polled(source)) == [("end", "m", 3)]


def test_blocks_of_the_same_content_are_the_same_anywhere(tmp_path: Path) -> None:
    (tmp_path / "1").mkdir()
    (tmp_path / "2").mkdir()
    files = [write(tmp_path / name / "x.jsnl", started("m", "a"), plain("m")) for name in ("1", "2")]
    found = [[row for block in LinesSource([file]).blocks() for row in rows_of(block)] for file in files]
    assert found[0] == found[1]
    assert told(found[0]) == [("config", "m/a", 1), ("line", "m", 2), ("end", "m/a", 2)]


def test_a_file_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="file must be readable"):
        list(LinesSource([tmp_path / "x.jsnl"]).blocks())


def test_positions_that_cannot_be_read_are_said_so(tmp_path: Path) -> None:
    kept = tmp_path / "positions.json"
    kept.write_text("{")
    with pytest.raises(ConfigurationError, match="positions must be"):
        Positions(kept)


def test_positions_are_kept_by_one_follower(tmp_path: Path) -> None:
    with locked(tmp_path / "p.json"), pytest.raises(ConfigurationError, match="one follower"):  # noqa: SIM117
        with locked(tmp_path / "p.json"):
            pass
    with locked(tmp_path / "p.json") as positions:
        assert positions.files == {}
