"""Attributes of layers: what is assigned is used by the next step, or refused; what is changed in place is seen."""

import copy
import inspect
import pickle

import numpy as np
import pytest

import sampledsoftmax as ss
from tests.test_objectives import Compiled, TemperedSigmoid
from tests.test_saved_layers import DIM, NUM_CLASSES, SignSGD, arrays_of, assert_same, make, train


def test_num_sampled_is_used_by_the_next_step():
    layer, other = make(ss.SampledSoftmax), make(ss.SampledSoftmax)
    train(layer, 0, 2)
    train(other, 0, 2)
    layer.num_sampled = 11
    again = ss.SampledSoftmax(NUM_CLASSES, DIM, 11, ss.Adagrad(0.05), seed=3)
    again.weights, again.biases = other.weights.copy(), other.biases.copy()
    again.sampler.state = other.sampler.state
    for ours, theirs in ((again.weight_table, other.weight_table), (again.bias_table, other.bias_table)):
        ours.slots["accumulator"][...] = theirs.slots["accumulator"]
    assert train(layer, 2, 3) == train(again, 2, 3)
    assert_same(layer, again)


def test_a_sampler_is_used_by_the_next_step():
    layer = make(ss.SkipGram)
    train(layer, 0, 2)
    sampler = ss.UniformSampler(NUM_CLASSES, seed=8)
    layer.output.sampler = sampler
    before = sampler.state["block"]
    train(layer, 2, 1)
    assert layer.output.sampler is sampler
    assert sampler.state["block"] > before
    in_numpy = make(ss.SampledSoftmax, dtype=np.float64)
    in_numpy.sampler = ss.UniformSampler(NUM_CLASSES, seed=8, expected_count="inclusion")  # not compiled
    assert np.isfinite(train(in_numpy, 0, 1)[0][0])


@pytest.mark.parametrize(
    ("name", "value", "error", "message"),
    [
        ("num_sampled", 0, ValueError, "num_sampled must be at least 1, got 0"),
        ("num_sampled", 41, ValueError, "num_sampled = 41 unique candidates cannot be drawn from num_classes = 40"),
        ("num_sampled", 7.0, TypeError, "num_sampled must be a whole number"),
        ("num_sampled", None, TypeError, "num_sampled must be a whole number"),
        ("sampler", "uniform", TypeError, "sampler must be a sampler object with a seed of its own, got 'uniform'"),
        ("sampler", ss.UniformSampler(41), ValueError, "sampler has range_max = 41, but num_classes = 40"),
        ("sampler", ss.UniformSampler, TypeError, "got the class UniformSampler: call it first"),
        ("sampler", None, TypeError, "sampler must be a name or a sampler object"),
        ("weights", np.zeros((40, 4), np.float32), ValueError, r"weights must have shape \[40, 5\], got \[40, 4\]"),
        ("weights", np.zeros((40, 5)), TypeError, "weights must have the dtype of the other arrays, float32"),
        ("weights", [[1.0] * 5] * 40, TypeError, "float32"),
        ("weights", None, TypeError, "weights must be float32 or float64"),
        ("weights", np.broadcast_to(np.float32(0), (40, 5)), ValueError, "weights must be writeable"),
        ("weights", np.full((40, 5), np.nan, np.float32), ValueError, r"weights\[0, 0\] = nan must be finite"),
        ("biases", np.array([0] * 39 + [np.inf], np.float32), ValueError, r"biases\[39\] = inf must be finite"),
        ("weights", np.ma.zeros((40, 5), np.float32), TypeError, "weights must be an array without a mask"),
        (
            "weights",
            np.lib.stride_tricks.as_strided(np.zeros(200, np.float32), (40, 5), (4, 4)),
            ValueError,
            "no two entries in one place",
        ),
    ],
)
def test_bad_values_are_refused_and_nothing_changes(name, value, error, message):
    layer = make(ss.SampledSoftmax)
    train(layer, 0, 2)
    twin, kept = copy.copy(layer), getattr(layer, name)
    with pytest.raises(error, match=message):
        setattr(layer, name, value)
    assert getattr(layer, name) is kept
    assert train(layer, 2, 2) == train(twin, 2, 2)


