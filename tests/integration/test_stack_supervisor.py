"""The supervisor with small services of the tests' own: order, deaths, ends."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from barline.stack.running import Stack, start
from barline.stack.service import Service
from barline.stack.state import State, is_supervised
from runtime.endpoints import Endpoints
from schemas.errors import BarlineError, ConfigurationError, DependencyError
from tests.clickhouse_server import free_port
from tests.eventually import eventually

NOWHERE = Endpoints("kafka:1", "http://registry:1", "http://u:p@clickhouse:1/db")
SERVE = """
import socket, sys, time
time.sleep(float(sys.argv[2]))
listening = socket.create_server(("127.0.0.1", int(sys.argv[1])))
while True:
    listening.accept()[0].close()
"""
CONNECT = (
    "import socket, sys, time; socket.create_connection(('127.0.0.1', int(sys.argv[1]))); time.sleep(1000)"
)
SLEEP = "import time; time.sleep(1000)"
DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); " + SLEEP


def python(name: str, code: str, *arguments: object, **settings: object) -> Service:
    """A service that runs some Python."""
    argv = [sys.executable, "-c", code, *map(str, arguments)]
    return Service(name, argv, **settings)  # type: ignore[arg-type]


def serving(name: str, delay_s: float = 0.0, **settings: object) -> tuple[Service, int]:
    """A service that listens after a while, and its port."""
    port = free_port()
    return python(name, SERVE, port, delay_s, ready=f"tcp://127.0.0.1:{port}", **settings), port


@contextmanager
def supervised(home: Path, *services: Service) -> Iterator[Stack]:
    """A supervisor over services, stopped at the end."""
    stack = start(home, NOWHERE, services)
    try:
        yield stack
    finally:
        stack.stop()


def is_alive(pid: int) -> bool:
    """Whether a process runs; a zombie doesn't."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] not in {"Z", "X"}


def pids(stack: Stack) -> list[int]:
    return [service.pid for service in stack.state().services.values() if service.pid]


def test_a_service_starts_once_those_it_needs_are_ready(tmp_path: Path):
    server, port = serving("server", delay_s=0.5)
    with supervised(tmp_path, python("client", CONNECT, port, after=["server"]), server) as stack:
        eventually(lambda: stack.state().services["server"].state == "starting")
        assert stack.state().services["client"].state == "waiting"
        state = stack.wait_ready(60)
    assert state.services["client"].starts == 1
    assert state.services["server"].ready_s >= 0.5


def test_clients_find_the_addresses_while_it_runs_and_not_after(tmp_path: Path):
    with supervised(tmp_path, python("one", SLEEP)) as stack:
        stack.wait_ready(60)
        assert Endpoints.load(tmp_path, {}) == NOWHERE
        assert (tmp_path / "stack.json").stat().st_mode & 0o077 == 0
    with pytest.raises(DependencyError, match="barline up"):
        Endpoints.load(tmp_path, {})


def test_a_restartable_service_comes_back_after_kill_9(tmp_path: Path):
    worker, _ = serving("worker", restart=True)
    with supervised(tmp_path, worker, python("other", SLEEP)) as stack:
        stack.wait_ready(60)
        other = stack["other"].pid
        for round_number in range(1, 4):
            before = stack["worker"].pid
            after = stack["worker"].kill()
            assert after.pid not in {0, before}
            assert (after.starts, after.exit_code) == (round_number + 1, -signal.SIGKILL)
        assert stack["other"].pid == other


def test_the_death_of_any_other_service_stops_all_and_says_why(tmp_path: Path):
    talkative = "import sys, time; print('my last words', flush=True); time.sleep(1000)"
    with supervised(tmp_path, python("server", talkative), python("other", SLEEP)) as stack:
        stack.wait_ready(60)
        running = pids(stack)
        eventually(lambda: "my last words" in stack["server"].log())
        stack["server"].signal(signal.SIGKILL)
        with pytest.raises(DependencyError, match="server must keep running, ended with -9") as raised:
            stack.wait_stopped()
    assert any("my last words" in note for note in raised.value.__notes__)
    assert not any(map(is_alive, running))


