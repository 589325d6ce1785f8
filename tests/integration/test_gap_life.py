"""The life of gaps as a reader of ClickHouse sees it: open, then filled, refetched or abandoned."""

from collections.abc import Callable

import pytest

from connectors.sinks.clickhouse.store import Store
from runtime.endpoints import Endpoints
from schemas.config import Domain
from schemas.rules import AssetRules
from tests.eventually import eventually
from tests.factories import Record, at, calendar_rows, domain, heartbeat, symbol
from tests.integration.test_sink import sinking
from tests.sinks import MINUTE, Feed, feeding, from_now_on, own_database, store_of
from tests.unit.bars.desk import Desk, Got, beat, fed, minute

pytestmark = pytest.mark.stack

DAYS = ("2024-07-01", "2024-07-02", "2024-07-03")
FIRST = DAYS[0]
SEEN = (
    "SELECT toUnixTimestamp64Nano(ts_open), minutes, outage, state FROM gaps FINAL "
    "WHERE symbol = {symbol:String} ORDER BY ts_open"
)

Gaps = list[tuple[int, int, int, str]]
"""First missing minute since the first open, missing minutes, those of an outage, state."""


def world(name: str) -> Domain:
    """Sessions of a quarter of an hour; two symbols, so that the source is not alone with one."""
    symbols = [symbol(one, sources=["feed"], fill_limit=2) for one in (name, "AIG")]
    calendar = calendar_rows(days=DAYS, hours=["13:30-13:45"])
    rules = {"equity": AssetRules(future_ms=36_000_000)}
    return domain(*symbols, calendars={"XNYS": calendar}, assets=rules, partitions=1)


def dead(start: float, end: float) -> list[Record]:
    """The source is dead from one minute to another; the clock goes on."""
    down = beat(start + 0.1, last=start, day=FIRST, alive=False)
    return [down, heartbeat(minute(end + 0.2, FIRST), "clock"), beat(end + 0.2, last=end, day=FIRST)]


def tell(feed: Feed, got: Got) -> None:
    """Send on what the stage says of gaps."""
    for row in got.of("Gap"):
        feed.send("gaps", "Gap", **{name: value for name, value in row.items() if name != "record"})
    feed.flush()


def seen(store: Store, name: str) -> Gaps:
    found = store.rows(SEEN, {"symbol": name})
    return [((ts - at(f"{FIRST}T13:30")) // MINUTE, *rest) for ts, *rest in found]


def test_a_reader_sees_each_gap_in_its_state(stack: Endpoints, unique: Callable[[str], str]) -> None:
    name, database = unique("GAP"), own_database(stack, unique("gaps").replace("-", "_"))
    desk, group = Desk(world(name), at=None), from_now_on(database, unique("sink"))

    def bars(*numbers: int, fill: str = "real") -> list[Record]:
        return [fed(number, 10.0, day=FIRST, symbol=name, fill=fill) for number in numbers]

    days = [beat(0, day=DAYS[1]), beat(15, day=DAYS[1]), beat(0, day=DAYS[2])]
    refetched, filled = (1, 3, 3, "refetched"), (6, 1, 1, "filled")
    life: list[tuple[list[Record], Gaps]] = [
        ([beat(0, day=FIRST), *bars(0), *dead(1, 4)], [(1, 3, 3, "open")]),
        ([*bars(4, 5), *dead(6, 7), *bars(7)], [(1, 3, 3, "open"), filled]),
        (bars(1, 2, fill="refetched"), [(1, 3, 3, "filled"), filled]),
        (bars(3, fill="refetched"), [refetched, filled]),
        (dead(8, 14), [refetched, filled, (8, 6, 6, "open")]),
        ([beat(15, day=FIRST), *days], [refetched, filled, (8, 7, 7, "abandoned"), (1_440, 15, 15, "open")]),
    ]
    with feeding(database) as feed, sinking(database, group), store_of(database) as store:
        for records, wanted in life:
            tell(feed, desk.feed(*records))

            def check(wanted: Gaps = wanted) -> bool:
                assert seen(store, name) == wanted
                return True

            eventually(check)
