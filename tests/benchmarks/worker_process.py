"""A worker as it is deployed, in a process of its own, seen from outside: CPU, threads and metrics."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.error import URLError

_TICK: Final = os.sysconf("SC_CLK_TCK")
_METRIC: Final = re.compile(r'^(\w+)\{(?:.*?(?:stage|topic|outcome)="([^"]*)")?[^}]*\} (\S+)$', re.MULTILINE)
_POLL_S: Final = 0.05


@dataclass(frozen=True, slots=True)
class Seen:
    """What a process has used so far.

    Attributes:
        cpu: seconds, user and system, of all its threads.
        threads: the same by name of the thread: ``main``, ``rdk:...``, ``python`` for all others.
        metrics: by name of the metric and its label: stage, topic or outcome.
    """

    cpu: float
    threads: Mapping[str, float]
    metrics: Mapping[tuple[str, str], float]

    def since(self, before: "Seen") -> "Seen":
        """What it has used since then."""
        threads = {name: used - before.threads.get(name, 0.0) for name, used in self.threads.items()}
        metrics = {name: found - before.metrics.get(name, 0.0) for name, found in self.metrics.items()}
        return Seen(self.cpu - before.cpu, threads, metrics)


def cpu_of(stat: Path) -> tuple[str, float]:
    """Name and seconds of CPU of a process or thread by its ``stat`` file."""
    head, _, rest = stat.read_text().rpartition(")")
    fields = rest.split()
    return head.partition("(")[2], (int(fields[11]) + int(fields[12])) / _TICK


class Process:
    """A running process with a health port.

    Args:
        popen: the process.
        port: its health port.
    """

    def __init__(self, popen: "subprocess.Popen[bytes]", port: int) -> None:
        self._popen, self._port = popen, port

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._popen.pid

    def wait_ready(self) -> None:
        """Return when it does its work.

        Raises:
            ChildProcessError: it ended.
        """
        while not self._page("ready"):
            if self._popen.poll() is not None:
                raise ChildProcessError(f"the worker must run, ended with {self._popen.returncode!r}")
            time.sleep(_POLL_S)

    def look(self) -> Seen:
        """What it has used so far."""
        own = Path(f"/proc/{self.pid}")
        threads, found = defaultdict[str, float](float), defaultdict[tuple[str, str], float](float)
        for task in (own / "task").iterdir():
            with suppress(FileNotFoundError, ProcessLookupError):  # it ended meanwhile
                name, used = cpu_of(task / "stat")
                threads["main" if task.name == str(self.pid) else name] += used
        for name, label, value in _METRIC.findall(self._page("metrics")):
            found[name, label] += float(value)
        return Seen(cpu_of(own / "stat")[1], threads, found)

    def _page(self, name: str) -> str:
        """A page of its health port, empty where it has none yet or says no."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/{name}", timeout=10) as answer:
                text: str = answer.read().decode()
                return text
        except (URLError, ConnectionError):
            return ""


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def worker(home: Path, name: str, agents: str = "ticks") -> Iterator[Process]:
    """A worker of the stack in a home, ready.

    Args:
        home: directory of the stack.
        name: of the installation, so that several can read the same topics, each from the beginning.
        agents: what it carries.
    """
    port = free_port()
    said = {"BARLINE_HOME": str(home), "BARLINE_HEALTH_PORT": str(port), "BARLINE_WORKER_NAME": name}
    call = [sys.executable, "-m", "barline.cli", "worker", "--agents", agents]
    log = (home / f"{name}.log").open("ab")
    with log, subprocess.Popen(call, env=os.environ | said, stdout=log, stderr=log) as popen:
        one = Process(popen, port)
        try:
            one.wait_ready()
            yield one
        finally:
            popen.send_signal(signal.SIGTERM)
