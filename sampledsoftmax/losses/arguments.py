"""The arguments that losses and layers share, checked together."""

import threading
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sampledsoftmax import validation
from sampledsoftmax.losses.batch import Batch
from sampledsoftmax.losses.counted import Counted, Selection, without_padding
from sampledsoftmax.losses.objectives import Objective
from sampledsoftmax.losses.shards import Shards
from sampledsoftmax.samplers.log_uniform import LogUniformSampler
from sampledsoftmax.samplers.stream import CandidateStream
from sampledsoftmax.types import Correction, SampledValues, Similarity

ALL_ALIKE = Selection()
_kept = threading.local()  # each thread of the caller keeps the sampler of its last call


class Call(NamedTuple):
    """A checked call of a sampled loss."""

    batch: Batch
    values: SampledValues
    correction: Correction


def draw_log_uniform(
    labels: NDArray[np.int64], num_true: int, num_sampled: int, unique: bool, num_classes: int, seed: Any
) -> SampledValues:
    """Return what `log_uniform_candidate_sampler` returns, by the sampler of the last call where it fits."""
    del num_true
    sampler = getattr(_kept, "sampler", None)
    if sampler is None or sampler.range_max != num_classes:
        _kept.sampler = sampler = LogUniformSampler(num_classes)
    sampler.state = CandidateStream(seed).state
    return sampler.sample(labels, num_sampled, unique)


def checked_call(
    arrays: tuple[Any, Any, Any, Any],
    sizes: tuple[Any, Any, Any],
    sampled_values: Any,
    correction: Correction,
    seed: Any,
    partition_strategy: str,
    draw: Callable[..., SampledValues] = draw_log_uniform,
    selection: Selection = ALL_ALIKE,
) -> Call:
    """Return a call from (weights, biases, labels, inputs) and (num_sampled, num_classes, num_true).

    Candidates are drawn where `sampled_values` is None: log-uniform and unique, as TensorFlow does. `draw` is
    that sampler, or one that draws the same.
    """
    num_sampled, num_classes, num_true = sizes
    correction = checked_correction(*correction)
    num_classes = validation.whole_number("num_classes", num_classes, 1)
    batch = checked_batch(*arrays, num_true, partition_strategy, num_classes, selection)
    unique = sampled_values is None
    num_sampled = validation.sample_size("num_sampled", num_sampled, unique, "num_classes", num_classes)
    if sampled_values is None:
        values = draw(batch.labels, batch.labels.shape[1], num_sampled, True, num_classes, seed)
    else:
        values = checked_values(sampled_values, batch, num_sampled, num_classes, correction.subtract_log_q)
    return Call(batch, values, correction)


def checked_correction(
    subtract_log_q: Any, remove_accidental_hits: Any, hit_copies: Any, temperature: Any, normalize: Any
) -> Correction:
    """Return the options of a loss as a `Correction`."""
    return Correction(
        validation.flag("subtract_log_q", subtract_log_q),
        validation.flag("remove_accidental_hits", remove_accidental_hits),
        validation.choice("hit_copies", hit_copies, ("all", "last")),
        *checked_similarity(temperature, normalize),
    )


def checked_similarity(temperature: Any, normalize: Any) -> Similarity:
    """Return the arguments `temperature` and `normalize`."""
    return Similarity(validation.number("temperature", temperature, above=0), validation.flag("normalize", normalize))


def correction_for(
    objective: Objective, subtract_log_q: Any, remove_accidental_hits: Any, similarity: Similarity
) -> Correction:
    """Return the options of a layer as a `Correction`; None takes what the objective asks for."""
    log_q = objective.subtract_log_q if subtract_log_q is None else subtract_log_q
    hits = objective.remove_accidental_hits if remove_accidental_hits is None else remove_accidental_hits
    return checked_correction(log_q, hits, "all", *similarity)


