"""Ragged batches for tests, and a step of the reference on copies of tables."""

from itertools import pairwise

import numpy as np

import sampledsoftmax as ss
from sampledsoftmax.layers.ragged_step import RaggedTables
from sampledsoftmax.layers.table import Table
from sampledsoftmax.retrieval.ragged_reference import ragged_loss_and_grad

NUM_INPUTS, NUM_CLASSES = 9, 23


def ragged(sizes, seed=0, num_classes=NUM_CLASSES):
    """Return labels with these numbers of different classes for each example."""
    rng = np.random.default_rng(seed)
    values = [rng.choice(num_classes, size, replace=False) for size in sizes]
    splits = np.concatenate(([0], np.cumsum(sizes, dtype=np.int64)))
    return ss.RaggedLabels(np.concatenate([*values, np.zeros(0)]).astype(np.int64), splits)


def lists(labels):
    """Return ragged labels as a list of lists."""
    values, splits = labels
    return [values[first:end].tolist() for first, end in pairwise(splits)]


def tables(make_optimizer, dtype, dim=5, biases=True, num_inputs=NUM_INPUTS, num_classes=NUM_CLASSES):
    """Return tables of random rows; optimizers are made by make_optimizer(learning rate)."""
    rng = np.random.default_rng(1)

    def rows(shape):
        return rng.normal(size=shape).astype(dtype)

    shapes = {"inputs": (num_inputs, dim), "weights": (num_classes, dim), "biases": (num_classes,)}
    made = {
        name: Table(name, shape, rows, make_optimizer(rate))
        for (name, shape), rate in zip(shapes.items(), (0.2, 0.1, 0.05), strict=True)
    }
    return RaggedTables(made["inputs"], made["weights"], made["biases"] if biases else None)


def reference_step(of_tables, ids, labels, sampler, num_sampled, *, subtract_log_q=True, unique=True, **options):
    """Take a step with the formulas of the reference and the updates of the optimizers; return the loss."""
    inputs, weights, biases = of_tables
    for table in of_tables:
        if table is not None:
            table.catch_up(None)
    classes = lists(labels)
    sampled, true_count, sampled_count = sampler.sample(labels.values[:, np.newaxis], num_sampled, unique)
    if not subtract_log_q:
        true_count, sampled_count = np.ones_like(true_count), np.ones_like(sampled_count)
    counts = [true_count[first:end, 0] for first, end in pairwise(labels.row_splits)]
    bias_values = np.zeros(weights.values.shape[0], weights.values.dtype) if biases is None else biases.values
    loss, *grads = ragged_loss_and_grad(
        inputs.values[ids], weights.values, bias_values, classes, sampled.tolist(), counts, sampled_count, **options
    )
    touched = np.unique(np.concatenate((labels.values, sampled)))
    has_labels = np.diff(labels.row_splits) > 0
    inputs.update(ss.IndexedSlices(grads[0][has_labels], ids[has_labels], inputs.values.shape))
    weights.update(ss.IndexedSlices(grads[1][touched], touched, weights.values.shape))
    if biases is not None:
        biases.update(ss.IndexedSlices(grads[2][touched], touched, biases.values.shape))
    return loss
