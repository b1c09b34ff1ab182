"""Adam in mode "exact": a table that has caught up is that of dense Adam, on every row."""

import numpy as np
import pytest

from sampledsoftmax.optimizers import Adam
from sampledsoftmax.types import IndexedSlices


def dense_adam(table, m, v, gradient, step, optimizer):
    b1, b2 = optimizer.beta_1, optimizer.beta_2
    m += (gradient - m) * (1 - b1)
    v += (gradient**2 - v) * (1 - b2)
    table -= optimizer.learning_rate * np.sqrt(1 - b2**step) / (1 - b1**step) * m / (np.sqrt(v) + optimizer.epsilon)


def train(optimizer, table, steps, readers=()):
    """Return (ours, dense) after gradients of few rows, some of them left alone for long; both float64."""
    ours, dense = table.copy(), table.astype(np.float64)
    slots, m, v = optimizer.init(ours), np.zeros(dense.shape), np.zeros(dense.shape)
    rng = np.random.default_rng(1)
    for step in range(1, steps + 1):
        rows = rng.integers(0, 4, 3) if step % 100 else np.array([5, 6])
        values = rng.normal(size=(rows.size, *table.shape[1:])).astype(table.dtype)
        gradient = IndexedSlices(values, rows, table.shape)
        optimizer.update(ours, slots, gradient)
        dense_adam(dense, m, v, gradient.to_dense().astype(np.float64), step, optimizer)
        if step in readers:
            optimizer.catch_up(ours, slots, [5, 2, 5])
            np.testing.assert_allclose(ours[[5, 2]], dense[[5, 2]], rtol=1e-5, atol=1e-5)
    return ours, dense, slots, m, v


SETTINGS = [
    {},
    {"epsilon": 1e-2},
    {"beta_1": 0.0},
    {"beta_1": 0.5, "beta_2": 0.9},
    {"beta_1": 0.95, "beta_2": 0.8},  # movements grow before they fade: no step may be left out
    {"beta_2": 0.0},
]


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("shape", [(8, 3), (8,)])
def test_a_table_that_caught_up_is_that_of_dense_adam(settings, shape):
    optimizer = Adam(0.01, mode="exact", **{"epsilon": 1e-4, **settings})
    table = np.random.default_rng(0).normal(size=shape)
    ours, dense, slots, m, v = train(optimizer, table, 350)
    optimizer.catch_up(ours, slots)
    np.testing.assert_allclose(ours, dense, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(slots["m"], m, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(slots["v"], v, rtol=1e-9, atol=1e-12)
    assert (slots["last_step"] == 350).all()
    np.testing.assert_array_equal(ours[7], table[7])


@pytest.mark.compiled
def test_float32_tables_and_rows_that_are_read_on_the_way():
    optimizer = Adam(0.01, mode="exact", epsilon=1e-4)
    table = np.random.default_rng(0).normal(size=(8, 3)).astype(np.float32)
    ours, dense, slots, _, _ = train(optimizer, table, 1000, readers=(150, 151, 333))
    optimizer.catch_up(ours, slots)
    np.testing.assert_allclose(ours, dense, rtol=1e-5, atol=1e-5)


def test_the_movements_left_out_are_below_rounding():
    for settings in SETTINGS[:4]:
        optimizer = Adam(1.0, **settings)
        for dtype in (np.float32, np.float64):
            terms = optimizer._max_missed(np.dtype(dtype))
            ratio = optimizer.beta_1 / np.sqrt(optimizer.beta_2)
            rest = ratio**terms / (1 - ratio) / np.sqrt(1 - optimizer.beta_2)
            assert terms == 0 or np.finfo(dtype).eps / 20 < rest <= np.finfo(dtype).eps / 2
    assert Adam(1.0)._max_missed(np.dtype(np.float32)) == 214
    assert Adam(1.0, beta_1=0.95, beta_2=0.9)._max_missed(np.dtype(np.float32)) > 10**15


def test_lazy_rows_miss_nothing():
    optimizer, table = Adam(0.1), np.ones((4, 2))
    slots = optimizer.init(table)
    for row in (1, 2):
        optimizer.update(table, slots, IndexedSlices(np.ones((1, 2)), np.array([row]), (4, 2)))
    before = table.copy()
    optimizer.catch_up(table, slots)
    np.testing.assert_array_equal(table, before)
    assert slots["step"][0] == 2


def test_catching_up_checks_its_arguments():
    optimizer, table = Adam(0.1, mode="exact"), np.ones((4, 2))
    slots = optimizer.init(table)
    with pytest.raises(ValueError, match=r"ids\[1\] = 4 is not a class id: ids are in \[0, 4\)"):
        optimizer.catch_up(table, slots, [0, 4])
    with pytest.raises(ValueError, match="slots must hold 'last_step', got 'm', 'v', 'step'"):
        optimizer.catch_up(table, Adam(0.1).init(table))
