"""Named tuples of the public API: gradients scale and add up, other arithmetic is refused, `==` compares arrays."""

import copy
import inspect
import operator
import pickle

import numpy as np
import pytest

import sampledsoftmax as ss
from sampledsoftmax import diagnostics
from sampledsoftmax.explanation import types as explanation_types
from sampledsoftmax.samplers.inclusion import Groups
from sampledsoftmax.types import Correction, Similarity

VALUES = np.array([[1.0, -2.0], [3.0, 4.0], [0.5, 8.0]], np.float32)
GRADIENT = ss.IndexedSlices(VALUES, np.array([3, 0, 3]), (5, 2))
OTHER = ss.IndexedSlices(10 * VALUES[:1], np.array([4]), (5, 2))
DENSE, OTHER_DENSE = GRADIENT.to_dense(), OTHER.to_dense()
SAMPLED = ss.SampledValues(np.array([4, 0]), np.full((1, 1), 0.5, np.float32), np.array([0.25, 0.5], np.float32))
GRADIENTS = ss.Gradients(GRADIENT, None, np.ones((2, 2), np.float32))


@pytest.mark.parametrize(
    "two", [2, 2.0, np.float32(2), np.float64(2), np.int64(2), np.array(2), np.array(2.0), np.float16(2)]
)
def test_a_gradient_is_scaled_by_any_number_on_either_side(two):
    for scaled in (two * GRADIENT, GRADIENT * two, np.multiply(two, GRADIENT), np.multiply(GRADIENT, two)):
        np.testing.assert_array_equal(scaled.to_dense(), 2 * DENSE)
        assert (scaled.values.dtype, scaled.dense_shape) == (np.float32, (5, 2))
        assert scaled.indices is GRADIENT.indices
    np.testing.assert_array_equal((-two * GRADIENT).to_dense(), -2 * DENSE)
    for half in (GRADIENT / two, np.divide(GRADIENT, two)):
        np.testing.assert_array_equal(half.to_dense(), DENSE / 2)


def test_gradients_of_one_table_are_negated_added_and_subtracted():
    for negative in (-GRADIENT, -1 * GRADIENT, np.negative(GRADIENT), 0 - GRADIENT):
        np.testing.assert_array_equal(negative.to_dense(), -DENSE)
    for total in (GRADIENT + OTHER, sum([GRADIENT, OTHER]), np.add(GRADIENT, OTHER), GRADIENT - -OTHER):
        assert isinstance(total, ss.IndexedSlices)
        np.testing.assert_array_equal(total.indices, [3, 0, 3, 4])
        np.testing.assert_array_equal(total.to_dense(), DENSE + OTHER_DENSE)
    np.testing.assert_array_equal((GRADIENT - OTHER).to_dense(), DENSE - OTHER_DENSE)
    total = GRADIENT
    total += OTHER
    total *= 3
    np.testing.assert_array_equal(total.to_dense(), 3 * (DENSE + OTHER_DENSE))
    assert +GRADIENT == GRADIENT
    assert (GRADIENT.values == VALUES).all()


def test_an_optimizer_takes_a_sum_of_scaled_gradients():
    table, expected = np.ones((5, 2), np.float32), np.ones((5, 2), np.float32)
    ss.SGD(0.5).update(table, {}, 0.5 * GRADIENT + OTHER)
    expected -= 0.5 * (0.5 * DENSE + OTHER_DENSE)
    np.testing.assert_allclose(table, expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("combine", "error", "message"),
    [
        (lambda: GRADIENT * np.ones(3), TypeError, "by one number, got an array of shape [3]: write gradient._repl"),
        (lambda: np.ones(3) * GRADIENT, TypeError, "by one number, got an array of shape [3]: write gradient._repl"),
        (lambda: GRADIENT * [2], TypeError, "by one number, got an array of shape [1]"),
        (lambda: GRADIENT + DENSE, TypeError, "take gradient.to_dense() to add an array"),
        (lambda: DENSE - GRADIENT, TypeError, "take gradient.to_dense() to add an array"),
        (lambda: GRADIENT + 1, TypeError, "can be added to IndexedSlices of the same table, got int 1"),
        (
            lambda: operator.add((1, 2), GRADIENT),
            TypeError,
            "can be added to IndexedSlices of the same table, got tuple (1, 2)",
        ),
        (
            lambda: operator.add(GRADIENT, (1, 2)),
            TypeError,
            "can be added to IndexedSlices of the same table, got tuple (1, 2)",
        ),
        (lambda: GRADIENT + GRADIENT._replace(dense_shape=(6, 2)), ValueError, "shapes are [5, 2] and [6, 2]"),
        (lambda: GRADIENT - GRADIENT._replace(values=VALUES.astype(float)), TypeError, "float32 and float64"),
        (lambda: True * GRADIENT, TypeError, "must be a number, got bool True"),
        (lambda: "2" * GRADIENT, TypeError, "must be a number, got str '2'"),
        (lambda: 1e39 * GRADIENT, ValueError, "finite as float32, the dtype of the table, got 1e+39"),
        (lambda: np.nan * GRADIENT, ValueError, "must be finite, got nan"),
        (lambda: GRADIENT / 0, ZeroDivisionError, "cannot be divided by 0"),
        (lambda: np.asarray(GRADIENT), TypeError, "take gradient.to_dense() for an array"),
        (lambda: np.linalg.norm(GRADIENT), TypeError, "take gradient.to_dense() for an array"),
        (lambda: np.exp(GRADIENT), TypeError, "take gradient.to_dense() for an array"),
        (lambda: np.add.reduce(GRADIENT), TypeError, "take gradient.to_dense() for an array"),
        (lambda: 2 / GRADIENT, TypeError, "take gradient.to_dense() for an array"),
        (lambda: max(GRADIENT, OTHER), TypeError, "take gradient.to_dense() for an array"),
        (lambda: 2 * GRADIENTS, TypeError, "Gradients is a tuple, not a number: take its fields, as in 2 * gradients"),
    ],
)
def test_what_has_no_meaning_says_what_to_write(combine, error, message):
    with pytest.raises(error) as raised:
        combine()
    assert message in str(raised.value)


