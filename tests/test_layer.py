"""`SampledSoftmax.step` and `SkipGram.step` are the functions of the package, one after the other."""

import copy
import os
import pickle
import subprocess
import sys

import numpy as np
import pytest

import sampledsoftmax as ss
from sampledsoftmax import reference


def ids_of(num_classes, shape, seed):
    draws = np.exp(np.random.default_rng(seed).random(shape) * np.log1p(num_classes)).astype(np.int64) - 1
    return draws % num_classes


def snapshot(model):
    return [table.copy() for table in (model.weights, model.biases)]


def candidates_first(gradient, num_labels):
    """Return the same gradient in the order in which a fused step adds it up, so that bits can be compared."""
    parts = ((x[num_labels:], x[:num_labels]) for x in (gradient.values, gradient.indices))
    return ss.IndexedSlices(*map(np.concatenate, parts), gradient.dense_shape)


@pytest.mark.subset(16)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("batch_size", [1, 2, 3, 7, 64, 65])
@pytest.mark.parametrize("num_true", [1, 2])
@pytest.mark.parametrize("flags", [(True, True), (False, True), (True, False)])
def test_a_step_is_loss_and_gradient_and_update(dtype, batch_size, num_true, flags):
    num_classes, dim, num_sampled = 90, 5, 21
    layer = ss.SampledSoftmax(num_classes, dim, num_sampled, ss.SGD(0.3), "log_uniform", *flags, dtype, seed=4)
    weights, biases = snapshot(layer)
    inputs = np.random.default_rng(1).normal(size=(batch_size, dim)).astype(dtype)
    labels = ids_of(num_classes, (batch_size, num_true), 2)
    loss, inputs_gradient = layer.step(inputs, labels)

    values = ss.log_uniform_candidate_sampler(labels, num_true, num_sampled, True, num_classes, seed=4)
    losses, gradients = ss.sampled_softmax_loss_and_grad(
        weights, biases, labels, inputs, num_sampled, num_classes, num_true, values, flags[1],
        subtract_log_q=flags[0], loss_grad=np.full(batch_size, 1 / batch_size, dtype),
    )  # fmt: skip
    optimizer = ss.SGD(0.3)
    optimizer.update(weights, {}, candidates_first(gradients.weights, labels.size))
    optimizer.update(biases, {}, candidates_first(gradients.biases, labels.size))
    assert loss == pytest.approx(losses.mean(dtype=np.float64), rel=1e-12)
    np.testing.assert_array_equal(inputs_gradient, gradients.inputs)
    np.testing.assert_array_equal(layer.weights, weights)
    np.testing.assert_array_equal(layer.biases, biases)


@pytest.mark.parametrize("num_true", [1, 3])
def test_skip_gram_steps_are_those_of_the_reference(num_true):
    num_classes, dim, num_sampled = 120, 6, 30
    model = ss.SkipGram(num_classes, dim, num_sampled, ss.Adagrad(0.2, 0.01), dtype=np.float64, seed=9)
    tables = {name: getattr(model, name).copy() for name in ("embeddings", "weights", "biases")}
    accumulators = {name: np.full_like(table, 0.01) for name, table in tables.items()}
    sampler = ss.LogUniformSampler(num_classes, seed=9)

    def update(name, indices, rows):
        reference.adagrad(tables[name], accumulators[name], indices, rows, 0.2)

    for step in range(5):
        inputs = ids_of(num_classes, 40, step)
        labels = ids_of(num_classes, (40, num_true), step + 100)
        values = sampler.sample(labels, num_sampled)
        expected = reference.skip_gram_step(*tables.values(), inputs, labels, values, update)
        assert model.step(inputs, labels) == pytest.approx(expected, rel=1e-12)
    for name, table in tables.items():
        np.testing.assert_allclose(getattr(model, name), table, rtol=1e-10, atol=1e-12)


def test_many_steps_in_one_call_are_the_steps_one_by_one():
    inputs, labels = ids_of(50, 23, 0), ids_of(50, 23, 1)
    one, many = (ss.SkipGram(50, 4, 8, ss.Adagrad(0.1), seed=3) for _ in range(2))
    losses = many.steps(inputs, labels, batch_size=10)
    expected = [one.step(inputs[i : i + 10], labels[i : i + 10]) for i in (0, 10, 20)]
    assert losses.tolist() == expected
    np.testing.assert_array_equal(one.embeddings, many.embeddings)
    np.testing.assert_array_equal(one.weights, many.weights)


