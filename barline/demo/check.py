"""Everything the demo holds to be true at its end."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from barline.verify.recorded import Recorded
from barline.verify.sent import Sent
from barline.verify.tables import Query
from barline.verify.topics import Difference, Identity
from barline.verify.verdict import Verdict, verify
from connectors.sources.simulator.planted import Planted, expected
from schemas.codec import decode_record, names_of
from schemas.topics import INPUTS

_STORED_BARS = (
    "SELECT toUnixTimestamp64Nano(ts_close), toUnixTimestamp64Nano(ts_stored) FROM bars_revisions "
    "WHERE interval = '1m' AND fill = 'real' AND revision = 0"
)


@dataclass(slots=True)
class Findings:
    """What was found.

    Attributes:
        verdict: topics and tables against what is recomputed.
        sent: input topics against what the sources sent.
        planted: by agent and outcome, (planted, counted).
        latency_ms: p50 and p99 from the record that closed a bar to the bar in its table; None without bars.
    """

    verdict: Verdict
    sent: dict[tuple[str, int], Difference] = field(default_factory=dict)
    planted: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict)
    latency_ms: tuple[float, float] | None = None

    @property
    def equal(self) -> bool:
        """Whether everything is as it must be."""
        return (
            self.verdict.equal
            and all(difference.equal for difference in self.sent.values())
            and all(one == other for one, other in self.planted.values())
        )


def check(
    recorded: Recorded,
    client: Query,
    ids: Mapping[str, int],
    sent: Sent,
    planted: Sequence[Planted],
    minutes: Sequence[tuple[int, int]],
) -> Findings:
    """Compare everything.

    Args:
        recorded: all topics.
        client: of the database.
        ids: schema id by record name.
        sent: what the sources sent.
        planted: faults and what must come of them.
        minutes: wall-clock time at which each minute of the market was sent, by its last event time.
    """
    findings = Findings(verify(recorded, client, ids))
    names = names_of(ids)
    findings.sent = dict(sent.compare(recorded, _Foreign(findings.verdict, names)))
    findings.planted = _planted(planted, findings.verdict.once)
    findings.latency_ms = _latency(client, minutes)
    return findings


class _Foreign:
    """Whether a record of an input topic came from somebody else than the demo's sources."""

    def __init__(self, verdict: Verdict, names: Mapping[int, str]) -> None:
        self._made = verdict.made
        self._names = names

    def __call__(self, topic: str, partition: int, identity: Identity) -> bool:
        """An agent's record, or a resolver's answer."""
        if identity in self._made.get((topic, partition), ()):
            return True
        if topic != "lines.raw":
            return False
        record, fields = decode_record(identity.value, self._names)
        return record == "ModeUnknown" or (record == "ModeConfig" and fields["file_id"] == "")


def _planted(
    planted: Sequence[Planted], counts: Mapping[str, Counter[str]]
) -> dict[tuple[str, str], tuple[int, int]]:
    """What was planted and what was counted, by agent and outcome; what a crash repeats is not planted."""
    if not planted:
        return {}
    return {
        (agent, outcome): (count, counts[agent][outcome])
        for agent, topic in INPUTS.items()
        for outcome, count in expected(list(planted), topic).items()
    }


def _latency(client: Query, minutes: Sequence[tuple[int, int]]) -> tuple[float, float] | None:
    """p50 and p99 in ms from sending the minute that closes a bar to the bar's row."""
    rows = np.array(client.query(_STORED_BARS).result_rows, np.int64).reshape(-1, 2)
    if len(rows) == 0 or not minutes:
        return None
    times = np.array(minutes, np.int64)
    times = times[np.argsort(times[:, 0], kind="stable")]
    place = np.searchsorted(times[:, 0], rows[:, 0], side="right")  # the first minute that ends after the bar
    closed = place < len(times)
    waited = (rows[closed, 1] - times[place[closed], 1]) / 1e6
    if len(waited) == 0:
        return None
    p50, p99 = np.percentile(waited, [50, 99]).tolist()
    return p50, p99
