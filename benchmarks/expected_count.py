"""How far TensorFlow's expected counts are off: `python -m benchmarks.expected_count`.

For samples of different classes, the count of a class is the chance that it is in the sample. TensorFlow
takes p * num_sampled where no draw was rejected, else 1 - (1 - p)**tries with the tries of this one
batch. The table sets it against the share of simulated batches that hold the class: the error of
TensorFlow's count in the mean over batches, its smallest and largest value relative to the truth, and
the error of `expected_count="inclusion"`, which does not change from batch to batch. What an error of
log(count) of 0.1 does to a logit is what an error of 10 % here is.
"""

import numpy as np

from sampledsoftmax.samplers.base import CandidateSampler
from sampledsoftmax.samplers.fixed_unigram import FixedUnigramSampler
from sampledsoftmax.samplers.log_uniform import LogUniformSampler
from sampledsoftmax.samplers.uniform import UniformSampler

NUM_BATCHES = 100_000
WORD_COUNTS = 1e6 / (np.arange(10_000) + 2.7)  # Zipf-Mandelbrot
SETTINGS = [  # name, sampler, num_sampled
    ("uniform 10,000", UniformSampler(10_000, seed=1), 64),
    ("log-uniform 100", LogUniformSampler(100, seed=1), 5),
    ("log-uniform 100", LogUniformSampler(100, seed=1), 50),
    ("log-uniform 10,000", LogUniformSampler(10_000, seed=1), 8),
    ("log-uniform 10,000", LogUniformSampler(10_000, seed=1), 64),
    ("log-uniform 10,000", LogUniformSampler(10_000, seed=1), 1024),
    ("unigram**0.75 10,000", FixedUnigramSampler(WORD_COUNTS, 0.75, seed=1), 64),
]
HEAD = (
    f"{'sampler':21}{'num_sampled':>11}{'no reject':>10}{'id':>5}{'truth':>9}{'TF mean':>10}{'TF min':>9}{'TF max':>9}"
)


def main() -> None:
    """Print one line for each setting and class."""
    print(f"{NUM_BATCHES:,} batches each; errors in % of the truth, +- the standard error of the simulation")
    print(f"{HEAD}{'inclusion':>11}{'+-':>7}")
    for name, sampler, num_sampled in SETTINGS:
        ids = np.array([0, 10, 60])
        truth, tensorflow, unrejected = simulate(sampler, num_sampled, ids)
        exact = type(sampler)._inclusion(sampler, num_sampled)(sampler.probability(ids))
        for k, share, counts, inclusion in zip(ids, truth, tensorflow.T, exact, strict=True):
            error = 100 * (np.array([counts.mean(), counts.min(), counts.max(), inclusion]) / share - 1)
            spread = 100 * ((1 - share) / share / NUM_BATCHES) ** 0.5
            print(f"{name:21}{num_sampled:11}{unrejected:10.1%}{k:5}{share:9.5f}", end="")
            print(f"{error[0]:+9.2f}%{error[1]:+8.1f}%{error[2]:+8.1f}%{error[3]:+10.2f}%{spread:7.2f}")


def simulate(sampler: CandidateSampler, num_sampled: int, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Return the share of batches with each id, TensorFlow's counts [NUM_BATCHES, ids], share without rejection."""
    seen = np.zeros(sampler.range_max)
    counts = np.empty((NUM_BATCHES, ids.size))
    without = sampler.probability(ids) * np.float32(num_sampled)
    for batch in range(NUM_BATCHES):
        values = sampler.sample(ids, num_sampled)
        seen[values.sampled_candidates] += 1
        counts[batch] = values.true_expected_count[:, 0]
    return seen[ids] / NUM_BATCHES, counts, float((counts == without).all(axis=1).mean())


if __name__ == "__main__":
    main()