def test_the_same_seed_gives_the_same_bits():
    runs = []
    for seed in (1, 1, 2):
        model = ss.SkipGram(80, 7, 10, ss.SGD(0.5), seed=seed)
        losses = [model.step(ids_of(80, 33, i), ids_of(80, 33, i + 50)) for i in range(4)]
        runs.append((losses, model.embeddings, model.weights, model.biases))
    assert runs[0][0] == runs[1][0] != runs[2][0]
    for ours, again, other in zip(runs[0][1:], runs[1][1:], runs[2][1:], strict=True):
        np.testing.assert_array_equal(ours, again)
        assert not np.array_equal(ours, other)


def test_rows_that_are_not_named_keep_their_bits():
    model = ss.SkipGram(1000, 4, 5, ss.Adagrad(0.5), seed=1)
    before = {name: getattr(model, name).copy() for name in ("embeddings", "weights", "biases")}
    model.step(np.array([7, 7, 9]), np.array([3, 4, 3]))
    candidates = ss.log_uniform_candidate_sampler([[3]], 1, 5, True, 1000, seed=1).sampled_candidates
    named = {"embeddings": [7, 9], "weights": {3, 4, *candidates.tolist()}}
    named["biases"] = named["weights"]
    for name, table in before.items():
        changed = (getattr(model, name) != table).reshape(1000, -1).any(axis=1)
        assert np.flatnonzero(changed).tolist() == sorted(named[name])


def test_an_empty_batch_changes_nothing():
    model = ss.SkipGram(50, 4, 5, seed=1)
    before = model.embeddings.copy(), *snapshot(model)
    assert model.step(np.empty(0, int), np.empty(0, int)) == 0.0
    np.testing.assert_array_equal(model.embeddings, before[0])
    np.testing.assert_array_equal(model.weights, before[1])


def test_full_loss_is_the_function_on_the_layers_tables():
    layer = ss.SampledSoftmax(30, 4, 5, seed=2)
    inputs = np.ones((3, 4), np.float32)
    expected = ss.full_softmax_loss(layer.weights, layer.biases, [1, 2, 3], inputs)
    np.testing.assert_array_equal(layer.full_loss(inputs, [1, 2, 3]), expected)


def test_an_assigned_table_is_trained_in_place():
    model = ss.SkipGram(30, 4, 5, seed=2)
    table = np.zeros((30, 4), np.float32)
    model.weights = table
    model.step([1, 2], [3, 4])
    assert model.weights is table
    assert table.any()


@pytest.mark.parametrize("table", ["embeddings", "weights", "biases"])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_loss_that_is_not_finite_stops_before_any_table_changes(table, bad):
    model = ss.SkipGram(30, 4, 30, ss.SGD(0.25), seed=2)
    getattr(model, table)[7] = bad
    before = [getattr(model, name).copy() for name in ("embeddings", "weights", "biases")]
    with pytest.raises(FloatingPointError, match=r"at learning_rate = 0.25: no table was changed"):
        model.step([7, 2], [3, 4])
    for name, kept in zip(("embeddings", "weights", "biases"), before, strict=True):
        np.testing.assert_array_equal(getattr(model, name), kept)


def test_steps_with_exact_adam_are_steps_with_dense_adam():
    """Rows are read after they took the steps they missed, so that every gradient is that of the dense table."""
    num_classes, dim, num_sampled, num_steps = 40, 3, 5, 25
    adam = ss.Adam(0.05, epsilon=1e-3, mode="exact")
    model = ss.SkipGram(num_classes, dim, num_sampled, adam, dtype=np.float64, seed=9)
    tables = {name: getattr(model, name).copy() for name in ("embeddings", "weights", "biases")}
    dense = ss.Adam(0.05, epsilon=1e-3)
    slots = {name: dense.init(table) for name, table in tables.items()}
    sampler = ss.LogUniformSampler(num_classes, seed=9)

    def update(name, indices, rows):
        table = tables[name]
        gradient = ss.IndexedSlices(rows, indices, table.shape).to_dense()
        dense.update(table, slots[name], ss.IndexedSlices(gradient, np.arange(num_classes), table.shape))

    for step in range(num_steps):
        inputs, labels = ids_of(num_classes, 6, step), ids_of(num_classes, (6, 1), step + 100)
        values = sampler.sample(labels, num_sampled)
        expected = reference.skip_gram_step(*tables.values(), inputs, labels, values, update)
        assert model.step(inputs, labels) == pytest.approx(expected, rel=1e-10)
    for name, table in tables.items():
        np.testing.assert_allclose(getattr(model, name), table, rtol=1e-9, atol=1e-11)


