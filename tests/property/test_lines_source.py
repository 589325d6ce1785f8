"""Whatever happens to a file and to the source, every line is decided once, in order."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.sources.jsnl import LinesSource, Positions
from schemas.batches.decode import Decoder
from schemas.batches.encode import Encoder
from schemas.batches.frames import from_records
from schemas.codec import LOCAL_IDS, LOCAL_NAMES
from schemas.columns import Columns
from schemas.topics import TOPICS
from streams.core.lines.stage import LinesStage
from tests.factories import rows_of

ACTIONS = st.lists(
    st.sampled_from(
        ["line", "line", "line", "half", "begin", "poll", "poll", "poll", "die", "crash", "rotate"]
    ),
    max_size=40,
)


class World:
    """A strategy that writes, a source that follows, a stage that decides."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "x.jsnl"
        self.kept = folder / "positions.json"
        self.stage = LinesStage(0)
        self.offset = 0
        self.number = 0
        self.rotated = 0
        self.rest = ""
        self.values: list[float] = []
        self.path.write_text(json.dumps({"first": 0}) + "\n")
        self.crash()
        self.poll()

    def crash(self) -> None:
        self.source = LinesSource([self.path], Positions(self.kept))

    def write(self, text: str) -> None:
        with self.path.open("a") as file:
            file.write(text)

    def line(self) -> None:
        self.number += 1
        item = {"t": "e", "equity": self.number}
        text = json.dumps({"timestamp": self.number, "mode": "m", "value": item}) + "\n"
        self.write(text)

    def half(self) -> None:
        self.number += 1
        item = {"t": "e", "equity": self.number}
        text = json.dumps({"timestamp": self.number, "mode": "m", "value": item}) + "\n"
        self.write(text[:20])
        self.rest = text[20:]

    def finish(self) -> None:
        if self.rest:
            self.write(self.rest)
            self.rest = ""

    def begin(self) -> None:
        config = {"type": "strand_started", "strand_id": f"s{self.number}", "mode": "m", "config": {}}
        self.write(json.dumps(config) + "\n")

    def rotate(self) -> None:
        self.rotated += 1
        self.path.rename(self.path.with_name(f"x.jsnl.{self.rotated}"))
        self.path.write_text(json.dumps({"first": self.rotated}) + "\n")

    def poll(self) -> None:
        for block in self.source.poll():
            self.decide(block)
            self.source.commit()

    def die(self) -> None:
        """A crash after a block was sent and before its position was kept."""
        for block in self.source.poll():
            self.decide(block)
            break
        self.crash()

    def decide(self, block: Columns) -> None:
        topic = TOPICS["lines.raw"]
        sent = [(at, key, value) for key, value, at in Encoder(topic, LOCAL_IDS).encode(block).records()]
        frames = from_records((self.offset + n, *record) for n, record in enumerate(sent))
        self.offset += len(sent)
        outputs = self.stage.step(Decoder(topic, LOCAL_NAMES).decode(frames, 0))
        if "equity" in outputs.topics:
            self.values += [row["equity"] for row in rows_of(outputs.topics["equity"], "Equity")]


@given(ACTIONS)
@settings(max_examples=60)
def test_every_line_is_decided_once_and_in_order(actions: list[str]) -> None:
    with TemporaryDirectory() as folder:
        world = World(Path(folder))
        for action in actions:
            if action in {"line", "half", "begin", "rotate"}:
                world.finish()
            getattr(world, action)()
        world.finish()
        world.begin()
        world.poll()
        world.poll()
        assert world.values == list(range(1, world.number + 1))


def test_positions_kept_before_delivery_would_lose_lines() -> None:
    """The control: the same world, with the rule switched off."""
    with TemporaryDirectory() as folder:
        world = World(Path(folder))
        world.begin()
        world.line()
        next(world.source.poll())
        world.source.commit()
        world.crash()
        world.line()
        world.begin()
        world.poll()
        assert world.values != [1, 2]
