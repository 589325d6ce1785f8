"""What a reader sees of a simulation that is published: nothing or all of it; and controls that show part."""

import signal
from collections.abc import Callable

import pytest

from connectors.sinks.clickhouse.limits import Limits
from runtime.endpoints import Endpoints
from schemas.partition import partition_of
from tests.eventually import eventually
from tests.faults.test_sink_kills import caught_up, ends_with, finished, process
from tests.integration.test_sink import stored
from tests.sinks import T0, Feed, expected_equity, feeding, from_now_on, own_database, stored_equity

pytestmark = [pytest.mark.stack, pytest.mark.timeout(900)]

Unique = Callable[[str], str]
ROWS = 40


@pytest.fixture
def database(stack: Endpoints, unique: Unique) -> Endpoints:
    return own_database(stack, unique("publish").replace("-", "_"))


def simulate(database: Endpoints, mode: str, first: int, *, replace: bool = False) -> None:
    """Rows of a simulation, and its end."""
    with feeding(database) as feed:
        for n in range(first, first + ROWS):
            feed.equity(1, mode=mode, strand_id="s", live=False, ts_event=T0 + n, equity=float(n))
        feed.run_end(1, mode=mode, strand_id="s", replace=replace)
        feed.flush()


def seen(database: Endpoints, mode: str) -> list[int]:
    """Which rows of the simulation a reader sees."""
    return sorted(key[3] - T0 for key in stored_equity(database) if key[0] == mode)


@pytest.mark.parametrize("kind", ["", "halves"], ids=["one part", "control: in halves"])
def test_a_reader_sees_nothing_or_all_of_a_simulation(database: Endpoints, unique: Unique, kind: str) -> None:
    mode, group = unique("mode"), from_now_on(database, unique("publish"))
    simulate(database, mode, 0)
    crash_at = "halves.first" if kind else "publish.attached"
    with process(database, group, kind=kind, crash_at=crash_at) as sink:
        assert ends_with(sink, -signal.SIGKILL)
    assert seen(database, mode) == list(range(ROWS // 2 if kind else ROWS))
    finished(database, group)
    assert seen(database, mode) == list(range(ROWS))


@pytest.mark.parametrize("kind", ["", "forgetful"], ids=["journal", "control: no journal"])
def test_a_simulation_that_is_replaced_is_gone(database: Endpoints, unique: Unique, kind: str) -> None:
    mode, group = unique("mode"), from_now_on(database, unique("publish"))
    simulate(database, mode, 0)
    simulate(database, mode, 1_000, replace=True)
    with process(database, group, kind=kind) as sink:
        eventually(lambda: caught_up(database, group))
        sink.terminate()
        assert ends_with(sink, 0)
    replaced = list(range(1_000, 1_000 + ROWS))
    assert seen(database, mode) == ([*range(ROWS), *replaced] if kind else replaced)


@pytest.mark.parametrize("kind", ["", "narrow"], ids=["bucket", "control: mode alone"])
def test_a_run_that_is_replaced_hides_no_row_of_the_other_modes_of_its_bucket(
    stack: Endpoints, unique: Unique, kind: str
) -> None:
    database = own_database(stack, unique("bucket").replace("-", "_"), buckets=4)
    own, group = unique("mode"), from_now_on(database, unique("publish"))
    modes = [own, *modes_beside(own, 4)]
    with feeding(database) as feed:
        for n in range(ROWS):
            feed.equity(1, mode=modes[1], ts_event=T0 + n)
            feed.equity(1, mode=modes[2], live=False, ts_event=T0 + n)
        feed.run_end(1, mode=modes[2])
        feed.flush()
    simulate(database, own, 0)
    counts = set()
    with process(database, group, kind=kind, limits=Limits(500, 0.05, buckets=4)) as sink:
        eventually(lambda: caught_up(database, group))
        for turn in range(1, 4):
            simulate(database, own, 1_000 * turn, replace=True)
            while not caught_up(database, group):
                counts.add(tuple(len(seen(database, mode)) for mode in modes))
        sink.terminate()
        assert ends_with(sink, 0)
    counts.add(tuple(len(seen(database, mode)) for mode in modes))
    assert seen(database, own) == list(range(3_000, 3_000 + ROWS))
    assert (counts == {(ROWS, ROWS, ROWS)}) == (not kind)


def modes_beside(mode: str, buckets: int) -> list[str]:
    """Two other modes of its bucket."""
    own = partition_of(mode.encode(), buckets)
    names = (f"{mode}.{n}" for n in range(500))
    return [name for name in names if partition_of(name.encode(), buckets) == own][:2]


def feed_flips(feed: Feed, mode: str) -> None:
    """A run that becomes live, and one that was live, the end of the other part replaced."""
    for n in range(30):
        feed.equity(1, mode=mode, strand_id="to", live=n >= 20, ts_event=T0 + n, equity=float(n))
        feed.equity(1, mode=mode, strand_id="from", live=n < 20, ts_event=T0 + n, equity=float(n))
    feed.run_end(1, mode=mode, strand_id="to", live=True)
    for replaces in (False, True):
        feed.equity(1, mode=mode, strand_id="from", live=False, ts_event=T0 + 99, equity=99.0)
        feed.run_end(1, mode=mode, strand_id="from", replace=replaces)


def test_a_run_that_becomes_live_or_was_live_keeps_both_parts(database: Endpoints, unique: Unique) -> None:
    mode, group = unique("mode"), from_now_on(database, unique("sink"))
    with feeding(database) as feed:
        feed_flips(feed, mode)
    stored(database, group)
    found = {key: value for key, value in stored_equity(database).items() if key[0] == mode}
    curves = {name: [key[3] - T0 for key in sorted(found) if key[1] == name] for name in ("to", "from")}
    assert curves == {"to": list(range(30)), "from": [*range(20), 99]}
    assert found == {key: value for key, value in expected_equity(database).items() if key[0] == mode}
