"""What optimizers take: tables in half precision, dense gradients, TensorFlow's objects; and settings at each use."""

import ml_dtypes
import numpy as np
import pytest

import sampledsoftmax as ss
from tests.registry import OPTIMIZERS as MAKERS

HALVES = {"float16": np.dtype(np.float16), "bfloat16": np.dtype(ml_dtypes.bfloat16)}


def gradients_of(shape, seed, dtype=np.float32, num_steps=4):
    rng = np.random.default_rng(seed)
    for _ in range(num_steps):
        indices = rng.integers(0, shape[0], 6)
        values = rng.normal(size=(6, *shape[1:])).astype(dtype)
        yield ss.IndexedSlices(values, indices, shape)


def bits(array):
    return array.view(np.uint16)


# --- Half precision -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(1, 3), (9, 5), (12,)])
@pytest.mark.parametrize("half", HALVES.values(), ids=HALVES)
@pytest.mark.parametrize("name", MAKERS)
def test_rows_in_half_precision_are_widened_updated_in_float32_and_rounded_once(name, half, shape):
    optimizer = MAKERS[name](0.1)
    table = np.random.default_rng(0).normal(size=shape).astype(half)
    slots, expected = optimizer.init(table), table.copy()
    wide_slots = optimizer.init(np.zeros(shape, np.float32))
    assert {key: slot.dtype for key, slot in slots.items()} == {key: slot.dtype for key, slot in wide_slots.items()}
    for gradient in gradients_of(shape, 1):
        optimizer.update(table, slots, gradient)
        wide = expected.astype(np.float32)
        optimizer.update(wide, wide_slots, gradient)
        rows = np.unique(gradient.indices)
        expected[rows] = wide[rows].astype(half)
        np.testing.assert_array_equal(bits(table), bits(expected))
        for key, slot in slots.items():
            np.testing.assert_array_equal(slot, wide_slots[key])
    assert table.dtype == half


@pytest.mark.parametrize("half", HALVES.values(), ids=HALVES)
def test_gradient_descent_and_adagrad_on_half_precision_are_their_formulas(half):
    start = np.random.default_rng(0).normal(size=(7, 3)).astype(half)
    (gradient,) = gradients_of((7, 3), 2, num_steps=1)
    dense = gradient.to_dense()
    rows = np.unique(gradient.indices)

    table = start.copy()
    ss.SGD(0.3).update(table, {}, gradient)
    expected = (start.astype(np.float32) - np.float32(0.3) * dense).astype(half)
    np.testing.assert_array_equal(bits(table[rows]), bits(expected[rows]))

    table, optimizer = start.copy(), ss.Adagrad(0.3, initial_accumulator_value=0.2)
    optimizer.update(table, optimizer.init(table), gradient)
    accumulator = np.float32(0.2) + dense * dense
    expected = (start.astype(np.float32) - np.float32(0.3) * dense / np.sqrt(accumulator)).astype(half)
    np.testing.assert_array_equal(bits(table[rows]), bits(expected[rows]))

    others = np.setdiff1d(np.arange(7), rows)
    np.testing.assert_array_equal(bits(table[others]), bits(start[others]))


@pytest.mark.parametrize("half", HALVES.values(), ids=HALVES)
def test_a_gradient_may_have_the_dtype_of_the_half_table_and_duplicates_are_summed_in_float32(half):
    table = np.zeros((3, 1), half)
    values = np.array([[1024.0], [0.25], [-1024.0]], half)  # 1024.25 is no number of either dtype
    ss.SGD(1.0).update(table, {}, ss.IndexedSlices(values, np.array([1, 1, 1]), (3, 1)))
    assert table[1] == -0.25
    with pytest.raises(TypeError, match=r"gradient.values must have the dtype of the other arrays, float32, got float"):
        ss.SGD(1.0).update(table, {}, ss.IndexedSlices(values.astype(np.float64), np.array([1, 1, 1]), (3, 1)))
    assert table[1] == -0.25


