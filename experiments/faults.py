"""Experiment: which checks of `sampledsoftmax.testing` find the kinds of fault of public code, and how large these are.

Every fault is measured twice: by the checks, and as the bias of the gradient in the inputs of a random batch, against
the full softmax. For a sampler that is with a loss without fault, for a loss with candidates without fault.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from experiments.faulty_losses import FAULTY_LOSSES, Steps, loss_of
from experiments.faulty_samplers import FAULTY_SAMPLERS, RIGHT_SAMPLERS, Candidates, Draws, candidates_of, is_loadable
from sampledsoftmax.testing import Report, check_candidates, check_loss, check_sampler
from sampledsoftmax.testing.gradients import NUM_CLASSES, NUM_SAMPLED, biases, numerical, of_reference, setting
from sampledsoftmax.types import SampledValues

RIGHT = "no fault"
SHARES = ("claim", "distribution", "sum of counts", "expected counts", "value")  # checks whose sizes are shares


@dataclass(frozen=True)
class FaultSettings:
    """What is measured.

    Attributes
    ----------
    num_draws, num_calls : int
        Data of the checks of samplers.
    num_samples : int
        Number of gradients that are averaged.
    temperature : float
        Of the losses.
    seed : int
        Seed of the draws.
    """

    num_draws: int = 100_000
    num_calls: int = 1000
    num_samples: int = 400
    temperature: float = 0.5
    seed: int = 1


class FaultPoint(NamedTuple):
    """What was found about a fault.

    Attributes
    ----------
    kind : str
        "draws", "candidates" or "loss".
    fault : str
        Name in `FAULTY_SAMPLERS` or `FAULTY_LOSSES`, or "no fault".
    found_by : list of str
        The checks that failed.
    said : str
        What the last of them found: the first are the most general ones.
    off : float or None
        Of a sampler the total variation between claim and draws, or what the sum of the claims is off, as a share; of a
        loss the relative error of its value. None if the checks did not get that far.
    bias : float or None
        Bias of the gradient as a share of the exact gradient; None if ids are no classes.
    """

    kind: str
    fault: str
    found_by: list[str]
    said: str
    off: float | None
    bias: float | None


def find_faults(settings: FaultSettings | None = None) -> list[FaultPoint]:
    """Return a point for each fault, after those of a sampler of each kind and of a loss that have none.

    The checks find every fault, and none where there is none: a test says so.
    """
    settings = settings or FaultSettings()
    makers = [*((RIGHT, maker) for maker in RIGHT_SAMPLERS.values()), *FAULTY_SAMPLERS.items()]
    of_samplers = [_of_sampler(name, maker, settings) for name, maker in makers]
    losses = [(RIGHT, Steps()), *FAULTY_LOSSES.items()]
    points = [*of_samplers, *(_of_loss(name, steps, settings) for name, steps in losses)]
    return sorted(points, key=lambda point: (point.fault != RIGHT, point.kind == "loss"))


def _of_sampler(name: str, maker: Any, settings: FaultSettings) -> FaultPoint:
    made, again = (maker(NUM_CLASSES, NUM_SAMPLED, settings.seed) for _ in range(2))
    if isinstance(made, Draws):
        report = check_sampler(made.draw, made.probability, NUM_CLASSES, num_draws=settings.num_draws)
        return _point("draws", name, report, _bias(candidates_of(again, NUM_SAMPLED), settings))
    assert isinstance(made, Candidates)
    report = check_candidates(made.sample, NUM_CLASSES, NUM_SAMPLED, unique=made.unique, num_calls=settings.num_calls)
    if report.passed:  # with one candidate, the usual approximation of expected counts is exact
        of_one = maker(NUM_CLASSES, 1, settings.seed)
        report = check_candidates(of_one.sample, NUM_CLASSES, 1, num_calls=settings.num_draws, tolerance=0.0)
    return _point("candidates", name, report, _bias(again.sample, settings))


def _of_loss(name: str, steps: Steps, settings: FaultSettings) -> FaultPoint:
    loss, of = loss_of(steps, settings.temperature), setting(settings.temperature, False, np.float32)
    report = check_loss(loss, temperature=settings.temperature, num_samples=max(10, settings.num_samples // 4))
    return _point("loss", name, report, biases({name: numerical(loss)}, of, settings.num_samples)[name])


def _bias(sample: Any, settings: FaultSettings) -> float | None:
    """Return the bias of the gradient of a right loss with the candidates of a sampler."""
    of = setting(1.0, False, np.float32)
    if not all(is_loadable(sample(of.batch.labels)) for _ in range(10)):
        return None

    def drawn(labels: Any, _: int, __: Any) -> SampledValues:
        values: SampledValues = sample(labels)
        return values

    return biases({"own": of_reference(True, 1.0, False)}, of, settings.num_samples, drawn)["own"]


def _point(kind: str, name: str, report: Report, bias: float | None) -> FaultPoint:
    failed = [check.name for check in report.failures]
    said = report.failures[-1].found if failed else ""
    sizes = [check.size for check in report.checks if check.name in SHARES]
    off = max(sizes) if sizes and np.isfinite(sizes).all() and "ids" not in failed else None
    return FaultPoint(kind, name, failed, said, off, bias)
