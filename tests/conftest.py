"""What all tests share: the servers, the market data, unique names, Hypothesis profiles.

Environment::

    BARLINE_STACK    auto (default) | docker | embedded: what the ``stack`` fixture starts
    BARLINE_DATA     directory of real market data; tests marked ``data`` are skipped without it
    BARLINE_REQUIRE  comma list of data, stack: a missing one fails the tests instead of skipping them
"""

import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from barline.stack import running
from runtime.endpoints import Endpoints
from schemas.errors import BarlineError

settings.register_profile(
    "ci", derandomize=True, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("thorough", settings.get_profile("ci"), derandomize=False, max_examples=2_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))

_REQUIRED = frozenset(os.environ.get("BARLINE_REQUIRE", "").split(","))
_KAFKA_IMAGE = "apache/kafka:4.1.1"
_CLICKHOUSE_IMAGE = "clickhouse/clickhouse-server:25.8"


def pytest_report_header() -> list[str]:
    """Say which servers the tests use, and which data."""
    return [
        f"barline stack: {_kind_of_stack()} (BARLINE_STACK={os.environ.get('BARLINE_STACK', 'auto')})",
        f"barline data: {os.environ.get('BARLINE_DATA') or 'none (BARLINE_DATA)'}",
    ]


def _missing(what: str, reason: str) -> None:
    """Skip, or fail where this must be there."""
    if what in _REQUIRED:
        pytest.fail(f"{reason} (BARLINE_REQUIRE={what})", pytrace=False)
    pytest.skip(reason)


def _kind_of_stack() -> str:
    """``docker`` or ``embedded``."""
    asked = os.environ.get("BARLINE_STACK", "auto")
    if asked not in {"auto", "docker", "embedded"}:
        raise pytest.UsageError(f"BARLINE_STACK must be auto, docker or embedded, was {asked!r}")
    if asked != "auto":
        return asked
    return "docker" if _docker_answers() else "embedded"


@cache
def _docker_answers() -> bool:
    """Whether a Docker engine is there."""
    if not os.environ.get("DOCKER_HOST") and not Path("/var/run/docker.sock").exists():
        return False
    # In a process of its own: the client leaves sockets open when nobody answers.
    ask = "import docker; docker.from_env(timeout=2).ping()"
    return subprocess.run([sys.executable, "-c", ask], capture_output=True, check=False).returncode == 0


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoints]:
    """Addresses of running servers: one set for the whole test session.

    Tests share them, so each uses names of its own (``unique``).
    """
    home = tmp_path_factory.mktemp("stack")
    servers = _containers(home) if _kind_of_stack() == "docker" else _embedded(home)
    try:
        endpoints = servers.__enter__()
    except BarlineError as error:
        _missing("stack", str(error))
    try:
        yield endpoints
    finally:
        servers.__exit__(None, None, None)


@contextmanager
def _embedded(home: Path) -> Iterator[Endpoints]:
    """The servers of this machine."""
    with running(home) as stack:
        yield stack.endpoints


@contextmanager
def _containers(home: Path) -> Iterator[Endpoints]:
    """Kafka and ClickHouse in containers; the registry is ours."""
    from tests.containers import containers  # noqa: PLC0415  # imports testcontainers

    with containers(home, _KAFKA_IMAGE, _CLICKHOUSE_IMAGE) as endpoints:
        yield endpoints


@pytest.fixture
def unique() -> Callable[[str], str]:
    """Make a name that nobody else uses: ``unique("ticks.raw")`` is ``ticks.raw-1a2b3c4d``."""
    return lambda name: f"{name}-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def opened() -> Iterator[Callable[[Any], Any]]:
    """Take in clients, which are closed when the test ends, failed or not."""
    with ExitStack() as clients:
        yield lambda client: clients.enter_context(closing(client))


@pytest.fixture(scope="session")
def market_data() -> Path:
    """Directory of real market data."""
    path = os.environ.get("BARLINE_DATA")
    if not path or not Path(path).is_dir():
        _missing("data", f"real market data must be in BARLINE_DATA, was {path!r}")
    return Path(path or ".")


@pytest.fixture
def kafka(request: pytest.FixtureRequest) -> str:
    """Address of a broker: ``BARLINE_TEST_KAFKA``, else that of the stack."""
    return os.environ.get("BARLINE_TEST_KAFKA") or str(request.getfixturevalue("stack").kafka)