def test_rows_of_a_half_table_catch_up():
    exact, half = ss.Adam(0.1, mode="exact"), np.zeros((4, 2), np.float16)
    wide = half.astype(np.float32)
    slots, wide_slots = exact.init(half), exact.init(wide)
    for row in (1, 2, 2):
        gradient = ss.IndexedSlices(np.ones((1, 2), np.float32), np.array([row]), (4, 2))
        exact.update(half, slots, gradient)
        exact.update(wide, wide_slots, gradient)
    exact.catch_up(half, slots)
    exact.catch_up(wide, wide_slots)
    np.testing.assert_allclose(half.astype(np.float32), wide, rtol=2e-3)
    np.testing.assert_array_equal(slots["last_step"], wide_slots["last_step"])
    assert half[1, 0] < -0.1


def test_slots_of_a_half_table_are_float32():
    table = np.zeros((3, 2), np.float16)
    with pytest.raises(TypeError, match=r"slots\['accumulator'\] must be float32, got float16"):
        ss.Adagrad(0.1).update(table, {"accumulator": np.ones((3, 2), np.float16)}, np.ones((3, 2), np.float32))
    assert not table.any()


def test_gradient_descent_in_half_precision_is_that_of_tensorflow_to_its_last_bit(tf):
    start = np.random.default_rng(0).normal(size=(7, 3)).astype(np.float16)
    rate, rows = 0.25, np.array([0, 3, 6])  # a power of two: TensorFlow rounds the product, too
    values = np.random.default_rng(1).normal(size=(3, 3)).astype(np.float16)
    variable = tf.Variable(start)
    variable.scatter_sub(tf.IndexedSlices(tf.constant(rate * values, tf.float16), tf.constant(rows), (7, 3)))
    table = start.copy()
    ss.SGD(rate).update(table, {}, ss.IndexedSlices(values, rows, (7, 3)))
    np.testing.assert_array_equal(bits(table), bits(variable.numpy()))


# --- Dense gradients, and objects of TensorFlow -------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16])
@pytest.mark.parametrize("shape", [(5, 3), (6,)])
@pytest.mark.parametrize("name", MAKERS)
def test_an_array_is_the_gradient_of_all_rows(name, shape, dtype):
    optimizer = MAKERS[name](0.1)
    tables = [np.ones(shape, dtype) for _ in range(2)]
    slots = [optimizer.init(table) for table in tables]
    dense = np.random.default_rng(0).normal(size=shape).astype(dtype)
    optimizer.update(tables[0], slots[0], dense)
    optimizer.update(tables[1], slots[1], ss.IndexedSlices(dense, np.arange(shape[0]), shape))
    np.testing.assert_array_equal(*tables)
    assert not (tables[0] == 1).any()


def test_gradients_of_tensorflow_are_taken(tf):
    tables = [np.ones((5, 2), np.float32) for _ in range(3)]
    values, indices = np.full((2, 2), 3, np.float32), np.array([1, 4])
    for table, gradient in zip(
        tables,
        (
            ss.IndexedSlices(values, indices, (5, 2)),
            tf.IndexedSlices(tf.constant(values), tf.constant(indices, tf.int32)),
            tf.IndexedSlices(tf.constant(values), tf.constant(indices), tf.constant([5, 2])),
        ),
        strict=True,
    ):
        ss.SGD(0.5).update(table, {}, gradient)
    np.testing.assert_array_equal(tables[0], tables[1])
    np.testing.assert_array_equal(tables[0], tables[2])
    ss.SGD(0.5).update(tables[0], {}, tf.ones((5, 2)))
    np.testing.assert_array_equal(tables[0], tables[1] - 0.5)


