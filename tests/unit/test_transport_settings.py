"""Crash places and settings: the small parts of the transport."""

import subprocess
import sys

import pytest
from pydantic import ValidationError

from streams.transport.settings import WorkerSettings


def test_a_delivery_fails_before_the_session_ends_and_the_watchdog_before_both():
    settings = WorkerSettings(session_timeout=10.0)
    assert settings.stall_limit * 1_000 < settings.delivery_timeout_ms < settings.session_timeout * 1_000


def test_checkpoints_rarer_than_the_watchdog_allows_are_refused():
    with pytest.raises(ValidationError, match="checkpoint_ms must be below"):
        WorkerSettings(session_timeout=10.0, checkpoint_ms=6_000)


def test_the_environment_sets_what_the_caller_leaves_out(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("BARLINE_WORKER_NAME", "trial")
    assert WorkerSettings(session_timeout=8.0).name == "trial"


@pytest.mark.parametrize(
    ("asked", "answers"),
    [
        ("", [False, False, False]),
        ("after-states", [True, False, False]),
        ("after-states:3", [False, False, True]),
        ("after-outputs", [False, False, False]),
    ],
)
def test_a_crash_place_is_wanted_at_its_nth_time_only(asked: str, answers: list[bool]):
    code = "from streams.transport import crash; print([crash.wanted('after-states') for _ in range(3)])"
    env = {"BARLINE_CRASH_AT": asked}
    ended = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == str(answers)
