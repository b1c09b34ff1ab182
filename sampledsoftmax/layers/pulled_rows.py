"""Rows in, row gradients out: what a loss outside this package reads of a layer's tables, and what it hands back."""

import weakref
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sampledsoftmax import validation
from sampledsoftmax.layers.fused_step import FusedSteps
from sampledsoftmax.layers.table import Table
from sampledsoftmax.losses.accidental_hits import compute_accidental_hits
from sampledsoftmax.losses.counted import number_of_labels
from sampledsoftmax.losses.gather import gather
from sampledsoftmax.losses.objectives import BUILT_IN, Objective
from sampledsoftmax.losses.shards import Shards
from sampledsoftmax.samplers import CandidateSampler
from sampledsoftmax.types import Correction, IndexedSlices, SampledValues

Ids = NDArray[np.int64]
Floats = NDArray[np.floating[Any]]

# Fields of `PulledRows` that are trained, in the order of their tables.
TRAINED = ("label_weights", "label_biases", "sampled_weights", "sampled_biases")


class Pull:
    """Where rows came from, and whether their gradients have been pushed; a copy in another process forgets both."""

    def __init__(self, table: Table | None) -> None:
        self._table = None if table is None else weakref.ref(table)
        self.is_pushed = False

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (None,)

    def is_of(self, table: Table) -> bool:
        """Return whether rows came from this table, as far as is known."""
        return self._table is None or self._table() is table


@dataclass(frozen=True, eq=False)
class PulledRows:
    """All that a sampled loss of one batch reads: rows, log expected counts, accidental hits.

    `pull` of a layer returns it, `push` takes it back with the gradients of the rows. The arrays are copies: they do
    not change when the layer is trained.

    Parameters
    ----------
    label_weights : float [batch_size, num_true, dim]
        Rows of the weights for the labels.
    label_biases : float [batch_size, num_true]
        Their biases.
    sampled_weights : float [num_sampled, dim]
        Rows of the weights for the candidates, which all examples share.
    sampled_biases : float [num_sampled]
        Their biases.
    label_log_q : float [batch_size, num_true]
        Logarithms of the expected counts of the labels.
    sampled_log_q : float [num_sampled]
        Logarithms of the expected counts of the candidates.
    hits : bool [batch_size, num_sampled]
        Whether a candidate is a label of the example.
    labels : int64 [batch_size, num_true]
        Ids of the labels; None after a passage through JAX, which needs no ids.
    sampled_candidates : int64 [num_sampled]
        Ids of the candidates; None after a passage through JAX.
    inputs : float [batch_size, dim], optional
        Rows of the embeddings for the inputs, from `SkipGram.pull`; else None.
    input_ids : int64 [batch_size], optional
        Ids of the inputs, from `SkipGram.pull`; else None.
    objective : str
        What the layer minimizes: "sampled_softmax", "nce", "negative_sampling", or "" for an objective of your own.
    subtract_log_q : bool
        Whether the layer subtracts log Q.
    remove_accidental_hits : bool
        Whether the layer leaves accidental hits out.
    temperature : float
        The number by which the layer divides dot products.
    normalize : bool
        Whether the layer takes cosines. The rows are those of the tables, as they are: the loss divides them by their
        lengths, and its gradients are with respect to them.
    source : object
        What `push` checks: the table that the rows came from, and whether they were pushed.

    Raises
    ------
    TypeError
        If a field is missing.

    Examples
    --------
    >>> import sampledsoftmax as ss
    >>> layer = ss.SampledSoftmax(num_classes=100, dim=8, num_sampled=5, seed=1)
    >>> rows = layer.pull([[3], [5]])
    >>> rows.label_weights.shape, rows.sampled_weights.shape, rows.hits.shape
    ((2, 1, 8), (5, 8), (2, 5))
    >>> rows.sampled_candidates, rows.hits.any(axis=0)
    (array([66,  5, 22, 24,  1]), array([False,  True, False, False, False]))
    """

    label_weights: Floats
    label_biases: Floats
    sampled_weights: Floats
    sampled_biases: Floats
    label_log_q: Floats
    sampled_log_q: Floats
    hits: NDArray[Any]
    labels: Ids | None
    sampled_candidates: Ids | None
    inputs: Floats | None = None
    input_ids: Ids | None = None
    objective: str = "sampled_softmax"
    subtract_log_q: bool = True
    remove_accidental_hits: bool = True
    temperature: float = 1.0
    normalize: bool = False
    source: Any = None


