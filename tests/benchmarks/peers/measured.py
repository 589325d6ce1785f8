"""CPU time of a peer over the ticks it folds, by what it prints."""

import subprocess
from collections.abc import Sequence
from typing import Final, NamedTuple

_LIMIT_S: Final = 150.0


class Mark(NamedTuple):
    """Ticks folded so far, and the CPU seconds of the process by then."""

    ticks: int
    cpu: float


def cost(marks: Sequence[Mark], warm: int) -> float:
    """CPU microseconds a tick, from the first mark past ``warm`` ticks to the last one.

    Raises:
        ValueError: there are not two.
    """
    after = [mark for mark in marks if mark.ticks >= warm]
    if len(after) < 2:
        raise ValueError(f"marks past {warm} ticks must be two, were {after!r}")
    return (after[-1].cpu - after[0].cpu) / (after[-1].ticks - after[0].ticks) * 1e6


def peer(argv: Sequence[str]) -> list[Mark]:
    """Run a peer to its end.

    Raises:
        ChildProcessError: it failed; with its last words.
    """
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=_LIMIT_S)
    marks = []
    for line in done.stdout.splitlines():
        parts = line.rpartition("\x1b[?25h")[2].split()  # Faust shows the cursor first
        if len(parts) == 2 and parts[0].isdigit():
            marks.append(Mark(int(parts[0]), float(parts[1])))
    if done.returncode or not marks:
        said = done.stderr[-2_000:]
        raise ChildProcessError(f"{argv[:3]} must fold its ticks, ended with {done.returncode}: {said}")
    return marks