def test_a_variable_of_tensorflow_says_how_it_is_trained(tf):
    variable, gradient = tf.Variable(np.ones((5, 2), np.float32)), np.ones((5, 2), np.float32)
    message = r"array = v.numpy\(\).copy\(\), then v.assign\(array\)"
    for use in (
        lambda: ss.SGD(0.5).update(variable, {}, gradient),
        lambda: ss.Adagrad(0.5).init(variable),
        lambda: ss.Adam(0.5).catch_up(variable, {}),
    ):
        with pytest.raises(TypeError, match=message):
            use()
    array = variable.numpy().copy()
    ss.SGD(0.5).update(array, {}, gradient)
    variable.assign(array)
    assert (variable.numpy() == 0.5).all()


ROWS = ss.IndexedSlices(np.ones((1, 2), np.float32), np.array([1]), (3, 2))
BAD_CALLS = [
    ({"table": [[0.0, 0.0]] * 3}, TypeError, "table must be a NumPy array, which is changed in place, got list"),
    ({"table": None}, TypeError, "table must be a NumPy array, which is changed in place, got NoneType None"),
    ({"table": np.zeros((3, 2, 1), np.float32)}, ValueError, "table must have shape [num_classes, dim], got [3, 2, 1]"),
    ({"table": np.zeros((3, 2), complex)}, TypeError, "table must be float32, float64, float16 or bfloat16, got compl"),
    ({"gradient": None}, TypeError, "gradient must be ss.IndexedSlices(values, indices, dense_shape), or an array"),
    ({"gradient": [[1.0, 1.0]] * 3}, TypeError, "gradient must be ss.IndexedSlices(values, indices, dense_shape), or"),
    ({"gradient": tuple(ROWS)}, TypeError, "gradient must be ss.IndexedSlices(values, indices, dense_shape), or an"),
    ({"gradient": np.ones((2, 2), np.float32)}, ValueError, "an array of the shape of the table, [3, 2], got [2, 2]"),
    ({"gradient": np.ones((3, 2), np.int64)}, TypeError, "gradient.values must be float32 or float64, got int64"),
    ({"gradient": ss.Gradients(ROWS, None, np.ones(3))}, TypeError, "got Gradients of all: take gradients.weights"),
    ({"gradient": ROWS._replace(dense_shape=5)}, TypeError, "gradient.dense_shape must be a shape, got int 5"),
    ({"gradient": ROWS._replace(values=[[1.0], [1.0, 2.0]])}, ValueError, "rows of different lengths"),
    ({"slots": {}}, ValueError, "slots must hold 'accumulator', got none: slots = optimizer.init(table)"),
    ({"slots": None}, TypeError, "slots must be the dict from optimizer.init(table), got NoneType None"),
    ({"slots": {"accumulator": [[1.0, 1.0]] * 3}}, TypeError, "slots['accumulator'] must be an array, changed in"),
    (
        {"slots": {"accumulator": np.broadcast_to(np.float32(1), (3, 2))}},
        ValueError,
        "slots['accumulator'] must be writeable",
    ),
]


@pytest.mark.parametrize(("changed", "error", "message"), BAD_CALLS)
def test_what_cannot_be_updated_is_refused_and_nothing_changes(changed, error, message):
    table, optimizer = np.zeros((3, 2), np.float32), ss.Adagrad(0.1)
    good = {"table": table, "slots": optimizer.init(table), "gradient": ROWS}
    with pytest.raises(error) as raised:
        optimizer.update(**{**good, **changed})
    assert message in str(raised.value)
    assert not table.any()
    assert (good["slots"]["accumulator"] == np.float32(0.1)).all()


@pytest.mark.parametrize("name", MAKERS)
def test_slots_are_not_made_for_what_is_no_table(name):
    for value in ([[1.0, 2.0]], "table", 5, np.zeros((2, 2), int), np.zeros((2, 2, 2), np.float32)):
        with pytest.raises((TypeError, ValueError), match="table must "):
            MAKERS[name](0.1).init(value)


# --- Settings at each assignment and at each use ------------------------------------------------------------


