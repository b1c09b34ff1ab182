"""Tables and numbers in the pages of the documentation, generated from the JSON files of the experiments.

Generated text stands between `<!-- figures: NAME -->` and `<!-- end -->`.
"""

import functools
import json
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

Rows = Sequence[Sequence[str]]
MARKED = re.compile(r"(<!-- figures: (?P<name>[^>]*?) -->)(?P<made>.*?)(<!-- end -->)", re.DOTALL)


def rewritten(text: str, folder: Path) -> str:
    """Return the text of a page with everything between its markers regenerated from the files in a folder.

    Raises
    ------
    ValueError
        If a marker names nothing in `TABLES`, or has no end.
    FileNotFoundError
        If the experiment has not been run.

    Examples
    --------
    >>> rewritten("no markers", Path("nowhere"))
    'no markers'
    """
    if text.count("<!-- figures:") != text.count("<!-- end -->"):
        raise ValueError("a '<!-- figures: NAME -->' of the page has no '<!-- end -->', or vice versa")

    def made(found: re.Match[str]) -> str:
        if found["name"] not in TABLES:
            raise ValueError(f"the page names figures {found['name']!r}; there are {', '.join(TABLES)}")
        return found[1] + TABLES[found["name"]](folder) + found[4]

    return MARKED.sub(made, text)


def _read(folder: Path, name: str) -> Any:
    return json.loads((folder / f"{name}.json").read_text())


def _table(heads: Sequence[str], rows: Rows) -> str:
    """Return a Markdown table, numbers aligned right."""
    lines = [heads, ["---", *["---:"] * (len(heads) - 1)], *rows]
    return "\n\n" + "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n\n"


def _bias(folder: Path) -> str:
    results = _read(folder, "bias")["results"]
    sizes = (8, 32, 128, 512)
    names = list(dict.fromkeys(point["sampler"] for point in results if point["sampler"] != "all"))
    found = {(p["sampler"], p["num_sampled"]): p["found"] for p in results if p["subtract_log_q"]}
    rows = [[_name(name), *(_with_error(found[name, size], 4) for size in sizes)] for name in names]
    return _table(["bias / exact gradient, num_sampled =", *map(str, sizes)], rows)


def _with_error(found: dict[str, Any], digits: int) -> str:
    return f"{found['bias']:.{digits}f} ± {2 * found['bias_error']:.{digits}f}"


def _name(sampler: str) -> str:
    return sampler.replace("^0.75", "<sup>0.75</sup>").replace("^0.5", "<sup>0.5</sup>")


def _loss_by_sampler(folder: Path) -> str:
    full, *points = _read(folder, "trained")["results"]
    sizes = sorted({point["num_sampled"] for point in points})
    names = list(dict.fromkeys(point["sampler"] for point in points))
    found = {(point["sampler"], point["num_sampled"]): fmean(point["excess"]) for point in points}
    rows = [[_name(name), *(f"{found[name, size]:.3f}" for size in sizes)] for name in names]
    rows.append(["full softmax", *[""] * (len(sizes) - 1), f"{fmean(full['excess']):.3f}"])
    return _table(["loss above the entropy (nats), num_sampled =", *map(str, sizes)], rows)


def _mistakes(folder: Path) -> str:
    full, *points = _read(folder, "mistakes")["results"]
    sizes = sorted({point["num_sampled"] for point in points})
    found = {(point["variant"], point["num_sampled"]): point for point in points}
    rows = [
        [
            name,
            *(_with_error(found[name, size]["gradient"], 3) for size in sizes),
            *(f"{fmean(found[name, size]['excess']):.3f}" for size in sizes),
        ]
        for name in dict.fromkeys(point["variant"] for point in points)
    ]
    rows.append(["full softmax", *["0"] * len(sizes), *[f"{fmean(full['excess']):.3f}"] * len(sizes)])
    heads = [*(f"bias, {size}" for size in sizes), *(f"loss, {size}" for size in sizes)]
    return _table(["num_sampled =", *heads], rows)


def _learned(folder: Path) -> str:
    rows = [
        [
            point["objective"],
            f"{point['log_p_correlation']:.3f}",
            f"{point['pmi_correlation']:.3f}",
            f"{point['log_normalizer']:.2f}",
            f"{point['shifted_pmi_error']:.2f}",
        ]
        for point in _read(folder, "objectives")["results"]["table"]
    ]
    heads = ["learned logits", "r with log p", "r with PMI", "mean log sum exp", "error as PMI - log k"]
    return _table(heads, rows)


def _vectors(folder: Path) -> str:
    rows = [
        [
            point["objective"],
            f"{point['excess'][-1]:.3f}",
            f"{point['excess_with_counts']:.3f}",
            f"{100 * point['neighbors_of_topic']:.1f} %",
        ]
        for point in _read(folder, "objectives")["results"]["vectors"]
    ]
    heads = ["word vectors", "loss above the entropy", "the same, log p(label) added", "neighbors of the same topic"]
    return _table(heads, rows)


