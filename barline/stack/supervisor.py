"""Keep the services of a plan running, and say in the state file how they do.

It ends when it is told to (SIGTERM, SIGINT, the end of its leash), or when a service died that may not be
started again; either way every service is stopped first, those that need others before those they need.
SIGHUP makes it read the plan again. However it dies itself, the kernel ends the services.
"""

import asyncio
import contextlib
import signal
import time
from pathlib import Path

from barline.stack.keeper import Keeper, ServiceFailedError
from barline.stack.service import Plan, Service
from barline.stack.state import Phase, State, supervising


class Supervisor:
    """Runs one plan.

    Args:
        home: directory of the plan, the state and the logs.
    """

    def __init__(self, home: Path, pid: int) -> None:
        self._home = home
        self._keepers: dict[str, Keeper] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._began = time.monotonic()
        self._state = State("starting", pid, time.time())

    async def run(self, stop: asyncio.Event, reread: asyncio.Event) -> int:
        """Keep the plan until ``stop``; returns an exit code.

        Args:
            stop: ends everything.
            reread: says that the plan changed.
        """
        stopping, reading = asyncio.create_task(stop.wait()), asyncio.create_task(reread.wait())
        try:
            self._adopt()
            while not stopping.done():
                waiting = {stopping, reading, *self._tasks}
                done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                if reading in done:
                    reread.clear()
                    reading = asyncio.create_task(reread.wait())
                    self._adopt()
                for task in done & self._tasks:
                    self._tasks.discard(task)
                    task.result()
            await self._stop_all("stopped")
        except ServiceFailedError as error:
            self._state.error = str(error)
            self._state.failed_exit_code = error.exit_code_of_service
            await self._stop_all("failed")
            return 1
        finally:
            stopping.cancel()
            reading.cancel()
        return 0

    def _adopt(self) -> None:
        """Take over the plan as it stands: new services are started, changed ones told."""
        plan = Plan.read(self._home)
        for name in plan.endpoints.__slots__:
            setattr(self._state, name, getattr(plan.endpoints, name))
        new = [service for service in plan.services if service.name not in self._keepers]
        for service in plan.services:
            if service.name in self._keepers:
                self._keepers[service.name].change(service)
        for service in new:
            keeper = Keeper(service, self._home, self._write)
            self._keepers[service.name] = keeper
            self._state.services[service.name] = keeper.state
        for service in new:
            self._begin(service)
        self._write()

    def _begin(self, service: Service) -> None:
        """Begin to keep a service."""
        if unknown := sorted(set(service.after) - self._keepers.keys()):
            raise ServiceFailedError(service.name, f"must come after services of the plan, named {unknown}")
        before = [self._keepers[name] for name in service.after]
        self._tasks.add(asyncio.create_task(self._keepers[service.name].run(before)))

    def _write(self) -> None:
        """Store the state."""
        if self._state.phase == "starting" and all(
            keeper.state.state in {"ready", "done", "held"} for keeper in self._keepers.values()
        ):
            self._state.phase = "ready"
            self._state.ready_s = round(time.monotonic() - self._began, 3)
        with contextlib.suppress(OSError):  # a full disk must not keep us from keeping the services
            self._state.write(self._home)

    async def _stop_all(self, phase: Phase) -> None:
        """Stop every service, needed ones last."""
        self._state.phase = "stopping"
        keepers = self._keepers.values()
        await asyncio.gather(
            *(
                keeper.stop([other for other in keepers if keeper.service.name in other.service.after])
                for keeper in keepers
            )
        )
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._state.phase = phase
        self._state.kafka = self._state.registry = self._state.clickhouse = self._state.clickhouse_reader = ""
        self._write()


def supervise(home: Path, pid: int, leash: int = -1) -> int:
    """Run the plan of a home until told to stop; returns an exit code.

    Args:
        home: its directory.
        pid: this process.
        leash: a pipe whose other end our owner holds: when that is gone, so are we. -1 for none.

    Raises:
        DependencyError: the home is supervised already.
    """

    async def main() -> int:
        stop, reread = asyncio.Event(), asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        loop.add_signal_handler(signal.SIGHUP, reread.set)
        if leash >= 0:
            loop.add_reader(leash, stop.set)
        return await Supervisor(home, pid).run(stop, reread)

    with supervising(home):
        return asyncio.run(main())