@dataclass(frozen=True, eq=False)
class RowGradients:
    """Gradients of a loss with respect to the rows that were pulled: one array for each, of its shape and dtype.

    The gradient that JAX computes with respect to a `PulledRows` is a `PulledRows`, and `push` takes it as well.

    Parameters
    ----------
    label_weights : float [batch_size, num_true, dim]
        Of the rows of the labels.
    label_biases : float [batch_size, num_true]
        Of the biases of the labels.
    sampled_weights : float [num_sampled, dim]
        Of the rows of the candidates, summed over the examples.
    sampled_biases : float [num_sampled]
        Of the biases of the candidates.
    inputs : float [batch_size, dim], optional
        Of the embeddings, for rows of a `SkipGram`; else None.

    Raises
    ------
    TypeError
        If a field is missing.

    Examples
    --------
    The gradients of a loss in NumPy; the mean of the batch is minimized:

    >>> import numpy as np
    >>> import sampledsoftmax as ss
    >>> layer = ss.SampledSoftmax(num_classes=100, dim=8, num_sampled=5, optimizer=ss.SGD(0.5), seed=1)
    >>> inputs, labels = np.ones((2, 8), np.float32), np.array([3, 0])
    >>> before = layer.full_loss(inputs, labels).mean()
    >>> for _ in range(20):
    ...     rows = layer.pull(labels)
    ...     loss, inputs_gradient, row_gradients = ss.reference.loss_of_rows(inputs, rows)
    ...     layer.push(rows, ss.RowGradients(*(gradient / 2 for gradient in row_gradients)))
    >>> bool(layer.full_loss(inputs, labels).mean() < before)
    True
    """

    label_weights: Any
    label_biases: Any
    sampled_weights: Any
    sampled_biases: Any
    inputs: Any = None


class OutputLayer(Protocol):
    """What `pull_rows` and `push_rows` use of an output layer."""

    @property
    def num_classes(self) -> int: ...  # noqa: D102

    @property
    def num_sampled(self) -> int: ...  # noqa: D102

    @property
    def dtype(self) -> np.dtype[Any]: ...  # noqa: D102

    @property
    def sampler(self) -> CandidateSampler: ...  # noqa: D102

    @property
    def objective(self) -> Objective: ...  # noqa: D102

    @property
    def fused_steps(self) -> FusedSteps: ...  # noqa: D102

    @property
    def correction(self) -> Correction: ...  # noqa: D102

    @property
    def weight_table(self) -> Table: ...  # noqa: D102

    @property
    def bias_table(self) -> Table: ...  # noqa: D102


