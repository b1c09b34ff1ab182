"""Experiments that teach what sampled softmax does, on counts of your own or on Zipf's.

Functions take arrays and return plain records; nothing here draws, but for the modules named `..._figure`. The
command is `python -m sampledsoftmax.experiments`.
"""

from sampledsoftmax.experiments.bias import BiasPoint, BiasSettings, bias_by_sampler
from sampledsoftmax.experiments.counts_file import Counts, read_counts
from sampledsoftmax.experiments.fitting import Distance, Fit, fit
from sampledsoftmax.experiments.gradient import GradientBias, Method, gradient_bias
from sampledsoftmax.experiments.mistakes import MistakePoint, MistakeSettings, what_goes_wrong
from sampledsoftmax.experiments.problem import Problem, problem, zipf_counts

__all__ = [
    "BiasPoint",
    "BiasSettings",
    "Counts",
    "Distance",
    "Fit",
    "GradientBias",
    "Method",
    "MistakePoint",
    "MistakeSettings",
    "Problem",
    "bias_by_sampler",
    "fit",
    "gradient_bias",
    "problem",
    "read_counts",
    "what_goes_wrong",
    "zipf_counts",
]
