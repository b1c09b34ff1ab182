"""`word-report`: write the tables of docs/words.md from the JSON files beside it."""

import itertools
import json
from collections.abc import Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import click

from benchmarks.table import markdown
from benchmarks.words.compare import HEAD, rows_of

DOCS = Path(__file__).parents[2] / "docs"


def page(
    text: str,
    words: dict[str, Any] | None,
    settings: Sequence[dict[str, Any]],
    seeds: Sequence[dict[str, Any]],
    corpora: Sequence[dict[str, Any]],
) -> str:
    """Return the page with its tables regenerated."""
    if words is not None:
        table = markdown(HEAD, rows_of(words["results"]))
        machine = words["machine"]
        versions = machine["versions"]
        where = (
            f"{machine['processor']}, {machine['cores']} cores; Python {machine['python']}, numpy {versions['numpy']}, "
            f"numba {versions['numba']}, gensim {versions.get('gensim', '?')}."
        )
        text = _put(text, "words", f"{table}\n\n{where}")
    text = _put(text, "settings", settings_table(settings)) if settings else text
    text = _put(text, "seeds", seeds_table(seeds)) if seeds else text
    return _put(text, "corpora", corpora_table(corpora)) if corpora else text


def corpora_table(results: Sequence[dict[str, Any]]) -> str:
    """Return the table over corpora, a column each: means over the seeds, and how many these are."""
    corpora, contestants = (list(dict.fromkeys(r[name] for r in results)) for name in ("corpus", "contestant"))
    kinds = list(itertools.product(sorted({r["epochs"] for r in results}), contestants))
    rows = []
    for score, title in (("wordsim", "WordSim"), ("simlex", "SimLex"), ("analogies", "analogies"), ("", "seeds")):
        for epochs, contestant in kinds:
            runs = [[r for r in results if _kind(r) == (corpus, contestant, epochs)] for corpus in corpora]
            rows.append([title, str(epochs), contestant, *(_cell(found, score) for found in runs)])
    return markdown(("score", "epochs", "contestant", *corpora), rows)


def _kind(result: dict[str, Any]) -> tuple[str, str, int]:
    return result["corpus"], result["contestant"], result["epochs"]


def _cell(runs: Sequence[dict[str, Any]], score: str) -> str:
    """Return the mean over the runs, the number of those that diverged, or "" for none; their number without score."""
    failed = [r for r in runs if "failed" in r]
    if failed:
        return f"{len(failed)} of {len(runs)} diverged"
    return "" if not runs else _mean(runs, score) if score else str(len(runs))


def settings_table(results: Sequence[dict[str, Any]]) -> str:
    """Return the table of tried settings: means over seeds."""
    head = ("changed", "epochs", "seeds", "WordSim-353", "SimLex-999", "analogies", "loss")
    rows = []
    for name, epochs in dict.fromkeys((_changed(r), r["epochs"]) for r in results):
        runs = [r for r in results if (_changed(r), r["epochs"]) == (name, epochs)]
        done = [r for r in runs if "failed" not in r]
        if len(done) < len(runs):
            rows.append([name, str(epochs), str(len(runs)), f"{len(runs) - len(done)} diverged", "", "", ""])
        else:
            scores = [_mean(runs, score) for score in ("wordsim", "simlex", "analogies", "loss")]
            rows.append([name, str(epochs), str(len(runs)), *scores])
    return markdown(head, rows)


def seeds_table(results: Sequence[dict[str, Any]]) -> str:
    """Return the spread over seeds: mean and standard deviation, and how many runs diverged."""
    rows = []
    for corpus, epochs in dict.fromkeys((r["corpus"], r["epochs"]) for r in results):
        runs = [r for r in results if (r["corpus"], r["epochs"]) == (corpus, epochs)]
        done = [r for r in runs if "failed" not in r]
        figures = [_spread([r[name] for r in done if name in r]) for name in ("loss", "wordsim", "simlex", "analogies")]
        rows.append([corpus, str(epochs), str(len(runs)), str(len(runs) - len(done)), *figures])
    return markdown(("corpus", "epochs", "seeds", "diverged", "loss", "WordSim-353", "SimLex-999", "analogies"), rows)


def _mean(runs: Sequence[dict[str, Any]], score: str) -> str:
    """Return the mean over runs, or an empty string if a run lacks the score."""
    return f"{mean(r[score] for r in runs):.3f}" if all(score in r for r in runs) else ""


def _spread(values: Sequence[float]) -> str:
    return f"{mean(values):.3f} ± {stdev(values):.3f}" if len(values) > 1 else ""


def _changed(result: dict[str, Any]) -> str:
    return ", ".join(f"`{name}={value!r}`" for name, value in result["settings"].items()) or "nothing"


def _put(text: str, name: str, table: str) -> str:
    start, end = f"<!-- {name} -->\n", "<!-- end of table -->"
    before, rest = text.split(start)
    return f"{before}{start}{table}\n{end}{rest.split(end, 1)[1]}"


@click.command(short_help="Tables of docs/words.md.")
def command() -> None:
    """Write the tables of docs/words.md from the JSON files beside it."""
    words, settings, seeds, corpora = (
        DOCS / f"{name}.json" for name in ("words", "word-settings", "word-seeds", "word-corpora")
    )
    text = page(
        (DOCS / "words.md").read_text(),
        json.loads(words.read_text())["words"] if words.exists() else None,
        json.loads(settings.read_text()) if settings.exists() else [],
        json.loads(seeds.read_text()) if seeds.exists() else [],
        json.loads(corpora.read_text()) if corpora.exists() else [],
    )
    (DOCS / "words.md").write_text(text)
