"""Settings of the recorded samplers, losses and training runs, shared by recorder and test."""

import numpy as np

TRUE_CLASSES = [[0, 2], [3, 1], [3, 3]]
NUM_CALLS = 3
UNIGRAMS = [12.0, 5.0, 5.0, 3.0, 1.0, 1.0, 0.5, 9.0]

# name: (op, its own arguments, num_sampled, unique, seeds)
SAMPLERS = {
    "log_uniform": ("LogUniformCandidateSampler", {"range_max": 10_000}, 12, True, (87654321, 5)),
    "log_uniform_large": ("LogUniformCandidateSampler", {"range_max": 10**9}, 6, True, (3, 2**31 - 2)),
    "log_uniform_repeated": ("LogUniformCandidateSampler", {"range_max": 6}, 12, False, (1, 0)),
    "uniform": ("UniformCandidateSampler", {"range_max": 10_000}, 12, True, (87654321, 5)),
    "uniform_power_of_two": ("UniformCandidateSampler", {"range_max": 16}, 16, True, (9, 9)),
    "learned_unigram": ("LearnedUnigramCandidateSampler", {"range_max": 12}, 8, True, (87654321, 5)),
    "fixed_unigram": ("FixedUnigramCandidateSampler", {"range_max": 8, "unigrams": UNIGRAMS}, 5, True, (2, 4)),
    "fixed_unigram_distorted": (
        "FixedUnigramCandidateSampler",
        {"range_max": 10, "unigrams": UNIGRAMS, "distortion": 0.75, "num_reserved_ids": 2},
        9,
        False,
        (2, 4),
    ),
    "all": ("AllCandidateSampler", {}, 7, True, (1, 1)),
}

# name: (function, remove_accidental_hits); each on the arrays below
LOSSES = {
    "sampled_softmax": ("sampled_softmax_loss", True),
    "sampled_softmax_hits_kept": ("sampled_softmax_loss", False),
    "nce": ("nce_loss", False),
    "nce_hits_removed": ("nce_loss", True),
}
NUM_CLASSES, DIM, NUM_SAMPLED, NUM_STEPS, SEED, LEARNING_RATE = 60, 4, 7, 6, 5, 0.5
OPTIMIZERS = ("sgd", "adagrad")


def table(shape, number):
    """Return float32 entries in [-0.5, 0.5], computed without a random generator."""
    entries = (np.arange(np.prod(shape)) * 37 + number * 11) % 101 - 50
    return (entries / 100).astype(np.float32).reshape(shape)


def tables():
    """Return embeddings, weights and biases."""
    return table((NUM_CLASSES, DIM), 1), table((NUM_CLASSES, DIM), 2), table((NUM_CLASSES,), 3)


def batch(step):
    """Return inputs [5] and labels [5, 2], often small ids, so that labels are among the candidates."""
    ids = (np.arange(15) * 7 + step) ** 2 % 60 // (1 + np.arange(15) % 3 * 9)
    return ids[:5], ids[5:].reshape(5, 2)