def checked_batch(
    weights: Any,
    biases: Any,
    labels: ArrayLike,
    inputs: ArrayLike,
    num_true: int,
    partition_strategy: str = "div",
    num_classes: int | None = None,
    selection: Selection = ALL_ALIKE,
) -> Batch:
    """Return the arrays as a `Batch`; tables are never copied. They have at least `num_classes` rows; None: exactly."""
    num_true = validation.whole_number("num_true", num_true, 1)
    validation.choice("partition_strategy", partition_strategy, ("div", "mod"))
    table = _checked_weights(weights, partition_strategy)
    least = table.num_rows if num_classes is None else num_classes
    ids, features, counted = checked_examples(labels, inputs, num_true, table, least, selection)
    offsets = None
    if biases is not None:
        offsets = _checked_biases(biases, least, partition_strategy, exactly=num_classes is None)
    return Batch(table, offsets, ids, features, counted)


def checked_examples(
    labels: Any, inputs: Any, num_true: int, weights: Shards, num_classes: int, selection: Selection
) -> tuple[NDArray[np.int64], NDArray[Any], Counted | None]:
    """Return labels and inputs for a table, and what counts of them; inputs are copied where kernels need it."""
    dtype = weights.arrays[0].dtype
    features = _table("inputs", inputs, ("batch_size", "dim"), dtype)
    _same_dim(weights, features.shape[1])
    if num_classes > weights.num_rows:
        raise ValueError(
            f"num_classes = {validation.shown(num_classes)}, but weights has {weights.num_rows} rows:"
            " at least as many are needed"
        )
    precision = validation.arithmetic(dtype)
    ids, counted = without_padding(labels, num_true, num_classes, selection, precision)
    if ids.shape[0] != features.shape[0]:
        raise ValueError(f"labels has {ids.shape[0]} rows and inputs has {features.shape[0]}: they must be equal")
    return ids, np.ascontiguousarray(features, dtype=precision), counted


def checked_values(
    values: Any, batch: Batch, num_sampled: int, num_classes: int, subtract_log_q: bool
) -> SampledValues:
    """Return `sampled_values` as arrays whose shapes and ids fit the batch; counts in the precision of the inputs."""
    try:
        candidates, true_count, sampled_count = values
    except (TypeError, ValueError):
        raise TypeError(
            "sampled_values must be (sampled_candidates, true_expected_count, sampled_expected_count),"
            f" got {type(values).__name__}"
        ) from None
    dtype = batch.inputs.dtype
    checked = SampledValues(
        validation.ids("sampled_candidates", candidates, (num_sampled,), num_classes),
        _counts("true_expected_count", true_count, batch.labels.shape, dtype),
        _counts("sampled_expected_count", sampled_count, (num_sampled,), dtype),
    )
    if subtract_log_q:
        counts, counted = checked.true_expected_count, batch.counted
        if counted is not None:
            counts = np.where(counted.labels, counts, dtype.type(1))
            checked = checked._replace(true_expected_count=counts)
        positive_counts("true_expected_count", counts, "labels", batch.labels)
        positive_counts(
            "sampled_expected_count", checked.sampled_expected_count, "sampled_candidates", checked.sampled_candidates
        )
    return checked


def positive_counts(name: str, counts: NDArray[Any], ids_name: str, ids: NDArray[np.int64]) -> None:
    """Raise ValueError unless all expected counts are above 0 and finite; the message names the class."""
    if counts.size == 0 or (counts.min() > 0 and counts.max() < np.inf):
        return
    bad = ~((counts > 0) & np.isfinite(counts))
    place = tuple(int(i) for i in np.unravel_index(int(bad.argmax()), bad.shape))
    at = ", ".join(map(str, place))
    raise ValueError(
        f"{name}[{at}] = {counts[place]} must be above 0 and finite: its logarithm is taken, for"
        f" {ids_name}[{at}] = {ids[place]}"
    )


def checked_loss_grad(loss_grad: ArrayLike | None, batch: Batch) -> NDArray[Any]:
    """Return the gradient from above, [batch_size]; ones where none is given."""
    shape = (batch.inputs.shape[0],)
    if loss_grad is None:
        return np.ones(shape, batch.inputs.dtype)
    return np.ascontiguousarray(validation.floats("loss_grad", loss_grad, shape, batch.inputs.dtype))


