"""One registry for all tests: what every sampler must satisfy is tested on each of these."""

import numpy as np

import sampledsoftmax as ss


def fixed_unigram(range_max, seed, **options):
    """Weights of a power law."""
    return ss.FixedUnigramSampler(1.0 / np.arange(1, range_max + 1), 0.75, seed=seed, **options)


# Name: function of (range_max, seed), and of options of the constructor.
SAMPLERS = {
    "log_uniform": ss.LogUniformSampler,
    "uniform": ss.UniformSampler,
    "fixed_unigram": fixed_unigram,
    "learned_unigram": ss.LearnedUnigramSampler,
    "all": ss.AllSampler,
}
# Those that draw a sample of any size.
DRAWN = [name for name in SAMPLERS if name != "all"]
