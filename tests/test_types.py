"""Gradients of a few rows: duplicates are summed, in order."""

import numpy as np
import pytest

import sampledsoftmax as ss


@pytest.mark.parametrize("num_rows", [0, 1, 2, 3, 7, 64, 65, 127])
@pytest.mark.parametrize("row_shape", [(), (1,), (5,)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_coalescing_sums_duplicates_and_sorts(num_rows, row_shape, dtype):
    rng = np.random.default_rng(num_rows)
    indices = rng.integers(0, 10, num_rows)
    values = rng.integers(-100, 100, (num_rows, *row_shape)).astype(dtype)  # whole numbers sum exactly
    slices = ss.IndexedSlices(values, indices, (10, *row_shape))
    unique = slices.coalesce()
    np.testing.assert_array_equal(unique.indices, np.unique(indices))
    assert unique.values.dtype == dtype
    assert unique.values.shape == (unique.indices.size, *row_shape)
    np.testing.assert_array_equal(unique.to_dense(), slices.to_dense())


def test_duplicates_are_summed_in_order():
    values = np.array([1.0, 1e8, -1e8], np.float32)
    slices = ss.IndexedSlices(values, np.array([4, 4, 4]), (5,))
    assert slices.coalesce().values[0] == (np.float32(1) + np.float32(1e8)) - np.float32(1e8)
