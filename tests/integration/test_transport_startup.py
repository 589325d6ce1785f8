"""What a worker says when something it needs is missing: one line with the fix, and the exit code."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
from confluent_kafka.admin import NewTopic

from runtime.endpoints import Endpoints
from runtime.kafka import KafkaSettings
from schemas.errors import DependencyError, SchemaError
from schemas.registry import register_all
from streams.transport import checks
from streams.transport.checks import check_topics

pytestmark = pytest.mark.stack

COMPACTED = {"cleanup.policy": "compact"}


@pytest.fixture
def topic(settings: KafkaSettings, unique: Callable[[str], str]) -> Iterator[Callable[..., str]]:
    """Make topics; they go when the test ends."""
    admin, names = settings.admin("test"), []

    def make(partitions: int = 2, config: dict[str, str] | None = None) -> str:
        names.append(unique("startup"))
        admin.create_topics([NewTopic(names[-1], partitions, 1, config=config or {})])[names[-1]].result()
        return names[-1]

    yield make
    for done in admin.delete_topics(names).values() if names else ():
        done.result()


def test_topics_that_fit_give_their_number_of_partitions(settings: KafkaSettings, topic: Callable[..., str]):
    assert check_topics(settings, "test", {topic(): topic(2, COMPACTED)}, [topic()]) == 2


def test_missing_topics_are_named_with_the_fix(settings: KafkaSettings, topic: Callable[..., str]):
    with pytest.raises(SchemaError, match=r"were missing: nowhere, nowhere-log \(run `barline topics apply`"):
        check_topics(settings, "test", {topic(): "nowhere-log"}, ["nowhere"])


def test_another_number_of_partitions_is_refused(settings: KafkaSettings, topic: Callable[..., str]):
    with pytest.raises(SchemaError, match=r"must have 2 partitions as all others, was 3"):
        check_topics(settings, "test", {topic(): topic(2, COMPACTED)}, [topic(3)])


def test_a_changelog_that_deletes_is_refused(settings: KafkaSettings, topic: Callable[..., str]):
    with pytest.raises(SchemaError, match=r"must have cleanup.policy compact, was 'delete'"):
        check_topics(settings, "test", {topic(): topic()}, [])


def test_a_broker_that_is_not_there_is_named_with_the_fix():
    with pytest.raises(DependencyError, match=r"kafka must answer.*127.0.0.1:1; start it"):
        check_topics(KafkaSettings("127.0.0.1:1"), "test", {"a": "b"}, [])


def test_a_broker_that_does_not_say_how_topics_are_kept_is_named_with_the_fix(
    settings: KafkaSettings, topic: Callable[..., str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(checks, "_ANSWER_S", 0.001)  # shorter than to connect takes
    with pytest.raises(DependencyError, match=r"kafka must answer.*[Tt]imed out"):
        check_topics(settings, "test", {topic(): topic(2, COMPACTED)}, [])


def worker(stack: Endpoints, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run ``barline worker`` until it gives up."""
    command = [sys.executable, "-m", "barline.cli", "worker", "--log-level", "ERROR"]
    env = os.environ | stack.environment() | environ
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize(
    ("environ", "code", "says"),
    [
        ({"BARLINE_REGISTRY": "http://127.0.0.1:1"}, 4, "registry must answer"),
        ({"BARLINE_KAFKA": "127.0.0.1:1"}, 4, "kafka must answer"),
        ({"BARLINE_WORKER_NAME": "nobody"}, 5, "nobody-bars-changelog"),
        ({"BARLINE_WORKER_SESSION_TIMEOUT": "0"}, 3, "must be right"),
    ],
)
def test_a_worker_that_cannot_work_says_why_in_one_line(
    stack: Endpoints, environ: dict[str, str], code: int, says: str
):
    register_all(stack.registry)
    ended = worker(stack, **environ)
    assert ended.returncode == code, ended.stderr
    lines = [line for line in ended.stderr.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1, ended.stderr
    assert says in lines[0]
    assert "Traceback" not in ended.stderr
