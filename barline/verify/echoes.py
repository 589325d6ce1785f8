"""What the records that an agent repeated after a crash changed further down: nothing may.

That a topic holds what follows from the log of its input says only that the log was read right, repeats and
all. So the stage is run over the log without them, too, and must put out the same, but for heartbeats: it
writes one for each that it reads, a repeated one too, with a time of its own, and nothing is decided by it.
"""

from collections.abc import Collection, Iterator, Mapping

from barline.verify.recompute import Recomputed, recompute
from barline.verify.recorded import Recorded
from barline.verify.topics import Difference, Identity, compare
from schemas.topics import INPUTS


def without_repeats(
    found: Recomputed, recorded: Recorded, ids: Mapping[str, int], made: Collection[Identity]
) -> Recomputed:
    """The same stage again, over its log without the repeats of what another agent made.

    Args:
        found: what it put out with them; handed back where nothing was repeated.
        recorded: all topics.
        ids: schema id by record name.
        made: what another agent put out on its input.
    """
    place = INPUTS[found.agent], found.partition
    if not made or not recorded.repeats(*place, made):
        return found
    return recompute(found.agent, found.partition, recorded.frames(*place, once=made), ids)


def echoes(
    found: Recomputed, calm: Recomputed, ids: Mapping[str, int]
) -> Iterator[tuple[tuple[str, str, int], Difference]]:
    """How the two differ, by agent, topic and partition."""
    heartbeat = bytes(1) + ids["Heartbeat"].to_bytes(4, "big")
    for topic in sorted(found.logs.keys() | calm.logs.keys() if found is not calm else ()):
        must, came = (
            (one for one in side.identities(topic) if not one.value.startswith(heartbeat))
            for side in (calm, found)
        )
        yield (found.agent, topic, found.partition), compare(must, came)
