"""A running stack seen from outside: what it says about itself, and how to break it."""

import contextlib
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from barline.stack.service import Plan, Service
from barline.stack.state import ServiceState, State, is_supervised, last_lines, log_file
from runtime.endpoints import Endpoints
from schemas.errors import BarlineError, ConfigurationError, DependencyError, SchemaError

POLL_S: Final = 0.05
"""Seconds between looks at the state."""

_SETTLED: Final = frozenset({"ready", "done", "held"})
_START_S: Final = 900.0
_STOP_S: Final = 60.0
_KINDS: Final[dict[int, type[BarlineError]]] = {3: ConfigurationError, 5: SchemaError}


@dataclass(frozen=True, slots=True)
class Handle:
    """One service of a running stack, for whoever wants to break it.

    Attributes:
        stack: the stack.
        name: of the service.
    """

    stack: "Stack"
    name: str

    @property
    def state(self) -> ServiceState:
        """How it does now."""
        return self.stack.state().services[self.name]

    @property
    def pid(self) -> int:
        """Its process id, 0 while it has none."""
        return self.state.pid

    def signal(self, number: int = signal.SIGKILL) -> int:
        """Send its process a signal (SIGSTOP freezes it, SIGCONT wakes it); returns the process id."""
        pid = self.pid
        if not pid:
            raise DependencyError(f"{self.name} must be running, was {self.state.state}")
        os.kill(pid, number)
        return pid

    def kill(self, timeout_s: float = 120.0) -> ServiceState:
        """Kill it with SIGKILL and wait until it was started again and is ready.

        Raises:
            DependencyError: that took too long.
        """
        starts = self.wait_ready(timeout_s=timeout_s).starts
        self.signal(signal.SIGKILL)
        return self.wait_ready(starts + 1, timeout_s)

    def wait_ready(self, starts: int = 1, timeout_s: float = 120.0) -> ServiceState:
        """Wait until it is ready (or done) after at least so many starts.

        Raises:
            DependencyError: that took too long.
        """

        def is_there(state: State) -> bool:
            mine = state.services.get(self.name)
            return mine is not None and mine.state in {"ready", "done"} and mine.starts >= starts

        return self.stack.wait(is_there, f"{self.name} ready", timeout_s).services[self.name]

    def hold(self, timeout_s: float = 60.0) -> None:
        """Stop it and keep it stopped.

        Raises:
            DependencyError: that took too long.
        """
        self.stack.replan(self.name, hold=True)
        self.stack.wait(lambda s: s.services[self.name].state == "held", f"{self.name} stopped", timeout_s)

    def release(self, timeout_s: float = 120.0) -> ServiceState:
        """Start it again after :meth:`hold`, and wait until it is ready.

        Raises:
            DependencyError: that took too long.
        """
        starts = self.state.starts
        self.stack.replan(self.name, hold=False)
        return self.wait_ready(starts + 1, timeout_s)

    def log(self) -> str:
        """Everything it wrote."""
        return log_file(self.stack.home, self.name).read_text(encoding="utf-8", errors="replace")


@dataclass(frozen=True, slots=True)
class Stack:
    """A stack that runs in a home, seen from outside.

    Attributes:
        home: its directory.
        endpoints: addresses of its servers.
    """

    home: Path
    endpoints: Endpoints

    def state(self) -> State:
        """What it says about itself.

        Raises:
            DependencyError: it isn't there any more.
        """
        state = State.read(self.home)
        if state is None:
            raise DependencyError(f"a stack must run in {self.home}, none did (start it with `barline up`)")
        return state

    def __getitem__(self, name: str) -> Handle:
        return Handle(self, name)

    def add(self, *services: Service) -> None:
        """Start more services; they may name running ones in ``after``."""
        plan = Plan.read(self.home)
        self._replace(Plan(plan.endpoints, [*plan.services, *services]))

    def replan(self, name: str, *, hold: bool) -> None:
        """Hold a service or release it."""
        plan = Plan.read(self.home)
        services = [
            msgspec.structs.replace(service, hold=hold) if service.name == name else service
            for service in plan.services
        ]
        self._replace(Plan(plan.endpoints, services))

    def _replace(self, plan: Plan) -> None:
        plan.write(self.home)
        os.kill(self.state().supervisor, signal.SIGHUP)

    def wait(self, holds: Callable[[State], bool], what: str, timeout_s: float) -> State:
        """Wait until something holds, and return the state in which it does.

        Raises:
            DependencyError: it took too long, or the stack is gone.
            BarlineError: the stack failed; the kind follows from the exit code of the service that did.
        """
        limit = time.monotonic() + timeout_s
        while True:
            supervised = is_supervised(self.home)
            state = State.read(self.home)
            if state is not None and holds(state):
                return state
            if state is not None and state.phase == "failed":
                raise _failure(self.home, state)
            if not supervised or state is None:
                gone = DependencyError(f"a supervisor must be running, was gone ({self.home})")
                raise with_log(gone, self.home, "supervisor")
            if time.monotonic() > limit:
                raise DependencyError(f"{what} must come within {timeout_s:g} s, did not ({self.home})")
            time.sleep(POLL_S)

    def wait_ready(self, timeout_s: float = _START_S) -> State:
        """Wait until every service of the plan is ready, those that were added to it as well.

        Raises:
            DependencyError: it took too long, or a service can't start.
        """
        planned = [service.name for service in Plan.read(self.home).services]

        def are_there(state: State) -> bool:
            found = state.services
            return state.phase == "ready" and all(
                name in found and found[name].state in _SETTLED for name in planned
            )

        return self.wait(are_there, "every service ready", timeout_s)

    def wait_stopped(self) -> None:
        """Wait until the stack ends.

        Raises:
            DependencyError: it ended because a service failed.
        """
        while is_supervised(self.home):
            time.sleep(POLL_S * 10)
        state = self.state()
        if state.phase == "failed":
            raise _failure(self.home, state)

    def stop(self) -> None:
        """Stop every service and the supervisor; nothing happens when it is down already."""
        stop(self.home)


def stop(home: Path) -> bool:
    """Stop the stack of a home; False when none ran.

    Raises:
        DependencyError: it doesn't stop.
    """
    if not is_supervised(home):
        return False
    limit = time.monotonic() + _STOP_S
    while is_supervised(home):
        state = State.read(home)
        if state is not None and state.phase not in {"stopping", "stopped", "failed"}:
            with contextlib.suppress(ProcessLookupError):
                os.kill(state.supervisor, signal.SIGTERM)
        if time.monotonic() > limit:
            raise DependencyError(f"the stack must stop within {_STOP_S:g} s, did not ({home})")
        time.sleep(POLL_S * 5)
    return True


def _failure(home: Path, state: State) -> BarlineError:
    """Why a stack failed: in the words of the service that did, when it left some, else by its last lines."""
    name = state.error.partition(" ")[0]
    kind = _KINDS.get(state.failed_exit_code, DependencyError)
    said = [line for line in last_lines(home, name, 1) if line.startswith("error: ")]
    if not said:
        return with_log(kind(state.error), home, name)
    error = kind(f"{name}: {said[0].removeprefix('error: ')}")
    error.add_note(f"  (log: {log_file(home, name)})")
    return error


def with_log(error: BarlineError, home: Path, service: str) -> BarlineError:
    """An error with the last lines of a log."""
    lines = last_lines(home, service)
    if any("Address already in use" in line or "address already in use" in line for line in lines):
        error.add_note(f"  a port of {service} was taken between choosing and using it: try again")
    for line in lines:
        error.add_note(f"  {line}")
    error.add_note(f"  (log: {log_file(home, service)})")
    return error
