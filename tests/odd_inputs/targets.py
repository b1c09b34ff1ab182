"""Calls that are right, one or more for each public function, method and constructor: tests change their arguments."""

from collections.abc import Callable

import numpy as np

import sampledsoftmax as ss
from tests.odd_inputs.factor_targets import FACTOR_TARGETS, write_factor_files
from tests.odd_inputs.sampler_targets import SAMPLER_TARGETS
from tests.odd_inputs.target import Target, method
from tests.odd_inputs.word_targets import WORD_TARGETS, write_word_files
from tests.registry import OPTIMIZERS

NUM_CLASSES, DIM, BATCH, NUM_SAMPLED = 20, 4, 3, 5


def tables():
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(NUM_CLASSES, DIM)).astype(np.float32)
    return weights, np.zeros(NUM_CLASSES, np.float32)


def batch():
    inputs = np.random.default_rng(1).normal(size=(BATCH, DIM)).astype(np.float32)
    return inputs, np.array([[1], [4], [7]])


def loss_call(function, **more):
    weights, biases = tables()
    inputs, labels = batch()
    sizes = {"num_sampled": NUM_SAMPLED, "num_classes": NUM_CLASSES, "num_true": 1, "seed": 1}
    return Target(function, {"weights": weights, "biases": biases, "labels": labels, "inputs": inputs, **sizes, **more})


def full_loss_call(function, **more):
    weights, biases = tables()
    inputs, labels = batch()
    return Target(function, {"weights": weights, "biases": biases, "labels": labels, "inputs": inputs, **more})


def sampler_call(function, **more):
    arguments = {"true_classes": batch()[1], "num_true": 1, "num_sampled": NUM_SAMPLED, "unique": True, "seed": 3}
    return Target(function, {**arguments, **more})


def sampled_values():
    return ss.log_uniform_candidate_sampler(batch()[1], 1, NUM_SAMPLED, True, NUM_CLASSES, seed=1)


def gradient():
    return ss.IndexedSlices(np.ones((2, DIM), np.float32), np.array([1, 5]), (NUM_CLASSES, DIM))


def layer(**options):
    return ss.SampledSoftmax(NUM_CLASSES, DIM, NUM_SAMPLED, seed=1, **options)


def skip_gram(**options):
    return ss.SkipGram(NUM_CLASSES, DIM, NUM_SAMPLED, seed=1, **options)


def optimizer_call(make, **more):
    optimizer, table = make(0.1), tables()[0]
    return Target(optimizer.update, {"table": table, "slots": optimizer.init(table), "gradient": gradient()} | more)


CONSTRUCTORS = {
    "SGD": {"learning_rate": 0.1},
    "Momentum": {"learning_rate": 0.1, "momentum": 0.9, "nesterov": False},
    "Adagrad": {"learning_rate": 0.1, "initial_accumulator_value": 0.1},
    "RowwiseAdagrad": {"learning_rate": 0.1, "initial_accumulator_value": 0.1},
    "Adam": {"learning_rate": 0.1, "beta_1": 0.9, "beta_2": 0.99, "epsilon": 1e-8, "mode": "lazy"},
    "LogUniformSampler": {"range_max": 20, "seed": 1},
    "UniformSampler": {"range_max": 20, "seed": 1},
    "LearnedUnigramSampler": {"range_max": 20, "seed": 1},
    "AllSampler": {"range_max": 20},
    "FixedUnigramSampler": {"unigrams": [3.0, 2.0, 1.0], "distortion": 0.75, "num_reserved_ids": 1, "seed": 1},
    "SampledSoftmax": {"num_classes": 20, "dim": 4, "num_sampled": 5, "sampler": "uniform", "dtype": "f4", "seed": 1},
    "SkipGram": {"num_classes": 20, "dim": 4, "num_sampled": 5, "sampler": "uniform", "dtype": "f4", "seed": 1},
    "WordVectors": {"words": ["a", "b"], "vectors": np.eye(2)},
    "Word2Vec": {
        "vector_size": 4,
        "window": 2,
        "min_count": 1,
        "sample": 0,
        "epochs": 1,
        "num_sampled": 2,
        "batch_size": 8,
        "learning_rate": 0.1,
        "sg": True,
        "objective": "nce",
        "sampler": "unigram",
        "ns_exponent": 0.5,
        "seed": 1,
        "optimizer": "sgd",
        "bias": True,
        "which": "in",
        "shrinkage": 5.0,
        "threads": 1,
        "shrink_windows": True,
    },
}

