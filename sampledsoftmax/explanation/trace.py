"""From one checked call to its trace."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax import reference
from sampledsoftmax.explanation.numbers import PATHS, rows_of
from sampledsoftmax.explanation.parts import Settings, Summed, TableCost, TableRows
from sampledsoftmax.explanation.types import Explanation
from sampledsoftmax.losses.accidental_hits import compute_accidental_hits
from sampledsoftmax.losses.arguments import Call
from sampledsoftmax.types import IndexedSlices, SampledValues

Ids = NDArray[np.int64]

FEW_CLASSES = 24  # so many rows fit on a screen: all of them are drawn, read or not
_MOST_COPIED = 1 << 20  # bytes of a table that is copied to see which rows a step changes
_LEARNING_RATE = 0.1


def trace(call: Call, path: str, seed: Any, input_ids: Ids | None, class_names: Sequence[str] | None) -> Explanation:
    """Return everything that happens in a call."""
    batch, values, correction = call
    settings = Settings(
        values.sampled_candidates.size, batch.weights.num_rows, batch.labels.shape[1], *correction, seed, path
    )
    library = PATHS[path]
    numbers = library.numbers(call)
    gradients = numbers.gradients
    probabilities, logit_gradients = _softmax(numbers.logits, settings.num_true)
    summed = Summed(
        library.coalesce(gradients.weights),
        None if gradients.biases is None else library.coalesce(gradients.biases),
        None if input_ids is None else library.coalesce(_of_embeddings(gradients.inputs, input_ids, settings)),
    )
    return Explanation(
        settings=settings,
        labels=batch.labels.copy(),  # what the caller does to its arrays later must not change what was seen
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


def _softmax(logits: NDArray[Any], num_true: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return (probabilities, gradients of the logits): the gradient is probability less target."""
    _, gradient = reference.cross_entropy(logits.astype(np.float64), num_true)
    probabilities = gradient.copy()
    probabilities[:, :num_true] += 1.0 / num_true
    return probabilities, gradient


def _rows(call: Call, ids: Ids) -> TableRows:
    return TableRows(ids.copy(), *rows_of(call, ids))


def _unread(call: Call) -> Ids:
    """Return the rows that the batch does not name, of tables with few classes; none of others."""
    num_classes = call.batch.weights.num_rows
    if num_classes > FEW_CLASSES:
        return np.zeros(0, np.int64)
    return np.setdiff1d(np.arange(num_classes), np.concatenate((call.batch.labels.ravel(), call.values[0])))


def _hits(call: Call) -> Ids:
    """Return the different (example, position) pairs, sorted: a label may come twice in an example."""
    labels = call.batch.labels
    examples, positions, _ = compute_accidental_hits(
        labels, call.values.sampled_candidates, labels.shape[1], copies=call.correction.hit_copies
    )
    return np.unique(np.stack((examples.astype(np.int64), positions), axis=1), axis=0)


def _of_embeddings(inputs: NDArray[Any], input_ids: Ids, settings: Settings) -> IndexedSlices:
    return IndexedSlices(inputs, input_ids, (settings.num_classes, inputs.shape[1]))


def _changed_rows(call: Call, gradient: IndexedSlices) -> Ids | None:
    """Return the rows of a copy whose bits a step of SGD changes."""
    table = call.batch.weights.parts[0]
    if table.nbytes > _MOST_COPIED:
        return None
    before = np.ascontiguousarray(table)
    after = before.copy()
    reference.sgd(after, gradient.indices, gradient.values, _LEARNING_RATE)
    differs = before.view(np.uint8) != after.view(np.uint8)
    return np.flatnonzero(differs.any(axis=1))


def _cost(call: Call, summed: Summed, input_ids: Ids | None) -> tuple[TableCost, ...]:
    """Return rows and bytes of each table, counted from the arrays."""
    batch, ids = call.batch, np.concatenate((call.batch.labels.ravel(), call.values.sampled_candidates))
    read = np.unique(ids).size
    weights = batch.weights.parts[0]
    costs = [TableCost("weights", *_size(weights), ids.size, read, summed.weights.indices.size)]
    if batch.biases is not None and summed.biases is not None:
        costs.append(TableCost("biases", *_size(batch.biases.parts[0]), ids.size, read, summed.biases.indices.size))
    if input_ids is not None and summed.embeddings is not None:
        row = int(batch.inputs[:1].nbytes)
        names = np.unique(input_ids).size
        of_inputs = (weights.shape[0], row, input_ids.size, names, summed.embeddings.indices.size)
        costs.append(TableCost("embeddings", *of_inputs))
    return tuple(costs)


def _size(table: NDArray[Any]) -> tuple[int, int]:
    return table.shape[0], int(table[:1].nbytes)
