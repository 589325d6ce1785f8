"""Kafka's jars: fetched once through Maven or jgo into a cache of ours, and held against known checksums.

The 46 jars (43 MB) are kept in ``$XDG_CACHE_HOME/barline/kafka-<version>`` (``BARLINE_CACHE`` moves it),
shared by all stacks of a user. Their names and SHA-256 are part of this package, so a damaged or foreign file
is noticed at every start and fetched again.
"""

import fcntl
import hashlib
import os
import shutil
import ssl
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Any, Final

from schemas.errors import DependencyError

_FETCH_S: Final = 900
_POM: Final = """<project xmlns="http://maven.apache.org/POM/4.0.0">
<modelVersion>4.0.0</modelVersion><groupId>barline</groupId><artifactId>kafka</artifactId><version>1</version>
<dependencies>{}</dependencies></project>"""
_DEPENDENCY: Final = (
    "<dependency><groupId>{}</groupId><artifactId>{}</artifactId><version>{}</version></dependency>"
)
_JGO: Final = (
    "import jgo, pathlib, sys; jgo.build(sys.argv[1], cache_dir=pathlib.Path(sys.argv[2]), update=True)"
)


def known() -> dict[str, Any]:
    """What ``jars.toml`` says: ``version``, ``artifacts`` and ``sha256`` by file name."""
    return tomllib.loads((resources.files(__package__) / "jars.toml").read_text(encoding="utf-8"))


def cache_directory(environ: Mapping[str, str] = os.environ) -> Path:
    """Where the jars are kept."""
    root = environ.get("BARLINE_CACHE")
    if not root:
        root = str(Path(environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "barline")
    return Path(root).expanduser() / f"kafka-{known()['version']}"


def ensure_jars(java: str, say: Callable[[str], None], cache: Path | None = None) -> Path:
    """Return the directory of the jars, fetching them first when they are not there or not what they must be.

    Args:
        java: a Java executable, for Maven and jgo.
        say: told what takes long.
        cache: where to keep them; None means :func:`cache_directory`.

    Raises:
        DependencyError: they can't be fetched, or what came is not what it must be.
    """
    cache = cache or cache_directory()
    with _alone(cache):
        if not wrong_jars(cache):
            return cache
        say(f"fetching Kafka {known()['version']} (46 jars, 43 MB, once; kept in {cache})")
        notes: list[str] = []
        for fetch in (_with_maven, _with_jgo):
            with tempfile.TemporaryDirectory(dir=cache.parent, prefix=".fetching-") as scratch:
                found = fetch(java, Path(scratch), notes)
                if found and not (wrong := wrong_jars(found)):
                    shutil.rmtree(cache, ignore_errors=True)
                    found.rename(cache)
                    return cache
                notes += [f"{name} is not what it must be" for name in wrong] if found else []
        raise _unfetched(notes)


def wrong_jars(directory: Path) -> list[str]:
    """Names of the jars that are missing from a directory or have other bytes than they must."""
    return [name for name, sha256 in known()["sha256"].items() if _sha256(directory / name) != sha256]


def _sha256(path: Path) -> str:
    """SHA-256 of a file in hex; empty when there is none."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


def _with_maven(java: str, scratch: Path, notes: list[str]) -> Path | None:
    """Let Maven copy the jars into a directory; None when it can't."""
    mvn = shutil.which("mvn")
    if mvn is None:
        return None
    parts = [artifact.split(":") for artifact in known()["artifacts"]]
    pom = scratch / "pom.xml"
    pom.write_text(_POM.format("".join(_DEPENDENCY.format(*part) for part in parts)), encoding="utf-8")
    jars = scratch / "jars"
    goal = ["dependency:copy-dependencies", f"-DoutputDirectory={jars}", "-DincludeScope=runtime"]
    return jars if _run([mvn, "-q", "-B", "-f", str(pom), *goal], java, notes) else None


def _with_jgo(java: str, scratch: Path, notes: list[str]) -> Path | None:
    """Let jgo fetch the jars and gather them in one directory; None when it can't."""
    argv = [sys.executable, "-c", _JGO, "+".join(known()["artifacts"]), str(scratch / "jgo")]
    if not _run(argv, java, notes):
        return None
    jars = scratch / "jars"
    jars.mkdir()
    for found in (scratch / "jgo").rglob("*.jar"):
        shutil.copy(found, jars / found.name)
    return jars


def _run(argv: Sequence[str], java: str, notes: list[str]) -> bool:
    """Run a fetching program with our Java on its PATH; its last lines go to ``notes`` when it fails."""
    home = Path(java).resolve().parent.parent if os.sep in java else None
    env = {
        **os.environ,
        "PATH": os.pathsep.join([str(home / "bin") if home else "", os.environ.get("PATH", "")]),
    }
    if home:
        env["JAVA_HOME"] = str(home)
    # Where an organisation has certificates of its own, they are known to the system, not to Python's bundle.
    paths = ssl.get_default_verify_paths()
    if bundle := paths.cafile or paths.capath:
        env.setdefault("REQUESTS_CA_BUNDLE", bundle)
    try:
        run = subprocess.run(argv, capture_output=True, text=True, timeout=_FETCH_S, env=env, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        notes.append(str(error))
        return False
    if run.returncode:
        notes += [f"  {line}" for line in (run.stdout + run.stderr).strip().splitlines()[-4:]]
    return run.returncode == 0


def _unfetched(notes: list[str]) -> DependencyError:
    """The error of jars that couldn't be had, with what the programs said."""
    error = DependencyError(
        f"Kafka's jars must be in {cache_directory()} or come from Maven Central, did neither "
        "(go online once, or copy that directory from another machine)"
    )
    for note in notes:
        error.add_note(note)
    return error


@contextmanager
def _alone(cache: Path) -> Iterator[None]:
    """Hold the cache against other starts at the same time."""
    cache.parent.mkdir(parents=True, exist_ok=True)
    with (cache.parent / f"{cache.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
