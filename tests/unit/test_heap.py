"""Memory that was freed is not handed out anew by the kernel."""

import subprocess
import sys

import pytest

_FAULTS = """
import resource, sys
from runtime import heap
if sys.argv[1] == "keep":
    heap.keep()
for _ in range(3):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    blocks = [bytes(range(256)) * 65_536 for _ in range(8)]
    del blocks
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.parametrize(("how", "clears"), [("keep", False), ("as it is", True)])
def test_blocks_that_were_freed_are_used_again(how: str, clears: bool):
    ended = subprocess.run([sys.executable, "-c", _FAULTS, how], capture_output=True, text=True, check=True)
    pages = 8 * 16_777_216 // 4_096
    assert (int(ended.stdout) > pages // 2) == clears