FIXED = [
    *("num_classes", "dim", "dtype", "objective", "correction", "optimizer", "fused_steps", "weight_table"),
    *("bias_table", "learning_rate", "seed", "folder", "overwrite", "subtract_log_q", "remove_accidental_hits"),
    *("temperature", "normalize"),
]


@pytest.mark.parametrize("name", FIXED)
def test_what_would_be_ignored_cannot_be_assigned(name):
    layer = make(ss.SampledSoftmax)
    before = vars(layer).copy()
    with pytest.raises(AttributeError, match=f"{name} of a SampledSoftmax cannot be assigned: "):
        setattr(layer, name, 1)
    assert vars(layer) == before


@pytest.mark.parametrize("name", [*FIXED, "num_sampled", "sampler", "output", "embedding_table"])
def test_what_would_be_ignored_cannot_be_assigned_to_a_model(name):
    model = make(ss.SkipGram)
    with pytest.raises(AttributeError, match=f"{name} of a SkipGram cannot be assigned: "):
        setattr(model, name, 1)


def test_every_argument_of_the_constructors_is_a_table_or_checked_or_fixed():
    """A new argument needs a decision about what its assignment does."""
    arguments = set(inspect.signature(ss.SampledSoftmax).parameters)
    assert arguments - {"num_sampled", "sampler"} == set(FIXED) - {
        "correction", "fused_steps", "weight_table", "bias_table", "learning_rate"
    }  # fmt: skip


def test_other_names_are_of_the_user():
    layer = make(ss.SampledSoftmax)
    layer.comment = "mine"
    assert copy.copy(layer).comment == "mine"


@pytest.mark.parametrize("setting", ["learning_rate", "beta_1"])
def test_settings_of_the_optimizer_are_used_by_the_next_step(setting):
    layer, other = make(ss.SampledSoftmax, "adam"), make(ss.SampledSoftmax, "adam")
    assert train(layer, 0, 1) == train(other, 0, 1)
    setattr(layer.optimizer, setting, 0.5)
    train(layer, 1, 2)
    train(other, 1, 2)
    assert not np.array_equal(layer.weights, other.weights)


@pytest.mark.parametrize("kind", [ss.SampledSoftmax, ss.SkipGram], ids=lambda kind: kind.__name__)
def test_parameters_of_an_objective_are_used_by_the_next_step(kind):
    changed, new = Compiled(TemperedSigmoid(1.0)), Compiled(TemperedSigmoid(3.0))
    layer, other = make(kind, objective=changed), make(kind, objective=new)
    layer.output.step(np.ones((2, DIM), np.float32), [1, 2]) if kind is ss.SkipGram else train(layer, 0, 1)
    twin = make(kind, objective=new)
    changed.parameters = TemperedSigmoid(3.0)
    for one, source in ((other, layer), (twin, layer)):
        for table in ("weights", "biases"):
            setattr(one, table, getattr(source, table).copy())
    outputs = [one.output if kind is ss.SkipGram else one for one in (layer, other)]
    for ours, theirs in zip((outputs[0].weight_table, outputs[0].bias_table),
                            (outputs[1].weight_table, outputs[1].bias_table), strict=True):  # fmt: skip
        theirs.slots["accumulator"][...] = ours.slots["accumulator"]
    outputs[1].sampler.state = outputs[0].sampler.state
    assert train(layer, 1, 2) == train(other, 1, 2)


def in_shapes(values):
    """Yield arrays with these values that are views in different layouts, with the arrays that own the memory."""
    rows, columns = values.shape
    wide = np.zeros((2 * rows, 2 * columns), values.dtype)
    yield wide, wide[::2, ::2]
    yield wide, wide[: 2 * rows : 2][::-1, :columns]
    fortran = np.zeros_like(values, order="F")
    yield fortran, fortran
    beside = np.zeros((rows, columns + 1), values.dtype)
    yield beside, beside[:, :-1]


