"""What a run read, how it was configured and what it made: counts and SHA-256 of every file."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path


def sha256(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


@dataclass(slots=True)
class Manifest:
    """The facts of one run; it holds no time of day and no path, so equal runs have equal manifests.

    Attributes:
        config_version: version of the domain configuration.
        calendars: version of each calendar by name.
        inputs: SHA-256 of each input file by name.
        outputs: rows and SHA-256 of each output file by name.
        counts: what each stage counted.
    """

    config_version: int
    calendars: Mapping[str, str]
    inputs: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, dict[str, int | str]] = field(default_factory=dict)
    counts: dict[str, dict[str, int]] = field(default_factory=dict)

    def read(self, paths: Sequence[Path]) -> None:
        """Note input files, in order."""
        self.inputs.update({path.name: sha256(path) for path in paths})

    def made(self, path: Path, rows: int) -> None:
        """Note an output file."""
        self.outputs[path.name] = {"rows": rows, "sha256": sha256(path)}

    def write(self, path: Path) -> None:
        """Write it as JSON."""
        facts = {
            "config_version": self.config_version,
            "calendars": dict(self.calendars),
            "inputs": self.inputs,
            "outputs": self.outputs,
            "counts": self.counts,
        }
        path.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
