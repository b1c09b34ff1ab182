"""`recommend-report`: write the table of docs/recommend.md from the JSON file beside it."""

import json
from pathlib import Path
from typing import Any

import click

from benchmarks.recommend.compare import HEAD, rows_of
from benchmarks.table import markdown

DOCS = Path(__file__).parents[2] / "docs"
START, END = "<!-- recommend -->\n", "<!-- end of table -->"


def page(text: str, section: dict[str, Any]) -> str:
    """Return the page with its table regenerated."""
    described, results = section["machine"], section["results"]
    versions = described["versions"]
    where = (
        f"{described['processor']}, {described['cores']} cores, {results[0]['threads']} threads; Python "
        f"{described['python']}, numpy {versions['numpy']}, numba {versions['numba']}, implicit {versions['implicit']}."
    )
    before, rest = text.split(START)
    return f"{before}{START}{markdown(HEAD, rows_of(results), num_names=2)}\n\n{where}\n{END}{rest.split(END, 1)[1]}"


@click.command(short_help="The table of docs/recommend.md.")
def command() -> None:
    """Write the table of docs/recommend.md from docs/recommend.json."""
    section = json.loads((DOCS / "recommend.json").read_text())["recommend"]
    (DOCS / "recommend.md").write_text(page((DOCS / "recommend.md").read_text(), section))
