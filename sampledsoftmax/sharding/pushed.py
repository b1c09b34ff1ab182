"""A step in which inputs go to the shards and no row moves: sampled softmax, divided by classes.

Each shard computes the logits of its candidates and labels, and reports the largest logit and the sum of exponentials
of each example. With the normalizers of all shards it computes its share of the gradient of the inputs, and the
gradients of its rows, which stay there.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax.losses import sampled_pass
from sampledsoftmax.losses.accidental_hits import compute_accidental_hits
from sampledsoftmax.losses.batch import Batch
from sampledsoftmax.losses.shards import Shards
from sampledsoftmax.sharding.compact_step import Examples
from sampledsoftmax.sharding.rows import NO_IDS, RowIds, RowValues
from sampledsoftmax.types import Correction, IndexedSlices, SampledValues, coalesced

Ids = NDArray[np.int64]
Floats = NDArray[Any]


class Question(NamedTuple):
    """What a shard is asked about a batch.

    Attributes
    ----------
    ids : int64 [num_classes_used]
        The rows of the shard that the batch uses.
    counts : float32 [num_classes_used]
        Their expected counts.
    candidates : int64 [num_sampled_here]
        Candidates that the shard has, in the order of their draws.
    labels : int64 [batch_size, num_true]
        All labels; -1 for those that do not count.
    inputs : float [batch_size, dim]
    """

    ids: Ids
    counts: NDArray[np.float32]
    candidates: Ids
    labels: Ids
    inputs: Floats


class Partial(NamedTuple):
    """What a shard knows of the normalizers.

    Attributes
    ----------
    largest : float [batch_size]
        Largest logit of its candidates.
    sum_exp : float64 [batch_size]
        Sum of exp(logit - largest) of its candidates.
    true_logits : float [batch_size, num_true]
        Logits of the labels that it has; 0 for others.
    """

    largest: Floats
    sum_exp: NDArray[np.float64]
    true_logits: Floats


class Forward(NamedTuple):
    """What a shard keeps of a batch until the normalizers are known."""

    question: Question
    rows: RowValues
    logits: Floats


class Normalizers(NamedTuple):
    """What the shards need for the gradients.

    Attributes
    ----------
    largest : float [batch_size]
        Largest logit of each example.
    scales : float [batch_size]
        Share of the example in the loss, divided by its sum of exponentials.
    true_gradients : float [batch_size, num_true]
        Gradients of the logits of the labels.
    """

    largest: Floats
    scales: Floats
    true_gradients: Floats


def question_for(examples: Examples, ids: Ids, counts: Any, candidates: Ids) -> Question:
    """Return the question to the shard that has the rows `ids`, which are a range of those of the batch."""
    labels = examples.labels if examples.counted is None else np.where(examples.counted.labels, examples.labels, -1)
    return Question(ids, counts, candidates, labels, examples.inputs)


def forward(question: Question, rows: RowValues, correction: Correction) -> tuple[Forward, Partial]:
    """Return the logits of a shard, and what it reports of them."""
    ids, counts, candidates, labels, inputs = question
    own = np.isin(labels, ids)
    places = np.where(own, np.searchsorted(ids, labels), 0).clip(max=max(ids.size - 1, 0))
    dtype, batch_size = inputs.dtype, inputs.shape[0]
    if ids.size == 0:
        nothing = Partial(np.full(batch_size, -np.inf, dtype), np.zeros(batch_size), np.zeros(labels.shape, dtype))
        return Forward(question, rows, np.zeros((batch_size, 0), dtype)), nothing
    drawn = np.searchsorted(ids, candidates)
    # one candidate at least, for the kernel
    columns = drawn if drawn.size else np.zeros(1, np.int64)
    batch = Batch(Shards((rows.weights,)), Shards((rows.biases,)), places, inputs)
    values = SampledValues(columns, counts[places].astype(dtype), counts[columns].astype(dtype))
    found = sampled_pass.logits(batch, values, correction._replace(remove_accidental_hits=False))
    logits = found.sampled[:, : drawn.size]
    if correction.remove_accidental_hits and drawn.size:
        examples, hits, _ = compute_accidental_hits(labels.clip(min=0), candidates, labels.shape[1], copies="all")
        is_label = (labels[examples] == candidates[hits][:, np.newaxis]).any(axis=1)
        logits[examples[is_label], hits[is_label]] = -np.inf
    largest = logits.max(axis=1, initial=-np.inf).astype(dtype)
    sums = np.exp(logits - np.where(np.isfinite(largest), largest, 0)[:, np.newaxis]).sum(axis=1, dtype=np.float64)
    return Forward(question, rows, logits), Partial(largest, sums, np.where(own, found.true, dtype.type(0)))


def combined(partials: list[Partial], examples: Examples) -> tuple[float, Normalizers]:
    """Return the mean loss of a batch, and the normalizers, from what the shards report, in their order."""
    counted = examples.counted
    real = np.ones(examples.labels.shape, np.bool_) if counted is None else counted.labels
    weights = np.ones(real.shape[0]) if counted is None else counted.shares()
    shares = weights / weights.sum()
    true = sum(partial.true_logits for partial in partials)
    of_labels = np.where(real, true, -np.inf)
    largest = np.max([of_labels.max(axis=1), *(partial.largest for partial in partials)], axis=0)
    safe = np.where(weights > 0, largest, 0)
    total = np.exp((of_labels - safe[:, np.newaxis]).astype(np.float64)).sum(axis=1)
    for partial in partials:
        total += partial.sum_exp * np.exp((partial.largest - safe).astype(np.float64))
    num_true = np.maximum(real.sum(axis=1), 1)
    total = np.where(weights > 0, total, 1)
    shifted = np.where(real, true - safe[:, np.newaxis], 0).astype(np.float64)
    loss = float((shares * (np.log(total) - shifted.sum(axis=1) / num_true)).sum())
    dtype, scales = examples.inputs.dtype, shares / total
    gradients = np.exp(shifted) * scales[:, np.newaxis] - (shares / num_true)[:, np.newaxis]
    return loss, Normalizers(safe.astype(dtype), scales.astype(dtype), np.where(real, gradients, 0).astype(dtype))


def backward(state: Forward, normalizers: Normalizers, correction: Correction) -> tuple[Floats, RowIds, RowValues]:
    """Return the gradient of the inputs through the rows of a shard, and those of its rows."""
    ids, _, candidates, labels, inputs = state.question
    rows, dtype = state.rows, inputs.dtype
    factor = dtype.type(1 / correction.similarity.temperature)
    gradients = np.exp(state.logits - normalizers.largest[:, np.newaxis]) * normalizers.scales[:, np.newaxis]
    example, column = np.nonzero(np.isin(labels, ids))
    places = np.searchsorted(ids, labels[example, column])
    of_labels = normalizers.true_gradients[example, column]
    drawn = np.searchsorted(ids, candidates)
    of_inputs = gradients @ rows.weights[drawn] if drawn.size else np.zeros_like(inputs)
    np.add.at(of_inputs, example, of_labels[:, np.newaxis] * rows.weights[places])
    indices = np.concatenate((drawn, places))
    weights = np.concatenate((gradients.T @ inputs, of_labels[:, np.newaxis] * inputs[example])) * factor
    biases = np.concatenate((gradients.sum(axis=0), of_labels))
    of_weights = coalesced(IndexedSlices(weights, indices, rows.weights.shape)).values
    of_biases = coalesced(IndexedSlices(biases, indices, rows.biases.shape)).values
    no_inputs = np.zeros((0, inputs.shape[1]), dtype)
    return of_inputs * factor, RowIds(ids, NO_IDS), RowValues(of_weights, of_biases, no_inputs)
