"""The numbers of a trace, as the library computes them: in compiled code, or in plain NumPy."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax import reference, validation
from sampledsoftmax.losses import objective
from sampledsoftmax.losses.arguments import Call
from sampledsoftmax.losses.objectives import SAMPLED_SOFTMAX
from sampledsoftmax.samplers.log_uniform import log_uniform_candidate_sampler
from sampledsoftmax.types import Correction, Gradients, IndexedSlices, SampledValues

Floats = NDArray[Any]


class Numbers(NamedTuple):
    """What a path computes.

    Attributes
    ----------
    raw_logits, logits : float [batch_size, num_true + num_sampled]
        Before and after correction and hits.
    loss : float [batch_size]
        The losses.
    gradients : Gradients
        Of their sum, not summed by id.
    """

    raw_logits: Floats
    logits: Floats
    loss: Floats
    gradients: Gradients


class Compiled:
    """The functions of the face: exactly the numbers that a call of them gives."""

    draw = staticmethod(log_uniform_candidate_sampler)

    @staticmethod
    def numbers(call: Call) -> Numbers:
        """Return what `compute_sampled_logits` and `sampled_softmax_loss_and_grad` return."""
        ones = np.ones(call.batch.inputs.shape[0], call.batch.inputs.dtype)
        raw = _side_by_side(objective.logits(call._replace(correction=Correction(False, False))))
        logits = _side_by_side(objective.logits(call))
        loss, gradients = objective.loss_and_grad(call, SAMPLED_SOFTMAX, ones)
        return Numbers(raw, logits, loss, gradients)

    @staticmethod
    def coalesce(slices: IndexedSlices) -> IndexedSlices:
        """Return `IndexedSlices.coalesce`."""
        return slices.coalesce()


class Reference:
    """`reference.py`: the same method without compiled code, equal to rounding."""

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
        """Return the numbers of `reference.sampled_loss_and_grad`, on the rows that the batch names."""
        batch, (candidates, *counts) = call.batch, call.values
        ids, places = np.unique(np.concatenate((batch.labels.ravel(), candidates)), return_inverse=True)
        labels, sampled = places[: batch.labels.size].reshape(batch.labels.shape), places[batch.labels.size :]
        weights, biases = rows_of(call, ids)
        arrays = (weights, biases, labels, batch.inputs, (sampled, *counts))
        switches = (call.correction.subtract_log_q, call.correction.remove_accidental_hits)
        raw = reference.sampled_logits(*arrays, False, False)
        logits = reference.sampled_logits(*arrays, *switches)
        loss, used, rows, entries, inputs_grad = reference.sampled_loss_and_grad(*arrays, *switches)
        num_rows, dim = batch.weights.num_rows, weights.shape[1]
        of_biases = None if batch.biases is None else IndexedSlices(entries, ids[used], (num_rows,))
        gradients = Gradients(IndexedSlices(rows, ids[used], (num_rows, dim)), of_biases, inputs_grad)
        return Numbers(raw, logits, loss, gradients)

    @staticmethod
    def coalesce(slices: IndexedSlices) -> IndexedSlices:
        """Return `reference.sum_duplicates`."""
        ids, sums = reference.sum_duplicates(slices.indices, slices.values)
        return IndexedSlices(sums, ids, slices.dense_shape)


def _side_by_side(logits: tuple[Floats, Floats]) -> Floats:
    """Return true and sampled logits as one array, copied: the next call writes to the same memory."""
    return np.concatenate(logits, axis=1)


PATHS: dict[str, Any] = {"compiled": Compiled, "reference": Reference}


def rows_of(call: Call, ids: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Return copies of rows of weights and biases, in the precision of the arithmetic."""
    dtype = call.batch.inputs.dtype
    weights, biases = call.batch.weights.parts[0], call.batch.biases
    return weights[ids].astype(dtype), (
        np.zeros(ids.size, dtype) if biases is None else biases.parts[0][ids].astype(dtype)
    )
