"""`pull`, a loss in plain NumPy and `push` are a `step`; what does not fit is refused before anything changes."""

import copy
import pickle
import threading
from dataclasses import replace

import numpy as np
import pytest

import sampledsoftmax as ss
from sampledsoftmax import reference
from tests.registry import DTYPES, OBJECTIVES, OPTIMIZERS, SAMPLERS

NUM_CLASSES, DIM, NUM_SAMPLED, BATCH_SIZE = 60, 5, 12, 9
TRAINED = ("label_weights", "label_biases", "sampled_weights", "sampled_biases")
FORMULAS = {
    "sampled_softmax": reference.cross_entropy,
    "nce": reference.sigmoid_cross_entropy,
    "negative_sampling": reference.sigmoid_cross_entropy,
}


def sizes_of(sampler):
    return NUM_CLASSES, DIM, NUM_CLASSES if sampler == "all" else NUM_SAMPLED


def labels_of(seed, shape=(BATCH_SIZE, 1)):
    """Small ids are frequent, so that there are duplicates and accidental hits."""
    draws = np.exp(np.random.default_rng(seed).random(shape) * np.log1p(NUM_CLASSES)).astype(np.int64) - 1
    return draws % NUM_CLASSES


def inputs_of(seed, dtype=np.float32, batch_size=BATCH_SIZE):
    return np.random.default_rng(seed).normal(size=(batch_size, DIM)).astype(dtype)


def mean_gradients(rows, inputs, objective="sampled_softmax"):
    """Return the mean loss, the gradient of the inputs and those of the rows, by the reference."""
    flags = rows.subtract_log_q, rows.remove_accidental_hits
    losses, of_inputs, of_rows = reference.loss_of_rows(inputs, rows, FORMULAS[objective], *flags)
    share = inputs.dtype.type(1 / max(len(losses), 1))
    return losses.mean(dtype=np.float64), of_inputs * share, ss.RowGradients(*(grad * share for grad in of_rows))


def tolerance(dtype):
    return {"rtol": 1e-10, "atol": 1e-12} if dtype == np.float64 else {"rtol": 2e-4, "atol": 2e-5}


def new_layer(dtype=np.float32, optimizer=None, sampler="log_uniform", seed=3, **options):
    sampler_object = SAMPLERS[sampler](NUM_CLASSES, seed=seed)
    return ss.SampledSoftmax(*sizes_of(sampler), optimizer, sampler_object, dtype=dtype, seed=seed, **options)


def tables(model):
    return {name: getattr(model, name).copy() for name in ("embeddings", "weights", "biases") if hasattr(model, name)}


def assert_unchanged(model, before):
    for name, table in before.items():
        np.testing.assert_array_equal(getattr(model, name), table)


@pytest.mark.subset(12)
@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_pull_a_reference_loss_and_push_are_a_step(optimizer, sampler, objective):
    check_that_parts_are_a_step(optimizer, sampler, objective, np.float64, 2)


@pytest.mark.parametrize("num_true", [1, 3])
@pytest.mark.parametrize("dtype", DTYPES)
def test_so_they_are_in_each_precision_and_for_several_labels(dtype, num_true):
    check_that_parts_are_a_step("adagrad", "log_uniform", "sampled_softmax", dtype, num_true)


def check_that_parts_are_a_step(optimizer, sampler, objective, dtype, num_true):
    fused, parts = (new_layer(dtype, OPTIMIZERS[optimizer](0.05), sampler, objective=objective) for _ in range(2))
    for step in range(4):
        inputs, labels = inputs_of(step, dtype), labels_of(step, (BATCH_SIZE, num_true))
        expected_loss, expected_gradient = fused.step(inputs, labels)
        rows = parts.pull(labels)
        loss, inputs_gradient, row_gradients = mean_gradients(rows, inputs, objective)
        parts.push(rows, row_gradients)
        assert loss == pytest.approx(expected_loss, rel=tolerance(dtype)["rtol"])
        np.testing.assert_allclose(inputs_gradient, expected_gradient, **tolerance(dtype))
    assert parts.sampler.state == fused.sampler.state
    for name, table in tables(fused).items():
        np.testing.assert_allclose(getattr(parts, name), table, **tolerance(dtype))


