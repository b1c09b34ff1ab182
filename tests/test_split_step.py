"""A step in two calls: the bits of a step in one, the scale that comes in between, and when it must be composed."""

import copy
import gc
import pickle

import numpy as np
import pytest

import sampledsoftmax as ss
from sampledsoftmax.layers import fused_step, split_step
from sampledsoftmax.layers.split_step import SplitSteps
from sampledsoftmax.layers.table import Table
from sampledsoftmax.losses.objectives import BUILT_IN
from sampledsoftmax.runtime import threadpool
from sampledsoftmax.types import Correction
from tests.cases import make_case
from tests.registry import DTYPES, OBJECTIVES, OPTIMIZERS, SAMPLERS

NUM_CLASSES, DIM = 60, 9


def tables_of(made, optimizer):
    """Return new tables with the values of a case."""
    found = []
    for name, values in (("weights", made.weights), ("biases", made.biases)):
        own = values.copy()
        found.append(Table.of(name, own, optimizer.init(own), optimizer))
    return tuple(found)


def steps_of(made, objective="sampled_softmax"):
    return SplitSteps(DIM, made.weights.dtype, BUILT_IN[objective], Correction(*OBJECTIVES[objective]))


def case(batch_size=11, num_sampled=20, num_true=1, dtype=np.float64, seed=0, unique=True):
    return make_case(NUM_CLASSES, DIM, batch_size, num_sampled, num_true, dtype, seed, unique)


def begun(steps, tables, made, loss_grad=None, **options):
    share = 1 / len(made.inputs) if loss_grad is None else loss_grad
    return steps.forward(tables, made.inputs, made.labels, made.values, share, **options)


def composed(tables, made, loss_grad):
    """Take a step by the public functions; return the gradient of the inputs."""
    arrays = (tables[0].values, tables[1].values, *made.arguments[2:])
    _, gradients = ss.sampled_softmax_loss_and_grad(*arrays, made.values, loss_grad=loss_grad)
    for table, rows in zip(tables, (gradients.weights, gradients.biases), strict=True):
        table.update(rows)
    return gradients.inputs


def caught_up(tables):
    return [np.asarray(table.caught_up()) for table in tables]


def assert_same_bits(ours, theirs):
    for table, expected in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(table.caught_up(), expected.caught_up())
        for name, slot in table.slots.items():
            np.testing.assert_array_equal(slot, expected.slots[name])


@pytest.mark.subset(4, optimizer="adagrad", dtype=np.float32)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_two_calls_have_the_bits_of_one(optimizer, dtype):
    """Batches grow and shrink, so that memory is allocated again and used in part."""
    made = [case(size, dtype=dtype, seed=seed) for seed, size in enumerate((5, 1, 40, 16, 17))]
    rule = OPTIMIZERS[optimizer](0.05)
    layer = ss.SampledSoftmax(NUM_CLASSES, DIM, 20, rule, dtype=dtype, seed=4)
    layer.weights[...], layer.biases[...] = made[0].weights, made[0].biases
    tables, steps, sampler = tables_of(made[0], rule), steps_of(made[0]), ss.LogUniformSampler(NUM_CLASSES, seed=4)
    for one in made:
        values = sampler.sample(one.labels, 20)
        forward = begun(steps, tables, one._replace(values=values), are_distinct=True)
        gradient = forward.inputs_gradient()
        forward.update(tables)
        loss, expected = layer.step(one.inputs, one.labels)
        np.testing.assert_array_equal(gradient, expected)
        np.testing.assert_allclose(forward.losses.mean(dtype=np.float64), loss, rtol=1e-12)
    assert_same_bits(tables, (layer.weight_table, layer.bias_table))