def _retrieval(folder: Path) -> str:
    results = _read(folder, "retrieval")["results"]
    points = [("the truth", [results["truth"]])]
    points += [(point["variant"], point["outcomes"]) for point in results["variants"]]
    return _outcomes("dot products / 0.5", points)


def _retrieval_temperatures(folder: Path) -> str:
    points = _read(folder, "retrieval")["results"]["temperatures"]
    return _outcomes("cosines, temperature =", [(f"{one['temperature']:g}", one["outcomes"]) for one in points])


def _outcomes(head: str, points: Sequence[tuple[str, Sequence[dict[str, Any]]]]) -> str:
    """Return a table of losses, of what ten recommendations find, and of how popular they are."""
    rows = []
    for name, outcomes in points:
        excess, found, popular = (fmean(one[key] for one in outcomes) for key in ("excess", "found", "popular"))
        rows.append([name, f"{abs(excess):.3f}", f"{100 * found:.1f} %", f"{100 * popular:.0f} %"])
    return _table([head, "loss above the entropy", "next item among the first ten", "popular ones among the ten"], rows)


def _faults(folder: Path) -> str:
    points = _read(folder, "faults")["results"]
    rows = [
        [
            point["fault"],
            point["kind"],
            ", ".join(point["found_by"]) or "none",
            "" if point["off"] is None else _percent(point["off"]),
            "" if point["bias"] is None else f"{point['bias']:.3f}",
        ]
        for point in points
    ]
    return _table(["fault", "of", "checks that fail", "off by", "bias of the gradient"], rows)


def _percent(share: float) -> str:
    return f"{float(f'{100 * share:.2g}'):,g} %" if share > 1e-5 else "0"


def _break_even(folder: Path) -> str:
    section = _read(folder, "break_even")["break_even"]
    sizes = section["settings"]["num_sampled"]
    found = {(one["batch_size"], one["num_sampled"]): one["num_classes"] for one in section["break_even"]}
    least = {size: min(v for v in section["settings"]["num_classes"] if v >= size) for size in sizes}
    rows = [
        [str(batch), *(_classes(found[batch, size], least[size]) for size in sizes)]
        for batch in section["settings"]["batch_size"]
    ]
    return _table(["batch_size, num_sampled =", *map(str, sizes)], rows)


def _classes(num_classes: float | None, least: int) -> str:
    """Return a number of classes to two digits, the precision of the times; `least` is the smallest measured size."""
    if num_classes is None:
        return "never"
    return f"{int(float(f'{num_classes:.2g}')):,}" if num_classes > least * 1.001 else f"below {least:,}"


def _gain(folder: Path) -> str:
    section = _read(folder, "break_even")["break_even"]
    sizes = section["settings"]["num_sampled"]
    last = {result["batch_size"]: result for result in section["results"]}  # with the most classes
    rows = []
    for batch_size, result in last.items():
        full = min(result["min_us"]["full, kernels"], result["min_us"]["full, NumPy"])
        gains = [f"{full / result['min_us'][f'sampled {size}']:.2g}" for size in sizes]
        rows.append([str(batch_size), f"{result['num_classes']:,}", f"{full / 1000:,.0f}", *gains])
    heads = ["batch_size", "num_classes", "full step, ms", *(f"times faster with {size}" for size in sizes)]
    return _table(heads, [[*row[:3], *(f"{float(gain):,.0f}" for gain in row[3:])] for row in rows])


def _machine(folder: Path) -> str:
    section = _read(folder, "break_even")["break_even"]
    machine, settings = section["machine"], section["settings"]
    return (
        f"{machine['date'][:10]}, {machine['processor']}, {machine['cores']} cores, {section['note']};"
        f" Python {machine['python']}, numpy {machine['versions']['numpy']}, numba {machine['versions']['numba']};"
        f" dim {settings['dim']}, float32, {settings['optimizer']}, one thread; minimum CPU time over all"
        f" rounds of `{section['command']}`"
    )


def _sample(_: Path) -> str:
    command = ("sample", "--range-max", "1000", "--num-sampled", "32")
    return f"\n\n```text\n$ sampledsoftmax {' '.join(command)}\n{_output_of(command)}```\n\n"


@functools.cache
def _output_of(command: tuple[str, ...]) -> str:
    """Return what a command of the package prints; it is deterministic, so it is not kept in a file."""
    found = subprocess.run(
        [sys.executable, "-m", "sampledsoftmax", *command], stdout=subprocess.PIPE, encoding="utf-8", check=True
    )
    return found.stdout


TABLES: dict[str, Callable[[Path], str]] = {
    "sample": _sample,
    "bias": _bias,
    "trained": _loss_by_sampler,
    "mistakes": _mistakes,
    "learned": _learned,
    "vectors": _vectors,
    "retrieval": _retrieval,
    "retrieval temperatures": _retrieval_temperatures,
    "faults": _faults,
    "break even": _break_even,
    "gain": _gain,
    "machine": _machine,
}
