"""The sections of the suite, each with its own cases, under one set of options."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from benchmarks import memory, sampler, step
from benchmarks.cases import CASES, OPTIMIZERS, TINY, Case
from benchmarks.record import Record
from benchmarks.session import Effort

HIDDEN = "tiny"  # a case in every section, for the tests of the suite
CASE_NAMES = {
    "step": [case.name for case in CASES],
    "sampler": list(sampler.SIZES),
    "scale": [case.name for case in step.SCALE_CASES],
    "memory": [case.name for case in CASES],
}


@dataclass(frozen=True)
class Options:
    """What is measured, and for how long; an empty sequence means the default of the section."""

    cases: Sequence[str] = ()
    contestants: Sequence[str] = ()
    optimizers: Sequence[str] = ()
    effort: Effort = field(default_factory=Effort)

    def of(self, cases: Sequence[Case], tiny: Sequence[Case]) -> list[Case]:
        """Return the selected cases."""
        if not self.cases:
            return list(cases)
        return [*(case for case in cases if case.name in self.cases), *(tiny if HIDDEN in self.cases else ())]


def _step(record: Record, options: Options) -> int:
    cases, optimizers = options.of(CASES, [TINY]), options.optimizers or OPTIMIZERS
    return step.run("step", record, cases, optimizers, options.contestants, options.effort) if cases else 0


def _sampler(record: Record, options: Options) -> int:
    sizes = sampler.SIZES | sampler.TINY_SIZES
    chosen = [sizes[name] for name in options.cases or sampler.SIZES if name in sizes]
    return sampler.run(record, chosen, options.effort) if chosen else 0


def _scale(record: Record, options: Options) -> int:
    cases = options.of(step.SCALE_CASES, step.TINY_SCALE_CASES)
    names, optimizers = options.contestants or step.SCALE_CONTESTANTS, options.optimizers or OPTIMIZERS[:1]
    return step.run_scale(record, cases, optimizers, names, options.effort) if cases else 0


def _memory(record: Record, options: Options) -> int:
    cases = options.of(CASES, [TINY])
    return memory.run(record, cases, options.optimizers or OPTIMIZERS) if cases else 0


RUN: dict[
    str, Callable[[Record, Options], int]
] = {  # each returns the number of refused contestants; without cases a section is skipped
    "step": _step,
    "sampler": _sampler,
    "scale": _scale,
    "memory": _memory,
}
