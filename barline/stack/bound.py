"""Start a program that dies with its parent: ``python bound.py PARENT-PID PROGRAM ARGUMENTS...``.

Run as a file, before anything else of a service: it asks the kernel for SIGKILL at the parent's death
(Linux; elsewhere it only starts the program) and then becomes the program. ``preexec_fn`` would do the same
but is unsafe with threads. The kernel means the parent's *thread*: start a service from the one that lives
longest.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Bind this process to its parent and become the program."""
    parent, program = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # it died before we asked
            sys.exit(1)
    os.execvp(program[0], program)  # noqa: S606  # becoming the program is the purpose


if __name__ == "__main__":
    main()
