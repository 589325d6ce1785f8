"""The lines stage ends in what a slow reading of SEMANTICS ends in.

A generated log has lines of three modes in two files, one of which is sent again, repeated and broken ones,
configurations that come early, late, from the scan or from the store, modes that the store does not
know, and ends of runs.
"""

import json
from random import Random
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from streams.core.lines.stage import LinesStage
from tests.factories import Record
from tests.line_factories import T0, equity, line, mode_config, mode_unknown, run_end, stored_config
from tests.oracle.lines import Lines
from tests.oracle.reading import Ended, through

RUNS = {"s1": True, "s2": False, "s3": True, "s4": False}


def made(seed: int, length: int) -> list[Record]:
    """A log of so many records."""
    pick, log = Random(seed), list[Record]()
    numbers = {"f1": 1, "f2": 1, "again:f1": 1}
    while len(log) < length:
        mode, file_id = pick.choice(["m", "n", "o"]), pick.choice(["f1", "f1", "f2", "f2", "again:f1"])
        strand = pick.choice(list(RUNS))
        said = {"file_id": file_id, "live": RUNS[strand], "scanned": pick.random() < 0.5}
        kind = pick.choice("lllllllllcsue")
        if kind == "l":
            numbers[file_id] = max(1, numbers[file_id] + pick.choice([1, 1, 2, -1, 0]))
            log.append(a_line(pick, mode, file_id, 2 * numbers[file_id]))
        elif kind == "c":
            # One line is no configuration and equity at once: configurations stand on the odd ones.
            place = 2 * max(1, numbers[file_id] + pick.randint(-2, 5)) - 1
            log.append(mode_config(mode, strand, place, **said))
        elif kind == "s" and not any(one["record"] == "ModeConfig" and one["mode"] == mode for one in log):
            log.append(stored_config(mode, strand, live=RUNS[strand]))
        elif kind == "u":
            log.append(mode_unknown(mode))
        elif kind == "e" and any(
            one["record"] == "ModeConfig"
            and (one["mode"], one["file_id"]) == (mode, file_id)
            and one["line"] < 2 * numbers[file_id]
            for one in log
        ):
            log.append(run_end(mode, 2 * numbers[file_id], file_id=file_id))
    return log


def a_line(pick: Random, mode: str, file_id: str, number: int) -> Record:
    if pick.random() < 0.1:
        return line(mode, number, file_id=file_id, data=b"{broken")
    values = [equity(pick.choice([1, 1.5, 2]), pick.choice([None, "ib"])) for _ in range(pick.randint(1, 3))]
    others = [{"t": pick.choice(["open", "close", "c"]), "price": 1.25}] if pick.random() < 0.4 else []
    others += pick.choice([[], [], [], [{}], [{"t": "e", "equity": "3"}], [{"t": "e", "equity": 1, "b": 2}]])
    return line(mode, number, *values, *others, file_id=file_id, ts=T0 + pick.choice([0, 1, 1.5, number]))


modest = settings(max_examples=60, phases=[Phase.explicit, Phase.generate])  # a seed cannot be shrunk
logs = st.builds(made, st.integers(0, 1 << 32), st.integers(1, 60))
cuts = st.lists(st.integers(0, 60), max_size=3)


def ended(log: list[Record], borders: list[int]) -> Ended:
    return through(LinesStage(0), "lines.raw", log, borders)


def final_equity(found: Ended) -> dict[Any, Any]:
    """The last value of each key, as the table keeps it."""
    kept: dict[Any, Any] = {}
    for row in found.of("equity", "Equity"):
        key = (row["mode"], row["strand_id"], row["broker"], row["ts_event"])
        if key not in kept or row["lines_offset"] >= kept[key][2]:
            kept[key] = (row["equity"], row["live"], row["lines_offset"])
    return kept


@given(logs, cuts)
@modest
def test_the_final_equity_is_that_of_the_oracle(log: list[Record], borders: list[int]):
    oracle, found = Lines().read(log), ended(log, borders)
    assert final_equity(found) == oracle.equity
    ends = {(row["mode"], row["strand_id"], row["lines_offset"]) for row in found.of("equity", "RunEnd")}
    assert ends == oracle.ended


@given(logs, cuts)
@modest
def test_trades_and_dead_letters_are_those_of_the_oracle(log: list[Record], borders: list[int]):
    oracle, found = Lines().read(log), ended(log, borders)
    names = ("mode", "strand_id", "ts_event", "type", "lines_offset", "item")
    trades = found.of("trades", "Trade")
    assert {tuple(row[name] for name in names): json.loads(row["data"]) for row in trades} == oracle.trades
    letters = found.of("dead-letters", "DeadLetter")
    assert {row["offset"]: row["code"] == "unresolved" for row in letters} == oracle.letters


@pytest.mark.parametrize("answer", [mode_config("m", "s1", 900), mode_unknown("m")], ids=["known", "unknown"])
def test_lines_beyond_those_that_may_wait_are_those_of_the_oracle(answer: Record):
    log = [line("m", number, equity(float(number)), ts=T0 + number) for number in range(1, 251)]
    log += [answer, line("m", 901, equity(7.0), ts=T0 + 901)]
    oracle, found = Lines().read(log), ended(log, [3, 120, 230])
    letters = {row["offset"]: row["code"] == "unresolved" for row in found.of("dead-letters", "DeadLetter")}
    assert letters == oracle.letters
    assert len(letters) == (50 if answer["record"] == "ModeConfig" else 251)
    assert final_equity(found) == oracle.equity


def test_the_comparison_fails_when_one_row_of_the_stage_is_altered():
    log = [mode_config("m", "s1"), line("m", 2, equity(5.0)), line("m", 3, equity(6.0), ts=T0 + 1)]
    wanted, found = Lines().read(log).equity, final_equity(ended(log, []))
    assert found == wanted
    key = next(iter(found))
    for row in ((5.000001, True, 1), (5.0, False, 1), (5.0, True, 2)):
        assert {**found, key: row} != wanted


def test_runs_that_are_not_live_are_published_at_their_end():
    log = [mode_config("m", "s2", live=False), line("m", 2, equity(5.0)), mode_config("n", "s4", live=False)]
    log += [line("n", 2, equity(7.0)), run_end("m", 2), line("m", 3, equity(8.0), ts=T0 + 1)]
    assert list(Lines().read(log).published().values()) == [5.0]
