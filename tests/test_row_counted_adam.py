"""Adam in mode "row_counted": each row is dense Adam on the gradients that it had."""

import copy
import pickle

import numpy as np
import pytest

import sampledsoftmax as ss
from tests.registry import DTYPES

SETTINGS = [{}, {"beta_1": 0.0, "beta_2": 0.9}, {"beta_2": 1.0}]
UNAVERAGED = [{"beta_2": 0.0}, {"beta_1": 0.0, "beta_2": 0.0}]  # the cancellation in v + g**2 - v is not averaged away
CASES = [(s, dtype) for dtype in DTYPES for s in SETTINGS] + [(s, np.float64) for s in UNAVERAGED]


def dense_adam(row, gradients, optimizer):
    """Return a row and its moments after `gradients`, in the precision of the row."""
    row, m, v = row.copy(), np.zeros_like(row), np.zeros_like(row)
    b1, b2 = optimizer.beta_1, optimizer.beta_2
    for t, gradient in enumerate(gradients, 1):
        m += (gradient - m) * (1 - b1)
        v += (gradient**2 - v) * (1 - b2)
        row -= optimizer.learning_rate * np.sqrt(1 - b2**t) / (1 - b1**t) * m / (np.sqrt(v) + optimizer.epsilon)
    return row, m, v


@pytest.mark.parametrize("shape", [(9, 1), (9, 17), (9,)])
@pytest.mark.parametrize(("settings", "dtype"), CASES)
def test_a_row_is_dense_adam_on_its_own_gradients(settings, shape, dtype):
    optimizer = ss.Adam(0.01, epsilon=1e-4, mode="row_counted", **settings)
    rng = np.random.default_rng(0)
    start = rng.normal(size=shape).astype(dtype)
    table, slots, had = start.copy(), optimizer.init(start), [[] for _ in start]
    for step in range(40):
        rows = rng.permutation(8)[: 8 if step == 20 else 2]  # row 8 never
        values = rng.normal(size=(rows.size, *shape[1:])).astype(dtype)
        for row, value in zip(rows, values, strict=True):
            had[row].append(value.astype(np.float64))
        optimizer.update(table, slots, ss.IndexedSlices(values, rows, shape))
    assert slots["step"].dtype == np.int64
    np.testing.assert_array_equal(slots["step"], [len(gradients) for gradients in had])
    np.testing.assert_array_equal(table[8], start[8])
    tolerance = 1e-5 if dtype == np.float32 else 1e-12
    for i, gradients in enumerate(had):
        row, m, v = dense_adam(start[i].astype(np.float64), gradients, optimizer)
        np.testing.assert_allclose(table[i], row, rtol=tolerance, atol=tolerance)
        np.testing.assert_allclose(slots["m"][i], m, rtol=tolerance, atol=tolerance)
        np.testing.assert_allclose(slots["v"][i], v, rtol=tolerance, atol=tolerance)


def test_rows_that_every_step_names_are_those_of_lazy_adam():
    tables, rng = [np.ones((5, 3)), np.ones((5, 3))], np.random.default_rng(1)
    adams = [ss.Adam(0.1), ss.Adam(0.1, mode="row_counted")]
    slots = [adam.init(table) for adam, table in zip(adams, tables, strict=True)]
    for _ in range(50):
        gradient = rng.normal(size=(5, 3))
        for adam, table, state in zip(adams, tables, slots, strict=True):
            adam.update(table, state, gradient)
    np.testing.assert_allclose(*tables, rtol=1e-12)


def test_duplicates_of_a_batch_count_as_one_update():
    table, optimizer = np.zeros((4, 1)), ss.Adam(0.1, mode="row_counted")
    slots = optimizer.init(table)
    optimizer.update(table, slots, ss.IndexedSlices(np.ones((3, 1)), np.array([2, 1, 2]), (4, 1)))
    np.testing.assert_array_equal(slots["step"], [0, 1, 1, 0])


def test_a_row_of_many_updates_loses_no_digits():
    optimizer, table = ss.Adam(0.1, beta_2=1 - 1e-12, epsilon=1e-30, mode="row_counted"), np.zeros((2, 1))
    slots = optimizer.init(table)
    slots["step"][:] = [0, 2**40]
    slots["m"][1], slots["v"][1] = 1, 1
    optimizer.update(table, slots, np.ones((2, 1)))
    expected = [-0.1, -0.1 * np.sqrt(-np.expm1(-(2**40 + 1) * 1e-12))]  # (1 - x)**t is exp(-t x) where x is small
    np.testing.assert_allclose(table.ravel(), expected, rtol=1e-4)


def test_a_layer_counts_the_updates_of_each_row_and_its_copies_go_on_with_the_same_bits(tmp_path):
    """The same bits on any number of threads, in folders, by pull and push: see tests.registry."""
    model = ss.SkipGram(30, 4, 5, ss.Adam(0.05, 0.0, 0.9, mode="row_counted"), seed=1)
    rng = np.random.default_rng(0)
    ids, labels = rng.integers(0, 20, (2, 8, 6))
    for i, j in zip(ids[:4], labels[:4], strict=True):
        model.step(i, j)
    expected = np.zeros(30, int)
    for batch in ids[:4]:
        expected[np.unique(batch)] += 1
    np.testing.assert_array_equal(model.embedding_table.slots["step"], expected)
    model.save(tmp_path / "model.zip")
    twins = [copy.deepcopy(model), pickle.loads(pickle.dumps(model)), ss.SkipGram.load(tmp_path / "model.zip")]
    for each in (model, *twins):
        assert each.embedding_table.optimizer.mode == "row_counted"
        for i, j in zip(ids[4:], labels[4:], strict=True):
            each.step(i, j)
        for name in ("embeddings", "weights", "biases"):
            np.testing.assert_array_equal(getattr(each, name), getattr(model, name))
