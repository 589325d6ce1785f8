"""How a process ends: by a signal in good order, or at once.

A process that must not write any more cannot unwind: a ``finally`` could still send or commit. So it logs one
line and leaves by ``os._exit``; the supervisor starts it again.
"""

import asyncio
import logging
import os
import signal
import sys
from typing import Final, NoReturn

from schemas.errors import BarlineError

_LOG: Final = logging.getLogger(__name__)
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)

FAILED: Final = 1
"""Exit code of a process that stopped itself."""


def leave(reason: object) -> NoReturn:
    """End the process at once, without unwinding, from any thread.

    The exit code is that of an error of ours, 1 for any other reason.

    Args:
        reason: logged as one line; the traceback of an exception that is a bug stands below it.
    """
    ours = isinstance(reason, BarlineError)
    trace = reason if isinstance(reason, BaseException) and not ours else None
    _LOG.critical("the process ends: %s", str(reason) or type(reason).__name__, exc_info=trace)
    finish(reason.exit_code if isinstance(reason, BarlineError) else FAILED)


def finish(code: int) -> NoReturn:
    """End the process with what was written so far, and wait for no thread."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def leave_when_told() -> None:
    """SIGINT and SIGTERM end the process with 0 at once, as long as nothing is in hand."""
    for number in _SIGNALS:
        signal.signal(number, lambda *_: os._exit(0))


def stop_event() -> asyncio.Event:
    """An event that SIGINT or SIGTERM sets, in the running loop; a second signal ends the process at once."""
    event = asyncio.Event()
    loop = asyncio.get_running_loop()

    def stop() -> None:
        if event.is_set():
            leave("a second signal came while it was stopping")
        event.set()

    for number in _SIGNALS:
        loop.add_signal_handler(number, stop)
    return event


class StopSignal:
    """Says whether SIGINT or SIGTERM came, for processes without an event loop; a second one interrupts."""

    def __init__(self) -> None:
        self._came = False
        for number in _SIGNALS:
            signal.signal(number, self._stop)

    def __bool__(self) -> bool:
        return self._came

    def _stop(self, number: int, _frame: object) -> None:
        if self._came:
            leave(f"a second signal came while it was stopping ({signal.Signals(number).name})")
        self._came = True
