"""Wait for something to become true, instead of sleeping and hoping."""

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")


def eventually(
    check: Callable[[], Found], *, timeout_s: float = 90.0, poll_s: float = 0.02, because: str = ""
) -> Found:
    """Call ``check`` until it returns something true, and return that.

    Args:
        check: what shall become true; a false value or an AssertionError means: not yet.
        timeout_s: how long to wait.
        poll_s: seconds between calls.
        because: what was expected, said when it doesn't come.

    Raises:
        AssertionError: it didn't come in time; the last one of ``check`` when it raised one.
    """
    limit = time.monotonic() + timeout_s
    while True:
        last: AssertionError | None = None
        try:
            if found := check():
                return found
        except AssertionError as error:
            last = error
        if time.monotonic() > limit:
            expected = because or getattr(check, "__name__", "the check")
            raise last or AssertionError(f"{expected}: not within {timeout_s:g} s")
        time.sleep(poll_s)
