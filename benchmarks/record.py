"""The JSON file of results: one section per kind of measurement, with the machine on which it was made."""

import json
from pathlib import Path
from typing import Any

from benchmarks import machine


class Record:
    """Sections of results, saved after each result so that an interrupted run keeps them.

    Parameters
    ----------
    path : Path or None
        JSON file; its other sections are kept. None: no file.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.sections: dict[str, Any] = {}
        if path is not None and path.exists():
            self.sections = json.loads(path.read_text())

    def begin(self, name: str, missing: dict[str, str]) -> None:
        """Start a section; `missing` maps contestants that cannot run to the reason."""
        self.sections[name] = {"machine": machine.describe(), "missing": missing, "results": []}

    def add(self, name: str, result: dict[str, Any]) -> None:
        """Add a result to a section, and write the file."""
        self.sections[name]["results"].append(result)
        self.write()

    def write(self) -> None:
        """Write the file, if there is one."""
        if self.path is not None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            temporary = self.path.with_name(self.path.name + ".tmp")
            temporary.write_text(json.dumps(self.sections, indent=1) + "\n")
            temporary.replace(self.path)
