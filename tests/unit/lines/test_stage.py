import pytest

from schemas.config import Domain
from streams.core.lines.stage import LinesStage
from streams.core.stage import Outputs
from tests.factories import Record, columns, config, raw, rows_of
from tests.line_factories import T0, equity, line, mode_config, mode_unknown, run_end, stored_config


def run(*records: Record) -> Outputs:
    outputs = LinesStage(0).step(columns("lines.raw", 0, *records))
    counts = outputs.counts
    assert counts.get("in", 0) == sum(
        counts.get(name, 0) for name in ("out", "rejected", "late", "duplicate", "held")
    )
    return outputs


def rows(outputs: Outputs, topic: str) -> list[Record]:
    return rows_of(outputs.topics[topic]) if topic in outputs.topics else []


def values(outputs: Outputs) -> list[tuple[str, float]]:
    return [(row["strand_id"], row["equity"]) for row in rows_of(outputs.topics["equity"], "Equity")]


def codes(outputs: Outputs) -> list[str]:
    return [row["code"] for row in rows(outputs, "dead-letters")]


def test_equity_of_a_known_mode_goes_out_with_its_run_and_the_offset_of_its_line() -> None:
    outputs = run(mode_config("m", "s1", live=False), line("m", 2, equity(5.5, "ib"), ts=T0 + 0.5))
    assert rows(outputs, "equity") == [
        {
            "record": "Equity",
            "mode": "m",
            "strand_id": "s1",
            "broker": "ib",
            "ts_event": T0 * 1_000_000_000 + 500_000_000,
            "equity": 5.5,
            "live": False,
            "lines_offset": 1,
        }
    ]


def test_a_configuration_goes_to_modes_with_its_version() -> None:
    outputs = run(mode_config("m", "s1"), mode_config("m", "s2", 5), mode_config("n", "s3"))
    found = [(row["mode"], row["strand_id"], row["version"]) for row in rows(outputs, "modes")]
    assert found == [("m", "s1", 1), ("m", "s2", 2), ("n", "s3", 1)]


def test_a_configuration_of_a_known_place_changes_nothing() -> None:
    outputs = run(mode_config("m", "s1"), mode_config("m", "s2"), line("m", 2, equity(1)))
    assert len(rows(outputs, "modes")) == 1
    assert values(outputs) == [("s1", 1.0)]
    assert outputs.counts["duplicate"] == 1


def test_a_line_uses_the_last_configuration_before_it_in_its_file() -> None:
    outputs = run(
        mode_config("m", "a", 1, scanned=True),
        mode_config("m", "b", 4, scanned=True),
        *(line("m", number, equity(number)) for number in (2, 3, 5)),
    )
    assert values(outputs) == [("a", 2.0), ("a", 3.0), ("b", 5.0)]


def test_a_line_before_every_configuration_uses_the_first_one_the_scan_found() -> None:
    outputs = run(
        mode_config("m", "other", 1, file_id="f2"),
        mode_config("m", "b", 7, scanned=True),
        mode_config("m", "a", 5, scanned=True),
        line("m", 2, equity(1)),
    )
    assert values(outputs) == [("a", 1.0)]


def test_a_later_configuration_is_never_retroactive() -> None:
    outputs = run(
        mode_config("m", "other", 1, file_id="f2"),
        mode_config("m", "a", 5),
        line("m", 2, equity(1)),
        line("m", 6, equity(2)),
    )
    # Not scanned, so line 2 falls back to the newest in the log, which is the one at line 5.
    assert values(outputs) == [("a", 1.0), ("a", 2.0)]


def test_a_line_of_another_file_uses_the_newest_configuration_in_the_log() -> None:
    outputs = run(
        mode_config("m", "a", 1),
        mode_config("m", "b", 9, scanned=True),
        line("m", 1, equity(1), file_id="f2"),
    )
    assert values(outputs) == [("b", 1.0)]


def test_a_line_at_or_below_the_last_one_is_a_duplicate() -> None:
    outputs = run(
        mode_config("m"),
        line("m", 5, equity(1)),
        line("m", 5, equity(2)),
        line("m", 3, equity(3)),
        line("m", 3, equity(4), file_id="f2"),
    )
    assert values(outputs) == [("s1", 1.0), ("s1", 4.0)]
    assert outputs.counts["duplicate"] == 2


