from collections.abc import Sequence

import pytest

from connectors.sources.modes import ModeStore, RowsTable, StoredMode
from connectors.sources.resolver import Resolver, Wanted, answers, wanted_in
from schemas.columns import Columns
from schemas.errors import RetryableSourceError, SourceError
from streams.core.lines.stage import LinesStage
from tests.factories import columns, rows_of
from tests.line_factories import T0, equity, line


class Counted(RowsTable):
    """A table that counts questions, and fails as many of them as it is told."""

    def __init__(
        self, *rows: StoredMode, failures: int = 0, error: type[SourceError] = RetryableSourceError
    ) -> None:
        super().__init__(rows)
        self.asked: list[list[str]] = []
        self._failures = failures
        self._error = error

    def read(self, modes: Sequence[str], limit: int) -> list[StoredMode]:
        self.asked.append(list(modes))
        if len(self.asked) <= self._failures:
            raise self._error("store must answer, was gone")
        return super().read(modes, limit)


def told(found: Columns) -> list[tuple[str, str, str]]:
    return [(row["record"], row["mode"], row.get("strand_id", "")) for row in rows_of(found)]


A = StoredMode("a", "s1", live=True, component="c", ts_event=5, data='{"x":1}')


def test_a_stored_mode_is_answered_with_its_configuration() -> None:
    found = rows_of(Resolver(RowsTable([A])).answer([Wanted("a", 7)]))
    assert found == [
        {
            "record": "ModeConfig", "mode": "a", "strand_id": "s1", "component": "c", "file_id": "",
            "line": 0, "scanned": False, "ts_event": 5, "live": True, "data": '{"x":1}', "version": 0,
        }
    ]  # fmt: skip


def test_a_mode_that_is_not_stored_is_answered_with_the_time_of_its_question() -> None:
    found = rows_of(Resolver(RowsTable([A])).answer([Wanted("b", 7)]))
    assert [(row["record"], row["mode"], row["ts_event"]) for row in found] == [("ModeUnknown", "b", 7)]


def test_the_newest_configuration_is_the_answer() -> None:
    rows = [StoredMode("a", "s3", live=True, version=3), StoredMode("a", "s2", live=True, version=2)]
    assert told(Resolver(RowsTable(rows)).answer([Wanted("a", 1)])) == [("ModeConfig", "a", "s3")]


def test_a_mode_asked_for_twice_is_looked_up_and_answered_once() -> None:
    table = Counted(A)
    found = Resolver(table).answer([Wanted("b", 1), Wanted("a", 2), Wanted("b", 3)])
    assert told(found) == [("ModeUnknown", "b", ""), ("ModeConfig", "a", "s1")]
    assert table.asked == [["b", "a"]]


def test_a_missing_mode_is_not_looked_up_again_for_a_while() -> None:
    clock = [0.0]
    table = Counted()
    resolver = Resolver(table, remembered_s=30, now=lambda: clock[0])
    resolver.answer([Wanted("b", 1)])
    table.write([StoredMode("b", "s9", live=False)])
    assert told(resolver.answer([Wanted("b", 2)])) == [("ModeUnknown", "b", "")]
    clock[0] = 31.0
    assert told(resolver.answer([Wanted("b", 3)])) == [("ModeConfig", "b", "s9")]
    assert len(table.asked) == 2


def test_a_store_that_comes_back_in_time_is_waited_for() -> None:
    assert told(Resolver(Counted(A, failures=2)).answer([Wanted("a", 1)])) == [("ModeConfig", "a", "s1")]


def test_a_store_that_stays_away_makes_the_mode_unknown_but_not_for_long() -> None:
    table = Counted(A, failures=1_000)
    resolver = Resolver(table, limit_s=0.05)
    found = rows_of(resolver.answer([Wanted("a", 1)]))
    assert found[0]["record"] == "ModeUnknown"
    assert found[0]["detail"] == "store must answer within 0.05 s, was store must answer, was gone"
    table._failures = 0
    assert told(resolver.answer([Wanted("a", 2)])) == [("ModeConfig", "a", "s1")]


def test_a_store_that_refuses_ends_the_process() -> None:
    with pytest.raises(SourceError, match="gone"):
        Resolver(Counted(failures=1, error=SourceError)).answer([Wanted("a", 1)])


def test_more_modes_than_are_cached_are_all_answered() -> None:
    rows = [StoredMode(f"m{number}", "s", live=True) for number in range(5_000)]
    found = Resolver(RowsTable(rows)).answer([Wanted(row.mode, 1) for row in rows])
    assert {record for record, _, _ in told(found)} == {"ModeConfig"}


def test_what_a_stage_asks_for_is_answered_so_that_it_goes_on() -> None:
    stage = LinesStage(0)
    asked = stage.step(columns("lines.raw", 0, line("a", 1, equity(5)), line("b", 1, equity(6))))
    wanted = wanted_in(asked.topics["modes.wanted"])
    assert wanted == [Wanted("a", T0 * 10**9), Wanted("b", T0 * 10**9)]
    reply = [{"record": row.pop("record"), **row} for row in rows_of(answers(wanted, {"a": A}))]
    outputs = stage.step(columns("lines.raw", 0, *reply, first_offset=2))
    assert [row["equity"] for row in rows_of(outputs.topics["equity"])] == [5.0]
    assert [row["code"] for row in rows_of(outputs.topics["dead-letters"])] == ["unresolved"]


def test_what_is_added_is_got_at_once_and_stored_when_told() -> None:
    table = RowsTable()
    store = ModeStore(table)
    store.add(A)
    assert store.get("a") == A
    assert table.rows == []
    assert store.update_database() == 1
    assert store.update_database() == 0
    assert table.rows == [A]


def test_what_was_stored_is_there_again_after_a_restart() -> None:
    store = ModeStore(RowsTable([A]))
    assert store.get("a") is None
    assert store.load_from_database() == 1
    assert store.get("a") == A


def test_the_configuration_used_longest_ago_is_forgotten_first() -> None:
    store = ModeStore(RowsTable([StoredMode(name, "s", live=True) for name in "abc"]), limit=2)
    store.load_from_database(["a", "b"])
    store.get("a")
    store.load_from_database(["c"])
    assert [name for name in "abc" if store.get(name)] == ["a", "c"]
    assert len(store) == 2


def test_what_could_not_be_stored_is_not_forgotten() -> None:
    class Gone(RowsTable):
        def write(self, rows: Sequence[StoredMode]) -> None:
            raise RetryableSourceError(f"store must answer, was gone with {len(rows)} rows")

    store = ModeStore(Gone(), limit=0)
    store.add(A)
    with pytest.raises(RetryableSourceError):
        store.update_database()
    assert store.get("a") == A
