"""Start a program that dies with its parent: ``python bound.py PARENT-PID NICE PROGRAM ARGUMENTS...``.

Run as a file, before anything else of a service: it asks the kernel for SIGKILL at the parent's death
(Linux; elsewhere it only starts the program), lowers its own priority by ``NICE`` and then becomes the
program. ``preexec_fn`` would do the same but is unsafe with threads. The kernel means the parent's *thread*:
start a service from the one that lives longest.
"""

import contextlib
import ctypes
import os
import signal
import sys
import time

_PR_SET_PDEATHSIG = 1
_GROUP = "/proc/self/autogroup"
_TRIES, _PAUSE_S = 20, 0.05


def main() -> None:
    """Bind this process to its parent and become the program."""
    parent, nice, program = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # it died before we asked
            sys.exit(1)
    if nice:
        os.nice(nice)
        with contextlib.suppress(OSError):  # elsewhere, or where sessions have no share of their own
            _lower_session(nice)
    os.execvp(program[0], program)  # noqa: S606  # becoming the program is the purpose


def _lower_session(nice: int) -> None:
    """Where Linux shares the processor among sessions, a process is nice only to others of its own one."""
    for _ in range(_TRIES):
        with contextlib.suppress(BlockingIOError):  # of the whole machine one a tenth of a second may do it
            with open(_GROUP, "w", encoding="ascii") as group:  # noqa: PTH123  # pathlib takes 10 ms to load
                group.write(str(nice))
            return
        time.sleep(_PAUSE_S)


if __name__ == "__main__":
    main()
