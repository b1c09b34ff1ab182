"""`python -m experiments`: run experiments, save their results and figures, update the tables in the docs."""

import json
from pathlib import Path

import click

from experiments.catalog import EXPERIMENTS
from experiments.record import write_json
from experiments.tables import rewritten
from sampledsoftmax.diagnostics import figures
from sampledsoftmax.diagnostics.counts_file import read_counts
from sampledsoftmax.diagnostics.problem import Floats
from sampledsoftmax.io.atomic_write import new_file

ALL = "all"
TABLES = "tables"


@click.command(epilog="Experiments: " + " ".join(f"{name}: {found.about}" for name, found in EXPERIMENTS.items()))
@click.argument("names", metavar="NAME...", nargs=-1, required=True, type=click.Choice([*EXPERIMENTS, ALL, TABLES]))
@click.option(
    "--output", type=click.Path(path_type=Path, file_okay=False), required=True, metavar="DIR",
    help="Directory for NAME.json and the figures; created if missing.",
)  # fmt: skip
@click.option(
    "--counts", metavar="FILE", help="Counts of your own classes, for bias and fit; as for `sampledsoftmax sample`."
)
@click.option("--quick", is_flag=True, help="Tiny sizes, to test that it runs; the results mean little.")
@click.option("--redraw", is_flag=True, help="Only draw the figures again from NAME.json in DIR.")
def main(names: tuple[str, ...], output: Path, counts: str | None, quick: bool, redraw: bool) -> None:
    """Run experiments that show what sampled softmax does, and draw the results.

    Each writes DIR/NAME.json, with its settings and seeds, and its figures as SVG. The same command gives the same
    files. `all` stands for all experiments; `tables` updates the tables in the pages (*.md) beside DIR, between their
    markers, from the results in DIR.
    """
    chosen = list(EXPERIMENTS) if ALL in names else [name for name in names if name != TABLES]
    given = _read(counts, chosen) if counts else None
    output.mkdir(parents=True, exist_ok=True)
    for name in chosen:
        path = output / f"{name}.json"
        if not redraw:
            settings, results = EXPERIMENTS[name].run(quick, given)
            options = " --quick" * quick + (f" --counts {counts}" if counts else "")
            command = f"python -m experiments {name}{options}"
            write_json(path, command, settings, results)
        elif not path.is_file():
            raise click.ClickException(f"{path} is not there: run {name} without --redraw first")
        for file in draw(name, path):
            click.echo(file)
    if TABLES in names:
        for page in rewrite_pages(output):
            click.echo(page)


def _read(counts: str, names: list[str]) -> Floats:
    """Return the counts in a file; raise if an experiment takes none."""
    for name in names:
        if not EXPERIMENTS[name].takes_counts:
            raise click.ClickException(f"{name} uses its own corpus and takes no --counts")
    try:
        return read_counts(counts).counts
    except (ValueError, OSError) as error:
        raise click.ClickException(str(error)) from None


def draw(name: str, path: Path) -> list[Path]:
    """Draw the figures of an experiment beside its JSON file, and return all its files."""
    files = [path]
    with figures.style():
        for file, figure in EXPERIMENTS[name].draw(json.loads(path.read_text())["results"]).items():
            files.append(path.with_name(file))
            figures.save_svg(figure, files[-1])
    return files


def rewrite_pages(folder: Path) -> list[Path]:
    """Update the tables in the pages beside a folder of results or below; return the pages that changed."""
    changed = []
    for page in sorted(folder.resolve().parent.rglob("*.md")):
        before = page.read_text(encoding="utf-8")
        after = rewritten(before, folder)
        if after != before:
            with new_file(page) as file:
                file.write(after)
            changed.append(page)
    return changed
