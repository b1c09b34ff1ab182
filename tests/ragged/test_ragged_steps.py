"""Training steps over ragged labels: the compiled step and the one in NumPy, against the reference."""

import copy
import pickle
from itertools import pairwise

import numpy as np
import pytest

import sampledsoftmax as ss
from sampledsoftmax.layers.ragged_layers import check_ragged, ragged_steps_of
from sampledsoftmax.layers.ragged_step import RaggedSteps, RaggedTables
from sampledsoftmax.layers.sampled_softmax import settings_of
from sampledsoftmax.layers.table import Table
from tests.ragged.cases import NUM_CLASSES, NUM_INPUTS, ragged, reference_step, tables
from tests.registry import DTYPES, OPTIMIZERS, SAMPLERS

TOLERANCE = {np.float32: 2e-5, np.float64: 1e-12}


def compiled_anew(value):
    """Return a parameter for `--full` only: the step takes seconds to compile for it, and no other test needs that."""
    return pytest.param(value, marks=pytest.mark.slow)


class InPython(ss.SGD):
    """An optimizer without a compiled rule."""

    def compiled_rule(self, dtype):
        return None

    def update(self, table, slots, gradient):
        rows = gradient.coalesce()
        table[rows.indices] -= table.dtype.type(self.learning_rate) * rows.values


