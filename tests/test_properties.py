"""Properties that hold for any input, on inputs that Hypothesis generates, the same in each run."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sampledsoftmax as ss
from tests.cases import make_case
from tests.registry import OPTIMIZERS as MAKERS

repeatable = settings(deadline=None, derandomize=True, max_examples=60)
OPTIMIZERS = [make(0.3) for make in MAKERS.values()]


@repeatable
@given(st.lists(st.integers(0, 7), max_size=30), st.integers(1, 4))
def test_a_coalesced_gradient_is_the_same_gradient(indices, dim):
    values = np.arange(len(indices) * dim, dtype=np.float64).reshape(len(indices), dim)  # sums are exact
    slices = ss.IndexedSlices(values, np.array(indices, np.int64), (8, dim))
    once = slices.coalesce()
    assert once.indices.tolist() == sorted(set(indices))
    np.testing.assert_array_equal(once.to_dense(), slices.to_dense())
    np.testing.assert_array_equal(once.coalesce().values, once.values)


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
@repeatable
@given(st.lists(st.lists(st.integers(0, 7), max_size=6), min_size=1, max_size=3))
def test_duplicates_are_summed_and_other_rows_keep_their_bits(optimizer, steps):
    """Splitting a row's gradient in two entries changes nothing; rows that no step names stay as they are."""
    table = np.linspace(-1, 1, 24).reshape(8, 3)
    once, twice = table.copy(), table.copy()
    slots, more_slots = optimizer.init(once), optimizer.init(twice)
    for indices in steps:
        unique = np.array(sorted(set(indices)), np.int64)
        values = np.cos(np.arange(unique.size * 3.0)).reshape(-1, 3)
        optimizer.update(once, slots, ss.IndexedSlices(values, unique, table.shape))
        halves = np.concatenate([values / 2, values / 2])
        optimizer.update(twice, more_slots, ss.IndexedSlices(halves, np.tile(unique, 2), table.shape))
    np.testing.assert_array_equal(once, twice)
    untouched = sorted(set(range(8)) - {row for indices in steps for row in indices})
    np.testing.assert_array_equal(once[untouched], table[untouched])


@repeatable
@given(st.integers(0, 10**6), st.permutations(range(9)))
def test_the_order_of_candidates_does_not_matter(seed, order):
    case = make_case(20, 3, 4, 9, 2, np.float64, seed=seed)
    ids, true_count, sampled_count = case.values
    shuffled = ss.SampledValues(ids[list(order)], true_count, sampled_count[list(order)])
    for function in (ss.sampled_softmax_loss_and_grad, ss.nce_loss_and_grad):
        loss, gradients = function(*case.arguments, case.values)
        again, of_shuffled = function(*case.arguments, shuffled)
        np.testing.assert_allclose(again, loss, rtol=1e-13)
        np.testing.assert_allclose(of_shuffled.weights.to_dense(), gradients.weights.to_dense(), atol=1e-13)


@repeatable
@given(st.integers(0, 10**6), st.integers(1, 3), st.booleans())
def test_logit_gradients_of_softmax_sum_to_zero(seed, num_true, hits):
    case = make_case(15, 3, 5, 7, num_true, np.float64, seed=seed)
    loss, gradients = ss.sampled_softmax_loss_and_grad(*case.arguments, case.values, hits)
    assert abs(gradients.biases.values.sum()) < 1e-13
    assert np.isfinite(loss).all()
