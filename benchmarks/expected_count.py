"""`expected-count`: the errors of TensorFlow's expected counts.

For unique samples, the expected count of a class is the probability that it is in the sample. TensorFlow uses
p * num_sampled if no draw was rejected, otherwise 1 - (1 - p)**tries with the tries of this batch. The table compares
it to the share of simulated batches that contain the class: the error of TensorFlow's count averaged over batches, its
smallest and largest value relative to the truth, and the error of `expected_count="inclusion"`, which does not vary
between batches. An error of 10 % changes a corrected logit by about 0.1.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import click
import numpy as np

from sampledsoftmax.samplers.base import CandidateSampler
from sampledsoftmax.samplers.fixed_unigram import FixedUnigramSampler
from sampledsoftmax.samplers.log_uniform import LogUniformSampler
from sampledsoftmax.samplers.uniform import UniformSampler

NUM_BATCHES = 100_000
WORD_COUNTS = 1e6 / (np.arange(10_000) + 2.7)  # Zipf-Mandelbrot


class Setting(NamedTuple):
    """A sampler by name, class and arguments, and the number of candidates."""

    name: str
    sampler: Callable[..., CandidateSampler]
    arguments: tuple[Any, ...]
    num_sampled: int


SETTINGS = [
    Setting("uniform 10,000", UniformSampler, (10_000,), 64),
    Setting("log-uniform 100", LogUniformSampler, (100,), 5),
    Setting("log-uniform 100", LogUniformSampler, (100,), 50),
    Setting("log-uniform 10,000", LogUniformSampler, (10_000,), 8),
    Setting("log-uniform 10,000", LogUniformSampler, (10_000,), 64),
    Setting("log-uniform 10,000", LogUniformSampler, (10_000,), 1024),
    Setting("unigram**0.75 10,000", FixedUnigramSampler, (WORD_COUNTS, 0.75), 64),
]
HEAD = (
    f"{'sampler':21}{'num_sampled':>11}{'no reject':>10}{'id':>5}{'truth':>9}{'TF mean':>10}{'TF min':>9}{'TF max':>9}"
)


@click.command(short_help="Errors of TensorFlow's expected counts.")
def command() -> None:
    """Print the errors of expected counts, one line per setting and class."""
    print(f"{NUM_BATCHES:,} batches each; errors in % of the truth, +- standard error of the simulation")
    print(f"{HEAD}{'inclusion':>11}{'+-':>7}")
    for name, new_sampler, arguments, num_sampled in SETTINGS:
        ids = np.array([0, 10, 60])
        truth, tensorflow, unrejected = simulate(new_sampler(*arguments, seed=1), num_sampled, ids)
        by_inclusion = new_sampler(*arguments, seed=1, expected_count="inclusion")
        exact = by_inclusion.sample(ids, num_sampled).true_expected_count[:, 0]
        for k, share, counts, inclusion in zip(ids, truth, tensorflow.T, exact, strict=True):
            error = 100 * (np.array([counts.mean(), counts.min(), counts.max(), inclusion]) / share - 1)
            spread = 100 * ((1 - share) / share / NUM_BATCHES) ** 0.5
            print(f"{name:21}{num_sampled:11}{unrejected:10.1%}{k:5}{share:9.5f}", end="")
            print(f"{error[0]:+9.2f}%{error[1]:+8.1f}%{error[2]:+8.1f}%{error[3]:+10.2f}%{spread:7.2f}")


def simulate(sampler: CandidateSampler, num_sampled: int, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Return the share of batches with each id, TensorFlow's counts [NUM_BATCHES, num_ids], share without rejection."""
    occurrences = np.zeros(sampler.range_max)
    counts = np.empty((NUM_BATCHES, ids.size))
    without = sampler.probability(ids) * np.float32(num_sampled)
    for batch in range(NUM_BATCHES):
        values = sampler.sample(ids, num_sampled)
        occurrences[values.sampled_candidates] += 1
        counts[batch] = values.true_expected_count[:, 0]
    return occurrences[ids] / NUM_BATCHES, counts, float((counts == without).all(axis=1).mean())