class OwnRate(ss.Optimizer):
    """An optimizer in Python with a rate of its own making."""

    learning_rate = 0.1

    def init(self, table):
        return {}

    def update(self, table, slots, gradient):
        rows = gradient.coalesce()
        table[rows.indices] -= self.learning_rate * rows.values


class Scheduled(ss.SGD):
    """A learning rate that is computed at each use."""

    rate = 0.1

    @property
    def learning_rate(self):
        return self.rate

    @learning_rate.setter
    def learning_rate(self, value):
        self.rate = value


class OwnName(ss.SGD):
    """A rule with a number that no assignment checks."""

    factor = 1.0

    def compiled_rule(self, dtype):
        return super().compiled_rule(dtype)._replace(learning_rate=dtype.type(0.1 * self.factor))


def layer_with(optimizer):
    return ss.SampledSoftmax(40, 6, 8, optimizer, seed=1)


def tables_of(layer):
    return [layer.weights.copy(), layer.biases.copy()]


BAD_RATES = [float("nan"), float("inf"), -float("inf"), -1.0, None, "0.1", np.nan, np.array([0.1, 0.2]), 10**400, 1j]


@pytest.mark.parametrize("bad", BAD_RATES, ids=repr)
@pytest.mark.parametrize("make", [*MAKERS.values(), lambda _: OwnRate(), Scheduled], ids=[*MAKERS, "own", "property"])
def test_a_bad_rate_is_refused_where_it_is_assigned_and_the_old_one_stays(make, bad):
    optimizer = make(0.1)
    with pytest.raises((TypeError, ValueError), match="learning_rate must be"):
        optimizer.learning_rate = bad
    assert optimizer.learning_rate == 0.1


def test_a_schedule_in_place_of_a_rate_says_when_it_is_called():
    with pytest.raises(TypeError, match=r"optimizer.learning_rate = schedule\(step\)"):
        ss.Adagrad(lambda step: 0.1 / step)


def break_by_dict(optimizer, value):
    vars(optimizer)["learning_rate"] = value


def break_by_class(optimizer, value):
    type(optimizer).learning_rate = value


def break_by_property(optimizer, value):
    vars(optimizer)["rate"] = value


def break_by_factor(optimizer, value):
    optimizer.factor = value


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), 1e41, -1.0])
@pytest.mark.parametrize(
    ("make", "spoil"),
    [
        *((make, break_by_dict) for make in MAKERS.values()),
        (lambda _: type("Own", (OwnRate,), {})(), break_by_class),
        (lambda _: OwnRate(), break_by_dict),
        (Scheduled, break_by_property),
        (OwnName, break_by_factor),
    ],
    ids=[*MAKERS, "class attribute", "own", "property", "factor of a rule"],
)
def test_a_rate_that_no_assignment_shows_is_refused_before_a_step(make, spoil, bad):
    if make(0.1).compiled_rule(np.dtype(np.float32)) is None and bad == 1e41:
        pytest.skip("an optimizer in Python may compute in float64")
    optimizer = make(0.1)
    layer, model = layer_with(optimizer), ss.SkipGram(40, 6, 8, optimizer, seed=1)
    before, position = [*tables_of(layer), model.embeddings.copy()], layer.sampler.state
    table, slots = np.ones((3, 2), np.float32), optimizer.init(np.ones((3, 2), np.float32))
    with np.errstate(over="ignore"):
        spoil(optimizer, bad)
        for use in (
            lambda: layer.step(np.ones((2, 6), np.float32), [1, 2]),
            lambda: model.step([1, 2], [3, 4]),
            lambda: model.steps([1, 2], [3, 4], 1),
        ):
            with pytest.raises((TypeError, ValueError), match="learning_rate must be"):
                use()
        if type(optimizer).update is ss.Optimizer.update:
            with pytest.raises((TypeError, ValueError), match="learning_rate must be"):
                optimizer.update(table, slots, np.ones((3, 2), np.float32))
    spoil(optimizer, 1.0)  # rows of an exact Adam catch up where they are read
    assert (table == 1).all()
    assert layer.sampler.state == position
    for now, kept in zip([*tables_of(layer), model.embeddings], before, strict=True):
        np.testing.assert_array_equal(now, kept)


