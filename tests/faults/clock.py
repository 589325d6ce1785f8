"""A wall clock that jumps: what a process reads from ``time`` is wrong by up to a day, each time anew."""

import random
import time

DAY_S = 86_400


def jump() -> None:
    """Let the wall clock of this process jump from now on; intervals are measured right as before."""
    chance, real = random.Random(3), time.time_ns

    def wrong() -> int:
        return real() + chance.randrange(-DAY_S, DAY_S) * 1_000_000_000

    time.time_ns = wrong
    time.time = lambda: wrong() / 1e9
