"""The sum of logistic losses over the candidates, computed with few logarithms, against float64."""

import math
from typing import Any, NamedTuple

import numba
import numpy as np
import pytest

import sampledsoftmax as ss
from sampledsoftmax.kernels.loss.sigmoid import _FACTORS, loss_of_candidates, sigmoids
from sampledsoftmax.runtime.workspace import aligned, panel_width

DTYPES = [np.float32, np.float64]


class Panels(NamedTuple):
    """The scratch arrays of a step that the kernel reads."""

    sampled_exp: Any


@numba.njit
def _run(top, padded, num_panels, panels, linear, products, losses):
    sigmoids(top, padded, num_panels, panels, linear, products)
    for row in range(losses.size):
        losses[row] = loss_of_candidates(row, linear, products)


def losses_and_sigmoids(logits, top=0):
    """Return what the kernel makes of logits [rows, candidates], in rows `top` and on of its panels."""
    (rows, columns), dtype = logits.shape, logits.dtype
    width, padded = panel_width(dtype), (rows + 3) // 4 * 4
    num_panels = -(-columns // width)
    whole = np.full((top + padded, num_panels * width), -np.inf, dtype)
    whole[top : top + rows, :columns] = logits
    panels = aligned((num_panels, top + padded, width), dtype)
    panels[:] = whole.reshape(-1, num_panels, width).transpose(1, 0, 2)
    linear, products = (np.full(padded * width, np.nan, dtype) for _ in range(2))
    losses = np.zeros(rows)
    struct = Panels(panels.reshape(num_panels, -1))
    _run(top, padded, num_panels, struct, linear, products, losses)
    back = panels.transpose(1, 0, 2).reshape(top + padded, -1)
    assert (back[top:, columns:] == 0).all()  # the padding after the last candidate is not counted
    return losses, back[top : top + rows, :columns]


def exact(logits):
    """Return log(1 + exp(x)) summed over the rows, and the sigmoids, in float64."""
    x = logits.astype(np.float64)
    e = np.exp(-np.abs(x))
    return (np.maximum(x, 0) + np.log1p(e)).sum(axis=1), np.where(x >= 0, 1, e) / (1 + e)


def few_and_many(dtype):
    """Return numbers of candidates: ragged ones, and around those at which logarithms are taken in between."""
    width = panel_width(np.dtype(dtype))
    full = _FACTORS * width
    return [1, width - 1, width + 1, full - 1, full, full + 1] + ([] if numba.config.DISABLE_JIT else [5 * full + 3])


@pytest.mark.parametrize("dtype", DTYPES)
def test_losses_and_gradients_are_those_of_float64(dtype):
    """The rounding: 2 units for an exponential, 1 for each of the up to 32 factors, some for the sum of the lanes."""
    unit = np.finfo(dtype).eps
    for columns in few_and_many(dtype):
        for scale, top in ((1, 0), (30, 4)):
            logits = (np.random.default_rng(columns).normal(size=(3, columns)) * scale).astype(dtype)
            losses, gradients = losses_and_sigmoids(logits, top)
            expected, slopes = exact(logits)
            np.testing.assert_allclose(losses, expected, rtol=20 * unit)
            np.testing.assert_allclose(gradients, slopes, rtol=8 * unit, atol=np.finfo(dtype).tiny)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("logit", [-20.0, -40.0, -80.0])
def test_tiny_losses_are_not_lost(logit, dtype):
    """In float32, 1 + exp(-20) is 1."""
    for columns in few_and_many(dtype):
        losses, _ = losses_and_sigmoids(np.full((2, columns), logit, dtype))
        np.testing.assert_allclose(losses, columns * math.exp(logit), rtol=20 * np.finfo(dtype).eps + math.exp(logit))


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_tiny_loss_beside_a_large_one(dtype):
    logits = np.full((1, 40), -18.0, dtype)
    logits[0, 7] = 3.0
    losses, _ = losses_and_sigmoids(logits)
    np.testing.assert_allclose(losses, exact(logits)[0], rtol=3 * np.finfo(dtype).eps)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("logit", [0.0, -0.0, 1e-30, 50.0, 1e4, 1e30])
def test_any_number_of_the_largest_factors_does_not_overflow(logit, dtype):
    """A logit of 0, as a table of zeros gives, makes the largest factor: 2."""
    for columns in few_and_many(dtype):
        logits = np.full((1, columns), logit, dtype)
        losses, gradients = losses_and_sigmoids(logits)
        np.testing.assert_allclose(losses, exact(logits)[0], rtol=20 * np.finfo(dtype).eps)
        np.testing.assert_allclose(gradients, exact(logits)[1], rtol=1e-6)


@pytest.mark.parametrize("dtype", DTYPES)
def test_what_is_left_out_costs_nothing_and_what_is_not_a_number_shows(dtype):
    logits = np.array([[-np.inf, 1.0, -np.inf], [0.0, np.nan, 0.0], [np.inf, 0.0, 0.0]], dtype)
    losses, gradients = losses_and_sigmoids(logits)
    np.testing.assert_allclose(losses, [math.log1p(math.e), np.nan, np.inf], rtol=1e-6)
    np.testing.assert_allclose(gradients[0], [0.0, 1 / (1 + math.exp(-1)), 0.0], rtol=1e-6)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("num_sampled", [7, pytest.param(3000, marks=pytest.mark.compiled)])
def test_nce_loss_of_a_model_that_knows_all_is_tiny(num_sampled, dtype):
    """Labels have a logit of 20, candidates of -20."""
    num_classes = num_sampled + 5
    values = ss.SampledValues(np.arange(num_sampled), np.ones((4, 1), "f"), np.ones(num_sampled, "f"))
    biases = np.where(np.arange(num_classes) < num_sampled, -20, 20).astype(dtype)
    weights, inputs = np.zeros((num_classes, 3), dtype), np.ones((4, 3), dtype)
    labels = num_sampled + np.arange(4)
    loss = ss.nce_loss(weights, biases, labels, inputs, num_sampled, num_classes, sampled_values=values)
    expected = (num_sampled + 1) * math.log1p(math.exp(-20))
    np.testing.assert_allclose(loss, expected, rtol=20 * np.finfo(dtype).eps)
