"""Who runs the functions, what is asked of it, and what it answers.

The answer is a function of what is asked, so it makes no difference when and where it is found. A stage asks
at a place in the log that it alone chooses; what it knows to be needed soon may be begun ahead of that.

A function that raises is disabled for the symbol and interval where it did. One that cannot be run at all, or
never comes to an end, is disabled everywhere from there on: the place, (offset, symbol), is in the state of
that symbol, so that whatever is repeated after a crash comes to the same.
"""

from dataclasses import dataclass, field
from typing import Final, NamedTuple, Protocol

from streams.core.analytics.windowed.functions import Answer, compute

NOWHERE: Final = -1
"""Offset of what is disabled for one symbol and interval alone."""


class Job(NamedTuple):
    """What is asked: an ``IndicatorConfig`` in JSON, and HISTORY rows, the newest last."""

    config: bytes
    rows: bytes


class Runner(Protocol):
    """Runs functions."""

    def soon(self, job: Job) -> None:
        """It will be asked for soon; nothing depends on it."""
        ...

    def answer(self, job: Job) -> Answer:
        """The answer, which may be waited for."""
        ...


class Here:
    """Runs them on the spot, in the thread that asks."""

    def soon(self, _job: Job) -> None:
        """Nothing is begun."""

    def answer(self, job: Job) -> Answer:
        """The answer."""
        return compute(*job)


class Watch(Protocol):
    """Looks on while functions run; nothing depends on it."""

    def took(self, name: str, seconds: float) -> None:
        """Count one run of an indicator's function."""
        ...

    def disabled(self, name: str, where: str, reason: str) -> None:
        """Say that an indicator is computed no more, for a symbol and interval or everywhere (empty)."""
        ...


class Unwatched:
    """Nobody looks on."""

    def took(self, _name: str, _seconds: float) -> None:
        """Count nothing."""

    def disabled(self, _name: str, _where: str, _reason: str) -> None:
        """Say nothing."""


HERE: Final = Here()
UNWATCHED: Final = Unwatched()


@dataclass(slots=True, eq=False)
class Calls:
    """What one stage asks of functions.

    Attributes:
        runner: who runs them.
        watch: looks on.
        offset: of the record at which it asks.
        symbol: for which it asks.
        stopped: by key of an indicator, the place from which on it is disabled everywhere.
    """

    runner: Runner = HERE
    watch: Watch = UNWATCHED
    offset: int = NOWHERE
    symbol: bytes = b""
    stopped: dict[str, tuple[int, bytes]] = field(default_factory=dict)

    def is_stopped(self, key: str) -> bool:
        """Whether an indicator is disabled everywhere, at this place."""
        return key in self.stopped and (self.offset, self.symbol) >= self.stopped[key]

    def ask(self, name: str, job: Job) -> Answer:
        """The answer for an indicator."""
        answer = self.runner.answer(job)
        if not answer.failed:
            self.watch.took(name, answer.seconds)
        return answer

    def disable(self, name: str, key: str, where: str, answer: Answer) -> int:
        """Take note of an indicator that failed: the offset from which on everywhere, or NOWHERE."""
        self.watch.disabled(name, "" if answer.everywhere else where, answer.failed)
        if not answer.everywhere:
            return NOWHERE
        self.found(key, self.offset, self.symbol)
        return self.offset

    def found(self, key: str, offset: int, symbol: bytes) -> None:
        """An indicator is disabled everywhere from a place on."""
        self.stopped[key] = min(self.stopped.get(key, (offset, symbol)), (offset, symbol))
