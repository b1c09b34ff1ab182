"""Logits of the true and of the sampled classes, corrected, with accidental hits left out."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax.kernels import logits as kernels
from sampledsoftmax.stages.gather import gather
from sampledsoftmax.stages.matmul import matmul
from sampledsoftmax.types import Batch, SampledValues


class SampledLogits(NamedTuple):
    """Logits true [batch_size, num_true], sampled [batch_size, num_sampled], and the candidates' rows."""

    true: NDArray[Any]
    sampled: NDArray[Any]
    candidate_rows: NDArray[Any]


@np.errstate(over="ignore", invalid="ignore")  # NaN or inf in a table shows in the loss
def sampled_logits(
    batch: Batch, values: SampledValues, subtract_log_q: bool, remove_accidental_hits: bool
) -> SampledLogits:
    """Return inputs . weights + biases [- log expected count] for the labels and for the candidates.

    A candidate that is a label of the example gets -inf there, every copy of it.
    """
    dtype = batch.weights.dtype
    true = np.empty(batch.labels.shape, dtype)
    kernels.true_logits(batch.weights, batch.biases, batch.labels, batch.inputs, true)
    candidate_rows = gather(batch.weights, values.sampled_candidates)
    sampled = matmul(batch.inputs, candidate_rows.T)
    offsets = batch.biases[values.sampled_candidates]
    if subtract_log_q:
        true -= np.log(values.true_expected_count.astype(dtype))
        offsets = offsets - np.log(values.sampled_expected_count.astype(dtype))
    kernels.add_columns(sampled, offsets)
    if remove_accidental_hits:
        order = np.argsort(values.sampled_candidates, kind="stable")
        kernels.leave_out_hits(sampled, batch.labels, values.sampled_candidates[order], order)
    return SampledLogits(true, sampled, candidate_rows)
