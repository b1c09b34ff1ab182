"""Trace one checked call: compute its numbers with the compiled functions or the reference, and collect them."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax import reference, validation
from sampledsoftmax.explanation.types import Settings, SummedGradients, TableCost, TableRows, Trace
from sampledsoftmax.losses import evaluate
from sampledsoftmax.losses.accidental_hits import compute_accidental_hits
from sampledsoftmax.losses.arguments import Call
from sampledsoftmax.losses.objectives import SAMPLED_SOFTMAX
from sampledsoftmax.samplers.log_uniform import log_uniform_candidate_sampler
from sampledsoftmax.types import Correction, Gradients, IndexedSlices, SampledValues

Floats = NDArray[Any]
Ids = NDArray[np.int64]

FEW_CLASSES = 24  # a table with at most this many rows fits on a screen: the page draws all of them, read or not
_MOST_COPIED = 1 << 20  # bytes of the largest table that is copied to see which rows one SGD step changes
_LEARNING_RATE = 0.1


class Numbers(NamedTuple):
    """What an implementation computes for a call.

    Attributes
    ----------
    raw_logits, logits : float [batch_size, num_true + num_sampled]
        Before and after the log Q correction and the removal of hits.
    loss : float [batch_size]
        The losses.
    gradients : Gradients
        Gradients of the sum of the losses; rows of equal ids are not summed.
    """

    raw_logits: Floats
    logits: Floats
    loss: Floats
    gradients: Gradients


class Compiled:
    """The public functions: exactly the numbers that a call of them returns."""

    draw = staticmethod(log_uniform_candidate_sampler)

    @staticmethod
    def numbers(call: Call) -> Numbers:
        """Return the results of `compute_sampled_logits` and `sampled_softmax_loss_and_grad`."""
        ones = np.ones(call.batch.inputs.shape[0], call.batch.inputs.dtype)
        raw = _side_by_side(evaluate.logits(call._replace(correction=Correction(False, False))))
        logits = _side_by_side(evaluate.logits(call))
        loss, gradients = evaluate.loss_and_grad(call, SAMPLED_SOFTMAX, ones)
        return Numbers(raw, logits, loss, gradients)

    @staticmethod
    def coalesce(slices: IndexedSlices) -> IndexedSlices:
        """Return `IndexedSlices.coalesce`."""
        return slices.coalesce()


class Reference:
    """`reference.py`: the same method without compiled code, equal up to rounding."""

    @staticmethod
    def draw(labels: Any, num_true: int, num_sampled: int, unique: bool, num_classes: int, seed: Any) -> SampledValues:
        """Return the same candidates as `log_uniform_candidate_sampler`; `seed` is not None."""
        seed, stream = validation.seeds(seed) or (0, 0)
        candidates, tries = reference.log_uniform_sample(seed, stream, num_sampled, num_classes, unique)
        counts = [
            reference.log_uniform_expected_count(ids, num_sampled, tries, num_classes) for ids in (labels, candidates)
        ]
        return SampledValues(candidates, *counts)

    @staticmethod
    def numbers(call: Call) -> Numbers:
        """Return the results of `reference.sampled_loss_and_grad` on the rows that the batch reads."""
        batch, (candidates, *counts) = call.batch, call.values
        ids, positions = np.unique(np.concatenate((batch.labels.ravel(), candidates)), return_inverse=True)
        labels, sampled = positions[: batch.labels.size].reshape(batch.labels.shape), positions[batch.labels.size :]
        weights, biases = rows_of(call, ids)
        arrays = (weights, biases, labels, batch.inputs, (sampled, *counts))
        switches = (call.correction.subtract_log_q, call.correction.remove_accidental_hits)
        raw = reference.sampled_logits(*arrays, False, False)
        logits = reference.sampled_logits(*arrays, *switches)
        loss, used, rows, entries, inputs_grad = reference.sampled_loss_and_grad(*arrays, *switches)
        num_rows, dim = batch.weights.num_rows, weights.shape[1]
        bias_gradient = None if batch.biases is None else IndexedSlices(entries, ids[used], (num_rows,))
        gradients = Gradients(IndexedSlices(rows, ids[used], (num_rows, dim)), bias_gradient, inputs_grad)
        return Numbers(raw, logits, loss, gradients)

    @staticmethod
    def coalesce(slices: IndexedSlices) -> IndexedSlices:
        """Return `reference.sum_duplicates`."""
        ids, sums = reference.sum_duplicates(slices.indices, slices.values)
        return IndexedSlices(sums, ids, slices.dense_shape)


PATHS: dict[str, Any] = {"compiled": Compiled, "reference": Reference}


@np.errstate(over="ignore", invalid="ignore", divide="ignore")  # the trace shows NaN and inf where they are
def trace_call(call: Call, path: str, seed: Any, input_ids: Ids | None, class_names: Sequence[str] | None) -> Trace:
    """Return the trace of a call, without alternatives."""
    batch, values, correction = call
    num_sampled, num_true = values.sampled_candidates.size, batch.labels.shape[1]
    settings = Settings(num_sampled, batch.weights.num_rows, num_true, correction, seed, path)
    library = PATHS[path]
    numbers = library.numbers(call)
    gradients = numbers.gradients
    probabilities, logit_gradients = _softmax(numbers.logits, num_true)
    summed = SummedGradients(
        library.coalesce(gradients.weights),
        None if gradients.biases is None else library.coalesce(gradients.biases),
        None if input_ids is None else library.coalesce(_embedding_gradient(gradients.inputs, input_ids, settings)),
    )
    return Trace(
        settings=settings,
        labels=batch.labels.copy(),  # copies: the caller may change its arrays later
        inputs=batch.inputs.copy(),
        input_ids=None if input_ids is None else input_ids.copy(),
        values=SampledValues(*(array.copy() for array in values)),
        label_rows=_rows(call, batch.labels.ravel()),
        candidate_rows=_rows(call, values.sampled_candidates),
        unread_rows=_rows(call, _unread(call)),
        hits=_hits(call),
        raw_logits=numbers.raw_logits,
        logits=numbers.logits,
        probabilities=probabilities,
        logit_gradients=logit_gradients,
        loss=numbers.loss,
        gradients=gradients,
        summed=summed,
        changed_rows=_changed_rows(call, gradients.weights),
        cost=_cost(call, summed, input_ids),
        class_names=class_names,
    )


def rows_of(call: Call, ids: Ids) -> tuple[Floats, Floats]:
    """Return copies of rows of weights and biases, in the dtype of the computation."""
    dtype = call.batch.inputs.dtype
    weights, biases = call.batch.weights.arrays[0], call.batch.biases
    return weights[ids].astype(dtype), (
        np.zeros(ids.size, dtype) if biases is None else biases.arrays[0][ids].astype(dtype)
    )


def _side_by_side(logits: tuple[Floats, Floats]) -> Floats:
    """Return true and sampled logits as one new array: the next call reuses the memory of the given ones."""
    return np.concatenate(logits, axis=1)


def _softmax(logits: NDArray[Any], num_true: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return (probabilities, gradients of the logits): a gradient is probability minus target."""
    _, gradient = reference.cross_entropy(logits.astype(np.float64), num_true)
    probabilities = gradient.copy()
    probabilities[:, :num_true] += 1.0 / num_true
    return probabilities, gradient


