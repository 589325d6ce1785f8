"""Two publishers of one run: one stands still at a statement while the other publishes it and goes on."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from connectors.sinks.clickhouse.journal import Journal, Run
from connectors.sinks.clickhouse.publish import Ending, Publisher
from connectors.sinks.clickhouse.store import Store
from runtime.endpoints import Endpoints
from runtime.reader import Partition
from schemas.errors import SinkError
from schemas.partition import partition_of
from tests.eventually import eventually
from tests.sinks import T0, own_database, store_of

pytestmark = pytest.mark.stack

Unique = Callable[[str], str]
PLACE = Partition("equity", 0)
STATEMENTS = 6
BUCKETS = 8
RIGHT = (list(range(20)), [40, 41, 50], list(range(30, 35)))


@pytest.fixture(scope="module", params=[0, BUCKETS], ids=["a partition a mode", "buckets"])
def database(stack: Endpoints, request: pytest.FixtureRequest) -> Endpoints:
    return own_database(stack, f"two_publishers_{request.param}", request.param)


class Frozen(Store):
    """Stands still before one of its statements until something else was done."""

    def __init__(self, settings: Mapping[str, Any], at: int, meanwhile: Callable[[], None]) -> None:
        super().__init__(settings)
        self._left, self._meanwhile = at, meanwhile

    def command(self, text: str, parameters: Mapping[str, Any] | None = None) -> None:
        """Carry out a statement, later."""
        self._left -= 1
        if self._left == 0:
            self._meanwhile()
        super().command(text, parameters)


class TrustingPublisher(Publisher):
    """Does not ask whether another one was faster."""

    def _check_alone(self, run: Run) -> None:
        pass


class GreedyPublisher(TrustingPublisher):
    """Takes rows behind the RunEnd as well."""

    def _copy(self, ending: Ending, table: str) -> None:
        super()._copy(replace(ending, version=1 << 62), table)


class HastyPublisher(Publisher):
    """Drops all that is staged of a run where it was told that nothing newer is there."""

    def _clear(self, run: Run) -> None:
        query = "SELECT DISTINCT _partition_id FROM equity_staging WHERE mode = {mode:String}"
        for (partition,) in self._store.rows(query, run._asdict()):
            self._store.command(f"ALTER TABLE equity_staging DROP PARTITION ID '{partition}'")


def put(store: Store, table: str, run: Run, first: int, end: int, *, live: bool = False) -> None:
    """Rows of a run; its line is the instant, the value and the version of each."""
    store.command(
        f"INSERT INTO {table} (mode, strand_id, broker, ts_event, equity, live, lines_offset, version) "  # noqa: S608
        "SELECT {mode:String}, {strand_id:String}, '', fromUnixTimestamp64Nano(toInt64({t0:Int64} + number)),"
        " number, {live:Bool}, number, number FROM numbers({first:UInt64}, {count:UInt64})",
        {**run._asdict(), "t0": T0, "live": live, "first": first, "count": end - first},
    )


def raced(
    database: Endpoints, kind: type[Publisher], mode: str, at: int, *, replaces: bool, left: int = 0
) -> tuple[list[int], list[int], list[int]]:
    """Lines of the run, live ones beside it and staged ones, after a race frozen at a statement.

    Of the staged rows that were published, the last ones are still there when the frozen one wakes up.
    """
    run, live = Run(mode, "s"), Run(beside(mode) if in_buckets(database) else mode, "live")
    ending = Ending(run, PLACE, offset=20, version=20, replaces=replaces)
    with store_of(database) as store:

        def other() -> None:
            """Publishes the run, stages what comes next, and stores a live row."""
            journal = Journal(store, 0)
            journal.load()
            kind(store, journal).publish(ending, lambda: None)
            if left:
                eventually(lambda: not lines(store, "equity_staging", run), timeout_s=60)
                put(store, "equity_staging", run, 20 - left, 20)
            put(store, "equity_staging", run, 30, 35)
            put(store, "equity", live, 50, 51, live=True)

        put(store, "equity", live, 40, 42, live=True)
        put(store, "equity_staging", run, 0, 10)
        put(store, "equity_staging", run, 10, 20)
        frozen = Frozen(database.clickhouse_settings(), at, other)
        journal = Journal(frozen, 0)
        journal.begin({run: 1}, PLACE)
        try:
            kind(frozen, journal).publish(ending, lambda: None)
        except SinkError:
            pass  # it lost the race, and its process ends
        finally:
            frozen.close()
        eventually(lambda: len(lines(store, "equity_staging", run)) <= len(RIGHT[2]) + left, timeout_s=60)
        tables = (("equity", run), ("equity", live), ("equity_staging", run))
        published, kept, staged = (lines(store, table, one) for table, one in tables)
        return published, kept, staged


def beside(mode: str) -> str:
    """Another mode of the same bucket."""
    own = partition_of(mode.encode(), BUCKETS)
    return next(
        name for name in (f"{mode}.{n}" for n in range(500)) if partition_of(name.encode(), BUCKETS) == own
    )


def in_buckets(database: Endpoints) -> bool:
    return database.clickhouse.endswith(str(BUCKETS))


def lines(store: Store, table: str, run: Run) -> list[int]:
    query = f"SELECT lines_offset FROM {table} FINAL WHERE mode = {{mode:String}} AND strand_id = {{strand_id:String}} ORDER BY 1"  # noqa: E501, S608
    return [int(row[0]) for row in store.rows(query, run._asdict())]


@pytest.mark.parametrize("replaces", [False, True], ids=["added", "replaced"])
def test_a_publisher_that_wakes_up_late_changes_nothing(
    database: Endpoints, unique: Unique, *, replaces: bool
) -> None:
    for at in range(1, STATEMENTS + 1):
        assert raced(database, Publisher, unique("mode"), at, replaces=replaces) == RIGHT, at


def test_a_publisher_that_finds_half_of_what_was_published_changes_nothing(
    database: Endpoints, unique: Unique
) -> None:
    published, live, _ = raced(database, Publisher, unique("mode"), 1, replaces=True, left=10)
    assert (published, live) == RIGHT[:2]


def test_a_publisher_that_trusts_what_it_finds_loses_the_other_half(
    database: Endpoints, unique: Unique
) -> None:
    published, *_ = raced(database, TrustingPublisher, unique("mode"), 1, replaces=True, left=10)
    assert not set(range(10)) & set(published)


@pytest.mark.parametrize(("kind", "at"), [(GreedyPublisher, 1), (HastyPublisher, 5)])
def test_without_its_rules_it_shows_or_drops_what_is_not_its_own(
    database: Endpoints, unique: Unique, kind: type[Publisher], at: int
) -> None:
    published, live, staged = raced(database, kind, unique("mode"), at, replaces=False)
    assert live == RIGHT[1]
    assert published != RIGHT[0] or staged != RIGHT[2]
