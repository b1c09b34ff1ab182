"""Optimizers against the reference, against dense updates, and what they refuse."""

import numpy as np
import pytest

import sampledsoftmax as ss
from sampledsoftmax import reference
from sampledsoftmax.optimizers import Adam, Momentum, RowwiseAdagrad
from tests.registry import OPTIMIZERS as MAKERS

OPTIMIZERS = {name: make(0.1) for name, make in MAKERS.items()}


def gradient_of(table, num_rows, seed):
    rng = np.random.default_rng(seed)
    indices = rng.integers(0, table.shape[0], num_rows)
    values = rng.normal(size=(num_rows, *table.shape[1:])).astype(table.dtype)
    return ss.IndexedSlices(values, indices, table.shape)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(1, 1), (7, 3), (40, 65), (12,)])
@pytest.mark.parametrize("num_rows", [0, 1, 7, 64])
@pytest.mark.parametrize("name", ["sgd", "adagrad"])
def test_an_update_is_that_of_the_reference_and_other_rows_keep_their_bits(dtype, shape, num_rows, name):
    table = np.random.default_rng(0).normal(size=shape).astype(dtype)
    ours, theirs = table.copy(), table.copy()
    optimizer = ss.SGD(0.3) if name == "sgd" else ss.Adagrad(0.3, initial_accumulator_value=0.2)
    slots = optimizer.init(ours)
    accumulator = np.full_like(table, 0.2)
    touched = set()
    for step in range(3):
        gradient = gradient_of(table, num_rows, step)
        optimizer.update(ours, slots, gradient)
        if name == "sgd":
            reference.sgd(theirs, gradient.indices, gradient.values, 0.3)
        else:
            reference.adagrad(theirs, accumulator, gradient.indices, gradient.values, 0.3)
        touched |= set(gradient.indices.tolist())
    tolerance = 1e-5 if dtype == np.float32 else 1e-13
    np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance)
    if name == "adagrad":
        np.testing.assert_allclose(slots["accumulator"], accumulator, rtol=tolerance)
    untouched = [row for row in range(shape[0]) if row not in touched]
    np.testing.assert_array_equal(ours[untouched], table[untouched])


BAD_GRADIENTS = [
    (np.zeros((2, 3)), [0, 4], (4, 3), ValueError, r"gradient.indices\[1\] = 4 is not a class id: ids are in \[0, 4\)"),
    (np.zeros((2, 3)), [0, -1], (4, 3), ValueError, r"gradient.indices\[1\] = -1 is not"),
    (np.zeros((2, 2)), [0, 1], (4, 3), ValueError, r"gradient.values must have shape \[2, 3\], got \[2, 2\]"),
    (np.zeros(2), [0, 1], (4, 3), ValueError, r"gradient.values must have shape \[2, 3\], got \[2\]"),
    (np.zeros((2, 3)), [0, 1], (5, 3), ValueError, r"gradient is for a table of \(5, 3\), got a table of \(4, 3\)"),
    (np.zeros((2, 3)), [0.0, 1.0], (4, 3), TypeError, "gradient.indices must hold integer ids, got dtype float64"),
    (np.zeros((2, 3), np.float32), [0, 1], (4, 3), TypeError, "gradient.values must have the dtype"),
]


@pytest.mark.parametrize(("values", "indices", "shape", "error", "message"), BAD_GRADIENTS)
@pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_a_gradient_that_does_not_fit_is_refused_before_the_table_changes(
    optimizer, values, indices, shape, error, message
):
    table = np.ones((4, 3))
    slots = optimizer.init(table)
    before = {name: slot.copy() for name, slot in slots.items()}
    with pytest.raises(error, match=message):
        optimizer.update(table, slots, ss.IndexedSlices(values, np.array(indices), shape))
    assert (table == 1).all()
    for name, slot in slots.items():
        np.testing.assert_array_equal(slot, before[name])


SLOTS = [(optimizer, slot) for optimizer in OPTIMIZERS.values() for slot in optimizer.init(np.ones((4, 3)))]


@pytest.mark.parametrize(("optimizer", "slot"), SLOTS)
def test_slots_of_another_table_are_refused(optimizer, slot):
    table = np.ones((4, 3))
    good = optimizer.init(table)
    without = {name: array for name, array in good.items() if name != slot}
    with pytest.raises(ValueError, match=rf"slots\['{slot}'\] must have shape"):
        optimizer.update(table, {**good, slot: np.ones((5, 3), good[slot].dtype)}, gradient_of(table, 2, 0))
    with pytest.raises(TypeError, match=rf"slots\['{slot}'\] must be (float|int)64, got float32"):
        optimizer.update(table, {**good, slot: good[slot].astype(np.float32)}, gradient_of(table, 2, 0))
    with pytest.raises(ValueError, match=f"slots must hold '{slot}', got "):
        optimizer.update(table, without, gradient_of(table, 2, 0))
    assert (table == 1).all()


@pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_a_table_that_cannot_be_trained_is_refused(optimizer):
    table = np.ones((4, 3))
    slots, gradient = optimizer.init(table), gradient_of(table, 2, 0)
    table.flags.writeable = False
    with pytest.raises(ValueError, match="table must be writeable: it is trained in place"):
        optimizer.update(table, slots, gradient)
    with pytest.raises(TypeError, match="table must be float32, float64, float16 or bfloat16, got int64"):
        optimizer.update(np.ones((4, 3), np.int64), slots, gradient)


def dense_step(name, table, state, gradient, step):
    """Update a whole table in place, by the formula of each optimizer; `state` starts empty."""
    if name == "sgd":
        table -= 0.1 * gradient
    elif name in ("momentum", "nesterov"):
        velocity = state["velocity"] = 0.9 * state.get("velocity", 0) + gradient
        table -= 0.1 * (gradient + 0.9 * velocity if name == "nesterov" else velocity)
    elif name == "adagrad":
        state["a"] = state.get("a", 0.1) + gradient**2
        table -= 0.1 * gradient / np.sqrt(state["a"])
    elif name == "rowwise_adagrad":
        mean = (gradient**2).reshape(len(table), -1).mean(axis=1)
        state["a"] = state.get("a", 0.1) + mean.reshape(-1, *[1] * (table.ndim - 1))
        table -= 0.1 * gradient / np.sqrt(state["a"])
    else:
        m = state["m"] = 0.9 * state.get("m", 0) + 0.1 * gradient
        v = state["v"] = 0.999 * state.get("v", 0) + 0.001 * gradient**2
        table -= 0.1 * np.sqrt(1 - 0.999**step) / (1 - 0.9**step) * m / (np.sqrt(v) + 1e-7)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(1, 1), (7, 3), (12,), (20, 33)])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_updates_of_touched_rows_are_dense_updates(name, shape, dtype):
    optimizer = OPTIMIZERS[name]
    table = np.random.default_rng(0).normal(size=shape).astype(dtype)
    ours, dense, state = table.copy(), table.astype(np.float64), {}
    touched = np.arange(0, shape[0], 2)
    slots = optimizer.init(ours)
    for step in range(1, 11):
        rng = np.random.default_rng(step)
        indices = np.concatenate([touched, touched[: rng.integers(touched.size + 1)]])
        values = rng.normal(size=(indices.size, *shape[1:])).astype(dtype)
        gradient = ss.IndexedSlices(values, indices, shape)
        optimizer.update(ours, slots, gradient)
        dense_step(name, dense, state, gradient.to_dense().astype(np.float64), step)
    assert ours.dtype == dtype
    assert all(slot.dtype in (dtype, np.int64) for slot in slots.values())
    tolerance = 2e-5 if dtype == np.float32 else 1e-11
    np.testing.assert_allclose(ours[touched], dense[touched], rtol=tolerance, atol=tolerance)
    np.testing.assert_array_equal(np.delete(ours, touched, axis=0), np.delete(table, touched, axis=0))


@pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_an_empty_gradient_moves_nothing(optimizer):
    table = np.ones((4, 3))
    optimizer.update(table, optimizer.init(table), gradient_of(table, 0, 0))
    assert (table == 1).all()


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: ss.SGD(-0.1), ValueError, "learning_rate must be at least 0, got -0.1"),
        (lambda: ss.SGD(float("nan")), ValueError, "learning_rate must be finite, got nan"),
        (lambda: ss.SGD("fast"), TypeError, "learning_rate must be a number, got str 'fast'"),
        (lambda: ss.Adagrad(True), TypeError, "learning_rate must be a number, got bool True"),
        (lambda: ss.Adagrad(0.1, 0.0), ValueError, "initial_accumulator_value must be above 0, got 0"),
        (lambda: RowwiseAdagrad(-1), ValueError, "learning_rate must be at least 0, got -1"),
        (lambda: RowwiseAdagrad(0.1, -1), ValueError, "initial_accumulator_value must be above 0, got -1"),
        (lambda: Momentum(-1, 0.9), ValueError, "learning_rate must be at least 0, got -1"),
        (lambda: Momentum(0.1, 1.1), ValueError, "momentum must be at most 1, got 1.1"),
        (lambda: Momentum(0.1, -0.1), ValueError, "momentum must be at least 0, got -0.1"),
        (lambda: Momentum(0.1, 0.9, 1), TypeError, "nesterov must be True or False, got int 1"),
        (lambda: Adam(float("inf")), ValueError, "learning_rate must be finite, got inf"),
        (lambda: Adam(0.1, beta_1=1), ValueError, "beta_1 must be below 1, got 1"),
        (lambda: Adam(0.1, beta_2=-0.5), ValueError, "beta_2 must be at least 0, got -0.5"),
        (lambda: Adam(0.1, epsilon=0), ValueError, "epsilon must be above 0, got 0"),
        (lambda: Adam(0.1, mode="dense"), ValueError, "mode must be one of 'lazy', 'row_counted', 'exact', got"),
    ],
)
def test_bad_settings_are_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize("bad", [np.nan, -0.1, np.inf, "0.1", None])
@pytest.mark.parametrize(
    "optimizer",
    [ss.SGD(0.1), ss.Momentum(0.1, 0.9), ss.Adagrad(0.1), ss.RowwiseAdagrad(0.1), ss.Adam(0.1)],
    ids=lambda optimizer: type(optimizer).__name__,
)
def test_a_bad_learning_rate_is_refused_where_it_is_assigned(optimizer, bad):
    model = ss.SkipGram(20, 4, 5, optimizer, seed=1)
    with pytest.raises((TypeError, ValueError), match="learning_rate must be"):
        optimizer.learning_rate = bad
    assert optimizer.learning_rate == 0.1
    assert np.isfinite(model.step(np.arange(3), np.arange(3)))


def test_settings_are_checked_at_each_assignment():
    adam, momentum, adagrad = ss.Adam(0.1), ss.Momentum(0.1, 0.9), ss.Adagrad(0.1)
    with pytest.raises(ValueError, match=r"beta_2 must be at most 1, got 1\.5"):
        adam.beta_2 = 1.5
    with pytest.raises(ValueError, match="mode must be one of 'lazy', 'row_counted', 'exact', got 'dense'"):
        adam.mode = "dense"
    with pytest.raises(ValueError, match="momentum must be at most 1, got 2"):
        momentum.momentum = 2
    with pytest.raises(ValueError, match="initial_accumulator_value must be above 0, got 0"):
        adagrad.initial_accumulator_value = 0.0
    assert (adam.beta_2, adam.mode, momentum.momentum, adagrad.initial_accumulator_value) == (0.999, "lazy", 0.9, 0.1)


def test_a_learning_rate_that_is_assigned_is_used_by_the_next_step():
    optimizer = ss.SGD(0.5)
    model = ss.SkipGram(20, 4, 5, optimizer, seed=1)
    optimizer.learning_rate = 0.0
    before = model.weights.copy()
    model.step(np.arange(3), np.arange(3))
    np.testing.assert_array_equal(model.weights, before)


class Staged(ss.Optimizer):
    """Another optimizer without its compiled rule: a step computes gradients, then calls `update`."""

    def __init__(self, inner):
        self.inner, self.learning_rate = inner, inner.learning_rate

    def init(self, table):
        return self.inner.init(table)

    def update(self, table, slots, gradient):
        self.inner.update(table, slots, gradient)

    def catch_up(self, table, slots, ids=None):
        self.inner.catch_up(table, slots, ids)


@pytest.mark.parametrize("name", MAKERS)
def test_a_fused_step_is_gradients_and_an_update(name):
    """In float64, on batches with repeated ids, hits and rows that rest for some steps."""
    rng = np.random.default_rng(0)
    ids, labels = rng.integers(0, 40, (8, 33)), rng.integers(0, 40, (8, 33, 2))
    models = [
        ss.SkipGram(40, 5, 9, optimizer, dtype=np.float64, seed=1)
        for optimizer in (MAKERS[name](0.05), Staged(MAKERS[name](0.05)))
    ]
    for i, j in zip(ids, labels, strict=True):
        fused, staged = (model.step(i, j) for model in models)
        np.testing.assert_allclose(fused, staged, rtol=1e-11)
    for table in ("embeddings", "weights", "biases"):
        np.testing.assert_allclose(*(getattr(model, table) for model in models), rtol=1e-9, atol=1e-12)
