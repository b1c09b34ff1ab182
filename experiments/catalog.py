"""The experiments by name: how each is run, in full and quickly, and how its figures are drawn."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from experiments.bias import BiasSettings, bias_by_sampler
from experiments.mistakes import MistakeSettings, what_goes_wrong
from experiments.objectives import ObjectiveSettings, compare_objectives
from experiments.orders import fit_in_two_orders
from experiments.trained import TrainedSettings, loss_by_sampler
from experiments.training import Training
from sampledsoftmax.diagnostics.problem import Floats, zipf_counts

Settings = dict[str, Any]
Draw = Callable[[Any], dict[str, Any]]


@dataclass(frozen=True)
class Experiment:
    """What the command runs.

    Attributes
    ----------
    about : str
        One line.
    run : function
        Takes whether it shall be quick, and counts of classes or None; returns the settings and the results.
    draw : function
        Takes the results as they are in the JSON file; returns figures by file name.
    takes_counts : bool
        Whether it can be run on counts that are given.
    """

    about: str
    run: Callable[[bool, Floats | None], tuple[Settings, Any]]
    draw: Draw
    takes_counts: bool = False


def _run_bias(quick: bool, counts: Floats | None) -> tuple[Settings, Any]:
    settings = BiasSettings(num_sampled=(4, 16), num_samples=40) if quick else BiasSettings()
    of = "zipf_counts" if counts is None else "given"
    if counts is None:
        counts = zipf_counts(60 if quick else 1000)
    return {"counts": of, "num_classes": counts.size, **vars(settings)}, bias_by_sampler(counts, settings)


def _draw_bias(results: Any) -> dict[str, Any]:
    from experiments.bias_figure import bias_figures  # noqa: PLC0415 - matplotlib is an extra

    return bias_figures(results)


def _run_mistakes(quick: bool, _: Floats | None) -> tuple[Settings, Any]:
    short = Training(num_steps=50, dim=4, num_points=1)
    settings = MistakeSettings(60, 3, (4, 16), 40, (1,), short) if quick else MistakeSettings()
    return vars(settings), what_goes_wrong(settings)


def _draw_mistakes(results: Any) -> dict[str, Any]:
    from experiments.mistakes_figure import mistakes_figures  # noqa: PLC0415

    return mistakes_figures(results)


def _run_fit(quick: bool, counts: Floats | None) -> tuple[Settings, Any]:
    seed, of = 1, "zipf_counts" if counts is None else "given"
    if counts is None:
        counts = zipf_counts(60 if quick else 1000)
    return {"counts": of, "num_classes": counts.size, "seed": seed}, fit_in_two_orders(counts, seed)


def _draw_fit(results: Any) -> dict[str, Any]:
    from experiments.orders_figure import orders_figures  # noqa: PLC0415

    return orders_figures(results)


def _run_trained(quick: bool, _: Floats | None) -> tuple[Settings, Any]:
    short = Training(num_steps=50, dim=4, num_points=1)
    settings = TrainedSettings(60, 3, ("counts", "uniform"), (4, 16), (1,), short) if quick else TrainedSettings()
    return vars(settings), loss_by_sampler(settings)


def _draw_trained(results: Any) -> dict[str, Any]:
    from experiments.trained_figure import trained_figures  # noqa: PLC0415

    return trained_figures(results)


def _run_objectives(quick: bool, _: Floats | None) -> tuple[Settings, Any]:
    short = Training(num_steps=50, dim=4, num_points=2)
    settings = ObjectiveSettings(6, 3, 50, 10, 60, 3, 8, short) if quick else ObjectiveSettings()
    return vars(settings), compare_objectives(settings)


def _draw_objectives(results: Any) -> dict[str, Any]:
    from experiments.objectives_figure import objectives_figures  # noqa: PLC0415

    return objectives_figures(results)


EXPERIMENTS = {
    "bias": Experiment(
        "Bias and noise of the gradient, by sampler and number of candidates.", _run_bias, _draw_bias, True
    ),
    "fit": Experiment("Log-uniform beside the counts, ids in order and not.", _run_fit, _draw_fit, True),
    "trained": Experiment("What a model has learnt, by sampler and number of candidates.", _run_trained, _draw_trained),
    "mistakes": Experiment("What goes wrong, in the gradient and in a trained model.", _run_mistakes, _draw_mistakes),
    "objectives": Experiment("What each objective learns from the same data.", _run_objectives, _draw_objectives),
}
