import logging

import pytest

from streams.agents.lines import PAUSE_S, Warner
from streams.core.lines.stage import LinesStage
from tests.factories import columns
from tests.line_factories import equity, line, mode_unknown


def test_ignored_lines_are_warned_of_with_their_modes_and_not_too_often(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock, stage = [100.0], LinesStage(0)
    warner = Warner(lambda: clock[0])

    def ignore(first: int, *modes: str) -> None:
        records = [record for mode in modes for record in (line(mode, 1, equity(1)), mode_unknown(mode))]
        warner.take(stage.step(columns("lines.raw", 0, *records, first_offset=first)))

    with caplog.at_level(logging.WARNING):
        ignore(0, "a", "b")
        ignore(10, "c")
        clock[0] += PAUSE_S / 2
        ignore(20, "d", "e", "f", "g")
        clock[0] += PAUSE_S / 2
        ignore(30, "h")
        clock[0] += 2 * PAUSE_S
        warner.take(stage.step(columns("lines.raw", 0, first_offset=40)))
    said = [record.getMessage().partition(" (")[0] for record in caplog.records]
    assert said == [
        "2 lines of unknown modes were ignored, such as of 'a', 'b'",
        "6 lines of unknown modes were ignored, such as of 'c', 'd', 'e'",
    ]
