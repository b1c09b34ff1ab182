"""Runs that another thread aborts: kernels end at the next barrier, and no table is half updated silently."""

import threading
import time

import numpy as np
import pytest

import sampledsoftmax as ss
from sampledsoftmax.jit.decorators import jit
from sampledsoftmax.kernels.sync.atomics import atomic_add, atomic_load
from sampledsoftmax.kernels.sync.barrier import SHARED_SIZE, barrier
from sampledsoftmax.layers.split_step import SplitSteps
from sampledsoftmax.types import Correction
from tests.aborted_runs import pass_barrier, run_aborted_after
from tests.cases import make_case


@jit
def ahead_of_others(shared, thread_id, log):
    """Write how many threads had arrived at a barrier when it was passed; shared[39] counts them."""
    for i in range(log.shape[0]):
        atomic_add(shared, 39, 1)
        barrier(shared, 3)
        log[i, thread_id] = atomic_load(shared, 39) - 3 * i
        barrier(shared, 3)


@pytest.mark.parametrize("num_barriers", range(4))
def test_an_aborted_barrier_ends_a_step(monkeypatch, num_barriers):
    """Tables change in the last of the four phases only, by the rows of the thread that is left."""
    # Without log Q: the other thread's range of the counts is missing. The groups of equal inputs, its work in phase 1,
    # are there from the step before.
    model = ss.SkipGram(50, 4, 8, ss.SGD(0.5), "uniform", subtract_log_q=False, seed=3)
    ids = np.arange(400) % 50  # several blocks of examples: at least one is this thread's
    model.step(ids, ids)
    before = [table.copy() for table in (model.embeddings, model.weights)]
    run = run_aborted_after(num_barriers, monkeypatch)
    monkeypatch.setattr("sampledsoftmax.layers.fused_step.thread_pool.run", run)
    model.step(ids, ids)
    changed = [
        not np.array_equal(table, old) for table, old in zip((model.embeddings, model.weights), before, strict=True)
    ]
    assert changed == [num_barriers > 2, num_barriers > 2]


@pytest.mark.parametrize("num_barriers", range(2))
def test_an_aborted_barrier_ends_a_loss(monkeypatch, num_barriers):
    case = make_case(5, 2, 400, 1)
    monkeypatch.setattr("sampledsoftmax.losses.sampled_pass._kept", threading.local())  # new memory: zeros
    run = run_aborted_after(num_barriers, monkeypatch)
    monkeypatch.setattr("sampledsoftmax.losses.sampled_pass.thread_pool.run", run)
    loss, _ = ss.sampled_softmax_loss_and_grad(
        case.weights, case.biases, case.labels, case.inputs, 1, 5, 1, case.values
    )
    assert loss.any() == (num_barriers == 1)


@pytest.mark.parametrize("num_barriers", range(3))
def test_an_aborted_barrier_ends_an_update(monkeypatch, num_barriers):
    """With exact Adam, rows catch up between the first barrier and the second one."""
    layer, labels = ss.SampledSoftmax(50, 4, 8, ss.Adam(0.5, mode="exact"), seed=3), np.arange(40)[:, np.newaxis]
    tables, correction = (layer.weight_table, layer.bias_table), Correction(True, True)
    steps = SplitSteps(4, np.dtype(np.float32), layer.objective, correction)
    values = ss.LogUniformSampler(50, seed=1).sample(labels, 8)
    forward = steps.forward(tables, np.ones((40, 4), np.float32), labels, values, 1 / 40)
    before = layer.weights.copy()
    run = run_aborted_after(num_barriers, monkeypatch)
    monkeypatch.setattr("sampledsoftmax.layers.split_step.thread_pool.run", run)
    forward.update(tables)
    assert np.array_equal(layer.weight_table.values, before) == (num_barriers < 2)


def test_a_thread_that_is_early_waits():
    shared = np.zeros(SHARED_SIZE, np.int64)
    results = []
    early = threading.Thread(target=lambda: results.append(pass_barrier(shared, 2)))
    early.start()
    time.sleep(0.2)
    assert not results
    assert pass_barrier(shared, 2)
    early.join(timeout=600)
    assert results == [True]


@pytest.mark.compiled
def test_barriers_follow_one_another_without_a_number():
    """No thread passes a barrier before all have arrived, 1000 times in a row."""
    shared, log = np.zeros(SHARED_SIZE, np.int64), np.zeros((1000, 3), np.int64)

    def run(thread_id):
        ahead_of_others(shared, thread_id, log)

    threads = [threading.Thread(target=run, args=(thread_id,)) for thread_id in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=600)
    assert (log == 3).all()


def test_a_sampler_with_too_few_classes_says_so():
    sampler = ss.FixedUnigramSampler(np.r_[np.ones(5), np.zeros(45)], seed=1)
    model = ss.SkipGram(50, 4, 8, ss.SGD(0.5), sampler)
    with pytest.raises(ValueError, match="num_sampled = 8"):
        model.step(np.arange(6), np.arange(6) % 5)
