"""A real worker process with the counting stage: ``python -m tests.faults.worker RUN [RULE TAKEN OUT]``.

With ``FAULT_CLOCK=jumps`` its wall clock jumps.
"""

import os
import sys
from functools import partial

from runtime.kafka import KafkaSettings
from runtime.logs import configure
from schemas.codec import LOCAL_IDS
from streams.transport.app import Agent
from streams.transport.codec import Codec
from streams.transport.settings import WorkerSettings
from streams.transport.worker import run
from tests.faults import broken, clock
from tests.faults.counting import declare


def main(name: str, rule: str = "") -> None:
    """Carry the counting stage."""
    configure("INFO")
    if os.environ.get("FAULT_CLOCK") == "jumps":
        clock.jump()
    source, target = declare(name)
    stage, lane = broken.without(rule)
    run(
        KafkaSettings.load(),
        WorkerSettings(),
        [Agent("counting", partial(stage, target), source)],
        Codec(LOCAL_IDS),
        group=name,
        new_lane=lane,
    )


main(*sys.argv[1:])
