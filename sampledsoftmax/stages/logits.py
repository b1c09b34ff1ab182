"""Logits of the true and of the sampled classes, corrected, with accidental hits left out."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax.batch import Batch, Correction
from sampledsoftmax.kernels import logits as kernels
from sampledsoftmax.stages.gather import Rows
from sampledsoftmax.stages.matmul import matmul
from sampledsoftmax.types import SampledValues


class SampledLogits(NamedTuple):
    """Logits, or gradients of them: true [batch_size, num_true] and sampled [batch_size, num_sampled]."""

    true: NDArray[Any]
    sampled: NDArray[Any]


@np.errstate(over="ignore", invalid="ignore")  # NaN or inf in a table shows in the loss
def sampled_logits(batch: Batch, rows: Rows, values: SampledValues, correction: Correction) -> SampledLogits:
    """Return inputs . weights + biases [- log expected count] for the labels and for the candidates.

    A candidate that is a label of the example gets -inf there.
    """
    dtype = batch.inputs.dtype
    true = np.empty(batch.labels.shape, dtype)
    kernels.true_logits(rows.true, rows.true_biases, batch.inputs, true)
    sampled = matmul(batch.inputs, rows.sampled.T)
    offsets = rows.sampled_biases
    if correction.subtract_log_q:
        true -= np.log(values.true_expected_count.astype(dtype))
        offsets = offsets - np.log(values.sampled_expected_count.astype(dtype))
    kernels.add_columns(sampled, offsets)
    if correction.remove_accidental_hits:
        order = np.argsort(values.sampled_candidates, kind="stable")
        ordered = values.sampled_candidates[order]
        kernels.leave_out_hits(sampled, batch.labels, ordered, order, correction.hit_copies == "last")
    return SampledLogits(true, sampled)
