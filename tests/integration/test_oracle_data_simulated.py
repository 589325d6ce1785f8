"""The ticks stage ends in what its oracle ends in, over two hours of the simulated day."""

from datetime import timedelta
from pathlib import Path

from barline.settings.load import load
from connectors.sources.simulator.simulator import SIMULATED, Simulator
from streams.core.pipeline import Pipeline
from tests.factories import columns, config
from tests.oracle.reading import difference, newest, plain
from tests.oracle.ticks import Ticks

HOURS = 2 * 3_600_000_000_000
AROUND = timedelta(days=3)


def test_two_simulated_hours_are_those_of_the_oracle():
    body = load(Path(__file__).parents[2] / "barline.toml").domain(SIMULATED - AROUND, SIMULATED + AROUND)
    simulator, pipeline = Simulator(body, scale=0.25), Pipeline()
    pipeline.feed(columns("ticks.raw", 0, config(body)))
    end = simulator.hours[0] + HOURS
    for block in simulator.blocks():
        pipeline.feed(block)
        if block.topic.name == "ticks.raw" and block.timestamps[-1] * 1_000_000 >= end:
            break
    # Bytes that are no record have no row, so they are not in the log that is read back.
    oracle = Ticks().read(row for part in pipeline.columns("ticks.raw") for row in plain(part))
    for interval, topic in (("1m", "bars.raw"), ("1s", "bars.1s")):
        rows = [row for part in pipeline.columns(topic) for row in plain(part) if row["record"] == "Bar"]
        made = [row for row in rows if row["source"] != "sim.bars"]
        assert difference(oracle.bars(interval), newest(made, "symbol", "source", "ts_open")) == []
    said = list(oracle.outcomes.values())
    counts = pipeline.counts["ticks"]
    assert (counts["out"], counts["duplicate"]) == (said.count("out"), said.count("duplicate"))
    assert counts["out"] > 1_000