def _rows(call: Call, ids: Ids) -> TableRows:
    return TableRows(ids.copy(), *rows_of(call, ids))


def _unread(call: Call) -> Ids:
    """Return the rows that the batch does not read; empty for a table with more than `FEW_CLASSES` rows."""
    num_classes = call.batch.weights.num_rows
    if num_classes > FEW_CLASSES:
        return np.zeros(0, np.int64)
    return np.setdiff1d(np.arange(num_classes), np.concatenate((call.batch.labels.ravel(), call.values[0])))


def _hits(call: Call) -> Ids:
    """Return the sorted unique (example, position) pairs: an example may have the same label twice."""
    labels = call.batch.labels
    examples, positions, _ = compute_accidental_hits(
        labels, call.values.sampled_candidates, labels.shape[1], copies=call.correction.hit_copies
    )
    return np.unique(np.stack((examples.astype(np.int64), positions), axis=1), axis=0)


def _embedding_gradient(inputs: NDArray[Any], input_ids: Ids, settings: Settings) -> IndexedSlices:
    return IndexedSlices(inputs, input_ids, (settings.num_classes, inputs.shape[1]))


def _changed_rows(call: Call, gradient: IndexedSlices) -> Ids | None:
    """Return the rows whose bits differ after one SGD step on a copy of the weights."""
    table = call.batch.weights.arrays[0]
    if table.nbytes > _MOST_COPIED:
        return None
    before = np.ascontiguousarray(table)
    after = before.copy()
    reference.sgd(after, gradient.indices, gradient.values, _LEARNING_RATE)
    differs = before.view(np.uint8) != after.view(np.uint8)
    return np.flatnonzero(differs.any(axis=1))


def _cost(call: Call, summed: SummedGradients, input_ids: Ids | None) -> tuple[TableCost, ...]:
    """Return the rows and bytes touched in each table, counted from the arrays."""
    batch, ids = call.batch, np.concatenate((call.batch.labels.ravel(), call.values.sampled_candidates))
    read = np.unique(ids).size
    weights = batch.weights.arrays[0]
    costs = [TableCost("weights", *_size(weights), ids.size, read, summed.weights.indices.size)]
    if batch.biases is not None and summed.biases is not None:
        costs.append(TableCost("biases", *_size(batch.biases.arrays[0]), ids.size, read, summed.biases.indices.size))
    if input_ids is not None and summed.embeddings is not None:
        row_bytes, unique = int(batch.inputs[:1].nbytes), np.unique(input_ids).size
        counts = (weights.shape[0], row_bytes, input_ids.size, unique, summed.embeddings.indices.size)
        costs.append(TableCost("embeddings", *counts))
    return tuple(costs)


def _size(table: NDArray[Any]) -> tuple[int, int]:
    """Return (number of rows, bytes per row)."""
    return table.shape[0], int(table[:1].nbytes)