TARGETS: dict[str, Callable[[], Target]] = {
    "sampled_softmax_loss": lambda: loss_call(ss.sampled_softmax_loss, sampled_values=sampled_values()),
    "sampled_softmax_loss_and_grad": lambda: loss_call(ss.sampled_softmax_loss_and_grad, loss_grad=np.ones(3, "f4")),
    "nce_loss": lambda: loss_call(ss.nce_loss, remove_accidental_hits=True),
    "nce_loss_and_grad": lambda: loss_call(ss.nce_loss_and_grad, sampled_values=sampled_values()),
    "full_softmax_loss": lambda: full_loss_call(ss.full_softmax_loss),
    "full_softmax_loss_and_grad": lambda: full_loss_call(ss.full_softmax_loss_and_grad, loss_grad=np.ones(3, "f4")),
    "compute_sampled_logits": lambda: loss_call(ss.compute_sampled_logits, subtract_log_q=True),
    "compute_accidental_hits": lambda: Target(
        ss.compute_accidental_hits, {"true_classes": batch()[1], "sampled_candidates": np.arange(5), "num_true": 1}
    ),
    "log_uniform_candidate_sampler": lambda: sampler_call(ss.log_uniform_candidate_sampler, range_max=NUM_CLASSES),
    "uniform_candidate_sampler": lambda: sampler_call(ss.uniform_candidate_sampler, range_max=NUM_CLASSES),
    "learned_unigram_candidate_sampler": lambda: sampler_call(
        ss.learned_unigram_candidate_sampler, range_max=NUM_CLASSES
    ),
    "fixed_unigram_candidate_sampler": lambda: sampler_call(
        ss.fixed_unigram_candidate_sampler, range_max=NUM_CLASSES, unigrams=[1.0] * NUM_CLASSES, distortion=0.75
    ),
    "all_candidate_sampler": lambda: sampler_call(ss.all_candidate_sampler, num_sampled=NUM_CLASSES),
    "explain": lambda: loss_call(ss.explain, class_names=[f"name{i}" for i in range(NUM_CLASSES)], input_ids=[1, 2, 3]),
    "Explanation.name": lambda: method(ss.explain(**loss_call(ss.explain).arguments), "name", class_id=3),
    "Optimizer.init": lambda: Target(ss.Adagrad(0.1).init, {"table": tables()[0]}),
    "CandidateSampler.sample": lambda: method(
        ss.LogUniformSampler(NUM_CLASSES, seed=1), "sample", true_classes=batch()[1], num_sampled=4, unique=True
    ),
    "CandidateSampler.probability": lambda: method(ss.LogUniformSampler(NUM_CLASSES), "probability", ids=[1, 2]),
    "LearnedUnigramSampler.sample": lambda: method(
        ss.LearnedUnigramSampler(NUM_CLASSES, seed=1), "sample", true_classes=batch()[1], num_sampled=4, unique=True
    ),
    "SampledSoftmax.step": lambda: method(layer(), "step", **dict(zip(("inputs", "labels"), batch(), strict=True))),
    "SampledSoftmax.full_loss": lambda: method(
        layer(), "full_loss", **dict(zip(("inputs", "labels"), batch(), strict=True))
    ),
    "SampledSoftmax.top_k": lambda: method(layer(), "top_k", inputs=batch()[0], k=3),
    "SkipGram.step": lambda: method(skip_gram(), "step", inputs=np.arange(3), labels=np.arange(3) + 1),
    "SkipGram.steps": lambda: method(skip_gram(), "steps", inputs=np.arange(5), labels=np.arange(5), batch_size=2),
    "set_num_threads": lambda: Target(ss.set_num_threads, {"num_threads": 2}),
    **SAMPLER_TARGETS,
    **FACTOR_TARGETS,
    **WORD_TARGETS,
    **{
        f"Optimizer.update, {name}": lambda make=make: optimizer_call(make)
        for name, make in OPTIMIZERS.items()
    },
    **{
        name: lambda name=name, arguments=arguments: Target(getattr(ss, name), dict(arguments))
        for name, arguments in CONSTRUCTORS.items()
    },
}  # fmt: skip


def write_files(folder):
    """Write the files that the calls read to the working directory."""
    write_factor_files(folder)
    write_word_files(folder)
