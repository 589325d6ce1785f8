"""Functions run in a process of their own: what they give, and what becomes of those that never end.

::

    Apart ── question ──► process ── answer ──► Apart
                             │ hangs: ended by the kernel, started anew, asked once more, then given up
"""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest

from schemas.config import IndicatorConfig
from schemas.history import HISTORY
from streams.core.analytics.stage import AnalyticsStage
from streams.core.analytics.windowed.functions import UNUSABLE, compute
from streams.core.analytics.windowed.runner import Job
from streams.functions.apart import Apart
from tests.eventually import eventually
from tests.factories import config, domain
from tests.unit.analytics.feed import Feed, minute, only, through
from tests.unit.analytics.packages import installed
from tests.unit.analytics.test_windowed import Seen

ROWS = np.zeros(30, HISTORY)
ROWS["close"] = 100.0 + np.sin(np.arange(30))
ROWS["high"], ROWS["low"], ROWS["volume"] = ROWS["close"] + 1.0, ROWS["close"] - 1.0, 10.0
ROWS["ts_open"] = np.arange(30) * 60_000_000_000


@pytest.fixture(scope="module", autouse=True)
def _package(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with installed(tmp_path_factory.mktemp("package")):
        yield


@pytest.fixture(scope="module")
def apart() -> Iterator[Apart]:
    runner = Apart()
    yield runner
    runner.close()


def job(kind: str, rows: np.ndarray = ROWS, **fields: object) -> Job:
    said = IndicatorConfig(kind, kind, window=30, **fields)
    return Job(msgspec.json.encode(said), rows.tobytes())


def hanging(price: float, limit_ms: int = 300) -> Job:
    rows = ROWS.copy()
    rows["close"][-1] = price
    return job("hangs_at_eight", rows, limit_ms=limit_ms)


def test_it_gives_what_the_function_gives_here(apart: Apart):
    for one in (job("mean_of_five"), job("both"), job("supertrend", length=7), job("missing")):
        apart.soon(one)
        assert apart.answer(one)._replace(seconds=0.0) == compute(*one)


def test_a_function_that_raises_fails_for_its_bars_alone(apart: Apart):
    rows = ROWS.copy()
    rows["close"][-1] = 7.0
    answer = apart.answer(job("fails_at_seven", rows))
    assert ("seven" in answer.failed, answer.everywhere) == (True, False)
    assert apart.answer(job("fails_at_seven")).failed == ""


def test_a_function_that_never_ends_is_stopped_and_the_others_go_on(apart: Apart):
    answer = apart.answer(hanging(8.0))
    assert (answer.failed, answer.everywhere) == ("its function must end within 0.3 s, did not", True)
    assert apart.answer(hanging(9.0, limit_ms=5_000)).values == (9.0,)
    assert apart.answer(job("mean_of_five")).failed == ""


def test_a_function_may_take_longer_for_its_first_value(apart: Apart):
    assert apart.answer(job("compiles", limit_ms=500)).values == (1.0,)


def test_a_function_that_ends_its_process_is_given_up(apart: Apart):
    answer = apart.answer(job("exits"))
    assert (answer.failed, answer.everywhere) == (
        "its function must not end its process, did with 3",
        True,
    )


def test_what_a_function_prints_is_no_answer(apart: Apart):
    assert apart.answer(job("prints")).values == (1.0,)


def test_a_process_that_is_killed_from_outside_is_started_anew(apart: Apart):
    rows = ROWS.copy()
    rows["close"] -= 1.0
    assert apart.answer(job("mean_of_five", rows)).failed == ""
    process = apart._process
    assert process is not None
    os.kill(process.pid, signal.SIGKILL)
    process.wait()  # so that the next question finds nobody to read it
    rows["close"] += 2.0
    assert apart.answer(job("mean_of_five", rows)).failed == ""
    assert apart._process is not process


def test_many_threads_get_their_own_answers(apart: Apart):
    found: dict[int, tuple[float, ...]] = {}

    def ask(number: int) -> None:
        rows = ROWS.copy()
        rows["close"][-5:] = number
        one = job("mean_of_five", rows)
        apart.soon(one)
        found[number] = apart.answer(one).values

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {number: (float(number),) for number in range(40)}


def test_its_process_ends_with_whoever_asks():
    runner = Apart()
    runner.answer(job("mean_of_five"))
    process = runner._process
    assert process is not None
    runner.close()
    assert process.poll() is not None
    assert runner.answer(job("both")).everywhere


ASKS = """
import sys, time
from streams.core.analytics.windowed.runner import Job
from streams.functions.apart import Apart
runner = Apart()
runner.answer(Job(bytes.fromhex(sys.argv[1]), b""))
print(runner._process.pid, flush=True)
time.sleep(600)
"""


def test_its_process_ends_when_whoever_asks_is_killed():
    argv = [sys.executable, "-c", ASKS, job("prints").config.hex()]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as asking:
        assert asking.stdout is not None
        stat = Path(f"/proc/{int(asking.stdout.readline())}/stat")
        asking.kill()
    eventually(lambda: not stat.exists() or ") Z " in stat.read_text(), because="nobody asks any more")


def test_a_stage_gives_the_same_apart_and_here(apart: Apart):
    own = [
        IndicatorConfig("mean", "mean_of_five", window=9),
        IndicatorConfig("fails", "fails_at_seven", window=2),
        IndicatorConfig("st", "supertrend", 7, ["1m"], outputs=["supert", "supertd"], window=20),
        IndicatorConfig("none", "missing"),
    ]
    records = [config(domain(indicators=own))]
    for number in range(30):
        records += [minute(number, float(number % 13), revision=0), through(number + 1)]
    records += [minute(3, 5.0, revision=1), through(31), through(32, final=True)]
    feeds = [Feed(), Feed()]
    feeds[1].stage = AnalyticsStage(0, runner=apart)
    for feed in feeds:
        feed(*records)
    assert feeds[0].out == feeds[1].out
    assert any("st_supert" in row["values"] for row in feeds[0].out["indicators"])


def test_a_function_that_hangs_in_a_stage_is_disabled_everywhere_and_told(apart: Apart):
    watch, feed = Seen(), Feed()
    own = [
        IndicatorConfig("stuck", "hangs_at_eight", window=2, limit_ms=2_000),
        IndicatorConfig("mean", "mean_of_five", window=9),
    ]
    feed.stage = AnalyticsStage(0, watch, apart)
    feed(config(domain(indicators=own, intervals=[])))
    for number in range(5, 12):
        feed(minute(number, float(number)), through(number + 1), through(number + 2))
    rows = only(feed.out["indicators"], revision=1)
    assert [sorted(row["values"]) for row in rows] == [["stuck"]] * 3 + [[]] + [["mean"]] * 2
    assert watch.said == [("stuck", "")]


@pytest.mark.parametrize("kind", UNUSABLE)
def test_what_needs_more_than_bars_is_refused_with_the_reason(apart: Apart, kind: str):
    answer = apart.answer(Job(job(kind).config, b""))
    assert answer.failed == f"indicator must be made of the bars alone, was {kind!r}, which {UNUSABLE[kind]}"
    assert answer.everywhere


def test_the_documentation_names_what_is_refused():
    text = Path("docs/indicators.md").read_text()
    refused = text[text.index("Eight of pandas-ta-classic") : text.index("An own indicator is")]
    assert {name for name in UNUSABLE if f"`{name}`" in refused} == set(UNUSABLE)