@pytest.mark.parametrize("name", MAKERS)
def test_a_rate_beyond_float32_is_for_float64_tables_only(name):
    optimizer = MAKERS[name](0.1)
    layer = layer_with(optimizer)
    before = tables_of(layer)
    optimizer.learning_rate = 1e39
    message = r"learning_rate must be finite as float32, the dtype of the table, got 1e\+39"
    with pytest.raises(ValueError, match=message):
        layer.step(np.ones((2, 6), np.float32), [1, 2])
    with pytest.raises(ValueError, match=message):
        layer_with(optimizer)
    optimizer.learning_rate = 0.1
    for now, kept in zip(tables_of(layer), before, strict=True):
        np.testing.assert_array_equal(now, kept)
    optimizer.learning_rate = 1e39
    assert ss.SampledSoftmax(40, 6, 8, optimizer, dtype=np.float64).optimizer is optimizer
    table = np.ones((3, 2))
    optimizer.update(table, optimizer.init(table), np.full((3, 2), 1e-3))
    assert np.isfinite(table).all()
    assert (table < -1e30).all()


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda value: ss.Adagrad(0.1, value), "initial_accumulator_value"),
        (lambda value: ss.RowwiseAdagrad(0.1, value), "initial_accumulator_value"),
        (lambda value: ss.Adam(0.1, epsilon=value), "epsilon"),
    ],
)
def test_settings_that_are_0_or_infinite_in_float32_are_refused_for_float32_tables(make, name):
    """0 / 0 would be NaN where the gradient is 0."""
    gradient = ss.IndexedSlices(np.zeros((1, 2)), np.array([1]), (3, 2))
    for value, message in (
        (1e-50, "must be above 0 as float32 too"),
        (1e39, "must be finite as float32"),
    ):
        optimizer, table = make(value), np.ones((3, 2), np.float32)
        with pytest.raises(ValueError, match=f"{name} {message}"):
            optimizer.update(table, optimizer.init(table), gradient._replace(values=np.zeros((1, 2), np.float32)))
        assert (table == 1).all()
        table = np.ones((3, 2))
        optimizer.update(table, optimizer.init(table), gradient)
        assert (table == 1).all()


def test_a_setting_that_an_optimizer_does_not_have_is_refused():
    with pytest.raises(AttributeError, match="SGD has no setting 'lr'; it has learning_rate"):
        ss.SGD(0.1).lr = 0.2
    own = OwnRate()
    own.decay = 0.5
    assert own.decay == 0.5


def test_beta_2_of_1_moves_no_row_as_in_tensorflow(tf):
    for mode in ("lazy", "row_counted", "exact"):
        optimizer, table = ss.Adam(0.1, beta_2=1, mode=mode), np.ones((3, 2), np.float32)
        slots = optimizer.init(table)
        variables = [tf.Variable(array) for array in (table, np.zeros_like(table), np.zeros_like(table))]
        for step in range(1, 4):
            gradient = np.full((3, 2), 0.5, np.float32)
            optimizer.update(table, slots, gradient)
            tf.raw_ops.ResourceApplyAdam(
                var=variables[0].handle, m=variables[1].handle, v=variables[2].handle, beta1_power=0.9**step,
                beta2_power=1.0, lr=0.1, beta1=0.9, beta2=1.0, epsilon=1e-7, grad=gradient,
            )  # fmt: skip
        optimizer.catch_up(table, slots)
        np.testing.assert_array_equal(table, variables[0].numpy())
        np.testing.assert_array_equal(slots["v"], variables[2].numpy())
        np.testing.assert_allclose(slots["m"], variables[1].numpy(), rtol=1e-6)
        assert (table == 1).all()
