"""The exact softmax loss over all classes, one block of classes at a time, for evaluation."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sampledsoftmax import validation
from sampledsoftmax.kernels.full.gradients import Factors, FullScratch, run_gradients
from sampledsoftmax.kernels.full.log_sum_exp import Normalizer, run_log_sum_exp
from sampledsoftmax.losses.arguments import checked_batch, checked_loss_grad, checked_similarity
from sampledsoftmax.losses.batch import Batch
from sampledsoftmax.losses.counted import Selection, number_of_labels
from sampledsoftmax.losses.full_pass import FullPass
from sampledsoftmax.runtime.workspace import aligned
from sampledsoftmax.types import Gradients, IndexedSlices, Similarity

# Classes per block; Ctrl-C takes effect between two blocks.
BLOCK = 4096
NO_CLASS = -1  # a label that is padding: the kernels find it in no block


def full_softmax_loss(
    weights: Any,
    biases: Any,
    labels: ArrayLike,
    inputs: ArrayLike,
    *,
    partition_strategy: str = "div",
    sample_weight: ArrayLike | None = None,
    ignore_index: int | None = None,
    temperature: float = 1.0,
    normalize: bool = False,
) -> NDArray[Any]:
    """Return the exact softmax loss of each example: log sum_c exp f(c) - mean over labels of f(label).

    f(c) = inputs[b] . weights[c] / temperature + biases[c] for all classes c. Use it for evaluation: a sampled loss is
    not comparable, since its sum has fewer terms.

    Parameters
    ----------
    weights : float [num_classes, dim], or list of shards
        Output weights: float64, float32, float16 or bfloat16.
    biases : float [num_classes], list of shards, or None
        Output biases, rounded to the precision of the arithmetic; None for none.
    labels : int [batch_size, num_true] or [batch_size]
        Ids of the true classes, in [0, num_classes), each with target probability 1 / num_true.
    inputs : float [batch_size, dim]
        Output of the encoder: float64 with float64 tables, else float32 or half precision.
    partition_strategy : str
        How a list of shards holds the classes, "div" or "mod".
    sample_weight : float or bool [batch_size], optional
        Weight of each example, finite and at least 0, or a mask; its loss is multiplied by it. An example of weight 0
        contributes nothing, whatever its inputs are: its loss is 0.
    ignore_index : int, optional
        A label that says "no label", such as -1: padding. The target is uniform over the other labels of the example;
        one without any has weight 0.
    temperature : float
        Logits are dot products / temperature, then biases are added; above 0.
    normalize : bool
        Whether `inputs` and rows of `weights` are divided by their lengths, so that dot products are cosines. A row
        shorter than 1e-12 counts as zeros: its cosines and its gradient are 0.

    Returns
    -------
    float32 or float64 [batch_size]
        The losses. A row has the same bits in any batch and for any number of threads. Memory allocated by a
        call: 4096 rows of weights, the inputs, and 0.2 MB of logits per thread.

    Raises
    ------
    TypeError, ValueError
        If an argument is of another type, shape or range.

    Notes
    -----
    Milakov and Gimelshein, "Online normalizer calculation for softmax", 2018; sums are float64.

    Examples
    --------
    >>> import numpy as np
    >>> full_softmax_loss(np.eye(4, 3), np.zeros(4), [0, 3], np.ones((2, 3))).round(4)
    array([1.2143, 2.2143])
    """
    batch = checked_full_batch(
        weights, biases, labels, inputs, partition_strategy, Selection(sample_weight, ignore_index)
    )
    return full_losses(batch, checked_similarity(temperature, normalize))


def full_softmax_loss_and_grad(
    weights: Any,
    biases: Any,
    labels: ArrayLike,
    inputs: ArrayLike,
    *,
    partition_strategy: str = "div",
    loss_grad: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
    ignore_index: int | None = None,
    temperature: float = 1.0,
    normalize: bool = False,
) -> tuple[NDArray[Any], Gradients]:
    """Return (`full_softmax_loss`, its gradients).

    With g[b, c] = loss_grad[b] * (softmax(f)[c] - target[c]), where the target is 1 / num_true for a label, else 0:
    row c gets sum_b g[b, c] * inputs[b], its bias sum_b g[b, c], and inputs[b] gets sum_c g[b, c] * weights[c].

    Parameters
    ----------
    weights : float [num_classes, dim], or list of shards
        As for `full_softmax_loss`, like all arguments up to `partition_strategy`.
    biases : float [num_classes], list of shards, or None
        Output biases.
    labels : int [batch_size, num_true] or [batch_size]
        Ids of the true classes.
    inputs : float [batch_size, dim]
        Output of the encoder.
    partition_strategy : str
        How a list of shards holds the classes, "div" or "mod".
    loss_grad : dtype of the loss, [batch_size], optional
        Gradient of the objective with respect to each loss; ones by default.
    sample_weight : float or bool [batch_size], optional
        Weight of each example; its loss and what it adds to the gradients are multiplied by it.
    ignore_index : int, optional
        A label that says "no label".
    temperature : float
        Dot products are divided by it.
    normalize : bool
        Whether rows are divided by their lengths, so that dot products are cosines.

    Returns
    -------
    loss : float32 or float64 [batch_size]
        The losses.
    gradients : Gradients
        Every class has a gradient: indices are 0 .. num_classes - 1, with as much memory as `weights`. In addition,
        a call allocates batch_size x 1024 logits.

    Raises
    ------
    TypeError, ValueError
        As `full_softmax_loss`.

    Examples
    --------
    >>> import numpy as np
    >>> loss, grad = full_softmax_loss_and_grad(np.eye(4, 3), np.zeros(4), [0, 3], np.ones((2, 3)))
    >>> grad.biases.values.round(3)
    array([-0.406,  0.594,  0.594, -0.782])
    """
    batch = checked_full_batch(
        weights, biases, labels, inputs, partition_strategy, Selection(sample_weight, ignore_index)
    )
    similarity, above = checked_similarity(temperature, normalize), checked_loss_grad(loss_grad, batch)
    part, rows = what_counts(batch)
    if batch.counted is not None:
        above = (above * batch.counted.weights.astype(above.dtype))[rows]
    normalizer = _normalizer(part, similarity)
    gradients = _gradients(part, similarity, normalizer, above)
    inputs_grad = np.zeros_like(batch.inputs)
    inputs_grad[rows] = gradients.inputs
    return of_batch(losses_of(part.labels, normalizer), rows, batch), gradients._replace(inputs=inputs_grad)


def checked_full_batch(
    weights: Any, biases: Any, labels: ArrayLike, inputs: ArrayLike, partition_strategy: str, selection: Selection
) -> Batch:
    """Return the checked arguments of a loss over all classes."""
    labels = validation.as_ids("labels", labels)
    num_true = number_of_labels(labels)
    return checked_batch(weights, biases, labels, inputs, num_true, partition_strategy, selection=selection)


def full_losses(batch: Batch, similarity: Similarity) -> NDArray[Any]:
    """Return the losses of checked arguments."""
    part, rows = what_counts(batch)
    return of_batch(losses_of(part.labels, _normalizer(part, similarity)), rows, batch)


def what_counts(batch: Batch) -> tuple[Batch, Any]:
    """Return the examples that count, with NO_CLASS in place of labels that do not, and which examples they are."""
    counted = batch.counted
    if counted is None:
        return batch, slice(None)
    rows = counted.rows
    labels = np.where(counted.labels, batch.labels, NO_CLASS)[rows]
    return batch._replace(labels=labels, inputs=batch.inputs[rows], counted=None), rows


@np.errstate(over="ignore", invalid="ignore")  # a loss that is infinite, or becomes so by its weight, is returned
def of_batch(losses: NDArray[Any], rows: Any, batch: Batch) -> NDArray[Any]:
    """Return the losses of the whole batch, each times its weight."""
    if batch.counted is None:
        return losses
    weighted = np.zeros(batch.labels.shape[0], losses.dtype)
    weighted[rows] = losses * batch.counted.weights[rows].astype(losses.dtype)
    return weighted


def new_normalizer(labels: NDArray[np.int64], dtype: np.dtype[Any]) -> Normalizer:
    """Return the log-sum-exp and the true logits of examples before any class.

    The true logits are copied from the logits of all classes, not computed separately: a loss is never negative.
    """
    batch_size = labels.shape[0]
    return Normalizer(
        labels=labels,
        true_logits=np.zeros(labels.shape, dtype),
        largest=np.full(batch_size, -np.inf, dtype),
        sum_exp=np.zeros(batch_size),
        chunk_largest=np.zeros((0, batch_size), dtype),
        chunk_sum_exp=np.zeros((0, batch_size)),
    )


@np.errstate(over="ignore", invalid="ignore")  # NaN or inf in a table propagates to the loss
def add_classes(batch: Batch, similarity: Similarity, normalizer: Normalizer) -> None:
    """Add the classes of a batch to a normalizer, whose labels count from the first of them.

    Chunks of classes are merged in order, so that classes may be added in several calls, with the same bits, if each
    call but the last has a multiple of `BLOCK` of them.
    """
    classes = FullPass(batch, similarity, BLOCK)
    batch_size, dtype = batch.inputs.shape[0], batch.inputs.dtype
    with_chunks = normalizer._replace(
        chunk_largest=np.zeros((classes.num_chunks, batch_size), dtype),
        chunk_sum_exp=np.zeros((classes.num_chunks, batch_size)),
    )
    buffers = classes.buffers()
    for block in classes.blocks():
        classes.run(run_log_sum_exp, block, classes.panels, buffers, with_chunks)


def _normalizer(batch: Batch, similarity: Similarity) -> Normalizer:
    """Return the log-sum-exp and the true logits of each example over all classes."""
    normalizer = new_normalizer(batch.labels, batch.inputs.dtype)
    add_classes(batch, similarity, normalizer)
    return normalizer


@np.errstate(over="ignore", invalid="ignore", divide="ignore")
def losses_of(labels: NDArray[np.int64], normalizer: Normalizer) -> NDArray[Any]:
    """Return the losses of examples whose normalizer has seen all classes."""
    shifted = normalizer.true_logits.astype(np.float64) - normalizer.largest[:, np.newaxis]
    real = labels != NO_CLASS
    mean = shifted.mean(axis=1) if real.all() else shifted.mean(axis=1, where=real)
    return (np.log(normalizer.sum_exp) - mean).astype(normalizer.true_logits.dtype)  # type: ignore[no-any-return]


@np.errstate(over="ignore", invalid="ignore", divide="ignore")
def _gradients(batch: Batch, similarity: Similarity, normalizer: Normalizer, loss_grad: NDArray[Any]) -> Gradients:
    num_classes, dim = batch.weights.num_rows, batch.inputs.shape[1]
    weights_grad = np.empty((num_classes, dim), batch.inputs.dtype)
    biases_grad = np.empty(num_classes, batch.inputs.dtype)
    block_size = max(BLOCK // 4, 1)  # the logits of a block are stored for the whole batch
    classes = FullPass(batch, similarity, block_size, chunk_panels=block_size)
    scratch, factors = _scratch(classes), _factors(classes, normalizer, loss_grad)
    for block in classes.blocks():
        rows = slice(block.first, block.first + block.weights.shape[0])
        out = weights_grad[rows], biases_grad[rows]
        classes.run(run_gradients, block, classes.panels, factors, scratch, *out)
        classes.class_gradients(out[0], block)
    inputs_grad = scratch.input_grad.transpose(0, 2, 1, 3).reshape(-1, scratch.flat_class_grad.shape[2])
    inputs_grad = np.ascontiguousarray(inputs_grad[: batch.inputs.shape[0], :dim])
    classes.input_gradients(inputs_grad)
    every = np.arange(num_classes, dtype=np.int64)
    of_weights = batch.weights.gradient(IndexedSlices(weights_grad, every, weights_grad.shape))
    if batch.biases is None:
        return Gradients(of_weights, None, inputs_grad)
    of_biases = batch.biases.gradient(IndexedSlices(biases_grad, every, biases_grad.shape))
    return Gradients(of_weights, of_biases, inputs_grad)


def _factors(classes: FullPass, normalizer: Normalizer, loss_grad: NDArray[Any]) -> Factors:
    labels = normalizer.labels
    scales = (loss_grad / normalizer.sum_exp).astype(loss_grad.dtype)
    num_labels = (labels != NO_CLASS).sum(axis=1).astype(loss_grad.dtype)
    return Factors(
        labels,
        classes.repeat_in_lanes(normalizer.largest),
        classes.repeat_in_lanes(scales),
        loss_grad / num_labels,
    )


def _scratch(classes: FullPass) -> FullScratch:
    groups, depth, rows, width = classes.panels.inputs.shape
    panels = classes.num_panels
    logits = aligned((groups, panels, rows, width), classes.dtype)
    class_grad = aligned((classes.num_threads, width, depth, width), classes.dtype)
    return FullScratch(
        class_rows=np.arange(classes.block_size),
        packed_weights=aligned((depth, panels * width, width), classes.dtype),
        logits=logits,
        flat_logits=logits.reshape(groups, panels, rows * width),
        logit_grad=logits,
        input_grad=aligned((groups, depth, rows, width), classes.dtype),
        class_grad=class_grad,
        flat_class_grad=class_grad.reshape(classes.num_threads, width, depth * width),
        bias_grad=aligned((panels, width), classes.dtype),
    )
