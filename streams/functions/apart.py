"""Runs functions in a process of their own, so that neither the event loop nor a bar waits for one.

::

    stage ── soon, answer ──► queue, bounded ──► thread ◄── frames ──► process
          ◄──────────────────────── answers, bounded

What is begun ahead is dropped where the queue is full; what is asked for is waited for. A process that ends,
or takes too long, is started anew and asked once more; the second end makes the function one that cannot be
run.
"""

import atexit
import os
import queue
import select
import signal
import subprocess
import sys
import threading
from collections import OrderedDict
from contextlib import suppress
from functools import lru_cache
from hashlib import blake2b
from typing import Final

import msgspec

from schemas.config import IndicatorConfig
from streams.core.analytics.windowed.functions import Answer
from streams.core.analytics.windowed.runner import Job
from streams.functions import frames
from streams.functions.__main__ import LOADING_S

_QUEUE: Final = 256
_ANSWERS: Final = 4_096
_TRIES: Final = 2
_IDLE_S: Final = 300.0
_ENDING_S: Final = 1.0
_MARGIN_S: Final = 5.0
"""The process ends itself; only where that fails, it is ended from here so much later."""


class Apart:
    """See above; one serves all stages of a process."""

    def __init__(self) -> None:
        self._queue: queue.Queue[tuple[bytes, Job] | None] = queue.Queue(_QUEUE)
        self._answers: OrderedDict[bytes, Answer] = OrderedDict()
        self._pending: set[bytes] = set()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._closed = False

    def soon(self, job: Job) -> None:
        """Begin, unless too much waits already."""
        self._put(_digest(job), job, wait=False)

    def answer(self, job: Job) -> Answer:
        """The answer; waits for it."""
        digest = _digest(job)
        while not self._closed:
            self._put(digest, job, wait=True)
            with self._changed:
                self._changed.wait_for(lambda: self._closed or digest not in self._pending)
                if digest in self._answers:
                    return self._answers[digest]
        return Answer(failed="process of the functions must be running, was closed", everywhere=True)

    def close(self) -> None:
        """End the process and the thread; what is asked from then on is not answered."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        process, thread = self._process, self._thread
        if process is not None:
            process.kill()
        if thread is not None:
            self._queue.put(None)
            thread.join()
        self._end()

    def _put(self, digest: bytes, job: Job, *, wait: bool) -> None:
        with self._changed:
            if self._closed or digest in self._answers or digest in self._pending:
                return
            if not wait and self._queue.full():
                return
            self._pending.add(digest)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="functions", daemon=True)
                self._thread.start()
        self._queue.put((digest, job))

    def _work(self) -> None:
        while (found := self._next()) is not None:
            digest, job = found
            answer = self._asked(job)
            with self._changed:
                self._answers[digest] = answer
                while len(self._answers) > _ANSWERS:
                    self._answers.popitem(last=False)
                self._pending.discard(digest)
                self._changed.notify_all()

    def _next(self) -> tuple[bytes, Job] | None:
        """What waits first; a process that is not asked for long ends, and starts again when it is."""
        while True:
            with suppress(queue.Empty):
                return self._queue.get(timeout=_IDLE_S)
            self._end()

    def _asked(self, job: Job) -> Answer:
        limit_s = msgspec.json.decode(job.config, type=IndicatorConfig).limit_ms / 1_000
        reason = ""
        for _ in range(_TRIES):
            answer = None if self._closed else self._exchange(frames.Question(*job, limit_s, tuple(sys.path)))
            if answer is not None:
                return answer
            reason = self._end()
        return Answer(failed=reason.format(limit_s), everywhere=True)

    def _exchange(self, question: frames.Question) -> Answer | None:
        """Ask the process; None where it ended."""
        process = self._process = self._process or _started()
        assert process.stdin is not None  # noqa: S101 (both are pipes)
        assert process.stdout is not None  # noqa: S101
        try:
            frames.write(process.stdin, question)
            longest = LOADING_S + question.limit_s + _MARGIN_S
            if not select.select([process.stdout], [], [], longest)[0]:
                return None
            return frames.read(process.stdout, Answer)
        except OSError:
            return None

    def _end(self) -> str:
        """End the process, if it did not end itself; why it did."""
        process, self._process = self._process, None
        if process is None or process.stdin is None:
            return "its process must be running, was closed"
        with suppress(OSError):
            process.stdin.close()  # what it did not read any more is still in there
        with process:
            try:
                code = process.wait(_ENDING_S)
            except subprocess.TimeoutExpired:
                process.kill()
                code = -signal.SIGALRM
        if code == -signal.SIGALRM:
            return "its function must end within {:g} s, did not"
        return f"its function must not end its process, did with {code}"


@lru_cache(1)
def shared() -> Apart:
    """That of this process; nothing is started before a function is asked for."""
    runner = Apart()
    atexit.register(runner.close)
    return runner


def _started() -> "subprocess.Popen[bytes]":
    # What can be imported here can be imported there.
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, "-m", "streams.functions"]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)


def _digest(job: Job) -> bytes:
    return blake2b(b"%d|%b%b" % (len(job.config), *job), digest_size=16).digest()