def pull_rows(
    layer: OutputLayer, labels: ArrayLike, embeddings: Table | None = None, inputs: ArrayLike | None = None
) -> PulledRows:
    """Draw the candidates of the next step and return the rows that its loss reads.

    With `embeddings`, `inputs` are ids of its rows.
    """
    labels = validation.as_ids("labels", labels)
    num_true = number_of_labels(labels)
    labels = validation.labels("labels", labels, num_true, layer.num_classes)
    input_ids = None
    if embeddings is not None and inputs is not None:
        input_ids = validation.ids("inputs", inputs, ("batch_size",), embeddings.values.shape[0])
        if input_ids.size != labels.shape[0]:
            raise ValueError(f"labels has {labels.shape[0]} rows and inputs has {input_ids.size}: they must be equal")
    layer.fused_steps.check_labels(labels, None)
    sampler, subtract = layer.sampler, layer.correction.subtract_log_q
    with sampler.lock:
        values = sampler.sample(labels, layer.num_sampled)
        weights, biases = layer.weight_table, layer.bias_table
        label_weights, label_biases = _rows(weights, labels), _rows(biases, labels)
        sampled = _rows(weights, values.sampled_candidates), _rows(biases, values.sampled_candidates)
        embedded = None if embeddings is None or input_ids is None else _rows(embeddings, input_ids)
    return PulledRows(
        label_weights, label_biases, *sampled, *_log_q(values, layer.dtype), _hits(labels, values.sampled_candidates),
        labels, values.sampled_candidates, embedded, input_ids,
        layer.objective.name if layer.objective in BUILT_IN.values() else "",  # type: ignore[attr-defined]
        subtract, layer.correction.remove_accidental_hits, *layer.correction.similarity, Pull(weights),
    )  # fmt: skip


def push_rows(layer: OutputLayer, rows: PulledRows, gradients: Any, embeddings: Table | None = None) -> None:
    """Let the layer's optimizer update the rows by their gradients; duplicates are summed, candidates first."""
    _check_rows(layer, rows, embeddings)
    if isinstance(gradients, PulledRows) and gradients.labels is not None:
        raise TypeError("gradients must be those of the rows, got rows that were pulled")
    labels, candidates = np.asarray(rows.labels), np.asarray(rows.sampled_candidates)
    of_labels, label_biases, of_candidates, candidate_biases = (
        _gradient(gradients, name, getattr(rows, name), layer.dtype) for name in TRAINED
    )
    of_inputs = None
    if embeddings is not None:
        of_inputs = _gradient(gradients, "inputs", rows.inputs, layer.dtype)
    elif getattr(gradients, "inputs", None) is not None:
        raise ValueError("gradients.inputs must be None: the layer has no embeddings, and the inputs are the encoder's")
    layer.weight_table.optimizer.check_settings()
    with layer.sampler.lock:  # a step holds it too
        _use_once(rows)
        if labels.size == 0:
            return  # as a step on an empty batch, which changes no table
        ids = np.concatenate((candidates, labels.ravel()))
        _update(layer.weight_table, ids, of_candidates, of_labels)
        _update(layer.bias_table, ids, candidate_biases, label_biases)
        if embeddings is not None and of_inputs is not None and rows.input_ids is not None:
            _update(embeddings, rows.input_ids, of_inputs)


def pull_ids(table: Table, ids: ArrayLike) -> Floats:
    """Return the rows of ids of any shape."""
    return _rows(table, _checked_ids(table, ids))


def push_ids(table: Table, ids: ArrayLike, gradients: Any) -> None:
    """Let the optimizer of a table update the rows of ids of any shape by their gradients."""
    checked = _checked_ids(table, ids)
    rows = _checked("gradients", gradients, (*checked.shape, *table.values.shape[1:]), table.values.dtype)
    _update(table, checked.ravel(), rows)


def _checked_ids(table: Table, ids: ArrayLike) -> Ids:
    array = validation.as_ids("ids", ids)
    return validation.ids("ids", array, array.shape, table.values.shape[0]).reshape(array.shape)


def _rows(table: Table, ids: Ids) -> Floats:
    """Return the rows of ids of any shape, after they took the steps that they missed."""
    table.catch_up(ids.ravel())
    values = table.values
    matrix = values if values.ndim == 2 else values[:, np.newaxis]
    rows = gather(Shards((np.asarray(matrix),)), np.ascontiguousarray(ids.ravel()), values.dtype)
    return rows.reshape(*ids.shape, *values.shape[1:])


