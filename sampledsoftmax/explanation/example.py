"""A worked example: twelve words, five skip-gram pairs, tables small enough to check by hand."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax.explanation.explain import explain
from sampledsoftmax.explanation.explanation import Explanation

# Sorted by falling frequency, as the log-uniform sampler expects.
WORDS = ("the", "a", "king", "queen", "rules", "castle", "land", "wears", "crown", "old", "gold", "sleeps")
# (center word of a window, context word)
PAIRS = (("king", "the"), ("king", "rules"), ("queen", "the"), ("rules", "land"), ("crown", "gold"))
NUM_SAMPLED, SEED = 4, 16
_DIM = 4
_TABLE_SEED = 387  # gives losses that are neither tiny nor huge


class Example(NamedTuple):
    """The arrays of the example.

    Attributes
    ----------
    embeddings, weights : float32 [12, 4]
        Input and output tables.
    biases : float32 [12]
        Output biases.
    input_ids : int64 [5]
        Rows of `embeddings` that are the inputs.
    labels : int64 [5, 1]
        True classes.
    """

    embeddings: NDArray[np.float32]
    weights: NDArray[np.float32]
    biases: NDArray[np.float32]
    input_ids: NDArray[np.int64]
    labels: NDArray[np.int64]


def worked_example() -> Example:
    """Return the arrays: random tables rounded to one decimal, and the pairs as ids."""
    rng = np.random.default_rng(_TABLE_SEED)
    sizes = ((0.8, (len(WORDS), _DIM)), (0.8, (len(WORDS), _DIM)), (0.4, (len(WORDS),)))
    embeddings, weights, biases = ((size * rng.normal(size=shape)).round(1).astype(np.float32) for size, shape in sizes)
    ids = np.array([[WORDS.index(center), WORDS.index(context)] for center, context in PAIRS])
    return Example(embeddings, weights, biases, ids[:, 0], ids[:, 1:])


def explain_example(num_sampled: int = NUM_SAMPLED, seed: Any = SEED, **options: Any) -> Explanation:
    """Return the trace of the example; `options` are passed to `explain`.

    Examples
    --------
    >>> trace = explain_example(path="reference")
    >>> [(example, trace.name(trace.values.sampled_candidates[i])) for example, i in trace.hits.tolist()]
    [(0, '0 the'), (2, '0 the')]
    """
    example = worked_example()
    inputs = example.embeddings[example.input_ids]
    arrays = (example.weights, example.biases, example.labels, inputs)
    options |= {"class_names": WORDS, "input_ids": example.input_ids}
    return explain(*arrays, num_sampled, len(WORDS), seed=seed, **options)
