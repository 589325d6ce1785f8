"""Every record type reads what every release before has written: ``tests/released/<version>/*.avsc``.

A release adds its schemas there; none is ever changed or removed.
"""

import json
from pathlib import Path

import pytest

from barline.stack.registry.compatibility import problems
from schemas.records import record_type

_FOLDER = Path(__file__).parents[2] / "released"
RELEASED = sorted(_FOLDER.glob("*/*.avsc"))


@pytest.mark.parametrize("path", RELEASED, ids=[f"{path.parent.name}-{path.stem}" for path in RELEASED])
def test_a_record_type_reads_what_a_release_wrote(path: Path):
    assert problems(json.loads(record_type(path.stem).text), json.loads(path.read_text())) == []


def test_a_field_that_no_release_wrote_needs_a_default():
    released = json.loads((_FOLDER / "0.1" / "Tick.avsc").read_text())
    changed = {**released, "fields": [*released["fields"], {"name": "venue", "type": "string"}]}
    assert problems(changed, released)
