"""`report`: write the tables of a page from the results of `--json`."""

import json
import os
from pathlib import Path
from typing import Any

import click

from benchmarks import machine
from benchmarks.views import SECTIONS

BEGIN, END = "<!-- results: written by benchmarks/report.py -->", "<!-- end of results -->"
TITLES = {
    "step": "One training step",
    "sampler": "Samplers",
    "scale": "By size",
    "memory": "Memory",
}
PLOTS = {  # by section: file and alternative text
    "step": [("limit.png", "Share of the limit that each contestant reaches, by case")],
    "scale": [
        ("step_by_classes.png", "Time of a step by number of classes"),
        ("step_by_sampled.png", "Time of a step by number of candidates"),
        ("step_by_batch.png", "Time of a step by batch size"),
    ],
}


@click.command(short_help="Tables of a page from results.")
@click.argument("figures", type=click.Path(path_type=Path, exists=True))
@click.argument("page", type=click.Path(path_type=Path, exists=True))
@click.option(
    "--plots", type=click.Path(path_type=Path), help="Folder of the plots; default the file's name without .json."
)
def command(figures: Path, page: Path, plots: Path | None) -> None:
    """Replace the text between the two marks of PAGE with tables of FIGURES, the file of `--json`."""
    folder = plots or figures.with_suffix("")
    page.write_text(inserted(page.read_text(), results(json.loads(figures.read_text()), folder, page.parent)))


def results(sections: dict[str, Any], folder: Path, page_folder: Path) -> str:
    """Return all sections as Markdown, with the plots that are in the folder."""
    parts = []
    for name, views in SECTIONS.items():
        if name in sections:
            section = sections[name]
            parts += [f"### {TITLES[name]}", machine.one_line(section["machine"])]
            parts += [f"{missing} was left out: {why}" for missing, why in section["missing"].items()]
            parts += [view.markdown() for view in views(section["results"])]
            parts += [
                f"![{text}]({Path(os.path.relpath(folder / file, page_folder)).as_posix()})"
                for file, text in PLOTS.get(name, [])
                if (folder / file).exists()
            ]
    return "\n\n".join(part.strip() for part in parts)


def inserted(page: str, text: str) -> str:
    """Return the page with the text placed between its marks."""
    before, mark, rest = page.partition(BEGIN)
    _, end_mark, after = rest.partition(END)
    if not (mark and end_mark):
        raise click.ClickException(f"the page has no {BEGIN} followed by {END}")
    return f"{before}{BEGIN}\n\n{text}\n\n{END}{after}"
