"""The same tables as TensorFlow's resource ops."""

import numpy as np
import pytest

from sampledsoftmax.optimizers import SGD, Adagrad, Adam, Momentum
from sampledsoftmax.types import IndexedSlices

pytestmark = pytest.mark.compiled

SHAPE = (40, 9)


def gradients(dtype, num_steps=30):
    rng = np.random.default_rng(0)
    for _ in range(num_steps):
        rows = rng.choice(SHAPE[0], int(rng.integers(1, 12)), replace=False)
        yield IndexedSlices(rng.normal(size=(rows.size, SHAPE[1])).astype(dtype), rows, SHAPE)


def sparse_ops(tf, dtype):
    """Return {name: (our optimizer, slot, start of the slot, op of (variable, slot, gradient))}."""
    ops = tf.raw_ops
    rate, momentum = dtype(0.1), dtype(0.9)

    def apply_momentum(nesterov):
        return lambda var, accum, g: ops.ResourceSparseApplyMomentum(
            var=var, accum=accum, lr=rate, grad=g.values, indices=g.indices, momentum=momentum, use_nesterov=nesterov
        )

    return {
        "sgd": (SGD(0.1), None, 0.0, lambda var, _, g: ops.ResourceScatterSub(
            resource=var, indices=g.indices, updates=rate * g.values)),
        "momentum": (Momentum(0.1, 0.9), "velocity", 0.0, apply_momentum(False)),
        "nesterov": (Momentum(0.1, 0.9, nesterov=True), "velocity", 0.0, apply_momentum(True)),
        "adagrad": (Adagrad(0.1, 0.3), "accumulator", 0.3, lambda var, accum, g: ops.ResourceSparseApplyAdagrad(
            var=var, accum=accum, lr=rate, grad=g.values, indices=g.indices)),
        "adagrad_v2": (Adagrad(0.1, 0.3), "accumulator", 0.3, lambda var, accum, g: ops.ResourceSparseApplyAdagradV2(
            var=var, accum=accum, lr=rate, epsilon=dtype(0), grad=g.values, indices=g.indices)),
    }  # fmt: skip


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ["sgd", "momentum", "nesterov", "adagrad", "adagrad_v2"])
def test_sparse_apply_ops(tf, name, dtype):
    optimizer, slot_name, start, apply = sparse_ops(tf, dtype)[name]
    table = np.random.default_rng(1).normal(size=SHAPE).astype(dtype)
    variable, slot = tf.Variable(table), tf.Variable(np.full(SHAPE, start, dtype))
    slots = optimizer.init(table)
    for gradient in gradients(dtype):
        optimizer.update(table, slots, gradient)
        apply(variable.handle, slot.handle, gradient)
    tolerance = np.finfo(dtype).eps * 40
    np.testing.assert_allclose(table, variable.numpy(), rtol=tolerance, atol=tolerance)
    if slot_name:
        np.testing.assert_allclose(slots[slot_name], slot.numpy(), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_exact_adam_is_the_dense_op(tf, dtype):
    optimizer = Adam(0.1, epsilon=1e-3, mode="exact")
    table = np.random.default_rng(1).normal(size=SHAPE).astype(dtype)
    variable, m, v = tf.Variable(table), tf.Variable(np.zeros(SHAPE, dtype)), tf.Variable(np.zeros(SHAPE, dtype))
    slots = optimizer.init(table)
    for step, gradient in enumerate(gradients(dtype, 400), 1):
        optimizer.update(table, slots, gradient)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle, m=m.handle, v=v.handle, beta1_power=dtype(0.9**step), beta2_power=dtype(0.999**step),
            lr=dtype(0.1), beta1=dtype(0.9), beta2=dtype(0.999), epsilon=dtype(1e-3), grad=gradient.to_dense(),
        )  # fmt: skip
    optimizer.catch_up(table, slots)
    # Each of 400 steps rounds, the step size too (TensorFlow computes it in the table's precision).
    tolerance = np.finfo(dtype).eps * 400
    for ours, theirs in ((table, variable), (slots["m"], m), (slots["v"], v)):
        np.testing.assert_allclose(ours, theirs.numpy(), rtol=tolerance, atol=tolerance)


def test_lazy_adam_is_the_dense_op_on_rows_that_every_step_names(tf):
    optimizer = Adam(0.1)
    table = np.random.default_rng(1).normal(size=(5, 3))
    variable, m, v = tf.Variable(table), tf.Variable(np.zeros((5, 3))), tf.Variable(np.zeros((5, 3)))
    rate, beta_1, beta_2, epsilon = (np.float64(x) for x in (0.1, 0.9, 0.999, 1e-7))  # floats would go as float32
    slots = optimizer.init(table)
    for step in range(1, 30):
        gradient = IndexedSlices(np.random.default_rng(step).normal(size=(5, 3)), np.arange(5), (5, 3))
        optimizer.update(table, slots, gradient)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle, m=m.handle, v=v.handle, beta1_power=beta_1**step, beta2_power=beta_2**step,
            lr=rate, beta1=beta_1, beta2=beta_2, epsilon=epsilon, grad=gradient.values,
        )  # fmt: skip
    np.testing.assert_allclose(table, variable.numpy(), rtol=1e-12)
