"""Kernels of ragged steps: aborted runs, chunks of examples, rules with other learning rates."""

from typing import NamedTuple

import numpy as np
import pytest

import sampledsoftmax as ss
from sampledsoftmax.jit.decorators import jit
from sampledsoftmax.kernels.ragged.learning_rate import with_learning_rate
from sampledsoftmax.kernels.update.adam import LazyAdam
from sampledsoftmax.kernels.update.rules import SGD
from sampledsoftmax.layers.ragged_step import RaggedSteps
from tests.aborted_runs import run_aborted_after
from tests.ragged.cases import NUM_CLASSES, ragged, tables


class NoRate(NamedTuple):
    """A rule without a learning rate."""

    size: float


@jit
def changed(rule, rate):
    return with_learning_rate(rule, rate)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (SGD(np.float32(0.5)), SGD(np.float32(0.25))),
        (LazyAdam(0.5, 0.9, 0.99, 1e-7), LazyAdam(0.25, 0.9, 0.99, 1e-7)),
        (NoRate(0.5), NoRate(0.5)),
    ],
)
def test_a_rule_with_another_learning_rate(rule, expected):
    assert changed(rule, 0.25) == expected


@pytest.mark.parametrize("num_barriers", range(4))
def test_an_aborted_barrier_ends_a_step(monkeypatch, num_barriers):
    """Tables change in the last phase only, by the thread that is left; it takes all chunks of examples."""
    # There are chunks with vectors of any width: 400 examples of 2120 candidates.
    of_tables = tables(ss.SGD, np.float32, 4, num_inputs=400, num_classes=2200)
    sampler = ss.UniformSampler(2200, seed=1)
    steps = RaggedSteps(2120, 4, np.float32, sampler, subtract_log_q=False)
    ids, labels = np.arange(400), ragged([1, 2] * 200, num_classes=2200)
    steps.steps(of_tables, ids, labels, [0, 400])
    before = [table.values.copy() for table in of_tables]
    run = run_aborted_after(num_barriers, monkeypatch)
    monkeypatch.setattr("sampledsoftmax.layers.ragged_step.thread_pool.run", run)
    steps.steps(of_tables, ids, labels, [0, 400])
    for table, old in zip(of_tables, before, strict=True):
        assert np.array_equal(table.values, old) == (num_barriers <= 2)


@pytest.mark.parametrize("temperature", [1.0, 0.001])
def test_a_label_that_stands_many_times_has_the_loss_of_one(temperature):
    """The product of the normalizers of a row leaves the range of float64 and is taken apart."""
    losses = []
    for copies in (1, 900):
        labels = ss.RaggedLabels(np.full(copies, 4), np.array([0, copies]))
        steps = RaggedSteps(20, 5, np.float64, ss.UniformSampler(NUM_CLASSES, seed=1), temperature=temperature)
        losses.append(float(steps.steps(tables(ss.SGD, np.float64), [0], labels, [0, 1])[0]))
    np.testing.assert_allclose(*losses, rtol=1e-12)