@pytest.mark.subset(8)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_the_same_holds_for_skip_gram(optimizer, objective, dtype):
    options = {"dtype": dtype, "seed": 5, "objective": objective}
    fused, parts = (
        ss.SkipGram(NUM_CLASSES, DIM, NUM_SAMPLED, OPTIMIZERS[optimizer](0.05), **options) for _ in range(2)
    )
    for step in range(4):
        inputs, labels = labels_of(step, BATCH_SIZE), labels_of(step + 100)
        expected = fused.step(inputs, labels)
        rows = parts.pull(inputs, labels)
        loss, of_inputs, of_rows = mean_gradients(rows, rows.inputs, objective)
        parts.push(rows, replace(of_rows, inputs=of_inputs))
        assert loss == pytest.approx(expected, rel=tolerance(dtype)["rtol"])
    for name, table in tables(fused).items():
        np.testing.assert_allclose(getattr(parts, name), table, **tolerance(dtype))


@pytest.mark.parametrize("flags", [(False, True), (True, False), (False, False)])
def test_flags_of_the_layer_are_in_the_rows(flags):
    fused, parts = (new_layer(np.float64, subtract_log_q=flags[0], remove_accidental_hits=flags[1]) for _ in range(2))
    rows = parts.pull(labels_of(1))
    assert (rows.subtract_log_q, rows.remove_accidental_hits) == flags
    assert mean_gradients(rows, inputs_of(1, np.float64))[0] == pytest.approx(
        fused.step(inputs_of(1, np.float64), labels_of(1))[0], rel=1e-12
    )


def test_what_is_pulled_is_what_the_tables_and_the_sampler_have():
    layer = new_layer(np.float64)
    layer.biases = np.arange(NUM_CLASSES, dtype=np.float64)
    labels = labels_of(2, (BATCH_SIZE, 2))
    values = ss.LogUniformSampler(NUM_CLASSES, seed=3).sample(labels, NUM_SAMPLED)
    rows = layer.pull(labels.astype(np.int32))
    np.testing.assert_array_equal(rows.labels, labels)
    np.testing.assert_array_equal(rows.sampled_candidates, values.sampled_candidates)
    np.testing.assert_array_equal(rows.label_weights, layer.weights[labels])
    np.testing.assert_array_equal(rows.label_biases, labels)
    np.testing.assert_array_equal(rows.sampled_weights, layer.weights[values.sampled_candidates])
    np.testing.assert_array_equal(rows.sampled_biases, values.sampled_candidates)
    np.testing.assert_array_equal(rows.label_log_q, np.log(values.true_expected_count.astype(np.float64)))
    np.testing.assert_array_equal(rows.sampled_log_q, np.log(values.sampled_expected_count.astype(np.float64)))
    np.testing.assert_array_equal(rows.hits, reference.accidental_hits(labels, values.sampled_candidates))
    assert rows.hits.any()
    assert rows.objective == "sampled_softmax"
    assert rows.inputs is rows.input_ids is None


def test_a_loss_of_the_same_rows_has_the_same_value_whatever_the_layer_does():
    layer = new_layer()
    rows = layer.pull(labels_of(1))
    before = mean_gradients(rows, inputs_of(1))
    layer.step(inputs_of(2), labels_of(2))
    after = mean_gradients(rows, inputs_of(1))
    assert before[0] == after[0]
    np.testing.assert_array_equal(before[2].sampled_weights, after[2].sampled_weights)


