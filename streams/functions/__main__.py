"""The process of the functions: ``python -m streams.functions``, asked over its standard input.

A function that takes longer than it may is ended by the kernel (SIGALRM), whatever it does, and the process
with it: whoever asked sees the end and starts another one. When the other end goes away, the process ends.
"""

import importlib
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from schemas.errors import ConfigurationError
from streams.core.analytics.windowed.functions import Answer, checked, compute
from streams.functions import frames

LOADING_S: Final = 60.0
"""How long a package may take to be imported and to be tried, for which some compile themselves."""

_NICER: Final = 5  # bars come first


def main() -> None:
    """Answer until nobody asks any more."""
    asked, told = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a function prints is no answer
    os.nice(_NICER)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with suppress(BrokenPipeError):
        while (question := frames.read(asked, frames.Question)) is not None:
            frames.write(told, _answered(question))


def _answered(question: frames.Question) -> Answer:
    if sys.path != list(question.path):
        sys.path[:] = question.path
        importlib.invalidate_caches()
    try:
        with _limit(LOADING_S):
            checked(question.config)
    except ConfigurationError as error:
        return Answer(failed=str(error), everywhere=True)
    if not question.rows:
        return Answer()
    start = time.perf_counter()
    with _limit(question.limit_s):
        answer = compute(question.config, question.rows)
    return answer._replace(seconds=time.perf_counter() - start)


@contextmanager
def _limit(seconds: float) -> Iterator[None]:
    """End the process where the body takes longer."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)


if __name__ == "__main__":
    main()
