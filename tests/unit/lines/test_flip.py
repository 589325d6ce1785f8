"""A run whose ``live`` changes, and a mode that starts anew."""

from streams.core.lines.stage import LinesStage
from tests.factories import columns, rows_of
from tests.line_factories import equity, line, mode_config


def test_a_flip_of_live_is_a_new_version_for_the_lines_behind_it() -> None:
    outputs = LinesStage(0).step(
        columns(
            "lines.raw",
            0,
            mode_config("m", "a", 1, live=False),
            line("m", 2, equity(1)),
            mode_config("m", "a", 3, live=True),
            line("m", 4, equity(2)),
            line("m", 5, equity(2)),
        )
    )
    rows = [row for row in rows_of(outputs.topics["equity"]) if row["record"] == "Equity"]
    assert [(row["strand_id"], row["live"], row["equity"]) for row in rows] == [
        ("a", False, 1.0),
        ("a", True, 2.0),
    ]
    assert [(row["live"], row["version"]) for row in rows_of(outputs.topics["modes"])] == [
        (False, 1),
        (True, 2),
    ]


def test_a_mode_that_starts_anew_keeps_both_curves() -> None:
    outputs = LinesStage(0).step(
        columns(
            "lines.raw",
            0,
            mode_config("m", "a", 1),
            line("m", 2, equity(1)),
            mode_config("m", "b", 3),
            line("m", 4, equity(1)),
        )
    )
    found = [(row["strand_id"], row["equity"]) for row in rows_of(outputs.topics["equity"])]
    assert found == [("a", 1.0), ("b", 1.0)]
