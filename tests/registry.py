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

# Name: function of a learning rate.
OPTIMIZERS = {
    "sgd": ss.SGD,
    "momentum": lambda rate: ss.Momentum(rate, 0.9),
    "nesterov": lambda rate: ss.Momentum(rate, 0.9, nesterov=True),
    "adagrad": ss.Adagrad,
    "rowwise_adagrad": ss.RowwiseAdagrad,
    "adam": ss.Adam,
    "row_counted_adam": lambda rate: ss.Adam(rate, mode="row_counted"),
    "exact_adam": lambda rate: ss.Adam(rate, mode="exact"),
}

# Name: what word training sets of `subtract_log_q` and `remove_accidental_hits` where the caller does not.
OBJECTIVES = {"sampled_softmax": (True, True), "nce": (True, False), "negative_sampling": (False, True)}

# Of tables, inputs and results.
DTYPES = [np.float32, np.float64]
