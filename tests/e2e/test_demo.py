"""The simulated day through the whole system, with kills, ends in the rows that the logs call for."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import clickhouse_connect
import pytest
from rich.console import Console

from barline.demo.day import simulated
from barline.demo.run import Demo
from barline.settings.load import load
from barline.stack.running import Stack, running
from barline.verify.recorded import Recorded
from barline.verify.tables import TABLES, compare_rows, stored
from connectors.sources.source import Source
from runtime.kafka import KafkaSettings, security
from schemas.batches.decode import Decoder
from schemas.codec import names_of
from schemas.columns import Columns
from schemas.market.intervals import DAY, MINUTE
from schemas.partition import partition_of
from schemas.registry import register_all
from schemas.topics import TOPICS
from tests.oracle.reading import plain
from tests.oracle.ticks import Ticks

ROOT = Path(__file__).resolve().parents[2]
KILLS = 4
PARTITIONS = 4
FIRST, LAST = (5 * 60 + 40) * MINUTE, (6 * 60 + 30) * MINUTE
CORRECTED = "BTCUSD"
PRINTED = ("open", "high", "low", "close", "trades", "source")
pytestmark = [pytest.mark.stack, pytest.mark.timeout(900)]


class Morning:
    """The part of a day around the open of Mumbai, its outage included: what fits into a test."""

    def __init__(self, day: Source) -> None:
        self._day = day

    def blocks(self) -> Iterator[Columns]:
        for block in self._day.blocks():
            if (beats := block.table("Heartbeat")["ts"]).size and FIRST < int(beats.max()) % DAY <= LAST:
                yield block


def test_a_morning_with_kills_ends_in_the_rows_that_the_log_calls_for(tmp_path: Path):
    whole = simulated(load(ROOT / "barline.toml"), tmp_path / "lines", seed=11, scale=0.25)
    day = replace(whole, market=Morning(whole.market), planted=())
    with running(tmp_path / "home") as stack:
        demo = Demo(stack, day, Console(), PARTITIONS)
        try:
            findings = demo.run(seconds=30, kills=KILLS)
        finally:
            demo.close()
        assert demo.kills == KILLS
        assert findings.verdict.counts["ticks"]["out"] > 1_000
        assert findings.verdict.counts["lines"]["rejected"] > 0
        assert [place for place, one in findings.sent.items() if not one.equal] == []
        assert [place for place, one in findings.verdict.topics.items() if not one.equal] == []
        assert [table.name for table in findings.verdict.tables if not table.equal] == []
        assert findings.equal
        assert_that_corrections_count(stack)
        assert_that_a_changed_row_is_found(stack.endpoints.clickhouse_settings())


def assert_that_corrections_count(stack: Stack) -> None:
    """Stored minutes are those of the prints as their venue left them; without its words they are not."""
    recorded = Recorded.read(KafkaSettings(stack.endpoints.kafka, security()), ("ticks.raw",))
    names = names_of(register_all(stack.endpoints.registry))
    decoder, place = Decoder(TOPICS["ticks.raw"], names), partition_of(CORRECTED.encode(), PARTITIONS)
    log = [row for part in recorded.frames("ticks.raw", place) for row in plain(decoder.decode(part, place))]
    log = [row for row in log if row.get("symbol", CORRECTED) in (CORRECTED, None)]
    oracle = Ticks().read(log)
    words = [number for number, row in enumerate(log) if row["record"] == "Correction"]
    assert [oracle.outcomes[number] for number in words].count("out") > 10
    with closing(clickhouse_connect.get_client(**stack.endpoints.clickhouse_settings())) as client:
        bars = next(table for table in TABLES if table.name == "bars")
        rows = [row for row in stored(bars, client).values() if row["symbol"] == CORRECTED]
    found = {(row["ts_open"], row["interval"]): [row[name] for name in PRINTED] for row in rows}
    minutes = {at: row for at, row in found.items() if at[1] == "1m" and row[-1] == "sim"}
    assert minutes == of_prints(oracle)
    assert minutes != of_prints(Ticks().read(row for row in log if row["record"] != "Correction"))


def of_prints(oracle: Ticks) -> dict[tuple[int, str], list[object]]:
    """The minutes that an oracle has of the symbol."""
    made = oracle.bars("1m").items()
    return {
        (at, "1m"): [row[name] for name in PRINTED[:-1]] + ["sim"]
        for (name, _, at), row in made
        if name == CORRECTED
    }


def assert_that_a_changed_row_is_found(settings: dict[str, object]) -> None:
    """The negative control: one row with another close, and one that is gone."""
    client = clickhouse_connect.get_client(**settings)
    bars = next(table for table in TABLES if table.name == "bars")
    before = stored(bars, client)
    client.command(
        "INSERT INTO bars SELECT * REPLACE (revision + 1 AS revision, close + 0.01 AS close) "
        "FROM bars FINAL WHERE interval = '5m' LIMIT 1"
    )
    changed = compare_rows("bars", before, stored(bars, client))
    client.close()
    assert not changed.equal
    ((columns),) = changed.differing.values()
    assert set(columns) == {"revision", "close"}
    first = next(iter(before))
    gone = compare_rows("bars", before, {key: row for key, row in before.items() if key != first})
    assert gone.missing == [first]