class EvenSampler(ss.CandidateSampler):
    """A sampler without a compiled distribution."""

    def draw(self, rng, size):
        return 2 * rng.integers(0, (self.range_max + 1) // 2, size) % self.range_max

    def probability(self, ids):
        return np.full(ids.shape, 1 / self.range_max)


def compare(of_tables, expected, dtype):
    for table, other in zip(of_tables, expected, strict=True):
        if table is not None:
            table.catch_up(None)
            other.catch_up(None)
            np.testing.assert_allclose(table.values, other.values, rtol=0, atol=TOLERANCE[dtype], err_msg=table.name)
            for name, slot in table.slots.items():
                np.testing.assert_allclose(slot, other.slots[name], rtol=1e-3, atol=TOLERANCE[dtype], err_msg=name)


def check(sizes, dtype, *, make_optimizer=ss.SGD, sampler="log_uniform", num_sampled=7, dim=5, biases=True, **options):
    """Compare three steps with those of the reference; return the tables."""
    of_tables = tables(make_optimizer, dtype, dim, biases)
    expected = copy.deepcopy(of_tables)
    ids = np.random.default_rng(2).integers(0, NUM_INPUTS, len(sizes))
    labels = ragged(sizes)
    samplers = [SAMPLERS[sampler](NUM_CLASSES, seed=3) if isinstance(sampler, str) else sampler() for _ in range(2)]
    steps = RaggedSteps(num_sampled, dim, dtype, samplers[0], **options)
    starts = [0, len(sizes) // 2, len(sizes)]
    losses = steps.steps(of_tables, ids, labels, starts)
    for i, (first, end) in enumerate(pairwise(starts)):
        splits = labels.row_splits[first : end + 1]
        part = ss.RaggedLabels(labels.values[splits[0] : splits[-1]], splits - splits[0])
        if part.values.size == 0:
            samplers[1].advance(1, num_sampled)
            assert losses[i] == 0
            continue
        loss = reference_step(expected, ids[first:end], part, samplers[1], num_sampled, **options)
        np.testing.assert_allclose(losses[i], loss, rtol=10 * TOLERANCE[dtype], atol=TOLERANCE[dtype])
    compare(of_tables, expected, dtype)
    assert samplers[0].state == samplers[1].state
    return of_tables


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("sizes", [[1], [3, 1], [0, 2, 5, 0], [1, 4, 2, 6, 3, 1, 9, 2, 2, 5, 1, 7], [0, 0], [2] * 25])
def test_steps_are_those_of_the_reference(sizes, dtype):
    check(sizes, dtype)
    check(sizes, dtype, temperature=0.5, normalize=True)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("dim", [1, 7, 16, 33])
def test_any_number_of_columns(dim, dtype):
    check([3, 1, 4, 1, 5], dtype, dim=dim, normalize=True, temperature=0.3)


@pytest.mark.parametrize("num_sampled", [1, 8, 16, 22, 23])
def test_any_number_of_candidates(num_sampled):
    check([3, 1, 4, 1, 5], np.float64, num_sampled=num_sampled)
    check([3, 1, 4, 1, 5], np.float64, num_sampled=num_sampled, sampler="uniform", normalize=True)


@pytest.mark.subset(1)
@pytest.mark.parametrize("name", [*OPTIMIZERS][::-1])  # exact Adam first: it also changes rows of no batch
def test_every_optimizer(name):
    check([3, 1, 4, 1, 5, 2], np.float64, make_optimizer=OPTIMIZERS[name], normalize=True)


@pytest.mark.subset(2)
@pytest.mark.parametrize("name", SAMPLERS)
def test_every_sampler(name):
    check([3, 1, 4, 1, 5, 2], np.float64, sampler=name, num_sampled=NUM_CLASSES if name == "all" else 9)


@pytest.mark.parametrize("options", [{"subtract_log_q": False}, {"unique": False}, {"temperature": 0.01}])
@pytest.mark.parametrize("biases", [True, False])
def test_options(options, biases):
    check([3, 1, 4, 1, 5, 2], np.float64, biases=biases, num_sampled=20, **options)


def test_large_logits_are_relative_to_the_largest_of_their_row():
    check([3, 1, 4, 1, 5, 2], np.float32, temperature=0.02)


def test_an_optimizer_and_a_sampler_in_python():
    check([3, 0, 4, 1, 5, 2], np.float64, make_optimizer=InPython, normalize=True, temperature=0.4)
    check([3, 0, 4, 1, 5, 2], np.float64, sampler=lambda: EvenSampler(NUM_CLASSES, seed=3), num_sampled=6, biases=False)


def test_the_step_in_numpy_is_the_compiled_one():
    sizes, found = [3, 1, 4, 1, 5, 2], []
    for optimizer in (ss.SGD, InPython):
        found.append(check(sizes, np.float64, make_optimizer=optimizer))
    compare(*found, np.float64)


@pytest.mark.parametrize("options", [{"normalize": True}, {}, {"temperature": 0.001}])
def test_an_example_that_has_all_classes_as_labels_has_no_loss(options):
    of_tables = tables(ss.SGD, np.float32)
    before = copy.deepcopy(of_tables)
    labels = ss.RaggedLabels(np.arange(NUM_CLASSES), np.array([0, NUM_CLASSES]))
    steps = RaggedSteps(6, 5, np.float32, ss.LogUniformSampler(NUM_CLASSES, seed=1), **options)
    np.testing.assert_array_equal(steps.steps(of_tables, [0], labels, [0, 1]), [0.0])
    for table, other in zip(of_tables, before, strict=True):
        np.testing.assert_array_equal(table.values, other.values)


def test_a_label_that_an_example_has_twice_counts_twice():
    """The losses are means over pairs: (a + b) / 2, (2 a + b) / 3."""
    mean = {}
    for values in ([4, 7], [4, 4, 7], [4, 7, 7]):
        labels = ss.RaggedLabels(np.array(values), np.array([0, len(values)]))
        steps = RaggedSteps(6, 5, np.float64, ss.LogUniformSampler(NUM_CLASSES, seed=1))
        mean[tuple(values)] = float(steps.steps(tables(ss.SGD, np.float64), [0], labels, [0, 1])[0])
    np.testing.assert_allclose(3 * mean[4, 4, 7] + 3 * mean[4, 7, 7], 3 * 2 * mean[4, 7], rtol=1e-12)
    assert mean[4, 4, 7] != mean[4, 7, 7]


def test_rows_that_only_examples_without_labels_name_keep_their_bits():
    of_tables = tables(ss.Adam, np.float32)
    before = of_tables.inputs.values.copy()
    steps = RaggedSteps(4, 5, np.float32, ss.LogUniformSampler(NUM_CLASSES, seed=1))
    steps.steps(of_tables, [1, 2, 3], ragged([2, 0, 1]), [0, 3])
    changed = (of_tables.inputs.values != before).any(axis=1)
    np.testing.assert_array_equal(np.flatnonzero(changed), [1, 3])


@pytest.mark.parametrize("threads", [2, 4])
@pytest.mark.parametrize("dtype", [np.float32, compiled_anew(np.float64)])
def test_the_same_bits_for_any_number_of_threads(threads, dtype):
    before, results = ss.get_num_threads(), []
    sizes = np.random.default_rng(5).integers(0, 9, 130)
    ids = np.random.default_rng(6).integers(0, 150, 130)
    for number in (1, threads):
        ss.set_num_threads(number)
        try:
            of_tables = tables(ss.Adagrad, dtype, 24, num_inputs=150, num_classes=700)
            steps = RaggedSteps(256, 24, dtype, ss.LogUniformSampler(700, seed=1), temperature=0.2, normalize=True)
            losses = steps.steps(of_tables, ids, ragged(sizes, num_classes=700), [0, 65, 100, 130])
        finally:
            ss.set_num_threads(before)
        results.append((losses, *(table.values for table in of_tables)))
    for one, other in zip(*results, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("make_optimizer", [ss.SGD, ss.Adam, compiled_anew(ss.RowwiseAdagrad), InPython])
def test_learning_rates_of_batches_are_those_of_optimizers(make_optimizer):
    ids, labels, starts = np.arange(6), ragged([1, 2, 3, 1, 2, 3]), [0, 2, 4, 6]
    rates = np.array([[0.3, 0.2], [0.2, 0.0], [0.1, 0.05]])
    one, other = (tables(make_optimizer, np.float32) for _ in range(2))
    at_once = RaggedSteps(5, 5, np.float32, ss.LogUniformSampler(NUM_CLASSES, seed=1))
    losses = at_once.steps(one, ids, labels, starts, rates)
    assert one.inputs.optimizer.learning_rate == 0.2
    singly = RaggedSteps(5, 5, np.float32, ss.LogUniformSampler(NUM_CLASSES, seed=1))
    for i, (of_inputs, of_classes) in enumerate(rates.tolist()):
        other.inputs.optimizer.learning_rate = of_inputs
        other.weights.optimizer.learning_rate = other.biases.optimizer.learning_rate = of_classes
        splits = labels.row_splits[starts[i] : starts[i + 1] + 1]
        part = ss.RaggedLabels(labels.values[splits[0] : splits[-1]], splits - splits[0])
        assert singly.steps(other, ids[starts[i] : starts[i + 1]], part, [0, 2])[0] == losses[i]
    for table, same in zip(one, other, strict=True):
        np.testing.assert_array_equal(table.values, same.values)


def test_tables_may_have_different_optimizers_and_no_biases():
    one = tables(ss.SGD, np.float64, biases=False)
    one = RaggedTables(Table.of("inputs", one.inputs.values, {}, ss.SGD(0.3)), one.weights)
    other = tables(ss.Adam, np.float64, biases=False)
    mixed = RaggedTables(one.inputs, other.weights)
    expected = copy.deepcopy(mixed)
    labels, ids = ragged([2, 3, 1]), np.array([4, 4, 2])
    samplers = [ss.LogUniformSampler(NUM_CLASSES, seed=1) for _ in range(2)]
    loss = RaggedSteps(8, 5, np.float64, samplers[0]).steps(mixed, ids, labels, [0, 3])[0]
    np.testing.assert_allclose(loss, reference_step(expected, ids, labels, samplers[1], 8))
    compare(mixed, expected, np.float64)


@pytest.mark.parametrize("make_optimizer", [ss.SGD, InPython])
def test_inputs_that_are_given_get_a_gradient(make_optimizer):
    of_tables = tables(make_optimizer, np.float64)
    labels = ragged([2, 0, 3, 1])
    inputs = np.random.default_rng(8).normal(size=(4, 5))
    small, options = 1e-6, {"temperature": 0.5, "normalize": True}

    def loss_at(rows):
        steps = RaggedSteps(6, 5, np.float64, ss.LogUniformSampler(NUM_CLASSES, seed=1), **options)
        return steps.step_inputs(copy.deepcopy(of_tables[1:]), rows, labels)

    _, gradient = loss_at(inputs)
    np.testing.assert_array_equal(gradient[1], 0)
    for i in np.ndindex(inputs.shape):
        step = np.zeros_like(inputs)
        step[i] = small
        change = (loss_at(inputs + step)[0] - loss_at(inputs - step)[0]) / (2 * small)
        np.testing.assert_allclose(gradient[i], change, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("normalize", [True, False])
def test_gradients_of_tables_are_central_differences(normalize):
    """With gradient descent at rate 1, what a step subtracts is the gradient."""
    labels, ids, small = ragged([2, 4, 1]), np.array([0, 3, 0]), 1e-6

    def loss_of(of_tables):
        sampler = ss.LogUniformSampler(NUM_CLASSES, seed=1)
        steps = RaggedSteps(6, 5, np.float64, sampler, temperature=0.5, normalize=normalize)
        return steps.steps(of_tables, ids, labels, [0, 3])[0]

    def one_rate(_rate):
        return ss.SGD(1.0)

    start, after = (tables(one_rate, np.float64) for _ in range(2))
    loss_of(after)
    rng = np.random.default_rng(1)
    for k, table in enumerate(start):
        gradient = table.values - after[k].values
        for _ in range(12):
            i = tuple(rng.integers(0, size) for size in table.values.shape)
            losses = []
            for sign in (1, -1):
                moved = copy.deepcopy(start)
                moved[k].values[i] += sign * small
                losses.append(loss_of(moved))
            np.testing.assert_allclose(gradient[i], (losses[0] - losses[1]) / (2 * small), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("make_optimizer", [ss.SGD, InPython])
def test_a_loss_that_is_not_finite_changes_no_table(make_optimizer):
    of_tables = tables(make_optimizer, np.float32)
    of_tables.inputs.values[4] = np.nan
    before = copy.deepcopy(of_tables)
    sampler = ss.LogUniformSampler(NUM_CLASSES, seed=1)
    steps = RaggedSteps(6, 5, np.float32, sampler)
    with pytest.raises(FloatingPointError, match=r"loss of the batch is nan .* no table was changed"):
        steps.steps(of_tables, [4, 1], ragged([2, 3]), [0, 2])
    for table, other in zip(of_tables, before, strict=True):
        np.testing.assert_array_equal(table.values, other.values)
    assert sampler.state["block"] > 0


def test_a_row_of_zeros_has_cosine_0():
    of_tables = tables(ss.SGD, np.float64, biases=False)
    of_tables.inputs.values[0] = 0
    steps = RaggedSteps(NUM_CLASSES, 5, np.float64, ss.UniformSampler(NUM_CLASSES, seed=1), normalize=True)
    loss = steps.steps(of_tables, [0], ragged([1]), [0, 1])[0]
    np.testing.assert_allclose(loss, np.log(NUM_CLASSES), rtol=1e-6)
    np.testing.assert_array_equal(of_tables.inputs.values[0], 0)


def test_a_copy_has_settings_and_its_own_memory():
    steps = RaggedSteps(6, 5, np.float32, ss.LogUniformSampler(NUM_CLASSES, seed=1), temperature=0.5, unique=False)
    other = pickle.loads(pickle.dumps(steps))
    assert (other.temperature, other.unique, other.num_sampled) == (0.5, False, 6)
    labels = ragged([2, 3])
    losses = [one.steps(tables(ss.SGD, np.float32), [0, 1], labels, [0, 2]) for one in (steps, other)]
    np.testing.assert_array_equal(*losses)


def test_a_sample_that_cannot_be_drawn():
    weights = np.zeros(NUM_CLASSES)
    weights[:3] = 1
    sampler = ss.FixedUnigramSampler(weights, seed=1)
    steps = RaggedSteps(6, 5, np.float32, sampler)
    with pytest.raises(ValueError, match="6 unique candidates cannot be drawn"):
        steps.steps(tables(ss.SGD, np.float32), [0], ss.RaggedLabels(np.array([1]), np.array([0, 1])), [0, 1])
    with pytest.raises(ValueError, match=r"labels.values\[1\] = 9 has an expected count of 0"):
        steps.steps(tables(ss.SGD, np.float32), [0], ss.RaggedLabels(np.array([1, 9]), np.array([0, 2])), [0, 1])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ids": [0, 9]}, r"ids\[1\] = 9 is not a class id"),
        ({"labels": [[1], [2]]}, r"labels must be ss.RaggedLabels"),
        ({"labels": ss.RaggedLabels([1, 99, 2], [0, 2, 3])}, r"labels.values\[1\] = 99"),
        ({"labels": ss.RaggedLabels([1, 2, 3], [0, 3])}, r"labels.row_splits must have shape \[3\]"),
        ({"labels": ss.RaggedLabels([1, 2, 3], [1, 2, 3])}, r"row_splits must begin with 0 and end with 3"),
        ({"labels": ss.RaggedLabels([1, 2, 3], [0, 2, 4])}, r"row_splits must begin with 0 and end with 3"),
        ({"labels": ss.RaggedLabels([1, 2, 3], [0, 5, 3])}, r"row_splits\[2\] = 3 must be at least .*\[1\] = 5"),
        ({"batch_starts": []}, r"batch_starts must have shape"),
        ({"batch_starts": [0, 1]}, r"batch_starts must begin with 0 and end with 2"),
        ({"learning_rates": [0.1]}, r"learning_rates must be floats of shape \[1, 2\]"),
        ({"learning_rates": [[0.1, np.inf]]}, r"learning_rates\[0, 1\] = inf must be finite"),
        ({"learning_rates": [[-0.1, 0.1]]}, r"learning_rates\[0, 0\] = -0.1 must be finite and at least 0"),
    ],
)
def test_bad_arguments_change_nothing(change, message):
    of_tables = tables(ss.SGD, np.float32)
    before = copy.deepcopy(of_tables)
    steps = RaggedSteps(6, 5, np.float32, ss.LogUniformSampler(NUM_CLASSES, seed=1))
    arguments = {"ids": [0, 1], "labels": ragged([2, 1]), "batch_starts": [0, 2], "learning_rates": None} | change
    with pytest.raises((TypeError, ValueError), match=message):
        steps.steps(of_tables, **arguments)
    for table, other in zip(of_tables, before, strict=True):
        np.testing.assert_array_equal(table.values, other.values)


@pytest.mark.parametrize("temperature", [0, -1, np.nan, "1"])
def test_a_bad_temperature(temperature):
    with pytest.raises((TypeError, ValueError), match="temperature must be"):
        RaggedSteps(6, 5, np.float32, ss.LogUniformSampler(NUM_CLASSES), temperature=temperature)


def test_the_steps_of_a_layer_are_those_of_its_settings():
    layer = ss.SampledSoftmax(NUM_CLASSES, 5, 6, seed=1)
    steps = ragged_steps_of(settings_of(layer))
    loss, gradient = steps.step_inputs(
        (layer.weight_table, layer.bias_table), np.ones((2, 5), np.float32), ragged([2, 3])
    )
    assert np.isfinite(loss)
    assert gradient.shape == (2, 5)
    check_ragged(settings_of(layer), None, None)


@pytest.mark.parametrize(
    ("options", "arguments", "message"),
    [
        ({}, ([1.0], None), "sample_weight must be None"),
        ({}, (None, -1), "ignore_index must be None"),
        ({"objective": "nce"}, (None, None), "objective must be 'sampled_softmax'"),
        ({"remove_accidental_hits": False}, (None, None), "remove_accidental_hits must be True"),
    ],
)
def test_what_ragged_labels_cannot_be_combined_with(options, arguments, message):
    layer = ss.SampledSoftmax(NUM_CLASSES, 5, 6, seed=1, **options)
    with pytest.raises(ValueError, match=message):
        check_ragged(settings_of(layer), *arguments)