@pytest.mark.parametrize("num_true", [1, 3])
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_objectives_and_several_labels(objective, num_true):
    made = case(num_true=num_true, dtype=np.float32)
    rule = ss.Adagrad(0.05)
    layer = ss.SampledSoftmax(NUM_CLASSES, DIM, 20, rule, objective=objective, seed=4)
    layer.weights[...], layer.biases[...] = made.weights, made.biases
    made = made._replace(values=ss.LogUniformSampler(NUM_CLASSES, seed=4).sample(made.labels, 20))
    tables = tables_of(made, rule)
    forward = begun(steps_of(made, objective), tables, made)
    forward.update(tables)
    _, expected = layer.step(made.inputs, made.labels)
    np.testing.assert_array_equal(forward.inputs_gradient(), expected)
    assert_same_bits(tables, (layer.weight_table, layer.bias_table))


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_candidates_of_every_sampler(sampler):
    made = case(dtype=np.float32)
    num_sampled = NUM_CLASSES if sampler == "all" else 20
    made = made._replace(values=SAMPLERS[sampler](NUM_CLASSES, seed=3).sample(made.labels, num_sampled))
    ours, theirs = tables_of(made, ss.SGD(0.1)), tables_of(made, ss.SGD(0.1))
    forward = begun(steps_of(made), ours, made)
    forward.update(ours)
    share = np.full(11, 1 / 11, np.float32)
    np.testing.assert_array_equal(forward.inputs_gradient(), composed(theirs, made, share))
    for table, expected in zip(caught_up(ours), caught_up(theirs), strict=True):
        np.testing.assert_allclose(table, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.subset(2)
@pytest.mark.parametrize("num_true", [1, 2])
@pytest.mark.parametrize("optimizer", ["exact_adam", "sgd", "adagrad"])
def test_the_scale_of_each_example_is_that_of_its_loss(optimizer, num_true):
    made = case(17, 21, num_true)
    rule, scale = OPTIMIZERS[optimizer](0.05), np.linspace(-2.0, 3.0, 17)
    ours, theirs, steps = tables_of(made, rule), tables_of(made, rule), steps_of(made)
    for share in (1.0, np.linspace(0.1, 0.2, 17)):
        forward = begun(steps, ours, made, share)
        gradient = forward.inputs_gradient(scale)
        forward.update(ours, scale)
        for table in theirs:
            table.catch_up(None)
        np.testing.assert_allclose(gradient, composed(theirs, made, share * scale), rtol=1e-9, atol=1e-13)
    for table, expected in zip(caught_up(ours), caught_up(theirs), strict=True):
        np.testing.assert_allclose(table, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.subset(2)
@pytest.mark.parametrize("optimizer", ["exact_adam", "adam", "adagrad"])
def test_a_step_in_between_does_not_change_the_gradients(optimizer):
    made, other = case(), case(seed=1)
    rule, share = OPTIMIZERS[optimizer](0.05), np.full(11, 1 / 11)
    ours, theirs = tables_of(made, rule), tables_of(made, rule)
    forward = begun(steps_of(made), ours, made)
    composed(ours, other, share)
    forward.update(ours)
    arrays = (theirs[0].values.copy(), theirs[1].values.copy(), *made.arguments[2:])
    _, before = ss.sampled_softmax_loss_and_grad(*arrays, made.values, loss_grad=share)
    composed(theirs, other, share)
    theirs[0].update(before.weights)
    theirs[1].update(before.biases)
    for table, expected in zip(caught_up(ours), caught_up(theirs), strict=True):
        np.testing.assert_allclose(table, expected, rtol=1e-9, atol=1e-12)


def test_tables_that_were_replaced_in_between_are_updated():
    made = case()
    ours, others = tables_of(made, ss.SGD(0.1)), tables_of(made, ss.SGD(0.1))
    forward = begun(steps_of(made), ours, made)
    forward.update(others)
    np.testing.assert_array_equal(ours[0].values, made.weights)
    composed(ours, made, np.full(11, 1 / 11))
    np.testing.assert_allclose(others[0].values, ours[0].values, rtol=1e-12)


def test_arrays_of_the_caller_may_change_in_between():
    made = case()
    ours, theirs = tables_of(made, ss.Adagrad(0.1)), tables_of(made, ss.Adagrad(0.1))
    twin = copy.deepcopy(made)
    forward, expected = begun(steps_of(made), ours, made), begun(steps_of(twin), theirs, twin)
    for array in (made.inputs, made.labels, *made.values):
        array[...] = 0
    np.testing.assert_array_equal(forward.classes(), [*twin.labels.ravel(), *twin.values[0]])
    forward.update(ours)
    expected.update(theirs)
    assert_same_bits(ours, theirs)


def test_counts_of_doubles_are_not_rounded():
    made = case()
    exact = [np.asarray(part, np.float64) * (1 + 1e-10) for part in made.values[1:]]
    made = made._replace(values=ss.SampledValues(made.values[0], *exact))
    forward = begun(steps_of(made), tables_of(made, ss.SGD(0.1)), made)
    np.testing.assert_array_equal(forward.losses, ss.sampled_softmax_loss(*made.arguments, made.values))


def test_the_memory_is_that_of_one_batch_until_its_update_or_end():
    made, tables = case(), tables_of(case(), ss.SGD(0.1))
    steps = steps_of(made)
    first = begun(steps, tables, made)
    assert begun(steps, tables, made) is None
    first.update(tables)
    second = begun(steps, tables, made)
    second.release()
    third = begun(steps, tables, made)
    assert begun(steps, tables, made) is None
    del third
    gc.collect()
    assert begun(steps, tables, made) is not None
    for over in (first, second):
        with pytest.raises(RuntimeError, match="a step can be taken once, while its memory is held"):
            over.update(tables)


class InPython(ss.SGD):
    def compiled_rule(self, dtype):
        return None

    def update(self, table, slots, gradient):
        raise NotImplementedError


def test_what_must_be_composed():
    made = case()
    tables, steps = tables_of(made, ss.SGD(0.1)), steps_of(made)
    ids, of_labels, of_candidates = made.values
    zero, twice = of_labels.copy(), ids.copy()
    zero[3], twice[1] = 0, twice[0]
    assert begun(steps, tables, made._replace(values=ss.SampledValues(twice, of_labels, of_candidates))) is None
    uncounted = made._replace(values=ss.SampledValues(ids, zero, of_candidates))
    assert begun(steps, tables, uncounted) is None
    assert begun(steps_of(made, "negative_sampling"), tables, uncounted) is not None  # which needs no counts
    assert begun(steps, tables, case(0), 1.0) is None
    assert begun(steps, tables_of(made, InPython(0.1)), made) is None
    assert begun(steps, tables, made) is not None  # none of them has taken the memory


@pytest.mark.parametrize("how", [copy.copy, copy.deepcopy, lambda steps: pickle.loads(pickle.dumps(steps))])
def test_a_copy_has_memory_of_its_own(how):
    made, tables = case(), tables_of(case(), ss.SGD(0.1))
    steps = steps_of(made)
    forward = begun(steps, tables, made)
    other = begun(how(steps), tables, made)
    np.testing.assert_array_equal(other.losses, forward.losses)
    assert not np.shares_memory(other.inputs_gradient(), forward.inputs_gradient())


@pytest.mark.compiled
@pytest.mark.parametrize("optimizer", ["adagrad", "exact_adam"])
def test_the_same_bits_on_any_number_of_threads(optimizer, monkeypatch):
    for module in (fused_step, split_step):
        monkeypatch.setattr(module, "threads_for", lambda *_: threadpool.thread_pool.num_threads)
    before, found = ss.get_num_threads(), []
    try:
        for threads in (1, 2, 4):
            ss.set_num_threads(threads)
            made = [case(size, 50, 2, np.float32, seed) for seed, size in enumerate((130, 9))]
            tables, steps = tables_of(made[0], OPTIMIZERS[optimizer](0.05)), steps_of(made[0])
            for one in made:
                forward = begun(steps, tables, one)
                ss.set_num_threads(5 - threads)  # the second call has the threads of the first one
                forward.update(tables, np.linspace(0.5, 2, len(one.inputs)).astype(np.float32))
                ss.set_num_threads(threads)
            found.append(tables)
    finally:
        ss.set_num_threads(before)
    for tables in found[1:]:
        assert_same_bits(tables, found[0])
