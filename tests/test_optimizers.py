import numpy as np
import pytest

import sampledsoftmax as ss
from sampledsoftmax import reference


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
@pytest.mark.parametrize("optimizer", [ss.SGD(0.1), ss.Adagrad(0.1)])
def test_a_gradient_that_does_not_fit_is_refused_before_the_table_changes(
    optimizer, values, indices, shape, error, message
):
    table = np.ones((4, 3))
    slots = optimizer.init(table)
    with pytest.raises(error, match=message):
        optimizer.update(table, slots, ss.IndexedSlices(values, np.array(indices), shape))
    assert (table == 1).all()


def test_slots_of_another_table_are_refused():
    optimizer = ss.Adagrad(0.1)
    table = np.ones((4, 3))
    with pytest.raises(ValueError, match=r"slots\['accumulator'\] must have shape \[4, 3\], got \[5, 3\]"):
        optimizer.update(table, optimizer.init(np.ones((5, 3))), gradient_of(table, 2, 0))
    assert (table == 1).all()


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: ss.SGD(-0.1), ValueError, "learning_rate must be at least 0, got -0.1"),
        (lambda: ss.SGD(float("nan")), ValueError, "learning_rate must be finite, got nan"),
        (lambda: ss.SGD("fast"), TypeError, "learning_rate must be a number, got str 'fast'"),
        (lambda: ss.Adagrad(True), TypeError, "learning_rate must be a number, got bool True"),
        (lambda: ss.Adagrad(0.1, 0.0), ValueError, "initial_accumulator_value must be above 0, got 0"),
    ],
)
def test_bad_settings_are_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()