@pytest.mark.parametrize(
    ("code", "kind"), [(3, ConfigurationError), (4, DependencyError), (1, DependencyError)]
)
def test_a_service_that_cannot_start_is_told_in_its_own_words(
    tmp_path: Path, code: int, kind: type[BarlineError]
):
    failing = (
        f"import sys; print('error: symbols must be unique, were not', file=sys.stderr); sys.exit({code})"
    )
    with (
        supervised(
            tmp_path, python("init", failing, once=True), python("later", SLEEP, after=["init"])
        ) as stack,
        pytest.raises(kind, match="init: symbols must be unique, were not"),
    ):
        stack.wait_ready(60)
    state = State.read(tmp_path)
    assert state is not None
    assert (state.phase, state.services["later"].starts) == ("failed", 0)


def test_a_restartable_service_that_never_was_ready_is_given_up(tmp_path: Path):
    with (
        supervised(
            tmp_path, python("worker", "import sys; sys.exit(1)", ready="tcp://127.0.0.1:1", restart=True)
        ) as stack,
        pytest.raises(DependencyError, match="worker must become ready, ended with 1"),
    ):
        stack.wait_ready(60)
    state = State.read(tmp_path)
    assert state is not None
    assert state.services["worker"].starts == 5


def test_a_service_that_is_not_ready_in_time_is_an_error(tmp_path: Path):
    with (
        supervised(tmp_path, python("slow", SLEEP, ready="tcp://127.0.0.1:1", start_s=0.3)) as stack,
        pytest.raises(DependencyError, match=r"slow must be ready within 0\.3 s, was not"),
    ):
        stack.wait_ready(60)


def test_a_nice_service_gets_the_processor_after_the_others(tmp_path: Path):
    # They listen once they are what they become; started is not yet nice.
    with supervised(tmp_path, serving("first")[0], serving("later", nice=7)[0]) as stack:
        found = {name: service.pid for name, service in stack.wait_ready(60).services.items()}
        priorities = {name: os.getpriority(os.PRIO_PROCESS, pid) for name, pid in found.items()}
        assert priorities["later"] == min(priorities["first"] + 7, 19)
        groups = {name: Path(f"/proc/{pid}/autogroup") for name, pid in found.items()}
        shares = {name: path.read_text("ascii").split()[-1] for name, path in groups.items() if path.exists()}
    assert shares in ({}, {"first": "0", "later": "7"})  # empty where sessions have no share of their own


def test_what_runs_once_has_ended_before_what_needs_it(tmp_path: Path):
    mark = tmp_path / "mark"
    write = f"import time; time.sleep(0.3); open({str(mark)!r}, 'w').write('done')"
    read = f"assert open({str(mark)!r}).read() == 'done'; import time; time.sleep(1000)"
    with supervised(
        tmp_path, python("init", write, once=True), python("next", read, after=["init"])
    ) as stack:
        state = stack.wait_ready(60)
        assert state.services["init"].state == "done"
        assert is_alive(stack["next"].pid)


def test_a_held_service_stays_down_until_it_is_released(tmp_path: Path):
    server, _ = serving("server")
    with supervised(tmp_path, server, python("other", SLEEP)) as stack:
        stack.wait_ready(60)
        before = stack["server"].pid
        stack["server"].hold()
        assert not is_alive(before)
        assert stack["server"].pid == 0
        after = stack["server"].release()
        assert after.pid != before
        assert is_alive(after.pid)


def test_a_service_after_one_that_is_not_there_is_an_error(tmp_path: Path):
    with (
        supervised(tmp_path, python("one", SLEEP), python("two", SLEEP, after=["three"])) as stack,
        pytest.raises(DependencyError, match=r"two must come after services of the plan, named \['three'\]"),
    ):
        stack.wait_ready(60)


