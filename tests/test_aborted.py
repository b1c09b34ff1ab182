"""A run that another thread left: passes end at the next meeting, and no table is half updated in silence."""

import threading
import time

import numpy as np
import pytest

import sampledsoftmax as ss
from sampledsoftmax.jit.decorators import jit
from sampledsoftmax.kernels.sync.barrier import ABORTED, ARRIVED, SHARED_SIZE, barrier
from tests.cases import make_case


@jit
def _meet(shared, parts, meeting):
    return barrier(shared, parts, meeting)


def run_beside_one_that_leaves(meetings):
    """Return a `ThreadPool.run` in which another thread came to so many meetings and then gave the run up."""

    def run(function, parts, *arguments):
        shared = np.zeros(SHARED_SIZE, np.int64)
        shared[ABORTED], shared[ARRIVED] = 1, meetings
        function(0, 2, shared, *arguments)

    return run


@pytest.mark.parametrize("meetings", range(5))
def test_a_step_is_left_at_the_meeting_that_another_does_not_come_to(monkeypatch, meetings):
    # Without log-Q: the other thread's share of the counts is missing. What it finds of equal inputs is there from a
    # step before.
    model = ss.SkipGram(50, 4, 8, ss.SGD(0.5), "uniform", subtract_log_q=False, seed=3)
    ids = np.arange(400) % 50  # several blocks of examples: one at least is this thread's
    model.step(ids, ids)
    before = [table.copy() for table in (model.embeddings, model.weights)]
    monkeypatch.setattr("sampledsoftmax.layers.fused_step.thread_pool.run", run_beside_one_that_leaves(meetings))
    model.step(ids, ids)
    changed = [
        not np.array_equal(table, old) for table, old in zip((model.embeddings, model.weights), before, strict=True)
    ]
    assert changed == [meetings > 2, meetings > 2]


@pytest.mark.parametrize("meetings", range(2))
def test_a_loss_is_left_too(monkeypatch, meetings):
    case = make_case(5, 2, 400, 1)
    monkeypatch.setattr("sampledsoftmax.losses.sampled_pass._kept", threading.local())  # new memory: zeros
    monkeypatch.setattr("sampledsoftmax.losses.sampled_pass.thread_pool.run", run_beside_one_that_leaves(meetings))
    loss, _ = ss.sampled_softmax_loss_and_grad(
        case.weights, case.biases, case.labels, case.inputs, 1, 5, 1, case.values
    )
    assert loss.any() == (meetings == 1)


def test_a_thread_that_is_early_waits():
    shared = np.zeros(SHARED_SIZE, np.int64)
    results = []
    early = threading.Thread(target=lambda: results.append(_meet(shared, 2, 1)))
    early.start()
    time.sleep(0.2)
    assert not results
    assert _meet(shared, 2, 1)
    early.join(timeout=20)
    assert results == [True]


def test_a_sampler_with_too_few_classes_says_so():
    sampler = ss.FixedUnigramSampler(np.r_[np.ones(5), np.zeros(45)], seed=1)
    model = ss.SkipGram(50, 4, 8, ss.SGD(0.5), sampler)
    with pytest.raises(ValueError, match="num_sampled = 8"):
        model.step(np.arange(6), np.arange(6))
