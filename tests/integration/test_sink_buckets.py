"""The sink where modes share the partitions of ``equity``: buckets, chosen when the tables are made."""

from collections.abc import Callable
from pathlib import Path

import click
import pytest

from connectors.sinks.clickhouse.assemble import assemble
from connectors.sinks.clickhouse.layout import Layout, check, lay_out, layout_of
from connectors.sinks.clickhouse.limits import Limits
from runtime.endpoints import Endpoints
from runtime.kafka import KafkaSettings
from schemas.errors import ConfigurationError
from schemas.partition import partition_of
from tests.integration.test_sink import stored
from tests.line_servers import barline
from tests.sinks import T0, expected_equity, feeding, own_database, store_of, stored_equity

pytestmark = pytest.mark.stack

Unique = Callable[[str], str]
BUCKETS = 8
LIMITS = Limits(5_000, 0.2, buckets=BUCKETS)


def test_simulations_and_live_modes_share_buckets(stack: Endpoints, unique: Unique) -> None:
    base, database = unique("many"), own_database(stack, unique("buckets").replace("-", "_"), BUCKETS)
    modes = [f"{base}.{n}" for n in range(60)]
    with feeding(database) as feed:
        for n, mode in enumerate(modes):
            feed.equity(0, mode=mode, ts_event=T0 + n, live=n % 2 == 0)
        feed.equity(0, mode="no/partition", ts_event=T0)
        feed.run_end(0, mode=modes[1])
        feed.equity(0, mode=modes[1], ts_event=T0 + 9, live=False)
        feed.run_end(0, mode=modes[3], replace=True)
    stored(database, unique("sink"), limits=LIMITS)
    found = stored_equity(database)
    assert found == expected_equity(database)
    assert {key[0] for key in found if key[0] in modes} == {*modes[::2], modes[1], modes[3]}
    places = "SELECT DISTINCT mode, _partition_id FROM equity WHERE startsWith(mode, {base:String})"
    with store_of(database) as store:
        kept = dict(store.rows(places, {"base": base}))
    assert kept == {mode: str(partition_of(mode.encode(), BUCKETS)) for mode in kept}
    assert 1 < len(set(kept.values())) <= BUCKETS  # which ones, the names decide


def test_what_suits_a_layout_is_the_default() -> None:
    assert (Limits().most_modes(), LIMITS.most_modes()) == (1_000, 100_000)
    assert Limits(modes=7, buckets=8).most_modes() == 7


def test_a_layout_stays_once_there_are_rows(stack: Endpoints, unique: Unique) -> None:
    database = own_database(stack, unique("layout").replace("-", "_"), 8)
    with store_of(database) as store:
        assert layout_of(store) == Layout(8)
        lay_out(store, Layout())
        assert layout_of(store) == Layout()
        lay_out(store, Layout(8))
        store.command("INSERT INTO equity_staging (mode) VALUES ('m')")
        lay_out(store, Layout(8))
        with pytest.raises(ConfigurationError, match="must be 8, as the tables were made, was 16"):
            lay_out(store, Layout(16))
        with pytest.raises(ConfigurationError, match="must be a multiple of the partitions of equity, 4"):
            check(store, Layout(6), 4)
        assert layout_of(store) == Layout(8)
    with pytest.raises(ConfigurationError, match="must be 8, as the tables were made, was 0"):
        assemble(KafkaSettings(database.kafka), database, unique("sink"), Limits())


def test_init_makes_the_layout_of_the_settings(stack: Endpoints, unique: Unique, tmp_path: Path) -> None:
    database = own_database(stack, unique("init").replace("-", "_"))
    (tmp_path / "barline.toml").write_text("[sink]\nbuckets = 12\n")
    words = ("init", "--config", str(tmp_path / "barline.toml"), "--no-configuration")
    click.echo(barline(database, tmp_path, *words))
    with store_of(database) as store:
        assert layout_of(store) == Layout(12)
