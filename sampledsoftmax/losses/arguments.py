"""The arguments that losses and layers share, checked together."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sampledsoftmax import validation
from sampledsoftmax.losses.batch import Batch
from sampledsoftmax.losses.objectives import Objective
from sampledsoftmax.losses.shards import Shards
from sampledsoftmax.samplers.log_uniform import log_uniform_candidate_sampler
from sampledsoftmax.types import Correction, SampledValues


class Call(NamedTuple):
    """A checked call of a sampled loss."""

    batch: Batch
    values: SampledValues
    correction: Correction


def checked_call(
    arrays: tuple[Any, Any, Any, Any],
    sizes: tuple[Any, Any, Any],
    sampled_values: Any,
    correction: Correction,
    seed: Any,
    partition_strategy: str,
    draw: Callable[..., SampledValues] = log_uniform_candidate_sampler,
) -> Call:
    """Return a call from (weights, biases, labels, inputs) and (num_sampled, num_classes, num_true).

    Candidates are drawn where `sampled_values` is None: log-uniform and unique, as TensorFlow does. `draw` is
    that sampler, or one that draws the same.
    """
    num_sampled, num_classes, num_true = sizes
    correction = checked_correction(*correction)
    batch = checked_batch(*arrays, num_true, partition_strategy)
    rows = batch.weights.num_rows
    if validation.whole_number("num_classes", num_classes, 1) != rows:
        raise ValueError(f"num_classes = {num_classes}, but weights has {rows} rows: they must be equal")
    unique = sampled_values is None
    num_sampled = validation.sample_size("num_sampled", num_sampled, unique, "num_classes", rows)
    if sampled_values is None:
        sampled_values = draw(batch.labels, num_true, num_sampled, True, rows, seed)
    values = checked_values(sampled_values, batch, num_sampled, correction.subtract_log_q)
    return Call(batch, values, correction)


def checked_correction(subtract_log_q: Any, remove_accidental_hits: Any, hit_copies: Any) -> Correction:
    """Return the flags of a loss as a `Correction`."""
    return Correction(
        validation.flag("subtract_log_q", subtract_log_q),
        validation.flag("remove_accidental_hits", remove_accidental_hits),
        validation.choice("hit_copies", hit_copies, ("all", "last")),
    )


def correction_for(objective: Objective, subtract_log_q: Any, remove_accidental_hits: Any) -> Correction:
    """Return the flags of a layer as a `Correction`; None takes what the objective asks for."""
    log_q = objective.subtract_log_q if subtract_log_q is None else subtract_log_q
    hits = objective.remove_accidental_hits if remove_accidental_hits is None else remove_accidental_hits
    return checked_correction(log_q, hits, "all")


def checked_batch(
    weights: Any, biases: Any, labels: ArrayLike, inputs: ArrayLike, num_true: int, partition_strategy: str = "div"
) -> Batch:
    """Return the arrays as a `Batch`; tables are never copied."""
    num_true = validation.whole_number("num_true", num_true, 1)
    validation.choice("partition_strategy", partition_strategy, ("div", "mod"))
    table = _checked_weights(weights, partition_strategy)
    num_classes, dtype = table.num_rows, table.arrays[0].dtype
    features = validation.tables("inputs", inputs, ("batch_size", "dim"), dtype)
    _same_dim(table, features.shape[1])
    ids = validation.labels("labels", labels, num_true, num_classes)
    if ids.shape[0] != features.shape[0]:
        raise ValueError(f"labels has {ids.shape[0]} rows and inputs has {features.shape[0]}: they must be equal")
    offsets = None if biases is None else _checked_biases(biases, num_classes, dtype, partition_strategy)
    return Batch(table, offsets, ids, np.ascontiguousarray(features, dtype=validation.arithmetic(dtype)))


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
        validation.ids("sampled_candidates", candidates, (num_sampled,), batch.weights.num_rows),
        validation.floats("true_expected_count", true_count, batch.labels.shape),
        validation.floats("sampled_expected_count", sampled_count, (num_sampled,)),
    )
    if subtract_log_q:
        validation.positive("true_expected_count", checked.true_expected_count)
        validation.positive("sampled_expected_count", checked.sampled_expected_count)
    return checked


def checked_loss_grad(loss_grad: ArrayLike | None, batch: Batch) -> NDArray[Any]:
    """Return the gradient from above, [batch_size]; ones where none is given."""
    shape = (batch.inputs.shape[0],)
    if loss_grad is None:
        return np.ones(shape, batch.inputs.dtype)
    return np.ascontiguousarray(validation.floats("loss_grad", loss_grad, shape, batch.inputs.dtype))


def _checked_weights(weights: Any, strategy: str) -> Shards:
    shards = _shards("weights", weights, ("num_classes", "dim"), strategy, None)
    dim = shards.arrays[0].shape[1]
    for i, part in enumerate(shards.arrays):
        name = "weights" if shards.in_one_piece else f"weights[{i}]"
        if part.size == 0:
            raise ValueError(f"{name} must have at least one row and one column, got {list(part.shape)}")
        if part.shape[1] != dim:
            raise ValueError(f"{name} must have {dim} columns as weights[0], got {list(part.shape)}")
    return shards


def _checked_biases(biases: Any, num_classes: int, dtype: np.dtype[Any], strategy: str) -> Shards:
    shards = _shards("biases", biases, ("num_classes",), strategy, dtype)
    if shards.num_rows != num_classes:
        raise ValueError(f"biases must have shape [{num_classes}], got [{shards.num_rows}]")
    return shards


def _shards(name: str, table: Any, shape: tuple[str, ...], strategy: str, dtype: Any) -> Shards:
    if not (isinstance(table, (list, tuple)) and table and all(isinstance(part, np.ndarray) for part in table)):
        return Shards((validation.tables(name, table, shape, dtype),), strategy)
    parts = [validation.tables(f"{name}[0]", table[0], shape, dtype)]
    parts += [
        validation.tables(f"{name}[{i}]", part, shape, parts[0].dtype) for i, part in enumerate(table[1:], start=1)
    ]
    size, extra = divmod(sum(part.shape[0] for part in parts), len(parts))
    expected = [size + (i < extra) for i in range(len(parts))]
    got = [part.shape[0] for part in parts]
    if got != expected:
        raise ValueError(
            f"{name} must be partitioned by {strategy!r} into {len(parts)} shards of {expected} rows, got {got}"
        )
    return Shards(tuple(parts), strategy, in_one_piece=False)


def _same_dim(weights: Shards, dim: int) -> None:
    columns = weights.arrays[0].shape[1]
    if columns == dim:
        return
    hint = "; it looks transposed: pass weights.T" if weights.num_rows == dim else ""
    raise ValueError(
        f"weights must have shape [num_classes, dim] with dim = {dim} as in inputs,"
        f" got [{weights.num_rows}, {columns}]{hint}"
    )
