"""Right calls of samplers that have parts, and of the frequencies that they learn."""

import numpy as np

import sampledsoftmax as ss
from tests.odd_inputs.target import Target, method

NUM_CLASSES = 20


def parts():
    return [(ss.UniformSampler(NUM_CLASSES, seed=1), 3), (ss.LearnedUnigramSampler(NUM_CLASSES, seed=1), 2)]


def mixed():
    return ss.MixedSampler(parts(), seed=1)


def in_batch():
    return ss.InBatchSampler(NUM_CLASSES, frequency=ss.StreamingFrequency(100), seed=1)


def frequency():
    counted = ss.StreamingFrequency(100, 2)
    counted.update([1, 2, 2])
    return counted


SAMPLER_TARGETS = {
    "MixedSampler": lambda: Target(ss.MixedSampler, {"parts": parts(), "seed": 1, "unique": False}),
    "MixedSampler.sample": lambda: method(
        mixed(), "sample", true_classes=np.array([[1], [4]]), num_sampled=5, unique=True
    ),
    "InBatchSampler": lambda: Target(
        ss.InBatchSampler, {"range_max": 3, "counts": np.array([3.0, 2.0, 1.0]), "seed": 1}
    ),
    "InBatchSampler, frequency": lambda: Target(
        ss.InBatchSampler, {"range_max": 3, "frequency": ss.StreamingFrequency(100), "seed": 1}
    ),
    "InBatchSampler.sample": lambda: method(
        in_batch(), "sample", true_classes=np.array([[1], [4]]), num_sampled=5, unique=True
    ),
    "StreamingFrequency": lambda: Target(
        ss.StreamingFrequency, {"num_buckets": 100, "num_hashes": 2, "rate": 0.1, "seed": 1}
    ),
    "CandidateSampler.checked_size": lambda: Target(
        ss.UniformSampler(NUM_CLASSES).checked_size, {"num_sampled": 5, "unique": True}
    ),
    **{
        f"{kind}.draw": lambda make=make: Target(make().draw, {"rng": np.random.default_rng(1), "size": 3})
        for kind, make in {"MixedSampler": mixed, "InBatchSampler": in_batch}.items()
    },
    **{
        f"{kind}.{name}": lambda make=make, name=name, argument=argument: method(
            make(), name, **{argument: np.array([[1], [2]])}
        )
        for kind, make in {"MixedSampler": mixed, "InBatchSampler": in_batch}.items()
        for name, argument in {"probability": "ids", "learn": "labels"}.items()
    },
    **{
        f"StreamingFrequency.{name}": lambda name=name: method(frequency(), name, ids=[1, 2])
        for name in ("update", "probability", "expected_count", "share")
    },
}