def _log_q(values: SampledValues, dtype: np.dtype[Any]) -> tuple[Floats, Floats]:
    """Return the logarithms of the expected counts of labels and candidates."""
    with np.errstate(divide="ignore"):  # a label that is never drawn, of a layer that does not subtract log Q
        return np.log(values.true_expected_count.astype(dtype)), np.log(values.sampled_expected_count.astype(dtype))


def _hits(labels: Ids, candidates: Ids) -> NDArray[np.bool_]:
    hits = np.zeros((labels.shape[0], candidates.size), np.bool_)
    examples, places, _ = compute_accidental_hits(labels, candidates, labels.shape[1], copies="all")
    hits[examples, places] = True
    return hits


def _check_rows(layer: OutputLayer, rows: PulledRows, embeddings: Table | None) -> None:
    """Refuse rows that are not of this layer."""
    if not isinstance(rows, PulledRows):
        raise TypeError(f"rows must be the PulledRows that pull returned, got {validation.described(rows)}")
    if rows.labels is None or rows.sampled_candidates is None:
        raise ValueError("rows have no ids, since they passed through JAX: push the rows that pull returned")
    if isinstance(rows.source, Pull) and not rows.source.is_of(layer.weight_table):
        raise ValueError("rows are of another layer: push them to the layer that they were pulled from")
    if (rows.input_ids is None) != (embeddings is None):
        owner = "the SkipGram model" if embeddings is None else "its layer `output`"
        raise ValueError(f"rows were pulled from {owner}: push them there")
    labels = validation.ids("rows.labels", rows.labels, ("batch_size", "num_true"), layer.num_classes)
    ids = validation.ids("rows.sampled_candidates", rows.sampled_candidates, ("num_sampled",), layer.num_classes)
    if embeddings is not None and rows.input_ids is not None:
        validation.ids("rows.input_ids", rows.input_ids, labels.shape[:1], embeddings.values.shape[0])
        embedded: Any = rows.inputs
        validation.floats("rows.inputs", embedded, (labels.shape[0], embeddings.values.shape[1]), layer.dtype)
    dim = layer.weight_table.values.shape[1]
    validation.floats("rows.label_weights", rows.label_weights, (*labels.shape, dim), layer.dtype)
    validation.floats("rows.label_biases", rows.label_biases, labels.shape, layer.dtype)
    validation.floats("rows.sampled_weights", rows.sampled_weights, (*ids.shape, dim), layer.dtype)
    validation.floats("rows.sampled_biases", rows.sampled_biases, ids.shape, layer.dtype)


def _use_once(rows: PulledRows) -> None:
    if isinstance(rows.source, Pull):
        if rows.source.is_pushed:
            raise ValueError("rows were pushed already, and a gradient is applied once: pull again for the next step")
        rows.source.is_pushed = True


def _gradient(gradients: Any, name: str, row: Any, dtype: np.dtype[Any]) -> Floats:
    """Return the gradient of one field of the rows."""
    value = getattr(gradients, name, None)
    if value is None:
        raise TypeError(
            f"gradients must have {name}, as ss.RowGradients or a gradient with respect to PulledRows has,"
            f" got {type(gradients).__name__}"
        )
    return _checked(f"gradients.{name}", value, np.shape(row), dtype)


def _checked(name: str, value: Any, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Floats:
    array = validation.floats(name, value, shape, dtype)
    if not np.isfinite(array).all():
        index = np.unravel_index(int((~np.isfinite(array)).argmax()), array.shape)
        raise FloatingPointError(
            f"{name}[{', '.join(map(str, map(int, index)))}] is {array[index]}: nothing was changed"
        )
    return array


def _update(table: Table, ids: Ids, *gradients: Floats) -> None:
    """Update the rows of `ids` by gradients that follow each other in their order."""
    shape = table.values.shape
    rows = np.concatenate([gradient.reshape(-1, *shape[1:]) for gradient in gradients])
    table.update(IndexedSlices(rows, ids, shape))
