"""A broker whose disk is full while strategy files are followed; a process of its own, in a mount namespace.

``python -m tests.faults.full_broker HOME WORK``: the stack runs in HOME, a small disk of its own; files and
positions are in WORK. Prints what happened, and ends with an error where a line is missing or out of order.
"""

import json
import random
import subprocess
import sys
from pathlib import Path

from barline.stack import running
from runtime.endpoints import Endpoints
from tests.eventually import eventually
from tests.line_servers import Watch, barline, command

MODE = "full"
SIZE = 8_000  # characters that cannot be compressed, in each line


def append(path: Path, first: int, end: int, kind: str = "") -> None:
    """Lines with their number as equity and a long text, in an item of its own where a kind is given."""
    pick = random.Random(first)
    with path.open("a") as file:
        for number in range(first, end):
            text = pick.randbytes(SIZE // 2).hex()
            item = {"t": "e", "equity": number}
            value = [item, {"t": kind, "x": text}] if kind else {**item, "x": text}
            file.write(json.dumps({"timestamp": number, "mode": MODE, "value": value}) + "\n")


def fill(path: Path, leave: int = 0) -> None:
    """Write until the disk is full, but for some bytes."""
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(65_536))
        except OSError:
            file.truncate(file.tell() - leave)


def arrived(watch: Watch) -> list[int]:
    """Numbers of the lines that came, each once, in order of the log."""
    rows = [row for row in watch.of(MODE) if row["record"] == "Line"]
    assert [row["line"] for row in rows] == [json.loads(row["data"])["value"]["equity"] + 1 for row in rows]
    return list(dict.fromkeys(row["line"] - 1 for row in rows))


def followed(endpoints: Endpoints, work: Path, path: Path) -> subprocess.Popen[bytes]:
    """A follower of the file."""
    call, environment = command(endpoints, work, "lines", "follow", str(path))
    return subprocess.Popen(call, env=environment)


def main(home: Path, work: Path) -> None:
    """Run."""
    path = work / "x.jsnl"
    with running(home, restart=["kafka"]) as stack:
        barline(stack.endpoints, work, "init", "--no-configuration")
        append(path, 0, 500)
        follower = followed(stack.endpoints, work, path)
        watch = Watch(stack.endpoints)
        eventually(lambda: len(arrived(watch)) == 500, timeout_s=90)
        fill(home / "ballast")
        starts = stack["kafka"].state.starts
        append(path, 500, 3_000)
        code = follower.wait(120)
        during = len(arrived(watch))
        assert during < 3_000, "the disk never was full"
        assert code != 0, "a follower that cannot deliver must say so"
        (home / "ballast").unlink()
        stack["kafka"].wait_ready(starts + 1)
        follower = followed(stack.endpoints, work, path)
        eventually(lambda: len(arrived(watch)) == 3_000, timeout_s=120)
        assert arrived(watch) == list(range(3_000))
        follower.terminate()
        assert follower.wait(30) == 0
        watch.close()
    sys.stdout.write(f"follower ended with {code}, {during} lines were there, then 3000\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