def test_views_are_trained_in_place():
    plain = make(ss.SkipGram, "exact_adam")
    start = {name: getattr(plain, name).copy() for name in ("embeddings", "weights")}
    losses = train(plain, 0, 3)
    for number in range(4):
        model = make(ss.SkipGram, "exact_adam")
        for name, values in start.items():
            owner, view = list(in_shapes(values))[number]
            view[...] = values
            setattr(model, name, view)
            assert np.shares_memory(getattr(model, name), owner)
        np.testing.assert_allclose(train(model, 0, 3), losses, rtol=1e-6)  # the last bits depend on the layout
        np.testing.assert_allclose(model.weights, plain.weights, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(model.embeddings, plain.embeddings, rtol=1e-4, atol=1e-6)


def test_weights_and_biases_as_columns_of_one_matrix():
    layer, joined = make(ss.SampledSoftmax), np.zeros((NUM_CLASSES, DIM + 1), np.float32)
    joined[:, :-1] = layer.weights
    columns = make(ss.SampledSoftmax)
    columns.weights, columns.biases = joined[:, :-1], joined[:, -1]
    for (ours, _), (theirs, _) in zip(train(columns, 0, 3), train(layer, 0, 3), strict=True):
        assert ours == pytest.approx(theirs, rel=1e-6)
    np.testing.assert_allclose(joined, np.column_stack((layer.weights, layer.biases)), rtol=1e-5, atol=1e-7)


def test_values_and_slots_that_change_in_place_are_seen_by_the_next_step():
    layer, other = make(ss.SkipGram, "adam"), make(ss.SkipGram, "adam")
    train(layer, 0, 2)
    train(other, 0, 2)
    tables = ((layer.output.weight_table, other.output.weight_table), (layer.embedding_table, other.embedding_table))
    for ours, theirs in tables:
        ours.values *= 2  # in place
        theirs.values = theirs.values * 2  # another array
        ours.slots["m"][...] = 0.5
        theirs.slots["m"][...] = 0.5
    assert train(layer, 2, 3) == train(other, 2, 3)
    assert_same(layer, other)


def test_slots_cannot_be_replaced_behind_the_back_of_compiled_code():
    layer = make(ss.SampledSoftmax)
    train(layer, 0, 1)
    slots = layer.weight_table.slots
    ones = np.ones((NUM_CLASSES, DIM), np.float32)
    with pytest.raises(TypeError, match=r"write slots\['accumulator'\]\[\.\.\.\] = values"):
        slots["accumulator"] = ones
    changes = [slots.update, slots.pop, slots.clear, slots.popitem, slots.setdefault, slots.__delitem__, slots.__ior__]
    for change in changes:
        with pytest.raises(TypeError, match="slots are trained in place and cannot be replaced"):
            change({"accumulator": ones})
    assert slots.keys() == {"accumulator"}
    for other in (copy.deepcopy(slots), pickle.loads(pickle.dumps(slots))):
        np.testing.assert_array_equal(other["accumulator"], slots["accumulator"])


def test_slots_of_an_optimizer_in_python_can_be_replaced():
    layer = ss.SampledSoftmax(NUM_CLASSES, DIM, 4, SignSGD(), seed=1)
    train(layer, 0, 3)
    assert layer.weight_table.slots["steps"] == 3


def test_what_a_layer_returned_does_not_change_later():
    layer = make(ss.SampledSoftmax)
    inputs = np.ones((4, DIM), np.float32)
    results = [layer.step(inputs, [1, 2, 3, 4])[1], layer.full_loss(inputs, [1, 2, 3, 4]), *layer.top_k(inputs, 3)]
    kept = [result.copy() for result in results]
    train(layer, 0, 3)
    layer.full_loss(2 * inputs, [5, 6, 7, 8])
    layer.top_k(2 * inputs, 3)
    for result, before in zip(results, kept, strict=True):
        np.testing.assert_array_equal(result, before)


def test_inputs_that_are_reused_are_read_at_each_step():
    layer, other, inputs = make(ss.SampledSoftmax), make(ss.SampledSoftmax), np.ones((3, DIM), np.float32)
    labels = np.array([1, 2, 3])
    for number in range(3):
        inputs *= number + 1
        labels += number
        ours = layer.step(inputs, labels)
        theirs = other.step(inputs.copy(), labels.copy())
        assert ours[0] == theirs[0]
        np.testing.assert_array_equal(ours[1], theirs[1])


def test_one_array_as_embeddings_and_weights_gets_both_updates():
    model = ss.SkipGram(NUM_CLASSES, DIM, 7, ss.Adagrad(0.1), dtype=np.float64, seed=3)
    model.weights = model.embeddings
    assert model.weights is model.embeddings
    table, biases = model.embeddings.copy(), model.biases.copy()
    sampler, optimizer = ss.LogUniformSampler(NUM_CLASSES, seed=3), ss.Adagrad(0.1)
    slots = [optimizer.init(array) for array in (table, table, biases)]
    for number in range(4):
        rng = np.random.default_rng(number)
        ids, labels = rng.integers(0, NUM_CLASSES, 6), rng.integers(0, NUM_CLASSES, (6, 1))
        values = sampler.sample(labels, 7)
        losses, gradients = ss.sampled_softmax_loss_and_grad(
            table, biases, labels, table[ids], 7, NUM_CLASSES, 1, values, loss_grad=np.full(6, 1 / 6)
        )
        optimizer.update(table, slots[0], gradients.weights)
        optimizer.update(biases, slots[2], gradients.biases)
        optimizer.update(table, slots[1], ss.IndexedSlices(gradients.inputs, ids, table.shape))
        assert model.step(ids, labels) == pytest.approx(losses.mean(), rel=1e-12)
        np.testing.assert_allclose(model.weights, table, rtol=1e-10, atol=1e-13)


def test_one_array_as_embeddings_and_weights_is_the_same_for_any_number_of_threads():
    before, results = ss.get_num_threads(), []
    rng = np.random.default_rng(0)
    ids, labels = rng.integers(0, NUM_CLASSES, (2, 900))
    for threads in (1, 3):
        ss.set_num_threads(threads)
        model = ss.SkipGram(NUM_CLASSES, 64, 20, ss.Adagrad(0.1), seed=1)
        model.weights = model.embeddings
        model.steps(ids, labels, 300)
        results.append(model.weights.tobytes())
    ss.set_num_threads(before)
    assert results[0] == results[1]


def test_a_tied_table_is_copied_as_one_table():
    model = make(ss.SkipGram)
    model.weights = model.embeddings
    train(model, 0, 2)
    other = copy.deepcopy(model)
    assert np.shares_memory(other.weights, other.embeddings)
    assert not np.shares_memory(other.weights, model.weights)
    assert train(other, 2, 2) == train(model, 2, 2)


@pytest.mark.parametrize("name", ["embeddings", "weights"])
def test_one_array_as_both_is_refused_where_rows_lag(name):
    model = make(ss.SkipGram, "exact_adam")
    other = {"embeddings": "weights", "weights": "embeddings"}[name]
    before = arrays_of(model)
    with pytest.raises(ValueError, match=f"{name} must not share memory with {other} while rows catch up later"):
        setattr(model, name, getattr(model, other)[::-1])
    for kept, now in zip(before, arrays_of(model), strict=True):
        np.testing.assert_array_equal(kept, now)
    setattr(model, name, getattr(model, other).copy())


def test_two_layers_may_share_an_array():
    model, layer = make(ss.SkipGram), make(ss.SampledSoftmax)
    layer.weights = model.embeddings
    train(layer, 0, 2)
    assert layer.weights is model.embeddings
    train(model, 0, 1)
    assert layer.weights is model.embeddings
