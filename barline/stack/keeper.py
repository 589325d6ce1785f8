"""Keep one service running: start it, see it become ready, start it again when it dies and may be."""

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, Final

from barline.stack import bound
from barline.stack.service import Service, is_ready
from barline.stack.state import Condition, ServiceState, log_file
from schemas.errors import BarlineError

_POLL_S: Final = 0.05
_SLOWEST_S: Final = 5.0
_HEALTHY_S: Final = 10.0
_LOG_BYTES: Final = 16 << 20
_HOPELESS: Final = frozenset({2, 3, 5})
"""Exit codes that another start won't change: usage, configuration, data contract."""

_TRIES: Final = 5


class ServiceFailedError(BarlineError):
    """A service is not there and won't come back.

    Attributes:
        service: its name.
        exit_code_of_service: what it ended with.
    """

    def __init__(self, service: str, text: str, exit_code_of_service: int = 0) -> None:
        super().__init__(f"{service} {text}")
        self.service = service
        self.exit_code_of_service = exit_code_of_service


class Keeper:
    """Keeps one service.

    Args:
        service: what to run.
        home: where logs are.
        changed: called after every change of ``state``.
    """

    def __init__(self, service: Service, home: Path, changed: Callable[[], None]) -> None:
        self.service = service
        self.state = ServiceState()
        self.ready = asyncio.Event()
        self.stopped = asyncio.Event()
        self._home = home
        self._changed = changed
        self._process: asyncio.subprocess.Process | None = None
        self._released = asyncio.Event()
        self._halted = asyncio.Event()
        self._ending: asyncio.Task[None] | None = None
        self._begun = False
        self._was_ready = False
        self._failures = 0

    async def run(self, before: Sequence["Keeper"]) -> None:
        """Run the service until it is stopped, or done.

        Args:
            before: services that are ready first.

        Raises:
            ServiceFailedError: it died or didn't become ready, and trying again is no use.
        """
        self._begun = True
        try:
            for keeper in before:
                await _first(keeper.ready.wait(), self._halted.wait())
            while not self._halted.is_set():
                if self.service.hold:
                    await self._wait_for_release()
                elif await self._run_once() and self.service.once:
                    return
        finally:
            self.stopped.set()

    async def _run_once(self) -> bool:
        """One life of the process; True when it ended well."""
        began = time.monotonic()
        process = await self._start()
        ending = asyncio.ensure_future(process.wait())
        try:
            if self._halted.is_set() or self.service.hold:  # that came while it was being started
                await self._terminate()
            came = self.service.once or await self._becomes_ready(ending)
            if not came:
                await self._terminate()
            elif not self.service.once:
                self._say_ready(time.monotonic() - began)
            code = await ending
        finally:
            ending.cancel()
        self._process = None
        self.state.pid, self.state.exit_code = 0, code
        if self.service.once and code == 0:
            self._say_ready(time.monotonic() - began, "done")
            return True
        self.ready.clear()
        if not self._halted.is_set() and not self.service.hold:
            await self._fall(code, came=came, lived=time.monotonic() - began)
        return False

    def _say_ready(self, seconds: float, condition: Condition = "ready") -> None:
        """Let others go on."""
        self.state.ready_s = round(seconds, 3)
        self._was_ready = True
        self.ready.set()
        self._say(condition)

    async def _start(self) -> asyncio.subprocess.Process:
        """Start the process, its output into its log, in a group of its own."""
        path = log_file(self._home, self.service.name)
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and path.stat().st_size > _LOG_BYTES:
            path.replace(path.with_suffix(".log.1"))
        bind = [sys.executable, "-I", "-S", bound.__file__, str(os.getpid()), str(self.service.nice)]
        with path.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *bind,
                *self.service.argv,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env={**os.environ, **self.service.env},
            )
        self.state.pid = self._process.pid
        self.state.starts += 1
        self._say("starting")
        return self._process

    async def _becomes_ready(self, ending: "asyncio.Future[int]") -> bool:
        """Whether the service becomes ready in time; not when it ends before."""
        limit = time.monotonic() + self.service.start_s
        while time.monotonic() < limit and not ending.done():
            if await is_ready(self.service.ready):
                return not ending.done()
            await asyncio.wait([ending], timeout=_POLL_S)
        return False

    async def _fall(self, code: int, *, came: bool, lived: float) -> None:
        """Wait a while before the next start, or give up."""
        rule = "end with 0" if self.service.once else "keep running" if came else "become ready"
        how = f"must {rule}, ended with {code}"
        if not came and lived >= self.service.start_s:
            how = f"must be ready within {self.service.start_s:g} s, was not"
        self._failures = 1 if came and lived > _HEALTHY_S else self._failures + 1
        hopeless = not self._was_ready and (code in _HOPELESS or self._failures >= _TRIES)
        if hopeless or not self.service.restart:
            self._say("failed")
            raise ServiceFailedError(self.service.name, how, code)
        self._say("restarting")
        with contextlib.suppress(TimeoutError):
            self._released.clear()
            await asyncio.wait_for(self._released.wait(), min(0.1 * 2**self._failures, _SLOWEST_S))

    async def _wait_for_release(self) -> None:
        """Stay down until the plan lets go."""
        self._say("held")
        self._released.clear()
        if self.service.hold and not self._halted.is_set():
            await self._released.wait()

    def change(self, service: Service) -> None:
        """Take over a new version of the service; only ``hold`` has an effect at once."""
        held, self.service = self.service.hold, service
        if service.hold and not held:
            self._ending = asyncio.create_task(self._terminate())
        self._released.set()

    async def stop(self, after: Sequence["Keeper"]) -> None:
        """Stop the service once those that need it have stopped."""
        self._halted.set()
        if not self._begun:
            self.stopped.set()
        for keeper in after:
            await keeper.stopped.wait()
        await self._terminate()
        self._released.set()
        if self.state.state not in {"done", "failed"}:
            self._say("stopped")

    async def _terminate(self) -> None:
        """Ask the process to end, then make it."""
        process = self._process
        for number, seconds in ((signal.SIGTERM, self.service.stop_s), (signal.SIGKILL, 5.0)):
            if process is None or process.returncode is not None:
                return
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, number)
                os.killpg(process.pid, signal.SIGCONT)  # a frozen one can't end
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), seconds)

    def _say(self, condition: Condition) -> None:
        self.state.state = condition
        self._changed()


async def _first(*waits: Coroutine[Any, Any, Any]) -> None:
    """Wait until one of several is done, and drop the others."""
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
