"""What the peers need, fetched once and kept beside Kafka's jars: a Python environment, and Java classes.

None of it is a part of ours: quixstreams wants other versions of what we use. The machine needs no JDK, since
Eclipse's compiler is a jar that runs on any Java.
"""

import hashlib
import os
import shutil
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from barline.stack.kafka.jars import cache_directory, ensure_jars
from barline.stack.kafka.java import find_java
from schemas.errors import DependencyError

_HERE: Final = Path(__file__).parent
_COMPILER: Final = "ecj-3.40.0.jar"
_ARTIFACTS: Final = ("org.apache.kafka:kafka-streams:4.1.1", "org.eclipse.jdt:ecj:3.40.0")
_JARS: Final = {
    "kafka-streams-4.1.1.jar": "e554318dbc2b07461f714be32bb324744ba993eb7a49f938792beff577d7044b",
    "rocksdbjni-9.7.3.jar": "5ca63e0e955f101f7af1c1fb8ce260b5d3a5701cea7d8c2852b9d56031a57221",
    _COMPILER: "05cc22a24e7982970f63a405fc6c820bc80b806f27f3c5a6236fc475f8f7152b",
}
"""What Kafka's own jars lack, with their SHA-256."""
_FETCH: Final = (
    "import jgo, pathlib, sys; jgo.build(sys.argv[1], cache_dir=pathlib.Path(sys.argv[2]), update=True)"
)


def cache() -> Path:
    """Where all of it is kept."""
    return cache_directory().parent / "peers"


def java(say: Callable[[str], None]) -> list[str]:
    """The call of Java with the peers' classes; a class and its arguments follow.

    Raises:
        DependencyError: something can't be had.
    """
    program, jars, classes = find_java(), cache() / "jars", cache() / "classes"
    kafka = ensure_jars(program, say)
    _fetch_jars(jars, say)
    path = os.pathsep.join([f"{jars}/*", f"{kafka}/*"])
    _compile(program, jars, kafka, classes)
    options = ["-Xmx1g", "-XX:+UseSerialGC", "-Dorg.slf4j.simpleLogger.defaultLogLevel=error"]
    return [program, *options, "-cp", os.pathsep.join([str(classes), path])]


def _compile(program: str, jars: Path, kafka: Path, classes: Path) -> None:
    """The peers' classes, where those that are there are of other sources."""
    sources = sorted((_HERE / "java").glob("*.java"))
    found = os.pathsep.join(sorted(str(jar) for folder in (jars, kafka) for jar in folder.glob("*.jar")))
    text = b"".join(source.read_bytes() for source in sources)
    stamp, wanted = classes / "compiled", hashlib.sha256(text + found.encode()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return
    classes.mkdir(exist_ok=True)
    compiler = [program, "-jar", str(jars / _COMPILER), "-17", "-proc:none", "-cp", found]
    _run([*compiler, "-d", str(classes), *map(str, sources)], "Eclipse's compiler")
    stamp.write_text(wanted)


def python(say: Callable[[str], None]) -> str:
    """The Python of the environment that holds quixstreams.

    Raises:
        DependencyError: it can't be had.
    """
    lock, home = _HERE / "requirements.lock", cache() / "python"
    stamp, wanted = home / "installed", hashlib.sha256(lock.read_bytes()).hexdigest()
    program = str(home / "bin" / "python")
    if not stamp.exists() or stamp.read_text() != wanted:
        say(f"installing the packages of the peers (once; kept in {home})")
        uv = [sys.executable, "-m", "uv"]
        _run([*uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(home)], "uv")
        install = ["pip", "install", "--quiet", "--python", program, "--require-hashes"]
        _run([*uv, *install, "--requirement", str(lock)], "uv")
        stamp.write_text(wanted)
    return program


def _fetch_jars(jars: Path, say: Callable[[str], None]) -> None:
    if not _wrong(jars):
        return
    say(f"fetching Kafka Streams and a Java compiler (3 jars, 76 MB, once; kept in {jars})")
    jars.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        for artifact in _ARTIFACTS:
            _run([sys.executable, "-c", _FETCH, artifact, scratch], "jgo")
        for found in Path(scratch).rglob("*.jar"):
            if found.name in _JARS:
                shutil.copy(found, jars / found.name)
    if wrong := _wrong(jars):
        raise DependencyError(f"jars of the peers must be what they were, were not: {', '.join(wrong)}")


def _wrong(jars: Path) -> list[str]:
    """Names of the jars that are missing or have other bytes than they must."""
    return [
        name
        for name, sha256 in _JARS.items()
        if not (jars / name).exists() or hashlib.sha256((jars / name).read_bytes()).hexdigest() != sha256
    ]


def _run(argv: list[str], what: str) -> None:
    """Run a program; the error holds its last words."""
    paths = ssl.get_default_verify_paths()
    env = {"REQUESTS_CA_BUNDLE": paths.cafile or paths.capath or "", **os.environ}
    done = subprocess.run(argv, capture_output=True, text=True, env=env, check=False)
    if done.returncode:
        said = (done.stdout + done.stderr)[-2_000:]
        raise DependencyError(f"{what} must get what the peers need, failed:\n{said}")
