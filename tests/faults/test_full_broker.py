"""A full disk of the broker under a follower and under a worker: each ends, and goes on where it was.

Takes two minutes each and 420 MB of memory, so it runs with the long outages only::

    BARLINE_OUTAGE=120 pytest tests/faults/test_full_broker.py -s
"""

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]

MOUNT = 'mount -t tmpfs -o size=420m tmpfs "$1" && shift && exec "$@"'


@pytest.mark.skipif(float(os.environ.get("BARLINE_OUTAGE", "0")) < 60, reason="long (BARLINE_OUTAGE=120)")
@pytest.mark.parametrize(
    ("module", "end"), [("full_broker", "then 3000"), ("full_broker_worker", "then all")]
)
def test_a_full_disk_of_the_broker_loses_no_line(tmp_path: Path, module: str, end: str) -> None:
    home, work = tmp_path / "home", tmp_path / "work"
    home.mkdir()
    work.mkdir()
    own = ["unshare", "-rm", "sh", "-c", MOUNT, "sh", str(home)]
    if subprocess.run([*own, "true"], check=False, capture_output=True).returncode:
        pytest.skip("may not make a mount namespace")
    call = [*own, sys.executable, "-m", f"tests.faults.{module}", str(home), str(work)]
    done = subprocess.run(
        call, cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=500, check=False
    )
    click.echo(done.stdout)
    assert done.returncode == 0, done.stderr[-4_000:]
    assert end in done.stdout
