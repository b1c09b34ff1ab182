"""Functions that run in a worker process: draw candidates, with our samplers or TensorFlow's op under tf.function."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import sampledsoftmax as ss
from benchmarks.cases import NUM_BATCHES, SEED, Case, Ids
from benchmarks.timing import timed

SAMPLERS = ("log_uniform", "uniform", "learned_unigram", "fixed_unigram", "all")
DISTORTION = 0.75
WARM_UP = 2
AT_LEAST, AT_MOST = 8, 256  # calls per turn; at most, since a learned unigram gets slower the more it has learned

Values = tuple[NDArray[Any], ...]  # candidates, expected counts of labels and of candidates, logarithms of both


@dataclass(frozen=True)
class Draw:
    """A sampler and its sizes."""

    sampler: str
    range_max: int
    num_sampled: int
    batch_size: int

    def labels(self) -> list[Ids]:
        """Return batches of log-uniform labels [batch_size, 1]."""
        return [labels for _, labels in Case("", self.range_max, 1, self.batch_size, 1).batches()]


def word_counts(range_max: int) -> NDArray[np.float32]:
    """Return counts that fall like those of words."""
    return (1e6 / (np.arange(range_max) + 2.7)).astype(np.float32)


def ours(draw: Draw, vocab_file: Path) -> Callable[[Ids], Values]:
    """Return the sampler of this package."""
    del vocab_file
    sampler = {
        "log_uniform": lambda: ss.LogUniformSampler(draw.range_max, SEED),
        "uniform": lambda: ss.UniformSampler(draw.range_max, SEED),
        "learned_unigram": lambda: ss.LearnedUnigramSampler(draw.range_max, SEED),
        "fixed_unigram": lambda: ss.FixedUnigramSampler(word_counts(draw.range_max), DISTORTION, seed=SEED),
        "all": lambda: ss.AllSampler(draw.range_max, SEED),
    }[draw.sampler]()

    def sample(labels: Ids) -> Values:
        values = sampler.sample(labels, draw.num_sampled)
        return *values, np.log(values.true_expected_count), np.log(values.sampled_expected_count)

    return sample


def tensorflow(draw: Draw, vocab_file: Path) -> Callable[[Ids], Values]:
    """Return TensorFlow's op."""
    import tensorflow as tf  # noqa: PLC0415 - only in the process of TensorFlow

    op = getattr(tf.random, f"{draw.sampler}_candidate_sampler")
    common: dict[str, Any] = {"num_true": 1, "num_sampled": draw.num_sampled, "unique": True, "seed": SEED}
    if draw.sampler != "all":
        common["range_max"] = draw.range_max
    if draw.sampler == "fixed_unigram":
        common |= {"vocab_file": str(vocab_file), "distortion": DISTORTION}

    @tf.function  # type: ignore[untyped-decorator]
    def sample(labels: Any) -> Any:
        candidates, true_count, sampled_count = op(labels, **common)
        return candidates, true_count, sampled_count, tf.math.log(true_count), tf.math.log(sampled_count)

    return lambda labels: tuple(value.numpy() for value in sample(tf.constant(labels)))


_SIDES = {"sampledsoftmax": ours, "tensorflow": tensorflow}


def first_draws(side: str, draw: Draw, vocab_file: Path) -> list[Values]:
    """Return the results of the calls for all batches."""
    sample = _SIDES[side](draw, vocab_file)
    return [sample(labels) for labels in draw.labels()]


def turn(side: str, draw: Draw, vocab_file: Path, seconds: float) -> list[float]:
    """Return times of calls of a new sampler over about `seconds`."""
    sample, batches = _SIDES[side](draw, vocab_file), draw.labels()
    for labels in batches[:WARM_UP]:
        sample(labels)
    return timed(lambda i: sample(batches[i % NUM_BATCHES]), seconds, AT_LEAST, AT_MOST)