def test_pulls_take_the_places_of_steps_in_the_random_stream_and_a_state_repeats_them():
    stepped, pulled = new_layer(), new_layer()
    for seed in range(3):
        stepped.step(inputs_of(seed), labels_of(seed))
        state = pulled.sampler.state
        rows = pulled.pull(labels_of(seed))  # not pushed
        assert pulled.sampler.state == stepped.sampler.state
        pulled.sampler.state = state
        np.testing.assert_array_equal(pulled.pull(labels_of(seed)).sampled_candidates, rows.sampled_candidates)
    assert_unchanged(pulled, tables(new_layer()))


def test_a_sampler_and_an_objective_of_the_users_own_work():
    class Odd(ss.CandidateSampler):
        def draw(self, rng, size):
            return 2 * rng.integers(0, NUM_CLASSES // 2, size) + 1

        def probability(self, ids):
            return np.where(ids % 2 == 1, 2 / NUM_CLASSES, 0)

        def __init__(self):
            super().__init__(NUM_CLASSES, seed=1)
            self.num_drawable = NUM_CLASSES // 2

    class Halved(ss.Objective):
        def loss_and_grad(self, logits, num_true):
            loss, gradient = reference.cross_entropy(logits, num_true)
            return loss / 2, gradient / 2

    layer = ss.SampledSoftmax(NUM_CLASSES, DIM, 6, sampler=Odd(), objective=Halved(), seed=2)
    state = layer.sampler.state
    with pytest.raises(ValueError, match=r"labels\[1, 0\] = 4 has an expected count of 0"):
        layer.pull([3, 4])
    assert layer.sampler.state == state
    rows = layer.pull([3, 5])
    assert rows.objective == ""
    assert (rows.sampled_candidates % 2 == 1).all()
    everything = ss.SampledSoftmax(NUM_CLASSES, DIM, 6, sampler=Odd(), subtract_log_q=False, seed=2)
    assert np.isneginf(everything.pull([3, 4]).label_log_q[1, 0])


def test_duplicates_are_summed_first_as_a_candidate_then_label_by_label():
    layer = ss.SampledSoftmax(4, 1, 4, ss.SGD(1.0), ss.AllSampler(4), seed=1)
    layer.weights = np.zeros((4, 1), np.float32)
    rows = layer.pull([[2, 0], [2, 2]])
    gradients = ss.RowGradients(
        np.float32([[[1e8], [1]], [[-1e8], [3]]]), np.float32([[1, 2], [4, 8]]), np.float32([[0], [0], [5], [0]]),
        np.float32([16, 32, 64, 128]),
    )  # fmt: skip
    layer.push(rows, gradients)
    total = np.float32(0)
    for gradient in (5, 1e8, -1e8, 3):
        total += np.float32(gradient)
    np.testing.assert_array_equal(-layer.weights, np.float32([[1], [0], [total], [0]]))
    np.testing.assert_array_equal(-layer.biases, np.float32([18, 32, 64 + 1 + 4 + 8, 128]))


def test_rows_are_pushed_once():
    layer = new_layer()
    rows = layer.pull(labels_of(1))
    gradients = mean_gradients(rows, inputs_of(1))[2]
    with pytest.raises(TypeError, match="gradients must have label_weights"):
        layer.push(rows, None)
    layer.push(rows, gradients)  # a refused push does not count
    before = tables(layer)
    with pytest.raises(ValueError, match="rows were pushed already"):
        layer.push(rows, gradients)
    assert_unchanged(layer, before)


def test_stale_rows_are_pushed_to_the_tables_as_they_are_now():
    layer = ss.SampledSoftmax(NUM_CLASSES, DIM, NUM_SAMPLED, ss.SGD(0.5), seed=3)
    first, second = layer.pull(labels_of(1)), layer.pull(labels_of(1))
    one, other = (mean_gradients(rows, inputs_of(1))[2] for rows in (first, second))
    before = tables(layer)
    layer.push(second, other)
    layer.push(first, one)
    both = np.zeros_like(before["weights"])
    for rows, grads in ((first, one), (second, other)):
        np.add.at(both, rows.labels, grads.label_weights)
        np.add.at(both, rows.sampled_candidates, grads.sampled_weights)
    np.testing.assert_allclose(layer.weights, before["weights"] - 0.5 * both, rtol=1e-5, atol=1e-6)


def test_rows_of_another_layer_are_refused():
    layer, other = new_layer(), new_layer()
    rows = layer.pull(labels_of(1))
    gradients = mean_gradients(rows, inputs_of(1))[2]
    for stranger in (other, copy.deepcopy(layer)):
        before = tables(stranger)
        with pytest.raises(ValueError, match="rows are of another layer"):
            stranger.push(rows, gradients)
        assert_unchanged(stranger, before)
    layer.push(rows, gradients)


def test_rows_go_to_another_process_and_back():
    layer, expected = new_layer(), new_layer()
    for one in (layer, expected):
        rows = one.pull(labels_of(1))
        sent = pickle.loads(pickle.dumps(rows)) if one is layer else rows
        one.push(sent, mean_gradients(sent, inputs_of(1))[2])
    assert_unchanged(layer, tables(expected))
    assert len(pickle.dumps(new_layer().pull([1]))) < 10_000  # the table does not travel


BAD = {
    "shape": (lambda array: array[:-1], ValueError, "must have shape"),
    "dtype": (lambda array: array.astype(np.float64), TypeError, "float32, got float64"),
    "integers": (lambda array: array.astype(np.int64), TypeError, "must be float32 or float64, got int64"),
    "nan": (lambda array: np.full_like(array, np.nan), FloatingPointError, "is nan: nothing was changed"),
    "inf": (lambda array: np.full_like(array, np.inf), FloatingPointError, "is inf: nothing was changed"),
    "none": (lambda array: None, TypeError, "gradients must have"),
}


@pytest.mark.parametrize("name", [*TRAINED, "inputs"])
@pytest.mark.parametrize("bad", BAD)
def test_gradients_that_do_not_fit_are_refused_and_nothing_changes(name, bad):
    change, error, message = BAD[bad]
    model = ss.SkipGram(NUM_CLASSES, DIM, NUM_SAMPLED, ss.Momentum(0.1, 0.9), seed=1)
    rows = model.pull(labels_of(1, BATCH_SIZE), labels_of(2))
    _, of_inputs, of_rows = mean_gradients(rows, rows.inputs)
    gradients = replace(of_rows, inputs=of_inputs)
    before = tables(model)
    with pytest.raises(error, match=message) as raised:
        model.push(rows, replace(gradients, **{name: change(getattr(gradients, name))}))
    assert name in str(raised.value)
    assert "\n" not in str(raised.value)
    assert_unchanged(model, before)
    model.push(rows, gradients)


@pytest.mark.parametrize("name", [*TRAINED, "inputs"])
def test_rows_that_were_cut_with_their_gradients_are_refused(name):
    model = ss.SkipGram(NUM_CLASSES, DIM, NUM_SAMPLED, ss.SGD(0.1), seed=1)
    rows = model.pull(labels_of(1, BATCH_SIZE), labels_of(2))
    _, of_inputs, of_rows = mean_gradients(rows, rows.inputs)
    gradients, before = replace(of_rows, inputs=of_inputs), tables(model)
    cut_rows, cut_gradients = (replace(one, **{name: getattr(one, name)[:-1]}) for one in (rows, gradients))
    with pytest.raises(ValueError, match=rf"rows\.{name} must have shape"):
        model.push(cut_rows, cut_gradients)
    assert_unchanged(model, before)
    model.push(rows, gradients)


def test_other_things_than_rows_are_refused():
    model = ss.SkipGram(NUM_CLASSES, DIM, NUM_SAMPLED, seed=1)
    rows = model.output.pull(labels_of(1))
    gradients = mean_gradients(rows, inputs_of(1))[2]
    pairs = model.pull(labels_of(1, BATCH_SIZE), labels_of(1))
    before = tables(model)
    for push, arguments, error, message in [
        (model.output.push, (gradients, gradients), TypeError, "rows must be the PulledRows that pull returned"),
        (model.output.push, (rows, rows), TypeError, "gradients must be those of the rows, got rows"),
        (model.push, (rows, gradients), ValueError, "rows were pulled from its layer `output`"),
        (model.output.push, (pairs, gradients), ValueError, "rows were pulled from the SkipGram model"),
        (model.output.push, (rows, replace(gradients, inputs=pairs.inputs)), ValueError, "gradients.inputs must be"),
        (model.output.push, (replace(rows, labels=None), gradients), ValueError, "rows have no ids"),
        (model.output.push, (replace(rows, labels=rows.labels + 60), gradients), ValueError, "is not a class id"),
        (model.output.push, (replace(rows, labels=rows.labels[1:]), gradients), ValueError, "must have shape"),
    ]:
        with pytest.raises(error, match=message):
            push(*arguments)
    assert_unchanged(model, before)


@pytest.mark.parametrize(
    ("labels", "error"), [([60], ValueError), ([-1], ValueError), ([0.5], TypeError), ([[[1]]], ValueError)]
)
def test_labels_are_checked_before_the_sampler_moves(labels, error):
    layer = new_layer()
    state = layer.sampler.state
    with pytest.raises(error, match="labels"):
        layer.pull(labels)
    with pytest.raises(ValueError, match="labels must hold at least one label for each example"):
        layer.pull(np.empty((2, 0), np.int64))
    assert layer.sampler.state == state


def test_inputs_of_pairs_are_checked_before_the_sampler_moves():
    model = ss.SkipGram(NUM_CLASSES, DIM, NUM_SAMPLED, seed=1)
    state = model.output.sampler.state
    with pytest.raises(ValueError, match=r"labels has 2 rows and inputs has 3"):
        model.pull([1, 2, 3], [1, 2])
    with pytest.raises(ValueError, match=r"inputs\[1\] = 60 is not a class id"):
        model.pull([1, 60], [1, 2])
    assert model.output.sampler.state == state


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_rows_of_an_empty_batch_change_nothing(optimizer):
    layer = new_layer(optimizer=OPTIMIZERS[optimizer](0.1))
    layer.step(inputs_of(1), labels_of(1))
    before = tables(layer)
    rows = layer.pull(np.empty((0, 1), np.int64))
    assert rows.label_weights.shape == (0, 1, DIM)
    assert rows.hits.shape == (0, NUM_SAMPLED)
    layer.push(rows, ss.RowGradients(*(np.zeros_like(getattr(rows, name)) for name in TRAINED)))
    assert_unchanged(layer, before)


def test_tables_in_files_are_pulled_and_pushed(tmp_path):
    in_memory, in_files = new_layer(), new_layer(folder=tmp_path)
    for layer in (in_memory, in_files):
        rows = layer.pull(labels_of(1))
        layer.push(rows, mean_gradients(rows, inputs_of(1))[2])
    assert_unchanged(in_files, tables(in_memory))


def test_pushes_of_several_threads_are_all_applied():
    layer = ss.SampledSoftmax(NUM_CLASSES, DIM, NUM_SAMPLED, ss.SGD(1.0), dtype=np.float64, seed=3)
    pulled = [layer.pull(labels_of(seed)) for seed in range(40)]
    gradients = [ss.RowGradients(*(np.ones_like(getattr(rows, name)) for name in TRAINED)) for rows in pulled]
    before = tables(layer)

    def work(start):
        for i in range(start, 40, 4):
            layer.push(pulled[i], gradients[i])

    threads = [threading.Thread(target=work, args=(start,)) for start in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(600)
    counts = np.zeros(NUM_CLASSES)
    for rows in pulled:
        np.add.at(counts, rows.labels.ravel(), 1)
        np.add.at(counts, rows.sampled_candidates, 1)
    np.testing.assert_allclose(before["biases"] - layer.biases, counts, rtol=1e-12)


# --- embedding tables


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_an_embedding_table_is_the_optimizer_on_an_array(optimizer, dtype):
    table = ss.EmbeddingTable(30, 4, OPTIMIZERS[optimizer](0.1), dtype, seed=7)
    expected, rule = table.values.copy(), OPTIMIZERS[optimizer](0.1)
    slots = rule.init(expected)
    for step in range(5):
        ids = labels_of(step, (3, 2)) % 30
        rule.catch_up(expected, slots, ids.ravel())
        rows = table.pull(ids)
        assert rows.shape == (3, 2, 4)
        np.testing.assert_array_equal(rows, expected[ids])
        gradients = np.random.default_rng(step).normal(size=rows.shape).astype(dtype)
        table.push(ids, gradients)
        rule.update(expected, slots, ss.IndexedSlices(gradients.reshape(-1, 4), ids.ravel(), (30, 4)))
    rule.catch_up(expected, slots)
    np.testing.assert_array_equal(table.values, expected)


def test_an_embedding_table_starts_as_that_of_skip_gram():
    table = ss.EmbeddingTable(30, 4, seed=7)
    np.testing.assert_array_equal(table.values, ss.SkipGram(30, 4, 3, seed=7).embeddings)
    assert isinstance(table.optimizer, ss.Adagrad)
    values = np.zeros((30, 4), np.float32)
    table.values = values
    table.push([3], np.ones((1, 4), np.float32))
    assert table.values is values
    assert values[3].all()


@pytest.mark.parametrize("ids", [5, [5], [[5, 5], [1, 2]], np.empty((2, 0), np.int64)])
def test_ids_of_any_shape(ids):
    table = ss.EmbeddingTable(10, 3, ss.SGD(1.0), seed=1)
    before = table.values.copy()
    rows = table.pull(ids)
    np.testing.assert_array_equal(rows, before[np.asarray(ids)])
    table.push(ids, np.ones_like(rows))
    counts = np.bincount(np.ravel(ids).astype(int), minlength=10)
    np.testing.assert_allclose(before - table.values, np.repeat(counts[:, np.newaxis], 3, axis=1), rtol=1e-6)


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda table: pickle.loads(pickle.dumps(table))])
def test_a_copy_of_an_embedding_table_goes_on_with_the_same_bits(duplicate):
    table = ss.EmbeddingTable(10, 3, ss.Adam(0.1, mode="exact"), seed=1)
    gradient = np.ones((1, 3), np.float32)
    table.push([1], gradient)
    other = duplicate(table)
    for one in (table, other):
        one.push([2], gradient)
    np.testing.assert_array_equal(table.values, other.values)
    assert not np.shares_memory(table.values, other.values)


