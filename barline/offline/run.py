"""Files through the four stages in this process, and the outputs written."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

from barline.offline.manifest import Manifest
from barline.offline.tables import tables, write_table
from barline.settings.apply import TOPICS
from connectors.sources.modes import StoredMode
from connectors.sources.resolver import answers, wanted_in
from schemas.columns import Columns, Draft
from schemas.config import Domain, encode
from streams.core.pipeline import Pipeline
from streams.functions.stages import APART

_NOTHING: Final[Mapping[str, StoredMode]] = {}


def configuration(domain: Domain, topic: str, partition: int = 0) -> Columns:
    """The ``Config`` record of a domain configuration."""
    draft = Draft(topic, partition)
    draft.row("Config", version=domain.version, ts=0, body=encode(domain))
    return draft.finish()


def run(
    markets: Iterable[Columns],
    lines: Iterable[Columns],
    domain: Domain,
    *,
    stored: Mapping[str, StoredMode] = _NOTHING,
    batch: int = 10_000,
) -> Pipeline:
    """Run what sources yield through the stages.

    Args:
        markets: ticks, quotes and bars.
        lines: strategy lines.
        domain: the configuration; it stands before everything else.
        stored: configurations of modes that no file has, by mode.
        batch: most records a stage gets in one step.
    """
    pipeline = Pipeline(batch=batch, stages=APART)
    alone = msgspec.structs.replace(domain, partitions=1)
    for topic in TOPICS:
        pipeline.feed(configuration(alone, topic))
    for block in markets:
        pipeline.feed(block)
    answered = 0
    for block in lines:
        pipeline.feed(block)
        answered = _resolve(pipeline, stored, answered)
    return pipeline


def _resolve(pipeline: Pipeline, stored: Mapping[str, StoredMode], answered: int) -> int:
    """Answer what is asked for on ``modes.wanted`` from an offset on; the offset of the next question."""
    wanted = [one for block in pipeline.columns("modes.wanted", answered) for one in wanted_in(block)]
    answered = len(pipeline.logs["modes.wanted"])
    if wanted:
        pipeline.feed(answers(wanted, stored))
    return answered


def write(pipeline: Pipeline, domain: Domain, inputs: Sequence[Path], out: Path) -> Manifest:
    """Write one CSV a topic and the manifest into a directory."""
    out.mkdir(parents=True, exist_ok=True)
    manifest = Manifest(domain.version, {name: rows.version for name, rows in domain.calendars.items()})
    manifest.read(inputs)
    for topic in tables():
        path = out / f"{topic}.csv"
        manifest.made(path, write_table(path, topic, pipeline.columns(topic)))
    manifest.counts = _plain(pipeline.counts)
    manifest.write(out / "manifest.json")
    return manifest


def _plain(counts: Mapping[str, Mapping[str, int]]) -> dict[str, dict[str, int]]:
    return {agent: dict(sorted(found.items())) for agent, found in counts.items()}
