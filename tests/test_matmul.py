import numpy as np
import pytest

from sampledsoftmax.stages.matmul import matmul

SIZES = [1, 2, 3, 7, 64, 65, 127]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("rows", SIZES)
@pytest.mark.parametrize("depth", [0, 1, 5, 300])
def test_a_product_is_numpys_on_ragged_sizes_and_any_order(dtype, rows, depth):
    rng = np.random.default_rng(rows)
    for columns in SIZES:
        a = rng.integers(-8, 8, (rows, depth)).astype(dtype)  # products of small whole numbers are exact
        b = rng.integers(-8, 8, (depth, columns)).astype(dtype)
        expected = a @ b
        for left in (a, np.asfortranarray(a), np.repeat(a, 2, axis=1)[:, ::2]):
            for right in (b, np.asfortranarray(b)):
                np.testing.assert_array_equal(matmul(left, right), expected)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rounding_is_that_of_one_sum(dtype):
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(50, 700)).astype(dtype), rng.normal(size=(700, 33)).astype(dtype)
    wide = a.astype(np.longdouble) @ b.astype(np.longdouble)
    bound = 700 * np.finfo(dtype).eps * (np.abs(a).astype(np.float64) @ np.abs(b).astype(np.float64))
    assert (np.abs(matmul(a, b) - wide) <= bound).all()


@pytest.mark.compiled
def test_a_row_has_the_same_bits_in_any_batch():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(127, 300)).astype(np.float32), rng.normal(size=(300, 40)).astype(np.float32)
    whole = matmul(a, b)
    for size in (1, 5, 6, 64):
        parts = [matmul(a[i : i + size], b) for i in range(0, 127, size)]
        np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_an_output_that_is_given_is_written():
    a, b = np.ones((7, 3)), np.ones((3, 5))
    out = np.full((9, 5), -1.0)
    assert np.shares_memory(matmul(a, b, out[1:8]), out)
    np.testing.assert_array_equal(out[1:8], np.full((7, 5), 3.0))
    np.testing.assert_array_equal(out[[0, 8]], np.full((2, 5), -1.0))