def test_an_unknown_mode_is_asked_for_once_and_its_lines_wait() -> None:
    outputs = run(line("m", 1, equity(1), ts=T0 + 7), line("m", 2, equity(2)))
    assert rows(outputs, "modes.wanted") == [
        {"record": "ModeWanted", "mode": "m", "ts_event": (T0 + 7) * 1_000_000_000}
    ]
    assert outputs.counts == {"in": 2, "held": 2}


def test_parked_lines_are_applied_when_the_store_answers() -> None:
    outputs = run(line("m", 1, equity(1)), line("m", 2, equity(2)), stored_config("m", "s9"))
    assert values(outputs) == [("s9", 1.0), ("s9", 2.0)]
    assert [row["lines_offset"] for row in rows(outputs, "equity")] == [0, 1]
    assert outputs.counts == {"in": 3, "out": 3}


def test_parked_lines_become_dead_letters_with_their_original_bytes_when_the_store_knows_nothing() -> None:
    parked = line("m", 1, equity(1))
    batch = columns("lines.raw", 0, parked, mode_unknown("m"), line("m", 2, equity(2)))
    outputs = LinesStage(0).step(batch)
    letters = rows(outputs, "dead-letters")
    assert [(row["code"], row["offset"]) for row in letters] == [("unresolved", 0), ("unresolved", 2)]
    assert letters[0]["data"] == batch.bytes_at(batch.values[0])
    assert letters[0]["key"] == b"m"
    assert outputs.counts == {"in": 3, "out": 1, "rejected": 2, "rejected.unresolved": 2}


def test_an_unknown_mode_stays_unknown_until_a_configuration_comes() -> None:
    outputs = run(
        mode_unknown("m"), line("m", 1, equity(1)), mode_config("m", "s", 2), line("m", 3, equity(3))
    )
    assert "modes.wanted" not in outputs.topics
    assert codes(outputs) == ["unresolved"]
    assert values(outputs) == [("s", 3.0)]


def test_the_store_knowing_nothing_does_not_take_a_known_mode_away() -> None:
    outputs = run(mode_config("m"), mode_unknown("m"), line("m", 2, equity(1)))
    assert values(outputs) == [("s1", 1.0)]


@pytest.mark.parametrize("limit", [{"parked_lines": 2}, {"parked_bytes": 350}])
def test_lines_beyond_the_parking_limit_become_dead_letters_at_once(limit: dict[str, int]) -> None:
    outputs = run(config(Domain(1, **limit)), *(line("m", number, equity(number)) for number in (1, 2, 3, 4)))
    assert codes(outputs) == ["unresolved", "unresolved"]
    assert outputs.counts["held"] == 2


def test_an_equal_value_of_the_same_run_and_broker_is_not_put_out_again() -> None:
    outputs = run(
        mode_config("m", "a"),
        line("m", 2, equity(1), equity(1), equity(1, "x"), equity(2), equity(1)),
        line("m", 3, equity(1)),
        mode_config("m", "b", 4),
        line("m", 5, equity(1)),
    )
    assert values(outputs) == [("a", 1.0), ("a", 1.0), ("a", 2.0), ("a", 1.0), ("b", 1.0)]


def test_every_value_is_put_out_when_the_configuration_says_so() -> None:
    outputs = run(
        mode_config("m"),
        line("m", 2, equity(1)),
        line("m", 3, equity(1)),
        config(Domain(1, equity_on_change=False)),
        line("m", 4, equity(1)),
        config(Domain(1)),
        line("m", 5, equity(1)),
        config(Domain(2)),
        line("m", 6, equity(1)),
    )
    assert [row["lines_offset"] for row in rows(outputs, "equity")] == [1, 4, 6]


def test_every_other_item_is_kept_as_it_stands() -> None:
    data = (
        b'{"timestamp":"1720000000.25","mode":"m","value":[{"t":"open", "price": 1.50},'
        b'{"t":"e","equity":3},{"t":"c","o":1},{"t":"\xc3\xa4","x":[{}]}]}'
    )
    outputs = run(mode_config("m"), line("m", 2, data=data))
    found = [(row["type"], row["item"], row["data"], row["lines_offset"]) for row in rows(outputs, "trades")]
    assert found == [
        ("open", 0, '{"t":"open", "price": 1.50}', 1),
        ("c", 2, '{"t":"c","o":1}', 1),
        ("ä", 3, '{"t":"ä","x":[{}]}', 1),
    ]
    assert rows(outputs, "trades")[0]["ts_event"] == T0 * 1_000_000_000 + 250_000_000