TUPLES = {
    "SampledValues": SAMPLED,
    "Gradients": GRADIENTS,
    "Correction": Correction(True, False),
    "Similarity": Similarity(),
    "Groups": Groups(np.array([0.5, 0.5]), np.array([1.0, 1.0])),
    "Counts": diagnostics.Counts(np.array([2.0, 1.0]), ["a", "b"]),
    "Distance": diagnostics.Distance(0.1, 0.2, 0.3),
    "Fit": diagnostics.fit([3, 2, 1]),
    "Problem": diagnostics.problem([3, 2, 1]),
}
BINARY = [operator.add, operator.sub, operator.mul, operator.truediv, operator.pow]
ARRAY_FUNCTIONS = [np.add, np.multiply, np.subtract]


@pytest.mark.parametrize("value", TUPLES.values(), ids=TUPLES)
def test_other_tuples_refuse_arithmetic(value):
    message = f"{type(value).__name__} is a tuple, not a number: take its fields, "
    for combine in [*BINARY, *ARRAY_FUNCTIONS]:
        for pair in ((value, 2), (2, value), (value, value), (np.float32(2), value), (np.ones(2), value)):
            with pytest.raises(TypeError, match=message):
                combine(*pair)
    for change in (operator.neg, abs, round, np.negative):
        with pytest.raises(TypeError, match=message):
            change(value)
    with pytest.raises(TypeError, match=message):
        sum([value, value])


@pytest.mark.parametrize("value", [*TUPLES.values(), GRADIENT], ids=[*TUPLES, "IndexedSlices"])
def test_they_stay_tuples_that_compare(value):
    first, *rest = value
    assert value[0] is first
    assert len(value) == 1 + len(rest) == len(value._fields)
    for equal in (copy.deepcopy(value), pickle.loads(pickle.dumps(value)), type(value)(*value)):
        assert (value == equal) is True
        assert (value != equal) is False
        assert equal in [None, value]
    other = value._replace(**{value._fields[0]: None})
    assert (value == other) is False
    assert (value != other) is True
    assert value != 5
    assert value != None  # noqa: E711 - the operator is tested


def test_equal_means_all_entries_of_all_fields():
    assert GRADIENT._replace(indices=np.array([3, 0, 2])) != GRADIENT
    assert GRADIENT.coalesce() != GRADIENT
    assert GRADIENT != OTHER
    assert GRADIENTS._replace(weights=OTHER) != GRADIENTS
    assert GRADIENTS._replace(biases=OTHER) != GRADIENTS
    assert GRADIENTS._replace(weights=[GRADIENT, OTHER]) == GRADIENTS._replace(weights=[GRADIENT, OTHER])
    with pytest.raises(TypeError, match="unhashable"):
        hash(GRADIENT)


def test_every_public_tuple_refuses_arithmetic():
    modules = (ss, diagnostics, explanation_types)
    found = {
        value
        for module in modules
        for value in vars(module).values()
        if inspect.isclass(value) and issubclass(value, tuple)
    }
    assert len(found) > 10
    for of_class in found - {ss.IndexedSlices}:
        assert of_class.__mul__ is not tuple.__mul__, of_class
        assert of_class.__add__ is not tuple.__add__, of_class


@pytest.mark.parametrize("value", [GRADIENT, SAMPLED, GRADIENTS])
@pytest.mark.parametrize("compare", [operator.lt, operator.le, operator.gt, operator.ge])
def test_tuples_of_arrays_have_no_order_and_are_no_array(value, compare):
    for pair in ((value, value), (value, 2), (2, value)):
        with pytest.raises(TypeError, match=f"{type(value).__name__} is a tuple, not a number"):
            compare(*pair)
    for make in (np.asarray, np.array, np.mean):  # where the fields have one size, NumPy would stack them
        with pytest.raises(TypeError, match=f"{type(value).__name__} is a tuple, not a number"):
            make(value)
