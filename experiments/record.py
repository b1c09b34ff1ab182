"""The JSON file of an experiment: its command, versions, settings and results."""

import dataclasses
import importlib.metadata
import json
import math
import platform
from pathlib import Path
from typing import Any

import sampledsoftmax as ss
from sampledsoftmax.io.atomic_write import new_file

DIGITS = 5  # significant digits that are kept, more than the standard errors justify


def write_json(path: Path, command: str, settings: dict[str, Any], results: Any) -> None:
    """Write the results of an experiment with everything needed to repeat it."""
    record = {
        "command": command,
        "versions": {
            "sampledsoftmax": ss.__version__,
            "numpy": importlib.metadata.version("numpy"),
            "numba": importlib.metadata.version("numba"),
            "python": platform.python_version(),
        },
        "settings": plain(settings),
        "results": plain(results),
    }
    with new_file(path) as file:
        file.write(json.dumps(record, indent=1) + "\n")


def plain(value: Any) -> Any:
    """Return a value as JSON types: records become dictionaries, floats are rounded to five digits.

    Examples
    --------
    >>> plain({"loss": 1.23456789, "sizes": (2, 4)})
    {'loss': 1.2346, 'sizes': [2, 4]}
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = vars(value)
    if hasattr(value, "_asdict"):
        value = value._asdict()
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None
    return value
