"""The experiments by name: how each is run, in full and quickly, and how its figures are drawn."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from experiments import figures
from experiments.bias import BiasSettings, bias_by_sampler
from experiments.fault_figures import fault_figures
from experiments.faults import FaultSettings, find_faults
from experiments.loss_by_sampler import LossSettings, loss_by_sampler
from experiments.mistakes import MistakeSettings, what_goes_wrong
from experiments.objectives import ObjectiveSettings, compare_objectives
from experiments.orders import fit_in_two_orders
from experiments.retrieval import RetrievalSettings, retrieval_in_orders
from experiments.retrieval_figures import retrieval_figures
from experiments.small_model import SmallModelSettings
from sampledsoftmax.diagnostics.problem import Floats, zipf_counts

Settings = dict[str, Any]
SHORT = SmallModelSettings(num_steps=50, dim=4, num_points=1)


@dataclass(frozen=True)
class Experiment:
    """An experiment as the command line runs it.

    Attributes
    ----------
    about : str
        One-line description.
    run : function
        From whether to run quickly, and counts of classes or None, to the settings and the results.
    draw : function
        From the results, as they are in the JSON file, to figures by file name.
    takes_counts : bool
        Whether it can be run on given counts.
    """

    about: str
    run: Callable[[bool, Floats | None], tuple[Settings, Any]]
    draw: Callable[[Any], dict[str, Any]]
    takes_counts: bool = False


def _run_bias(quick: bool, counts: Floats | None) -> tuple[Settings, Any]:
    settings = BiasSettings(num_sampled=(4, 16), num_samples=40) if quick else BiasSettings()
    origin, counts = _counts(quick, counts)
    return {"counts": origin, "num_classes": counts.size, **vars(settings)}, bias_by_sampler(counts, settings)


def _run_fit(quick: bool, counts: Floats | None) -> tuple[Settings, Any]:
    origin, counts = _counts(quick, counts)
    return {"counts": origin, "num_classes": counts.size, "seed": 1}, fit_in_two_orders(counts, seed=1)


def _counts(quick: bool, counts: Floats | None) -> tuple[str, Floats]:
    """Return where the counts are from, and the counts."""
    return ("zipf_counts", zipf_counts(60 if quick else 1000)) if counts is None else ("given", counts)


def _run_loss_by_sampler(quick: bool, _: Floats | None) -> tuple[Settings, Any]:
    settings = LossSettings(60, 3, ("counts", "uniform"), (4, 16), (1,), SHORT) if quick else LossSettings()
    return vars(settings), loss_by_sampler(settings)


def _run_mistakes(quick: bool, _: Floats | None) -> tuple[Settings, Any]:
    settings = MistakeSettings(60, 3, (4, 16), 40, (1,), SHORT) if quick else MistakeSettings()
    return vars(settings), what_goes_wrong(settings)


def _run_objectives(quick: bool, _: Floats | None) -> tuple[Settings, Any]:
    short = SmallModelSettings(num_steps=50, dim=4, num_points=2)
    settings = ObjectiveSettings(6, 3, 50, 10, 60, 3, 8, short) if quick else ObjectiveSettings()
    return vars(settings), compare_objectives(settings)


def _run_retrieval(quick: bool, _: Floats | None) -> tuple[Settings, Any]:
    settings = RetrievalSettings(40, 3, 4, 16, 20, 4, seeds=(1,)) if quick else RetrievalSettings()
    return vars(settings), retrieval_in_orders(settings)


def _run_faults(quick: bool, _: Floats | None) -> tuple[Settings, Any]:
    settings = FaultSettings(20_000, 200, 10) if quick else FaultSettings()
    return vars(settings), find_faults(settings)


EXPERIMENTS = {
    "bias": Experiment(
        "Bias and noise of the gradient, by sampler and number of candidates.", _run_bias, figures.bias_figures, True
    ),
    "fit": Experiment(
        "The log-uniform distribution and counts, with sorted and shuffled ids.", _run_fit, figures.order_figures, True
    ),
    "trained": Experiment(
        "The loss after training, by sampler and number of candidates.",
        _run_loss_by_sampler,
        figures.loss_by_sampler_figures,
    ),
    "mistakes": Experiment(
        "Effects of common mistakes on the gradient and on a trained model.", _run_mistakes, figures.mistakes_figures
    ),
    "objectives": Experiment(
        "What each objective learns from the same data.", _run_objectives, figures.objectives_figures
    ),
    "retrieval": Experiment(
        "In-batch softmax with its operations in the right and in wrong orders.", _run_retrieval, retrieval_figures
    ),
    "faults": Experiment(
        "Faults of public code, which checks find them, and the bias of the gradient.", _run_faults, fault_figures
    ),
}
