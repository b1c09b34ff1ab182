"""The file that figures are kept in: a section for each kind of measurement, with the machine that it was made on."""

import json
from pathlib import Path
from typing import Any

from benchmarks import machine


class Record:
    """Sections of results; written after each result, so that a run that is ended early leaves what it has.

    Parameters
    ----------
    path : Path or None
        JSON file. Sections that are not measured again are kept as they are in it; None keeps no file.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.sections: dict[str, Any] = {}
        if path is not None and path.exists():
            self.sections = json.loads(path.read_text())

    def begin(self, name: str, missing: dict[str, str]) -> None:
        """Start a section anew; `missing` are contestants that are not installed, and why."""
        self.sections[name] = {"machine": machine.describe(), "missing": missing, "results": []}

    def add(self, name: str, result: dict[str, Any]) -> None:
        """Add a result to a section, and write the file."""
        self.sections[name]["results"].append(result)
        self.write()

    def write(self) -> None:
        """Write the file, if one is kept."""
        if self.path is not None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            unfinished = self.path.with_name(self.path.name + ".unfinished")
            unfinished.write_text(json.dumps(self.sections, indent=1) + "\n")
            unfinished.replace(self.path)