@pytest.mark.compiled
def test_threads_of_other_libraries_and_the_hash_seed_change_no_bit():
    program = """
import hashlib, numpy as np, sampledsoftmax as ss
model = ss.SkipGram(200, 33, 50, ss.Adagrad(0.1), seed=1)
ids = np.random.default_rng(0).integers(0, 200, (3, 2, 130))
loss = [model.step(inputs, labels) for inputs, labels in ids]
print(loss, hashlib.sha256(model.embeddings.tobytes() + model.weights.tobytes()).hexdigest())
"""
    outputs = set()
    for threads in ("1", "2", "4"):
        setting = {"OPENBLAS_NUM_THREADS": threads, "NUMBA_NUM_THREADS": threads, "PYTHONHASHSEED": threads}
        run = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True, env={**os.environ, **setting}
        )
        outputs.add(run.stdout)
    assert len(outputs) == 1
    assert "nan" not in outputs.pop()


def test_memory_that_is_kept_between_calls_is_of_the_right_tables_and_sizes():
    rng = np.random.default_rng(4)
    kept = ss.SkipGram(50, 6, 7, ss.SGD(0.1), seed=3)
    for place, size in enumerate((3, 70, 3, 1, 70)):
        inputs, labels = rng.integers(0, 50, (2, size))
        new = ss.SkipGram(50, 6, 7, ss.SGD(0.1), seed=3)
        for table in ("embeddings", "weights", "biases"):
            setattr(new, table, getattr(kept, table).copy())
        new.output.sampler.state = kept.output.sampler.state
        if place == 2:
            kept.embeddings = kept.embeddings.copy()
        assert kept.step(inputs, labels) == new.step(inputs, labels)
        for table in ("embeddings", "weights", "biases"):
            np.testing.assert_array_equal(getattr(kept, table), getattr(new, table))


def copied(model):
    return copy.deepcopy(model)


def pickled(model):
    return pickle.loads(pickle.dumps(model))


@pytest.mark.parametrize("duplicate", [copied, pickled])
@pytest.mark.parametrize("optimizer", [ss.Adagrad(0.1), ss.Adam(0.01, mode="exact")])
def test_a_copy_continues_with_the_same_bits_and_shares_nothing(tmp_path, duplicate, optimizer):
    ids = np.random.default_rng(0).integers(0, 50, (6, 12))
    for folder in (None, tmp_path):
        model = ss.SkipGram(50, 4, 8, optimizer, "log_uniform", seed=3, folder=folder)
        model.step(ids[0], ids[1])
        other = duplicate(model)
        losses = [[one.step(ids[2], ids[3]), one.step(ids[4], ids[5])] for one in (model, other)]
        assert losses[0] == losses[1]
        for name in ("embeddings", "weights", "biases"):
            np.testing.assert_array_equal(getattr(model, name), getattr(other, name))
            assert not np.shares_memory(getattr(model, name), getattr(other, name))
        layer = duplicate(model.output)
        inputs = np.ones((3, 4), np.float32)
        assert layer.step(inputs, ids[0, :3])[0] == model.output.step(inputs, ids[0, :3])[0]


@pytest.mark.parametrize("batch_size", [7, 2**62, 2**63 - 1])
def test_a_batch_may_be_larger_than_all_pairs(batch_size):
    one, many = (ss.SkipGram(30, 4, 5, seed=2) for _ in range(2))
    ids = np.arange(7)
    assert many.steps(ids, ids, batch_size).tolist() == [one.step(ids, ids)]
    np.testing.assert_array_equal(many.weights, one.weights)