def test_a_bad_item_costs_only_itself() -> None:
    outputs = run(mode_config("m"), line("m", 2, equity(1), {"x": 1}, equity("2"), 7, {"t": "open"}))
    assert values(outputs) == [("s1", 1.0)]
    assert [row["type"] for row in rows(outputs, "trades")] == ["open"]
    letters = rows(outputs, "dead-letters")
    assert [row["code"] for row in letters] == ["item"]
    assert [f"item {number}:" in letters[0]["detail"] for number in range(5)] == [
        False,
        True,
        True,
        True,
        False,
    ]
    assert outputs.counts == {"in": 2, "out": 2}


def test_a_line_of_bad_items_only_is_refused() -> None:
    outputs = run(mode_config("m"), line("m", 2, equity(None)))
    assert outputs.counts == {"in": 2, "out": 1, "rejected": 1, "rejected.item": 1}


def test_a_bad_line_does_not_take_its_mode_along() -> None:
    outputs = run(mode_config("m"), line("m", 2, data=b'{"mode":"m"'), line("m", 3, equity(1)))
    assert codes(outputs) == ["json"]
    assert values(outputs) == [("s1", 1.0)]


def test_what_cannot_be_read_at_all_becomes_a_dead_letter() -> None:
    outputs = run(
        raw(b"\x00\x00"),
        line("", 1, data=b"\xff\xfe"),
        line("", 2, data=b"{}"),
        line("", 3, data=b"", detail="line must be shorter"),
        line("m", 4, data=b"x", detail="cut"),
        mode_config(""),
        mode_config("m", ""),
    )
    assert codes(outputs) == ["V01", "json", "mode", "unreadable", "unreadable", "mode", "config"]
    assert outputs.counts["rejected"] == outputs.counts["in"] == 7


def test_a_configuration_that_cannot_be_read_changes_nothing_and_becomes_a_dead_letter() -> None:
    outputs = run(config("{"), mode_config("m"), line("m", 2, equity(1)))
    assert codes(outputs) == ["V01"]
    assert values(outputs) == [("s1", 1.0)]


def test_a_strand_started_that_comes_as_a_line_is_a_configuration_in_its_place() -> None:
    data = b'{"type":"strand_started","strand_id":"s5","mode":"m","config":{"live":false, "n":1}}'
    outputs = run(line("m", 1, equity(1)), line("m", 2, data=data), line("m", 3, equity(2)))
    assert values(outputs) == [("s5", 1.0), ("s5", 2.0)]
    placed = rows(outputs, "modes")[0]
    assert (placed["line"], placed["live"], placed["data"]) == (2, False, '{"live":false, "n":1}')


def test_the_end_of_a_run_follows_its_equity_and_names_its_strand() -> None:
    outputs = run(
        mode_config("m", "a", live=False),
        line("m", 2, equity(1)),
        run_end("m", 2),
        line("m", 3, equity(2)),
        run_end("m", 3, "a", reason="marker", replace=True),
    )
    found = rows(outputs, "equity")
    assert [row["record"] for row in found] == ["Equity", "RunEnd", "Equity", "RunEnd"]
    ends = [row for row in found if row["record"] == "RunEnd"]
    assert [(row["strand_id"], row["live"], row["lines_offset"]) for row in ends] == [
        ("a", False, 2),
        ("a", False, 4),
    ]
    assert [(row["reason"], row["replace"]) for row in ends] == [("end_of_file", False), ("marker", True)]


def test_the_end_of_a_run_waits_for_its_parked_lines() -> None:
    outputs = run(line("m", 1, equity(1)), run_end("m", 1), stored_config("m", "z", live=False))
    assert [(row["record"], row["strand_id"]) for row in rows(outputs, "equity")] == [
        ("Equity", "z"),
        ("RunEnd", "z"),
    ]


def test_the_end_of_a_named_strand_keeps_that_strand_s_kind() -> None:
    outputs = run(
        mode_config("m", "sim", 1, live=False), mode_config("m", "real", 5, live=True), run_end("m", 9, "sim")
    )
    assert [(row["strand_id"], row["live"]) for row in rows(outputs, "equity")] == [("sim", False)]
