"""`samplers-report`: write the tables of docs/choosing.md from docs/samplers.json."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from benchmarks.samplers import distances, quality, separate
from benchmarks.table import markdown

DOCS = Path(__file__).parents[2] / "docs"
END = "<!-- end of table -->"
Results = Sequence[dict[str, Any]]


def worths(results: Results) -> str:
    """Return effective candidates per hundred, by proposal and model: alone, and shared by batches."""
    sizes = distances.BATCH_SIZES
    models = list(dict.fromkeys(result["model"] for result in results))
    head = ["100 candidates are worth", "inputs that share them", *models]
    rows = []
    for name in dict.fromkeys(result["proposal"] for result in results):
        found = {(r["model"], r["inputs_per_sample"]): r for r in results if r["proposal"] == name}
        for size in ("any", *sizes):
            if (models[0], size) in found:
                cells = [f"{100 * found[model, size]['worth']:.0f}" for model in models]
                rows.append([name, str(size), *cells])
    return markdown(head, rows, num_names=2)


def gradients(results: Results) -> str:
    """Return bias and noise of the gradient by proposal and model, where candidates are shared or static."""
    models = list(dict.fromkeys(result["model"] for result in results))
    shared = distances.BATCH_SIZES[1]
    head = ["bias, noise / exact gradient", *models]
    rows = []
    for name in dict.fromkeys(result["proposal"] for result in results):
        found = {r["model"]: r for r in results if r["proposal"] == name and r["inputs_per_sample"] in ("any", shared)}
        cells = [f"{found[m]['bias']:.3f} ± {2 * found[m]['bias_error']:.3f}, {found[m]['noise']:.2f}" for m in models]
        rows.append([name, *cells])
    return markdown(head, rows)


def costs(results: Results) -> str:
    """Return the times of shared and separate candidates."""
    rows = [
        [
            one["case"], f"{one['batch_size']:,}", f"{one['num_sampled']:,}", f"{one['shared_ms']:.2f}",
            f"{one['separate_ms']:.2f}", f"{one['separate_ms'] / one['shared_ms']:.1f}",
        ]
        for one in results
    ]  # fmt: skip
    head = ("a batch", "inputs", "candidates", "shared (ms)", "separate (ms)", "ratio")
    return markdown(head, rows)


def scores(results: Results) -> str:
    """Return what models have learned with each sampler: a table for each data set, with the columns that it has."""
    tables = []
    for data in dict.fromkeys(result["data"] for result in results):
        rows = quality.rows_of([result for result in results if result["data"] == data])
        kept = [i for i in range(1, len(quality.HEAD)) if any(row[i] for row in rows)]
        cells = [[row[i] for i in kept] for row in rows]
        tables.append(f"**{data}**\n\n" + markdown([quality.HEAD[i] for i in kept], cells, num_names=2))
    return "\n\n".join(tables)


TABLES: dict[str, tuple[str, Callable[[Results], str]]] = {
    "worth": (distances.SECTION, worths),
    "gradient": (distances.SECTION, gradients),
    "separate": (separate.SECTION, costs),
    "quality": (quality.SECTION, scores),
}


def page(text: str, sections: dict[str, Any]) -> str:
    """Return the page with its tables regenerated, and where they were measured below each."""
    for name, (section, table) in TABLES.items():
        start = f"<!-- samplers: {name} -->\n"
        before, rest = text.split(start)
        found = sections[section]
        made = f"{table(found['results'])}\n\n{_where(found)}"
        text = f"{before}{start}\n{made}\n\n{END}{rest.split(END, 1)[1]}"
    return text


def _where(section: dict[str, Any]) -> str:
    """Return a line of the machine and versions."""
    described = section["machine"]
    versions = described["versions"]
    threads = section["results"][0].get("threads", 1)
    return (
        f"({described['processor']}, {described['cores']} cores, {threads} thread{'s' * (threads > 1)}; Python"
        f" {described['python']}, numpy {versions['numpy']}, numba {versions['numba']}.)"
    )


@click.command(short_help="The tables of docs/choosing.md.")
def command() -> None:
    """Write the tables of docs/choosing.md from docs/samplers.json."""
    sections = json.loads((DOCS / "samplers.json").read_text())
    path = DOCS / "choosing.md"
    path.write_text(page(path.read_text(), sections))
