"""Results as tables with titles and notes, for the terminal and for pages."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from benchmarks.cases import Case
from benchmarks.table import Rows, aligned, markdown, number

Result = dict[str, Any]
MAX_IDLE_SHARE = 0.05  # of a core, used by an idle contestant
MAX_BUSY_SHARE = 0.1  # of all cores, used before the rounds
MAX_RATIO = 1.6  # of step times, over the vocabularies of a sweep
MAX_ADDED_MB = 200
AXES = {"num_classes": "V", "num_sampled": "S", "batch_size": "B"}


@dataclass(frozen=True)
class View:
    """One table."""

    title: str
    head: list[str]
    rows: Rows
    notes: list[str] = field(default_factory=list)

    def text(self) -> str:
        """Return the table for a terminal."""
        return "\n".join([self.title, aligned(self.head, self.rows), *(f"  {note}" for note in self.notes)]) + "\n"

    def markdown(self) -> str:
        """Return the table for a page."""
        notes = "".join(f"\n{note}\n" for note in self.notes)
        return f"**{self.title}**\n\n{markdown(self.head, self.rows)}\n{notes}"


def step_view(result: Result) -> View:
    """Return the contestants of one case and optimizer, with speed relative to TensorFlow and to the limit."""
    times = {row["name"]: row["min_us"] for row in result["rows"]}
    theirs, limit = times.get("tensorflow"), result.get("limit")
    head = ["contestant", "threads", "min us", "median us", "speed (TensorFlow = 1)", "of the limit"]
    rows = [
        [
            row["label"],
            str(row["threads"]),
            number(row["min_us"]),
            number(row["median_us"]),
            f"{theirs / row['min_us']:.2f}" if theirs else "-",
            f"{limit['us'] / row['min_us']:.0%}" if limit else "-",
        ]
        for row in result["rows"]
    ]
    notes = ([_limit_note(limit)] if limit else []) + _incidents(result)
    return View(f"{Case(**result['case'])}, {result['optimizer']}", head, rows, notes)


def _incidents(result: Result) -> list[str]:
    """Return notes on conditions that affect the times."""
    notes = [] if result["all_in_memory"] else ["one contestant's tables in memory at a time, rebuilt for each turn"]
    if result["busy_share"] > MAX_BUSY_SHARE:
        notes.append(f"other processes used {result['busy_share']:.0%} of the cores, which delays threads at barriers")
    notes += [
        f"{row['label']}: its process used {row['idle_share']:.0%} of a core while idle"
        for row in result["rows"]
        if row["idle_share"] > MAX_IDLE_SHARE
    ]
    notes += [f"{name} is left out: {why}" for name, why in result["left_out"].items()]
    return notes + [f"{name} is REFUSED: {why}" for name, why in result["refused"].items()]


def scale_views(results: list[Result]) -> list[View]:
    """Return a table for each axis along which at least two results differ only in that axis."""
    return [_sweep_view(axis, sweep) for axis in AXES for sweep in sweeps(results, axis)]


def sweeps(results: list[Result], axis: str) -> list[list[Result]]:
    """Return groups of results that differ only in the axis, sorted by it."""
    groups: dict[Any, list[Result]] = {}
    for result in sorted(results, key=lambda result: int(result["case"][axis])):
        others = {name: value for name, value in result["case"].items() if name not in (axis, "name")}
        groups.setdefault((result["optimizer"], *others.values()), []).append(result)
    return [group for group in groups.values() if len(group) > 1]


def series(sweep: list[Result], figure: str) -> dict[str, list[float | None]]:
    """Return one figure of each contestant of a sweep, None if it is missing."""
    found = [{row["label"]: row[figure] for row in result["rows"]} for result in sweep]
    labels = dict.fromkeys(label for rows in found for label in rows)
    return {label: [rows.get(label) for rows in found] for label in labels}


def _sweep_view(axis: str, sweep: list[Result]) -> View:
    case = Case(**sweep[0]["case"])
    fixed = " ".join(f"{letter}={getattr(case, name):,}" for name, letter in AXES.items() if name != axis)
    points = [result["case"][axis] for result in sweep]
    head = ["contestant, min us", *(f"{AXES[axis]}={point:,}" for point in points), "last / first", "of medians"]
    medians = series(sweep, "median_us")
    rows, notes = [], []
    for label, times in series(sweep, "min_us").items():
        ratio, of_medians = _last_over_first(times), _last_over_first(medians[label])
        rows.append([label, *(number(time) if time else "-" for time in times), _ratio(ratio), _ratio(of_medians)])
        if axis == "num_classes" and ratio and label == "sampledsoftmax":
            met = "met" if ratio <= MAX_RATIO else "NOT met"
            notes.append(f"target for sampledsoftmax: last / first at most {MAX_RATIO}: {met}")
    notes += [f"{result['case']['name']}: {note}" for result in sweep for note in _incidents(result)]
    return View(f"By {AXES[axis]}: D={case.dim} {fixed}, {sweep[0]['optimizer']}", head, rows, notes)


def sampler_view(results: list[Result]) -> View:
    """Return times by sampler and size, ours and those of TensorFlow's op."""
    head = ["sampler", "S", "V", "min us", "median us", "TensorFlow min", "TensorFlow median", "times faster"]
    rows = []
    for result in results:
        ours, theirs = result["sampledsoftmax"], result.get("tensorflow")
        cells = [result["sampler"], str(result["num_sampled"]), f"{result['range_max']:,}"]
        cells += [number(times[name]) if times else "-" for times in (ours, theirs) for name in ("min_us", "median_us")]
        rows.append([*cells, _ratio(theirs["min_us"] / ours["min_us"] if theirs else None)])
    title = "Unique candidates of one batch with expected counts and their logarithms"
    return View(title, head, rows, [note for result in results for note in result["notes"]])


