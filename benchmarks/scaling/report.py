"""The results of `scaling` as tables, and docs/scaling.md with its plot."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.table import Rows, aligned, markdown

DOCS = Path(__file__).parents[2] / "docs"
JSON, PAGE, PLOT = DOCS / "scaling.json", DOCS / "scaling.md", DOCS / "figures" / "scaling.svg"
END = "<!-- end of table -->"
SHOWN = (1, 8, 16, 64)  # threads, in the table of the parts of the time

Section = dict[str, Any]
Table = tuple[list[str], Rows, int]  # head, rows, columns of names


def text(section: Section) -> str:
    """Return all tables as text."""
    tables = (f"{title}\n{aligned(*make(section)[:2])}" for title, make in TABLES.values())
    return "\n\n".join((*tables, assumptions(section)))


def page(before: str, section: Section) -> str:
    """Return the page with its tables regenerated."""
    for name, (_, make) in TABLES.items():
        before = _put(before, name, markdown(*make(section)))
    return _put(before, "assumptions", f"{assumptions(section)}\n\n{machine.one_line(section['machine'])}")


def write(section: Section) -> list[Path]:
    """Write the page and the plot."""
    from benchmarks.scaling.plot import draw  # noqa: PLC0415 - measuring needs no matplotlib

    PAGE.write_text(page(PAGE.read_text(), as_json(section)))
    draw(section, PLOT)
    return [JSON, PAGE, PLOT]


def as_json(value: Any) -> Any:
    """Return a value as it is read from a file."""
    return json.loads(json.dumps(value))


def progress(result: dict[str, Any]) -> str:
    """Return one line on a result."""
    name = f"{result['shards']} shards" if result["kind"] == "words" else result["case"]
    return f"{name}: " + "  ".join(f"{row['threads']}: {row['seconds'] * 1e3:.4g} ms" for row in result["rows"])


def word_table(section: Section) -> Table:
    """Return words per second, in thousands, and the speed-up."""
    return _by_threads(section, "words", "shards", lambda result, seconds: result["words"] / seconds / 1e3)


def step_table(section: Section) -> Table:
    """Return milliseconds of a step, and the speed-up."""
    return _by_threads(section, "step", "case", lambda result, seconds: seconds * 1e3)


def _by_threads(section: Section, kind: str, name: str, shown: Callable[[dict[str, Any], float], float]) -> Table:
    """Return three rows for each result: simulated, measured, and how far the simulated time is from the measured."""
    results = _of(section, kind)
    head = [name, "", *(str(row["threads"]) for row in results[0]["rows"])] if results else [name, ""]
    rows = []
    for result in results:
        first = str(result[name]).split(":")[0]
        for key, label in (("seconds", "simulated"), ("measured", "measured")):
            one = result["rows"][0][key]
            times = [row[key] for row in result["rows"]]
            cells = [f"{shown(result, time):,.3g} ({one / time:.1f}x)" if time else "" for time in times]
            rows.append([first, label, *map(_plain, cells)])
        errors = [row["seconds"] / row["measured"] - 1 if row["measured"] else None for row in result["rows"]]
        rows.append([first, "error", *("" if error is None else f"{error:+.0%}" for error in errors)])
    return head, rows, 2


def _plain(cell: str) -> str:
    """Return a cell without an exponent."""
    number, space, rest = cell.partition(" ")
    return f"{float(number.replace(',', '')):,.10g}{space}{rest}" if number else cell


def phase_table(section: Section) -> Table:
    """Return the microseconds of each phase of one shard in one step."""
    results = _of(section, "words")
    names = [name for name in results[0]["phases"] if name != "slowest"] if results else []
    rows = [[name, *(f"{result['phases'][name]:.1f}" for result in results)] for name in names]
    rows.append(["slowest shard / mean", *(f"{result['phases']['slowest']:.2f}" for result in results)])
    return ["phase", *(f"{result['shards']} shards" for result in results)], rows, 1


def step_phase_table(section: Section) -> Table:
    """Return the microseconds of each phase of a step of an output layer on one thread."""
    results = _of(section, "step")
    names = list(results[0]["phases"]) if results else []
    rows = [[result["case"], *(f"{result['phases'][name]:,.0f}" for name in names)] for result in results]
    return ["case", *names], rows, 1


def part_table(section: Section) -> Table:
    """Return the parts of the simulated time: work of a thread, waiting for others, for memory, and barriers."""
    parts, rows = ("work", "waiting", "memory", "barriers"), []
    for result in section["results"]:
        name = f"{result['shards']} shards" if result["kind"] == "words" else result["case"].split(":")[0]
        for row in result["rows"]:
            if row["threads"] in SHOWN:
                shares = [f"{row[part] / row['seconds']:.0%}" for part in parts]
                rows.append([name, str(row["threads"]), *shares])
    return ["", "threads", *parts], rows, 1


TABLES: dict[str, tuple[str, Callable[[Section], Table]]] = {
    "words": ("Thousand words per second, by shards and threads", word_table),
    "phases": ("Microseconds of a shard in a step, one thread", phase_table),
    "steps": ("Milliseconds of a step of SampledSoftmax, by case and threads", step_table),
    "step phases": ("Microseconds of a step of SampledSoftmax, one thread", step_phase_table),
    "parts": ("Where the simulated time goes", part_table),
}


def assumptions(section: Section) -> str:
    """Return what was measured of threads, and what is assumed for more."""
    costs = as_json(section["costs"])
    most = max(costs["barrier"], key=int)
    rates = ", ".join(f"{rate / 1e9:.1f} GB/s with {number}" for number, rate in costs["bandwidth"].items())
    parts = [f"Up to {most} threads are measured; the other times are simulated."]
    if section["processor_time"]:
        parts = [
            "The machine was busy: one thread is measured, by its processor time, and all figures are provisional."
        ]
    if most != "1":
        parts += [
            f"A barrier of {most} threads took {costs['barrier'][most] * 1e6:.2f} µs, a call that wakes them"
            f" {costs['wake'][most] * 1e6:.0f} µs; more threads are assumed to need more in proportion."
        ]
    return " ".join([
        *parts,
        f"Copying memory reached {rates}; the larger machine is assumed to have that of one thread per core, up to"
        f" {costs['largest_bandwidth'] / 1e9:.0f} GB/s.",
        "Rows of tables are assumed to come from memory, as far as one thread had time to wait for it.",
    ])  # fmt: skip


def _of(section: Section, kind: str) -> list[dict[str, Any]]:
    return [result for result in section["results"] if result["kind"] == kind]


def _put(before: str, name: str, table: str) -> str:
    mark = f"<!-- {name} -->\n"
    start, rest = before.split(mark)
    return f"{start}{mark}{table}\n{END}{rest.split(END, 1)[1]}"
