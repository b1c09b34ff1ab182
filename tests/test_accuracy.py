"""The bar of the fast float32 path: no worse than NumPy's float32 on the same formula, plus 2 units.

Units are those of the last place of the largest entry of a result. The truth is the reference in float64. Where
logits are large (scale 8: up to 60) both err by tens of units, since a rounding of the logit is one of the
exponential times 60; which of two orders of adding is then the luckier one changes with the seed, so the bar is on
the largest error over several seeds.
"""

import numpy as np
import pytest

import sampledsoftmax as ss
from sampledsoftmax import reference

CASES = {"small": (500, 16, 33, 40), "wide": (800, 512, 64, 100), "many candidates": (6000, 64, 48, 4000)}


def arrays(name, scale, seed):
    num_classes, dim, batch_size, num_sampled = CASES[name]
    rng = np.random.default_rng(seed)
    weights = rng.normal(size=(num_classes, dim)).astype(np.float32) * np.float32(scale * dim**-0.5)
    biases, inputs = rng.normal(size=num_classes).astype(np.float32), rng.normal(size=(batch_size, dim))
    labels = rng.integers(0, num_classes, (batch_size, 1))
    values = ss.log_uniform_candidate_sampler(labels, 1, num_sampled, True, num_classes, seed=seed)
    return (weights, biases, labels, inputs.astype(np.float32)), values


def in_numpy(tables, values, dtype):
    """Return loss and gradients of rows, biases and inputs by the reference in a precision."""
    weights, biases, labels, inputs = tables
    weights, biases, inputs = (x.astype(dtype) for x in (weights, biases, inputs))
    candidates, true_count, sampled_count = values
    triple = (candidates, true_count.astype(dtype), sampled_count.astype(dtype))
    loss, _, rows, entries, inputs_grad = reference.sampled_loss_and_grad(weights, biases, labels, inputs, triple)
    return loss, rows, entries, inputs_grad


def errors(results, truths):
    """Return the largest error of each result in units of the last place of its largest entry."""
    units = [np.spacing(np.float32(np.abs(truth).max())) for truth in truths]
    return [np.abs(x - truth).max() / unit for x, truth, unit in zip(results, truths, units, strict=True)]


@pytest.mark.compiled
@pytest.mark.parametrize("scale", [1, 8])
@pytest.mark.parametrize("name", CASES)
def test_the_fast_path_errs_no_more_than_numpy_plus_two_units(name, scale):
    num_classes, num_sampled = CASES[name][0], CASES[name][3]
    ours, numpys = [], []
    for seed in range(8):
        tables, values = arrays(name, scale, seed)
        truths, theirs = (in_numpy(tables, values, dtype) for dtype in (np.float64, np.float32))
        loss, gradients = ss.sampled_softmax_loss_and_grad(*tables, num_sampled, num_classes, 1, values)
        mine = (loss, gradients.weights.values, gradients.biases.values, gradients.inputs)
        assert {x.dtype for x in (*mine, *theirs)} == {np.dtype(np.float32)}
        ours.append(errors(mine, truths))
        numpys.append(errors(theirs, truths))
    assert (np.max(ours, axis=0) <= np.max(numpys, axis=0) + 2).all()
