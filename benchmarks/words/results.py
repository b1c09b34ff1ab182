"""Files of results that a command adds to: runs in them are not repeated."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click


def results_option(default: str) -> Callable[[Any], Any]:
    """Return the option `--json`, whose argument is `file`."""
    return click.option(
        "--json",
        "file",
        type=click.Path(path_type=Path),
        default=Path(default),
        show_default=True,
        help="Results so far; runs in it are not repeated.",
    )


def read_results(file: Path) -> list[dict[str, Any]]:
    """Return the results so far."""
    results: list[dict[str, Any]] = json.loads(file.read_text()) if file.exists() else []
    return results


def write_results(file: Path, results: list[dict[str, Any]]) -> None:
    """Write all results."""
    file.write_text(json.dumps(results, indent=1) + "\n")
