"""The own indicator of the documentation: built and installed as it stands there, checked and computed."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import msgspec
import pandas as pd
import pytest

from barline.settings.load import parse
from streams.core.analytics.windowed.bars import history_of
from streams.core.analytics.windowed.functions import Answer, compute
from tests.unit.analytics.library import random_bars, ta
from tests.unit.test_settings import GOOD

if not os.environ.get("BARLINE_REQUIRE"):
    pytest.importorskip("setuptools", "77", reason="set up anew: `make setup` installs what builds packages")


def documented() -> Mapping[str, str]:
    """The files of the section by the name in their first lines."""
    text = Path("docs/indicators.md").read_text().split("\nAn own indicator is an entry point")[1]
    blocks = [block.partition("\n")[2] for block in text.split("\n## ")[0].split("```")[1::2]]
    return {block[2:].partition("\n")[0].partition(" ")[0]: block for block in blocks}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of installed packages with that one alone."""
    source, target = tmp_path_factory.mktemp("my-indicators"), tmp_path_factory.mktemp("site")
    for name in ("my_indicators.py", "pyproject.toml"):
        (source / name).write_text(documented()[name])
    command = [sys.executable, "-m", "uv", "pip", "install", "--offline", "--no-build-isolation", "--no-deps"]
    where = ["--python", sys.executable, "--target", str(target), str(source)]
    run = subprocess.run([*command, *where], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return target


def checked(path: Path, *packages: Path) -> subprocess.CompletedProcess[str]:
    """``barline config check`` of the documented lines, where packages are installed."""
    path.write_text(GOOD + documented()["barline.toml"])
    return subprocess.run(
        [sys.executable, "-m", "barline.cli", "config", "check", "--config", str(path)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(Path.cwd()), *map(str, packages)])},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_check_of_the_configuration_finds_it_where_it_is_installed(tmp_path: Path, site: Path):
    found = checked(tmp_path / "barline.toml", site)
    assert found.returncode == 0, found.stderr
    without = checked(tmp_path / "barline.toml")
    assert without.returncode == 3
    assert "choppiness" in without.stderr


def test_it_gives_what_the_library_gives(site: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(site)
    (config,) = parse(GOOD + documented()["barline.toml"]).indicators
    bars, said = random_bars(60), msgspec.json.encode(config)
    theirs = ta.chop(*(pd.Series(bars[name]) for name in ("high", "low", "close")), config.length)
    assert compute(said, history_of(bars).tobytes()) == Answer((pytest.approx(theirs.iloc[-1], rel=1e-9),))
    assert compute(said, history_of(bars[: config.length]).tobytes()) == Answer()
