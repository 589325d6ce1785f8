"""Run the benchmarks, all or by name, and write their tables to ``docs/benchmarks.md``.

``make bench`` runs all of them; ``make bench ARGS="ticks bars"`` some, and writes nothing then. Each runs in
a process of its own, one after another.
"""

import datetime as dt
import os
import platform
import statistics
import subprocess
import sys
import time
import timeit
from pathlib import Path
from typing import Final

_FOLDER: Final = Path(__file__).parent
_PAGE: Final = _FOLDER.parents[1] / "docs" / "benchmarks.md"
_HEAD: Final = """# Benchmarks

What `make bench` printed on {day}, on {machine}, which added three million numbers in {speed:.2f} s before.
Figures of one table come from one run and may be compared; a shared machine is noisy, so the same line may
differ by a third from run to run, and by a factor of two or three from day to day.
"""
_SECTION: Final = """
## {name}

{about} Command: `make bench ARGS={name}`

```
{table}
```
"""


def names() -> list[str]:
    """Every benchmark there is."""
    return sorted(path.stem.removeprefix("bench_") for path in _FOLDER.glob("bench_*.py"))


def run(name: str) -> str:
    """The table of one benchmark.

    Raises:
        CalledProcessError: it failed; what it had to say is on stderr.
    """
    call = [sys.executable, "-m", f"tests.benchmarks.bench_{name}"]
    return subprocess.run(call, stdout=subprocess.PIPE, text=True, check=True).stdout.strip("\n")


def about(name: str) -> str:
    """First sentence of the docstring of a benchmark."""
    return (_FOLDER / f"bench_{name}.py").read_text().removeprefix('"""').partition("\n")[0]


def machine() -> str:
    """What the figures were taken on."""
    cpus = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    kind = cpus[0] if cpus else platform.machine()
    return f"{os.cpu_count()} cores of {kind}, Linux, Python {platform.python_version()}"


def speed() -> float:
    """Seconds that Python takes for three million additions: figures of two machines are compared by it."""
    return statistics.median(timeit.repeat("for n in range(3_000_000): s += n", "s = 0", number=1, repeat=5))


def main(wanted: list[str]) -> None:
    """Run what is wanted, everything where nothing is named."""
    if unknown := set(wanted) - set(names()):
        sys.exit(f"benchmarks must be among {names()}, was {sorted(unknown)}")
    page = _HEAD.format(day=dt.datetime.now(dt.UTC).date(), machine=machine(), speed=speed())
    for name in wanted or names():
        sys.stdout.write(f"-- {name}\n")
        sys.stdout.flush()
        start = time.monotonic()
        table = run(name)
        sys.stdout.write(f"{table}\n({time.monotonic() - start:.0f} s)\n")
        page += _SECTION.format(name=name, about=about(name), table=table)
    if not wanted:
        _PAGE.write_text(page)


if __name__ == "__main__":
    main(sys.argv[1:])
