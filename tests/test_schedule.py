"""Scheduling of a batch: static ranges and dynamic chunks cover every example once."""

import numpy as np
import pytest
from numba import config

from sampledsoftmax.kernels.loss.objectives import SoftmaxCrossEntropy
from sampledsoftmax.kernels.step.candidate_rows import pack_candidates
from sampledsoftmax.kernels.step.forward import run_examples
from sampledsoftmax.kernels.structs import Operands
from sampledsoftmax.kernels.sync.barrier import ABORTED, SHARED_SIZE
from sampledsoftmax.kernels.sync.schedule import (
    BLOCK_ROWS,
    CHUNKS_PER_THREAD,
    chunk_examples,
    chunk_size,
    static_examples,
)
from sampledsoftmax.runtime.workspace import Workspace, settings_for
from sampledsoftmax.types import Correction


@pytest.mark.parametrize("multiplications", [1, 64 * 128, 1024 * 128, 8192 * 512])
@pytest.mark.parametrize("num_threads", [1, 2, 3, 64])
def test_every_example_is_scheduled_once(num_threads, multiplications):
    for batch_size in (0, 1, 5, 12, 97, 200, 513, 1024, 2559, 2560, 10_007):
        done = np.zeros(batch_size, np.int64)
        chunk = chunk_size(num_threads, batch_size, multiplications)
        for thread_id in range(num_threads):
            first, end = static_examples(thread_id, num_threads, batch_size, chunk)
            done[first:end] += 1
        for index in range(num_threads * CHUNKS_PER_THREAD if chunk > 0 else 0):
            first, end = chunk_examples(index, num_threads, batch_size, chunk)
            assert 0 < end - first <= BLOCK_ROWS, "a chunk is at most one block"
            done[first:end] += 1
        np.testing.assert_array_equal(done, 1)


def test_chunks_are_the_last_quarter_of_a_range_and_not_too_small():
    assert chunk_size(1, 1024, 1024 * 128) == 0, "one thread"
    assert chunk_size(2, 1024, 1024 * 128) == 36
    assert static_examples(0, 2, 1024, 36) == (0, 360)
    assert static_examples(1, 2, 1024, 36) == (512, 872)
    assert chunk_examples(1, 2, 1024, 36) == (872, 908)
    assert chunk_examples(7, 2, 1024, 36) == (980, 1024)
    assert chunk_size(2, 128, 64 * 128) == 0, "a chunk would be most of a range"


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_losses_and_gradients_do_not_depend_on_the_order_of_threads(order):
    batch_size, num_sampled, dim = 203, 250, 128
    assert chunk_size(2, batch_size, num_sampled * dim) > 0
    rng = np.random.default_rng(0)
    table, biases = rng.normal(size=(400, dim)).astype("f"), rng.normal(size=400).astype("f")
    drawn = rng.permutation(400)[:num_sampled]
    inputs, labels = rng.integers(0, 400, batch_size), rng.integers(0, 400, batch_size)
    operands = Operands(table, inputs, table, biases, labels, table, biases, drawn)
    settings = settings_for(SoftmaxCrossEntropy(), True, Correction(True, False), (1, num_sampled), table.dtype, 2)
    results = []
    for threads in ((0,), order):
        workspace = Workspace(batch_size, 1, num_sampled, dim, table.dtype)
        scratch, buffers, shared = workspace.scratch, workspace.buffers(2), np.zeros(SHARED_SIZE, np.int64)
        shared[ABORTED] = 1  # the barrier at the end waits for no one: the threads are played one after the other
        scratch.loss_grad[:] = 1 / batch_size
        scratch.true_counts[:], scratch.sampled_counts[:] = 0.5, 0.25
        pack_candidates(0, 1, operands, settings, scratch)
        for thread_id in threads:
            run_examples(thread_id, len(threads), shared, operands, settings, scratch, buffers)
        results.append((scratch.losses, scratch.input_grad))
    for one, two in zip(*results, strict=True):
        assert np.abs(one).max() > 0
        if config.DISABLE_JIT:  # the bits of a product by NumPy depend on its sizes
            np.testing.assert_allclose(two, one, rtol=1e-5, atol=1e-7)
        else:
            np.testing.assert_array_equal(two, one)
