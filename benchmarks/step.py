"""`step` and `scale`: training steps of all contestants, case by case."""

from collections.abc import Sequence

from benchmarks.cases import TINY, Case
from benchmarks.contestants import Spec, chosen
from benchmarks.limits.limit import Limit
from benchmarks.record import Record
from benchmarks.session import Effort, Session
from benchmarks.views import scale_views, step_view
from benchmarks.worker import WorkerProcess

LIMIT = "limit"  # a name among the contestants: measure the limit of the machine
_BASE = {"num_classes": 1_000_000, "dim": 128, "batch_size": 1024, "num_sampled": 1024}
_POINTS: dict[str, dict[str, int]] = {
    **{f"v{name}": {"num_classes": v} for name, v in {"10k": 10**4, "100k": 10**5, "1m": 10**6, "10m": 10**7}.items()},
    **{f"s{s}": {"num_sampled": s} for s in (64, 256, 4096)},  # 1024 is v1m; the same holds for the batch size
    **{f"b{b}": {"batch_size": b} for b in (64, 256, 4096)},
}
SCALE_CASES = tuple(Case(name, **(_BASE | point)) for name, point in _POINTS.items())
TINY_SCALE_CASES = (
    TINY,
    Case("tiny-v", 5000, TINY.dim, TINY.batch_size, TINY.num_sampled),
    Case("tiny-s", TINY.num_classes, TINY.dim, TINY.batch_size, 2 * TINY.num_sampled),
    Case("tiny-b", TINY.num_classes, TINY.dim, 2 * TINY.batch_size, TINY.num_sampled),
)
SCALE_CONTESTANTS = ("fast", "tensorflow", "torch", "jax")


def run(
    section: str, record: Record, cases: Sequence[Case], optimizers: Sequence[str], names: Sequence[str], effort: Effort
) -> int:
    """Time all cases, print a table of each and record it; return how many contestants were refused."""
    wanted = {spec.name: spec for case in cases for spec in chosen(names, case)}
    missing = {name: why for name, spec in wanted.items() if (why := spec.why_missing())}
    for name, why in missing.items():
        print(f"{name} is left out: {why}\n", flush=True)
    record.begin(section, missing)
    workers = {name: WorkerProcess(spec) for name, spec in wanted.items() if name not in missing}
    limit = Limit() if not names or {LIMIT, "all"} & set(names) else None
    refused = 0
    try:
        for case in cases:
            for optimizer in optimizers:
                session = Session(case, optimizer, effort)
                result = session.run(_of(case, names, workers), limit)
                record.add(section, result)
                print(step_view(result).text(), flush=True)
                refused += len(result["refused"])
    finally:
        for worker in workers.values():
            worker.stop()
        for worker in workers.values():
            worker.close()
        if limit is not None:
            limit.close()
    return refused


def run_scale(
    record: Record, cases: Sequence[Case], optimizers: Sequence[str], names: Sequence[str], effort: Effort
) -> int:
    """Time a step by V, by S and by B, print the sweeps and record them; return how many contestants were refused."""
    refused = run("scale", record, cases, optimizers, names, effort)
    for view in scale_views(record.sections["scale"]["results"]):
        print(view.text(), flush=True)
    return refused


def _of(case: Case, names: Sequence[str], workers: dict[str, WorkerProcess]) -> list[WorkerProcess]:
    specs: list[Spec] = chosen(names, case)
    return [workers[spec.name] for spec in specs if spec.name in workers]