def memory_view(results: list[Result]) -> View:
    """Return the memory of training beyond the tables and their optimizer slots."""
    head = ["case", "optimizer", "tables and slots MB", "peak less imports MB", "added MB", "target"]
    rows = []
    for result in results:
        added = result["training_mb"] - result["tables_mb"]
        verdict = f"at most {MAX_ADDED_MB}: {'met' if added <= MAX_ADDED_MB else 'NOT met'}"
        figures = [f"{value:,.0f}" for value in (result["tables_mb"], result["training_mb"], added)]
        rows.append([str(Case(**result["case"])), result["optimizer"], *figures, verdict])
    return View("Peak resident memory of a process that constructs a model and trains 100 steps", head, rows)


SECTIONS: dict[str, Callable[[list[Result]], list[View]]] = {
    "step": lambda results: [step_view(result) for result in results],
    "sampler": lambda results: [sampler_view(results)],
    "scale": scale_views,
    "memory": lambda results: [memory_view(results)],
}


def full_time(result: Result) -> float:
    """Return the time of the faster full step in a result of `break-even`."""
    return float(min(result["min_us"]["full, kernels"], result["min_us"]["full, NumPy"]))


def _limit_note(limit: Result) -> str:
    gflops, traffic = limit["gflops"], limit["rows_gb_per_second"]
    return (
        f"limit {number(limit['us'])} us: {limit['mflop']:,} Mflop of products at {max(gflops.values()):.0f} Gflop/s"
        f" (registers {gflops['fma']:.0f}, sgemm {gflops['sgemm']:.0f}; one thread {gflops['fma_1_thread']:.0f},"
        f" {gflops['sgemm_1_thread']:.0f}), then {limit['row_mb']:.3g} MB of rows at {max(traffic.values()):.0f} GB/s"
    )


def _last_over_first(times: list[float | None]) -> float | None:
    return times[-1] / times[0] if times[0] and times[-1] else None


def _ratio(value: float | None) -> str:
    return f"{value:.2f}" if value else "-"