@np.errstate(over="ignore", under="ignore")  # what is lost is refused where it matters
def _counts(name: str, counts: Any, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return expected counts, floats or ints of a shape that broadcasts to `shape`, in the precision of the logits."""
    array = validation.as_array(name, counts)
    if array.dtype.kind not in "iuf" and array.dtype.name != "bfloat16":
        raise TypeError(f"{name} must be numbers, got {validation.shown(array.dtype)}")
    if array.shape != shape:
        try:
            array = np.broadcast_to(array, shape)
        except ValueError:
            raise ValueError(
                f"{name} must have shape {list(shape)}, got {list(array.shape)}, which does not broadcast to it"
            ) from None
    return np.ascontiguousarray(array, dtype)


def _checked_weights(weights: Any, strategy: str) -> Shards:
    shards = _shards("weights", weights, ("num_classes", "dim"), strategy)
    dim = shards.arrays[0].shape[1]
    if shards.num_rows == 0 or dim == 0:
        name = "weights" if shards.in_one_piece else "weights[0]"
        raise ValueError(f"{name} must have at least one row and one column, got {list(shards.arrays[0].shape)}")
    for i, part in enumerate(shards.arrays):
        if part.shape[1] != dim:
            raise ValueError(f"weights[{i}] must have {dim} columns as weights[0], got {list(part.shape)}")
    return shards


def _checked_biases(biases: Any, num_classes: int, strategy: str, exactly: bool) -> Shards:
    """Return the biases in their own precision: they are read in that of the weights, as TensorFlow does."""
    shards = _shards("biases", biases, ("num_classes",), strategy)
    if shards.num_rows < num_classes or (exactly and shards.num_rows > num_classes):
        raise ValueError(f"biases must have shape [{num_classes}], got [{shards.num_rows}]")
    return shards


def _shards(name: str, table: Any, shape: tuple[str, ...], strategy: str) -> Shards:
    if not _is_list_of_arrays(table):
        return Shards((_table(name, table, shape, None),), strategy)
    parts = [_table(f"{name}[0]", table[0], shape, None)]
    parts += [_table(f"{name}[{i}]", part, shape, parts[0].dtype) for i, part in enumerate(table[1:], start=1)]
    size, extra = divmod(sum(part.shape[0] for part in parts), len(parts))
    expected = [size + (i < extra) for i in range(len(parts))]
    got = [part.shape[0] for part in parts]
    if got != expected:
        raise ValueError(
            f"{name} must be partitioned by {strategy!r} into {len(parts)} shards of"
            f" {validation.shown(expected)} rows, got {validation.shown(got)}"
        )
    return Shards(tuple(parts), strategy, in_one_piece=False)


def _is_list_of_arrays(table: Any) -> bool:
    """Return whether a table is a list of shards, such as arrays or variables, rather than nested lists of numbers."""
    if not (isinstance(table, (list, tuple)) and table):
        return False
    return all(hasattr(part, "__array__") and len(getattr(part, "shape", ())) > 0 for part in table)


def _table(name: str, value: Any, shape: Sequence[str], beside: np.dtype[Any] | None) -> NDArray[Any]:
    """Return a table as `validation.tables` does; the error of another precision says how to convert it."""
    if type(value) is np.ndarray and value.ndim == len(shape) and value.dtype in validation.FLOAT_DTYPES:
        array = value
    else:
        array = validation.tables(name, value, shape)
    if beside is not None and validation.arithmetic(array.dtype) != validation.arithmetic(beside):
        wanted = "float64" if beside == np.float64 else "float32"
        raise TypeError(
            f"{name} must have the precision of the other arrays, {np.dtype(beside).name}, got {array.dtype}:"
            f" pass {name}.astype(np.{wanted})"
        )
    return array


def _same_dim(weights: Shards, dim: int) -> None:
    columns = weights.arrays[0].shape[1]
    if columns == dim:
        return
    hint = "; it looks transposed: pass weights.T" if weights.num_rows == dim else ""
    raise ValueError(
        f"weights must have shape [num_classes, dim] with dim = {dim} as in inputs,"
        f" got [{weights.num_rows}, {columns}]{hint}"
    )
