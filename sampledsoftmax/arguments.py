"""The arguments that losses and layers share, checked together."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sampledsoftmax import check
from sampledsoftmax.types import Batch, SampledValues


def checked_batch(weights: ArrayLike, biases: ArrayLike, labels: ArrayLike, inputs: ArrayLike, num_true: int) -> Batch:
    """Return the arrays as a `Batch`; tables are never copied."""
    num_true = check.whole_number("num_true", num_true, 1)
    table = check.floats("weights", weights, ("num_classes", "dim"))
    num_classes, dim = table.shape
    if dim == 0 or num_classes == 0:
        raise ValueError(f"weights must have at least one row and one column, got {list(table.shape)}")
    features = check.floats("inputs", inputs, ("batch_size", "dim"), table.dtype)
    _same_dim(table, features)
    offsets = check.floats("biases", biases, (num_classes,), table.dtype)
    ids = check.labels("labels", labels, num_true, num_classes)
    if ids.shape[0] != features.shape[0]:
        raise ValueError(f"labels has {ids.shape[0]} rows and inputs has {features.shape[0]}: they must be equal")
    return Batch(table, offsets, ids, np.ascontiguousarray(features))


def checked_values(values: Any, batch: Batch, num_sampled: int, subtract_log_q: bool) -> SampledValues:
    """Return `sampled_values` as arrays whose shapes and ids fit the batch."""
    try:
        candidates, true_count, sampled_count = values
    except (TypeError, ValueError):
        raise TypeError(
            "sampled_values must be (sampled_candidates, true_expected_count, sampled_expected_count),"
            f" got {type(values).__name__}"
        ) from None
    checked = SampledValues(
        check.ids("sampled_candidates", candidates, (num_sampled,), batch.weights.shape[0]),
        check.floats("true_expected_count", true_count, batch.labels.shape),
        check.floats("sampled_expected_count", sampled_count, (num_sampled,)),
    )
    if subtract_log_q:
        check.positive("true_expected_count", checked.true_expected_count)
        check.positive("sampled_expected_count", checked.sampled_expected_count)
    return checked


def checked_loss_grad(loss_grad: ArrayLike | None, batch: Batch) -> NDArray[Any]:
    """Return the gradient from above, [batch_size]; ones where none is given."""
    shape = (batch.inputs.shape[0],)
    if loss_grad is None:
        return np.ones(shape, batch.inputs.dtype)
    return np.ascontiguousarray(check.floats("loss_grad", loss_grad, shape, batch.inputs.dtype))


def _same_dim(weights: NDArray[Any], inputs: NDArray[Any]) -> None:
    dim = inputs.shape[1]
    if weights.shape[1] == dim:
        return
    hint = "; it looks transposed: pass weights.T" if weights.shape[0] == dim else ""
    raise ValueError(
        f"weights must have shape [num_classes, dim] with dim = {dim} as in inputs, got {list(weights.shape)}{hint}"
    )
