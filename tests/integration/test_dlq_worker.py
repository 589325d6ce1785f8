"""A refused tick and a refused correction are found, mended and put back under a worker, and make a bar."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from barline.cli import main
from barline.stack.running import running as servers
from runtime.endpoints import Endpoints
from tests.eventually import eventually
from tests.factories import DAY, Record, correction, heartbeat, tick
from tests.line_servers import running
from tests.sinks import Feed, Row, feeding, recorded

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]

SETTINGS = """
intervals = ["5m"]
[sources.feed]
topic = "ticks.raw"
[symbols.SPY]
asset = "equity"
calendar = "XNYS"
sources = ["feed"]
rules = { correction_prints = 100 }
"""


@pytest.fixture
def endpoints(tmp_path: Path) -> Iterator[Endpoints]:
    """Servers of its own: a worker takes up all that is on the topics."""
    with servers(tmp_path / "stack") as stack:
        yield stack.endpoints


def send(feed: Feed, *records: Record) -> None:
    for record in records:
        fields = {name: value for name, value in record.items() if name != "record"}
        feed.send("ticks.raw", str(record["record"]), **fields)
    feed.flush()


def said(endpoints: Endpoints, *words: str, text: str = "") -> str:
    """What a command prints."""
    done = CliRunner().invoke(main, words, env=endpoints.environment(), input=text)
    assert done.exit_code == 0, done.output
    return done.stdout


def bars(endpoints: Endpoints) -> list[tuple[float, float, int]]:
    """High, close and trades of each bar."""
    found = recorded(endpoints, ("bars.raw",))
    return [(row["high"], row["close"], row["trades"]) for *_, name, row in found if name == "Bar"]


def test_a_mended_tick_and_a_mended_correction_count_in_their_bar(endpoints: Endpoints, tmp_path: Path):
    settings = tmp_path / "barline.toml"
    settings.write_text(SETTINGS)
    said(endpoints, "init", "--no-configuration", "--partitions", "1", "--config", str(settings))
    days = ["--from", DAY, "--to", DAY, "--no-warm-up"]
    said(endpoints, "config", "apply", "--config", str(settings), *days)
    worker = ["worker", "--agents", "ticks", "--instance", "one", "--config", str(settings)]
    good, bad = tick(f"{DAY}T13:30:01", 10.0, seq=1), tick(f"{DAY}T13:30:02", -10.5, seq=2)
    word = correction(f"{DAY}T13:30:03", "correct", seq=1, price=-12.0)
    with feeding(endpoints) as feed, running(endpoints, tmp_path, *worker):
        send(feed, heartbeat(f"{DAY}T13:30"), good, bad, word)

        def letters() -> list[Row]:
            shown = said(endpoints, "dlq", "show", "--agent", "ticks", "--code", "V03")
            found = [json.loads(line) for line in shown.splitlines()]
            return found if len(found) == 2 else []

        lines = eventually(letters, poll_s=0.5)
        assert [line["fields"]["price"] for line in lines] == [-10.5, -12.0]
        for line in lines:
            line["fields"]["price"] = -line["fields"]["price"]
        done = said(endpoints, "dlq", "replay", "-", text="\n".join(map(json.dumps, lines)))
        assert done == "2 records were put back, 2 of them mended\n"
        send(feed, heartbeat(f"{DAY}T13:32"))
        assert eventually(lambda: bars(endpoints)) == [(12.0, 10.5, 2)]
