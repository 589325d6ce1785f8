"""A broker whose disk is full while a worker writes; a process of its own, in a mount namespace.

``python -m tests.faults.full_broker_worker HOME WORK``, as ``full_broker``. The lines are on ``lines.raw``
before; what the worker makes of them needs more room than there is. Prints what happened, and ends with an
error where what came out in the end is not what must come out.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Final

from barline.stack import running
from runtime.endpoints import Endpoints
from tests.eventually import eventually
from tests.faults.full_broker import append, fill
from tests.line_servers import barline, command
from tests.oracle.lines import Lines
from tests.sinks import Row, recorded

LINES: Final = 12_000
ROOM: Final = 12_000_000  # bytes; what comes out takes about four times that, compressed

Out = dict[tuple[str, int], Row]


def write(path: Path) -> None:
    """A configuration, then lines with a value and an item of some kilobytes each."""
    said = {"type": "strand_started", "mode": "full", "strand_id": "s", "config": {"live": True}}
    path.write_text(json.dumps(said) + "\n")
    append(path, 0, LINES, kind="open")


def worker(endpoints: Endpoints, work: Path) -> subprocess.Popen[bytes]:
    """A worker that carries the lines alone."""
    call, environment = command(endpoints, work, "worker", "--agents", "lines", "--instance", "one")
    return subprocess.Popen(call, env=environment)


def out(endpoints: Endpoints, topic: str) -> tuple[Out, int]:
    """What is on a topic, by line; repeats must be the same. How many repeats there are."""
    found: Out = {}
    repeats = 0
    for _, _, _, name, fields in recorded(endpoints, (topic,)):
        key = (name, fields["lines_offset"])
        assert found.setdefault(key, fields) == fields, "a repeat must be identical"
        repeats += 1
    return found, repeats - len(found)


def must(endpoints: Endpoints) -> tuple[set[int], set[int]]:
    """Offsets of the lines with a value and with an item, by the oracle."""
    oracle = Lines()
    oracle.read({"record": name, **fields} for _, _, _, name, fields in recorded(endpoints, ("lines.raw",)))
    return {offset for _, _, offset in oracle.equity.values()}, {key[4] for key in oracle.trades}


def main(home: Path, work: Path) -> None:
    """Run."""
    with running(home, restart=["kafka"]) as stack:
        barline(stack.endpoints, work, "init", "--no-configuration")
        write(work / "x.jsnl")
        barline(stack.endpoints, work, "lines", "follow", "--once", str(work / "x.jsnl"))
        fill(home / "ballast", leave=ROOM)
        starts = stack["kafka"].state.starts
        code = worker(stack.endpoints, work).wait(240)
        assert code != 0, "a worker that cannot deliver must say so"
        (home / "ballast").unlink()
        stack["kafka"].wait_ready(starts + 1)
        during = len(out(stack.endpoints, "trades")[0])
        assert 0 < during < LINES, "the disk must be full on the way"
        again = worker(stack.endpoints, work)
        equity, trades = must(stack.endpoints)
        assert len(trades) == LINES
        eventually(lambda: len(out(stack.endpoints, "trades")[0]) >= LINES, timeout_s=180, poll_s=2)
        again.terminate()
        assert again.wait(60) == 0
        found, repeats = out(stack.endpoints, "trades")
        assert {offset for _, offset in found} == trades
        assert {offset for name, offset in out(stack.endpoints, "equity")[0] if name == "Equity"} == equity
    sys.stdout.write(
        f"worker ended with {code}, {during} of {LINES} items were out, then all; {repeats} repeats\n"
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