def test_what_does_not_fit_an_embedding_table_is_refused():
    table = ss.EmbeddingTable(10, 3, seed=1)
    before, ones = table.values.copy(), np.ones((2, 3), np.float32)
    bad = ones * np.float32([[1, 1, 1], [1, np.nan, 1]])
    for call, error, message in [
        (lambda: ss.EmbeddingTable(0, 3), ValueError, "num_rows must be at least 1"),
        (lambda: ss.EmbeddingTable(10, 3, "adam"), TypeError, "optimizer must be an ss.Optimizer"),
        (lambda: ss.EmbeddingTable(10, 3, dtype=np.int32), TypeError, "dtype must be float32 or float64"),
        (lambda: table.pull([10]), ValueError, r"ids\[0\] = 10 is not a class id"),
        (lambda: table.pull([0.5]), TypeError, "ids must hold integer ids"),
        (lambda: table.push([1, -1], ones), ValueError, r"ids\[1\] = -1"),
        (lambda: table.push([1], ones), ValueError, r"gradients must have shape \[1, 3\], got \[2, 3\]"),
        (lambda: table.push([1, 2], ones.astype(float)), TypeError, "gradients must have the dtype"),
        (lambda: table.push([1, 2], bad), FloatingPointError, r"gradients\[1, 1\] is nan: nothing was changed"),
    ]:
        with pytest.raises(error, match=message):
            call()
    np.testing.assert_array_equal(table.values, before)