def test_services_may_be_added_to_a_running_stack(tmp_path: Path):
    server, port = serving("server")
    with supervised(tmp_path, server) as stack:
        stack.wait_ready(60)
        stack.add(python("client", CONNECT, port, after=["server"]))
        assert is_alive(stack["client"].wait_ready().pid)


def test_a_stack_is_ready_when_what_was_added_is(tmp_path: Path):
    server, _ = serving("server")
    slow, _ = serving("slow", 1.0)
    with supervised(tmp_path, server) as stack:
        stack.wait_ready(60)
        stack.add(slow)
        assert stack.wait_ready(60).services["slow"].state == "ready"


def test_stop_ends_the_deaf_and_the_frozen_too(tmp_path: Path):
    with supervised(tmp_path, python("deaf", DEAF, stop_s=0.3), python("frozen", SLEEP)) as stack:
        stack.wait_ready(60)
        eventually(lambda: "deaf" in stack["deaf"].log())
        stack["frozen"].signal(signal.SIGSTOP)
        running = pids(stack)
    assert len(running) == 2
    assert not any(map(is_alive, running))
    assert not is_supervised(tmp_path)


def test_services_stop_before_those_they_need(tmp_path: Path):
    order = tmp_path / "order"
    tell = (
        "import signal, sys, time\n"
        f"def stop(*_): open({str(order)!r}, 'a').write(sys.argv[1] + ' '); sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, stop); print('listening', flush=True); time.sleep(1000)"
    )
    names = ["server", "worker", "watcher"]
    chain = [python(name, tell, name, after=names[max(0, i - 1) : i]) for i, name in enumerate(names)]
    with supervised(tmp_path, *chain) as stack:
        stack.wait_ready(60)
        for name in names:
            eventually(lambda name=name: "listening" in stack[name].log())
    assert order.read_text(encoding="utf-8").split() == names[::-1]


@pytest.mark.skipif(sys.platform != "linux", reason="the parent-death signal is Linux's")
def test_nothing_outlives_a_supervisor_that_was_killed(tmp_path: Path):
    with supervised(tmp_path, python("one", DEAF), python("two", SLEEP)) as stack:
        stack.wait_ready(60)
        running = pids(stack)
        assert all(map(is_alive, running))
        os.kill(stack.state().supervisor, signal.SIGKILL)
        eventually(lambda: not any(map(is_alive, running)))
        eventually(lambda: not is_supervised(tmp_path))


def test_nothing_outlives_the_owner_of_a_leash(tmp_path: Path):
    owner = (
        "import os, sys, time; from pathlib import Path\n"
        "from barline.stack.running import start; from barline.stack.service import Service\n"
        "from runtime.endpoints import Endpoints\n"
        "reading, writing = os.pipe()\n"
        f"sleep = Service('one', [sys.executable, '-c', {SLEEP!r}])\n"
        "stack = start(Path(sys.argv[1]), Endpoints('k', 'r', 'c'), [sleep], reading)\n"
        "stack.wait_ready(60); print('ready', flush=True); time.sleep(1000)"
    )
    with subprocess.Popen([sys.executable, "-c", owner, tmp_path], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        state = State.read(tmp_path)
        assert state is not None
        process.kill()
    eventually(lambda: not is_alive(state.services["one"].pid))
    eventually(lambda: not is_supervised(tmp_path))


def test_a_home_has_one_stack(tmp_path: Path):
    with supervised(tmp_path, python("one", SLEEP)) as stack:
        stack.wait_ready(60)
        with pytest.raises(DependencyError, match="one runs there"):
            start(tmp_path, NOWHERE, [])
        assert is_alive(stack["one"].pid)


def test_a_stack_starts_again_after_its_supervisor_was_killed(tmp_path: Path):
    with supervised(tmp_path, python("one", SLEEP)) as stack:
        stack.wait_ready(60)
        os.kill(stack.state().supervisor, signal.SIGKILL)
        eventually(lambda: not is_supervised(tmp_path))
        with supervised(tmp_path, python("one", SLEEP)) as again:
            assert again.wait_ready(60).services["one"].starts == 1
