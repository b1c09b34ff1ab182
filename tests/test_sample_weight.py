"""Weights of examples and padding labels: in the losses, in their gradients and in training steps."""

import numpy as np
import pytest

import sampledsoftmax as ss
from sampledsoftmax import reference
from sampledsoftmax.layers import fused_step
from sampledsoftmax.losses import sampled_pass
from sampledsoftmax.runtime import threadpool
from tests.cases import make_case
from tests.registry import DTYPES, OPTIMIZERS, fixed_unigram

PADDING = -100
LOSSES = {"sampled_softmax_loss": (True, reference.cross_entropy), "nce_loss": (False, reference.sigmoid_cross_entropy)}
SIZES = [(50, 5, 7, 6, 1), (90, 33, 130, 65, 3), (40, 8, 3, 40, 2), (30, 4, 1, 5, 4)]


def padded(case, seed, share=0.4):
    """Return labels with a share of padding, in some examples all, and weights, some of them 0."""
    rng = np.random.default_rng(seed)
    labels = np.where(rng.random(case.labels.shape) < share, PADDING, case.labels)
    weights = rng.uniform(0.25, 4, len(labels))
    weights[rng.random(weights.size) < 0.2] = 0
    return labels, weights.astype(case.inputs.dtype)


def tolerance(dtype):
    return {"rtol": 2e-4, "atol": 2e-4} if dtype == np.float32 else {"rtol": 1e-10, "atol": 1e-10}


def tables_of(model):
    slots = [model.output.weight_table.slots, model.output.bias_table.slots, model.embedding_table.slots]
    arrays = {"weights": model.weights, "biases": model.biases, "embeddings": model.embeddings}
    return arrays | {f"{table}-{name}": slot for table, of in enumerate(slots) for name, slot in of.items()}


def copies(model):
    return {name: np.array(array) for name, array in tables_of(model).items()}


def check_same_bits(model, expected):
    for name, array in tables_of(model).items():
        np.testing.assert_array_equal(array, expected[name], err_msg=name)


# --- Losses and their gradients ------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("name", LOSSES)
def test_weighted_and_padded_losses_are_those_of_the_reference(name, sizes, dtype):
    hits, of = LOSSES[name]
    case = make_case(*sizes[:4], sizes[4], dtype, seed=3)
    labels, weights = padded(case, seed=4)
    options = {"sample_weight": weights, "ignore_index": PADDING}
    arguments = (case.weights, case.biases, labels, case.inputs, *case.arguments[4:], case.values)
    expected = reference.weighted_loss_and_grad(
        case.weights, case.biases, labels, case.inputs, case.values, weights, PADDING, remove_hits=hits, of=of
    )
    loss, gradients = getattr(ss, f"{name}_and_grad")(*arguments, **options)
    np.testing.assert_array_equal(loss, getattr(ss, name)(*arguments, **options))
    got = (loss, gradients.weights.indices, gradients.weights.values, gradients.biases.values, gradients.inputs)
    if not (weights * (labels != PADDING).any(axis=1)).any():
        assert gradients.weights.indices.size == 0
        assert not loss.any()
        return
    for one, other in zip(got, expected, strict=True):
        np.testing.assert_allclose(one, other, **tolerance(dtype))
    np.testing.assert_array_equal(gradients.weights.indices, expected[1])


@pytest.mark.parametrize("name", [*LOSSES, "full_softmax_loss"])
def test_gradients_are_finite_differences(name):
    case = make_case(12, 3, 6, 5, 3, np.float64, seed=8)
    labels, weights = padded(case, seed=1)
    assert (weights == 0).any()
    assert ((labels == PADDING).any(axis=1) & ~(labels == PADDING).all(axis=1)).any()
    above = np.linspace(-1, 2, len(labels))
    rest = () if name == "full_softmax_loss" else (*case.arguments[4:], case.values)
    options = {"sample_weight": weights, "ignore_index": PADDING}

    def total(table, biases, inputs):
        return float((above * getattr(ss, name)(table, biases, labels, inputs, *rest, **options)).sum())

    arrays = (case.weights, case.biases, case.inputs)
    _, gradients = getattr(ss, f"{name}_and_grad")(
        case.weights, case.biases, labels, case.inputs, *rest, loss_grad=above, **options
    )
    closed = (gradients.weights.to_dense(), gradients.biases.to_dense(), gradients.inputs)
    for k, gradient in enumerate(closed):
        for place in np.ndindex(gradient.shape):
            moved = []
            for step in (1e-6, -1e-6):
                changed = [array.copy() for array in arrays]
                changed[k][place] += step
                moved.append(total(*changed))
            assert (moved[0] - moved[1]) / 2e-6 == pytest.approx(gradient[place], abs=1e-7)


@pytest.mark.parametrize("num_true", [1, 3])
@pytest.mark.parametrize("name", LOSSES)
def test_ones_give_the_same_bits_as_no_weights(name, num_true):
    case = make_case(60, 9, 33, 20, num_true, seed=2)
    plain = getattr(ss, f"{name}_and_grad")(*case.arguments, case.values)
    for ones in (np.ones(33, np.float32), np.ones(33, bool), [1] * 33, np.ones(33, np.float16)):
        loss, gradients = getattr(ss, f"{name}_and_grad")(
            *case.arguments, case.values, sample_weight=ones, ignore_index=-1
        )
        np.testing.assert_array_equal(loss, plain[0])
        np.testing.assert_array_equal(gradients.inputs, plain[1].inputs)
        for one, other in ((gradients.weights, plain[1].weights), (gradients.biases, plain[1].biases)):
            np.testing.assert_array_equal(one.indices, other.indices)
            np.testing.assert_array_equal(one.values, other.values)


@pytest.mark.parametrize("name", [*LOSSES, "full_softmax_loss"])
def test_an_example_of_weight_0_contributes_nothing_whatever_it_holds(name):
    case = make_case(60, 9, 8, 20, 2, seed=2)
    inputs = case.inputs.copy()
    inputs[3], inputs[6, 1] = np.nan, np.inf
    mask = np.isfinite(inputs).all(axis=1)
    labels = case.labels[mask]
    rest, values = (), ()
    if name != "full_softmax_loss":
        rest, values = case.arguments[4:], (case.values._replace(true_expected_count=case.values[1][mask]),)
    both = getattr(ss, f"{name}_and_grad")
    without, expected = both(case.weights, case.biases, labels, inputs[mask], *rest, *values)
    given = (case.values,) if values else ()
    loss, gradients = both(case.weights, case.biases, case.labels, inputs, *rest, *given, sample_weight=mask)
    np.testing.assert_array_equal(loss[mask], without)
    np.testing.assert_array_equal(loss[~mask], 0)
    np.testing.assert_array_equal(gradients.inputs[mask], expected.inputs)
    np.testing.assert_array_equal(gradients.inputs[~mask], 0)
    np.testing.assert_array_equal(gradients.weights.indices, expected.weights.indices)
    np.testing.assert_array_equal(gradients.weights.values, expected.weights.values)


@pytest.mark.parametrize("strategy", ["div", "mod"])
def test_shards_and_half_precision_take_weights_and_padding(strategy):
    case = make_case(31, 6, 10, 8, 2, seed=5)
    labels, weights = padded(case, seed=6)
    options = {"sample_weight": weights, "ignore_index": PADDING}
    half = case.weights.astype(np.float16)
    whole = (half.astype(np.float32), case.biases, labels, case.inputs, *case.arguments[4:], case.values)
    loss, expected = ss.sampled_softmax_loss_and_grad(*whole, **options)
    split = np.array_split(half, 3) if strategy == "div" else [half[i::3] for i in range(3)]
    got, gradients = ss.sampled_softmax_loss_and_grad(split, *whole[1:], partition_strategy=strategy, **options)
    np.testing.assert_array_equal(got, loss)
    dense = [part.to_dense() for part in gradients.weights]
    joined = np.zeros(half.shape, np.float32)
    for i, part in enumerate(dense):
        joined[i :: 3 if strategy == "mod" else 1][: len(part)] = part if strategy == "mod" else 0
    if strategy == "div":
        joined = np.concatenate(dense)
    np.testing.assert_array_equal(joined, expected.weights.to_dense())


def test_padding_may_be_the_id_of_a_class():
    case = make_case(30, 4, 6, 8, 1, seed=1)
    labels = case.labels.copy()
    labels[[1, 4]] = 0
    loss = ss.sampled_softmax_loss(case.weights, case.biases, labels, case.inputs, 8, 30, seed=1, ignore_index=0)
    np.testing.assert_array_equal(loss == 0, labels[:, 0] == 0)
    small = labels.astype(np.uint8)
    same = ss.sampled_softmax_loss(case.weights, case.biases, small, case.inputs, 8, 30, seed=1, ignore_index=0)
    np.testing.assert_array_equal(same, loss)
    never = ss.sampled_softmax_loss(case.weights, case.biases, small, case.inputs, 8, 30, seed=1, ignore_index=-1)
    assert (never > 0).all()


def test_expected_counts_of_what_does_not_count_are_not_read():
    case = make_case(30, 4, 6, 8, 2, seed=1)
    labels, counts = case.labels.copy(), case.values.true_expected_count.copy()
    labels[2, 0], counts[2, 0] = -1, 0
    counts[5] = np.nan
    weights = [1, 1, 1, 1, 1, 0]
    values = case.values._replace(true_expected_count=counts)
    arguments = (case.weights, case.biases, labels, case.inputs, 8, 30, 2, values)
    loss = ss.sampled_softmax_loss(*arguments, sample_weight=weights, ignore_index=-1)
    assert np.isfinite(loss).all()
    with pytest.raises(ValueError, match=r"true_expected_count\[5, 0\] = nan must be above 0 .* for labels\[5, 0\] ="):
        ss.sampled_softmax_loss(*arguments, ignore_index=-1)


def test_full_loss_takes_the_mean_over_the_labels_that_are_no_padding():
    case = make_case(40, 5, 9, 4, 3, np.float64, seed=7)
    labels, weights = padded(case, seed=2)
    layer = ss.SampledSoftmax(40, 5, 4, dtype=np.float64)
    layer.weights, layer.biases = case.weights, case.biases
    loss = layer.full_loss(case.inputs, labels, weights, ignore_index=PADDING)
    for b in range(9):
        real = labels[b][labels[b] != PADDING]
        if real.size == 0:
            assert loss[b] == 0
            continue
        alone = reference.full_softmax_loss_and_grad(
            case.weights, case.biases, real[np.newaxis], case.inputs[b : b + 1]
        )
        np.testing.assert_allclose(loss[b], weights[b] * alone[0][0], rtol=1e-12)


# --- Steps ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_step_is_the_step_without_the_examples_of_weight_0(optimizer):
    """Bit for bit, with every optimizer: a row that only such examples name is not touched."""
    rng = np.random.default_rng(1)
    model, other = (ss.SkipGram(50, 6, 9, OPTIMIZERS[optimizer](0.1), seed=3) for _ in range(2))
    for _ in range(3):
        inputs, labels = rng.integers(0, 50, 21), rng.integers(0, 50, 21)
        weights = rng.uniform(0.5, 2, 21) * (rng.random(21) < 0.7)
        loss = model.step(inputs, labels, weights)
        used = weights > 0
        assert loss == other.step(inputs[used], labels[used], weights[used])
    check_same_bits(model, copies(other))


@pytest.mark.parametrize("num_true", [1, 3])
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_step_is_the_weighted_mean_of_the_reference(dtype, num_true):
    rng = np.random.default_rng(2)
    model = ss.SkipGram(60, 7, 15, ss.SGD(0.5), dtype=dtype, seed=4)
    model.weights = rng.normal(size=(60, 7)).astype(dtype)
    tables = {name: getattr(model, name).copy() for name in ("embeddings", "weights", "biases")}
    sampler = ss.LogUniformSampler(60, seed=4)
    for step in range(4):
        case = make_case(60, 7, 19, 15, num_true, dtype, seed=step)
        inputs = rng.integers(0, 60, 19)
        labels, weights = padded(case, seed=step)
        weight, counts = reference.what_counts(labels, weights, PADDING)
        values = sampler.sample(np.where(counts, labels, 0), 15)
        share = weight / weight.sum()
        loss, indices, rows, entries, inputs_grad = reference.weighted_loss_and_grad(
            tables["weights"], tables["biases"], labels, tables["embeddings"][inputs], values, share, PADDING
        )
        reference.sgd(tables["weights"], indices, rows, 0.5)
        reference.sgd(tables["biases"], indices, entries, 0.5)
        reference.sgd(tables["embeddings"], inputs, inputs_grad.astype(dtype), 0.5)
        assert model.step(inputs, labels, weights, ignore_index=PADDING) == pytest.approx(
            loss.sum(), rel=1e-5 if dtype == np.float32 else 1e-12
        )
        for name, table in tables.items():
            np.testing.assert_allclose(getattr(model, name), table, **tolerance(dtype))


def test_a_layer_hands_back_the_gradient_of_the_weighted_mean():
    case = make_case(60, 7, 10, 15, 2, np.float64, seed=1)
    labels, weights = padded(case, seed=5)
    layer = ss.SampledSoftmax(60, 7, 15, ss.SGD(0.5), dtype=np.float64, seed=4)
    layer.weights, layer.biases = case.weights.copy(), case.biases.copy()
    weight, counts = reference.what_counts(labels, weights, PADDING)
    values = ss.LogUniformSampler(60, seed=4).sample(np.where(counts, labels, 0), 15)
    expected = reference.weighted_loss_and_grad(
        case.weights, case.biases, labels, case.inputs, values, weight / weight.sum(), PADDING
    )
    loss, gradient = layer.step(case.inputs, labels, weights, ignore_index=PADDING)
    assert loss == pytest.approx(expected[0].sum())
    np.testing.assert_allclose(gradient, expected[4], atol=1e-12)
    np.testing.assert_array_equal(gradient[weight == 0], 0)


@pytest.mark.parametrize("num_true", [1, 2])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_batch_in_which_nothing_counts_changes_nothing_but_the_place_in_the_stream(optimizer, num_true):
    model = ss.SkipGram(30, 4, 5, OPTIMIZERS[optimizer](0.1), seed=3)
    model.step([1, 2, 3], [4, 5, 6])
    before, block = copies(model), model.output.sampler.state["block"]
    labels = np.full((3, num_true), 7)
    assert model.step([1, 2, 3], labels, [0, 0, 0]) == 0.0
    assert model.step([1, 2, 3], np.full((3, num_true), -1), ignore_index=-1) == 0.0
    assert model.steps([1, 2, 3], labels, 2, np.zeros(3, bool)).tolist() == [0.0, 0.0]
    loss, gradient = model.output.step(np.ones((3, 4), np.float32), labels, [0, 0, 0])
    assert loss == 0.0
    assert not gradient.any()
    check_same_bits(model, before)
    used = model.output.sampler.state["block"] - block
    model.step([1], [2])
    assert used == 5 * (model.output.sampler.state["block"] - block - used)


@pytest.mark.parametrize("num_true", [1, 2])
def test_equal_weights_of_any_size_give_the_bits_of_none(num_true):
    rng = np.random.default_rng(3)
    models = [ss.SkipGram(50, 6, 9, seed=3) for _ in range(4)]
    for _ in range(3):
        inputs, labels = rng.integers(0, 50, 21), rng.integers(0, 50, (21, num_true))
        weights = [None, np.ones(21), np.full(21, 2.0**-900), [True] * 21]
        losses = {model.step(inputs, labels, weight) for model, weight in zip(models, weights, strict=True)}
        assert len(losses) == 1
    for model in models[1:]:
        check_same_bits(model, copies(models[0]))


@pytest.mark.parametrize("padding", [False, True])
def test_steps_are_single_steps(padding):
    """Also where batches have no example that counts, and where examples have different numbers of labels."""
    rng = np.random.default_rng(5)
    one, many = (ss.SkipGram(50, 6, 9, ss.Momentum(0.1, 0.9), seed=3) for _ in range(2))
    inputs, labels = rng.integers(0, 50, 47), rng.integers(0, 50, (47, 2))
    weights = rng.uniform(0.5, 2, 47) * (rng.random(47) < 0.6)
    weights[10:20] = 0
    if padding:
        labels[rng.random(labels.shape) < 0.3] = -1
    got = many.steps(inputs, labels, 10, weights, ignore_index=-1)
    expected = [
        one.step(inputs[top : top + 10], labels[top : top + 10], weights[top : top + 10], ignore_index=-1)
        for top in range(0, 47, 10)
    ]
    np.testing.assert_array_equal(got, expected)
    assert got[1] == 0.0
    check_same_bits(many, copies(one))


@pytest.mark.compiled
@pytest.mark.parametrize("num_true", [1, 3])
def test_weighted_and_padded_steps_have_the_same_bits_for_any_number_of_threads(num_true, monkeypatch):
    for module in (fused_step, sampled_pass):
        monkeypatch.setattr(module, "threads_for", lambda *_: threadpool.thread_pool.num_threads)
    results, before = [], ss.get_num_threads()
    for threads in (1, 2, 3):
        ss.set_num_threads(threads)
        model = ss.SkipGram(300, 19, 70, ss.Adagrad(0.1), seed=3)
        rng = np.random.default_rng(6)
        inputs, labels = rng.integers(0, 300, 431), rng.integers(0, 300, (431, num_true))
        labels[rng.random(labels.shape) < 0.2] = -1
        weights = rng.random(431) * (rng.random(431) < 0.8)
        losses = model.steps(inputs, labels, 130, weights, ignore_index=-1)
        results.append(copies(model) | {"losses": losses})
    ss.set_num_threads(before)
    for other in results[1:]:
        for name, array in results[0].items():
            np.testing.assert_array_equal(other[name], array, err_msg=name)


class Half(ss.Objective):
    """Half of the sampled softmax, in NumPy only."""

    def loss_and_grad(self, logits, num_true):
        loss, gradient = reference.cross_entropy(logits, num_true)
        return loss / 2, gradient / 2


class PlainSGD(ss.Optimizer):
    """Gradient descent in NumPy only; counts its calls."""

    learning_rate = 0.5

    def init(self, table):
        return {"calls": np.zeros(1)}

    def update(self, table, slots, gradient):
        slots["calls"] += 1
        rows = gradient.coalesce()
        table[rows.indices] -= self.learning_rate * rows.values


class PlainUniform(ss.CandidateSampler):
    """Uniform in NumPy only; keeps the labels that it learned."""

    def __init__(self, range_max, seed=None):
        super().__init__(range_max, seed)
        self.learned = []

    def draw(self, rng, size):
        return rng.integers(0, self.range_max, size)

    def probability(self, ids):
        return np.full(ids.shape, 1 / self.range_max)

    def learn(self, labels):
        self.learned += labels.ravel().tolist()


@pytest.mark.parametrize("num_true", [1, 2])
@pytest.mark.parametrize("custom", [{"objective": Half()}, {"optimizer": PlainSGD()}, {"sampler": PlainUniform(50, 3)}])
def test_own_objectives_optimizers_and_samplers_take_weights_and_padding(custom, num_true):
    rng = np.random.default_rng(7)
    options = {"optimizer": ss.SGD(0.5), "seed": 3, "dtype": np.float64} | custom
    inputs, labels = rng.normal(size=(12, 6)), rng.integers(0, 50, (12, num_true))
    labels[rng.random(labels.shape) < 0.3] = -1
    weights = rng.uniform(0.5, 2, 12) * (rng.random(12) < 0.7)
    sampler = options.get("sampler")
    state = sampler.state if sampler else None
    layer = ss.SampledSoftmax(50, 6, 9, **options)
    before = layer.weights.copy(), layer.biases.copy()
    loss, gradient = layer.step(inputs, labels, weights, ignore_index=-1)
    weight, counts = reference.what_counts(labels, weights, -1)
    if sampler:
        assert sorted(sampler.learned) == sorted(labels[counts].tolist())
        sampler.state = state
        values = sampler.sample(np.where(counts, labels, 0), 9)
        sampler.learned.clear()
        sampler.state = state
    else:
        values = ss.LogUniformSampler(50, seed=3).sample(np.where(counts, labels, 0), 9)
    expected = reference.weighted_loss_and_grad(*before, labels, inputs, values, weight / weight.sum(), -1)
    scale = 0.5 if "objective" in custom else 1.0
    assert loss == pytest.approx(scale * expected[0].sum())
    np.testing.assert_allclose(gradient, scale * expected[4], atol=1e-12)
    reference.sgd(before[0], expected[1], scale * expected[2], 0.5)
    np.testing.assert_allclose(layer.weights, before[0], atol=1e-12)


class NoGradient(ss.Objective):
    """A finite loss whose gradient is NaN."""

    def loss_and_grad(self, logits, num_true):
        return np.ones(len(logits)), np.full(logits.shape, np.nan)


class NoNumbers(ss.Objective):
    def loss_and_grad(self, logits, num_true):
        return "loss", [[1], [1, 2]]


@pytest.mark.parametrize("objective", [NoGradient(), NoNumbers()])
def test_an_objective_that_returns_no_numbers_destroys_no_table(objective):
    model = ss.SkipGram(20, 4, 5, objective=objective, seed=1)
    before = copies(model)
    with pytest.raises((FloatingPointError, TypeError), match=r"its gradient is not finite|two arrays of numbers"):
        model.step([1, 2], [3, 4], [1, 2])
    check_same_bits(model, before)


def test_an_optimizer_of_ones_own_is_not_called_where_nothing_counts():
    model = ss.SkipGram(20, 4, 5, PlainSGD(), seed=1)
    assert model.step([1, 2], [3, 4], [0, 0]) == 0.0
    assert model.step([], []) == 0.0
    assert [table.slots["calls"][0] for table in (model.output.weight_table, model.embedding_table)] == [0, 0]


def test_a_learning_sampler_learns_only_labels_that_count():
    for labels in ([[3, -1], [4, 5], [6, 7]], [[3], [4], [6]]):
        layer = ss.SampledSoftmax(20, 4, 5, sampler=ss.LearnedUnigramSampler(20, seed=1))
        layer.step(np.ones((3, 4), np.float32), labels, [1, 1, 0], ignore_index=-1)
        counts = layer.sampler.counts
        assert counts[3] == 2
        assert counts[6] == 1


def test_labels_that_are_never_drawn_may_be_padding_or_have_weight_0():
    sampler = ss.FixedUnigramSampler([0, 1, 2, 3, 4, 5.0], seed=1)
    layer = ss.SampledSoftmax(6, 4, 2, sampler=sampler, seed=1)
    inputs = np.ones((2, 4), np.float32)
    assert np.isfinite(layer.step(inputs, [0, 1], [0, 1])[0])
    assert np.isfinite(layer.step(inputs, [0, 1], ignore_index=0)[0])
    before = layer.weights.copy(), sampler.state
    with pytest.raises(ValueError, match=r"labels\[0, 0\] = 0 has an expected count of 0, and its logarithm is taken"):
        layer.step(inputs, [0, 1])
    np.testing.assert_array_equal(layer.weights, before[0])
    assert sampler.state == before[1]


@pytest.mark.parametrize("inclusion", ["tensorflow", "inclusion"])
def test_a_label_that_is_never_drawn_is_named_before_the_first_of_many_steps(inclusion):
    sampler = ss.FixedUnigramSampler([1, 1, 2, 3, 0, 5.0], seed=1, expected_count=inclusion)
    model = ss.SkipGram(6, 4, 2, sampler=sampler, seed=1)
    before = copies(model)
    with pytest.raises(ValueError, match=r"labels\[3, 0\] = 4 has an expected count of 0"):
        model.steps([0, 1, 2, 3], [0, 1, 2, 4], 2)
    check_same_bits(model, before)
    uncorrected = ss.SkipGram(6, 4, 2, sampler=sampler, subtract_log_q=False, seed=1)
    assert np.isfinite(uncorrected.step([0], [4]))


def test_a_label_whose_chance_rounds_to_0_is_the_reason_that_is_given():
    sampler = ss.FixedUnigramSampler([1, 1e-60, 1, 1, 1], seed=1)
    model = ss.SkipGram(5, 4, 2, sampler=sampler, seed=1)
    before = copies(model)
    with pytest.raises(ValueError, match=r"labels\[1, 0\] = 1 has an expected count of 0"):
        model.step([0, 1, 2], [0, 1, 2])
    check_same_bits(model, before)


# --- Mistakes ------------------------------------------------------------------------------------------------

BAD = [
    ({"sample_weight": [1, 1]}, ValueError, r"sample_weight must have shape \[3\], one weight an example, got \[2\]"),
    ({"sample_weight": 1.0}, ValueError, r"sample_weight must have shape \[3\]"),
    ({"sample_weight": [[1], [1], [1]]}, ValueError, r"sample_weight must have shape \[3\]"),
    ({"sample_weight": [1, -0.5, 1]}, ValueError, r"sample_weight\[1\] = -0.5 must be at least 0 and finite"),
    ({"sample_weight": [1, 1, np.nan]}, ValueError, r"sample_weight\[2\] = nan must be at least 0 and finite"),
    ({"sample_weight": [np.inf, 1, 1]}, ValueError, r"sample_weight\[0\] = inf must be at least 0 and finite"),
    ({"sample_weight": [1, 1e200, 1]}, ValueError, r"sample_weight\[1\] = 1e\+200 must be at least 0 and finite in"),
    ({"sample_weight": ["a", "b", "c"]}, TypeError, "sample_weight must be numbers or a mask of bools, got dtype"),
    ({"sample_weight": [1j, 1, 1]}, TypeError, "sample_weight must be numbers or a mask of bools"),
    ({"sample_weight": [None, 1, 1]}, TypeError, "sample_weight must be numbers or a mask of bools"),
    ({"sample_weight": [[1], [1, 2], 1]}, ValueError, "sample_weight must be an array, got rows of different lengths"),
    ({"labels": [[1], [1, 2], [1]]}, ValueError, "labels must be an array, got rows of different lengths"),
    ({"ignore_index": 1.0}, TypeError, "ignore_index must be a whole number"),
    ({"ignore_index": True}, TypeError, "ignore_index must be a whole number"),
    ({"ignore_index": 2**63}, ValueError, "ignore_index must be at most"),
    ({"labels": [1, -1, 2], "ignore_index": -2}, ValueError, r"labels\[1, 0\] = -1 is not a class id"),
    ({"labels": [1, -1, 50], "ignore_index": -1}, ValueError, r"labels\[2, 0\] = 50 is not a class id"),
    ({"labels": [1, 50, 2], "sample_weight": [1, 0, 1]}, ValueError, r"labels\[1, 0\] = 50 is not a class id"),
]


@pytest.mark.parametrize(("changed", "error", "message"), BAD)
def test_mistakes_are_refused_and_change_nothing(changed, error, message):
    labels = changed.get("labels", [1, 2, 3])
    options = {name: value for name, value in changed.items() if name != "labels"}
    model = ss.SkipGram(50, 4, 5, ss.Momentum(0.1, 0.9), seed=1)
    before, inputs = copies(model), np.ones((3, 4), np.float32)
    tables = (model.weights, model.biases, labels, inputs)
    calls = [
        lambda: model.step([1, 2, 3], labels, **options),
        lambda: model.steps([1, 2, 3], labels, 2, **options),
        lambda: model.output.step(inputs, labels, **options),
        lambda: model.output.full_loss(inputs, labels, **options),
        lambda: ss.full_softmax_loss_and_grad(*tables, **options),
        lambda: ss.sampled_softmax_loss(*tables, 5, 50, **options),
        lambda: ss.nce_loss_and_grad(*tables, 5, 50, **options),
    ]
    for call in calls:
        with pytest.raises(error, match=message):
            call()
    check_same_bits(model, before)
    assert model.output.sampler.state["block"] == 0


def test_fixed_unigram_with_weights_is_deterministic():
    results = []
    for _ in range(2):
        model = ss.SkipGram(40, 5, 6, sampler=fixed_unigram(40, 9), seed=9)
        results.append(model.step(np.arange(10), np.arange(10), np.linspace(0, 1, 10)))
    assert results[0] == results[1]


@pytest.mark.parametrize("loss", [ss.sampled_softmax_loss, ss.sampled_softmax_loss_and_grad, ss.nce_loss_and_grad])
@pytest.mark.parametrize("name", ["weights", "biases", "labels", "inputs", "sample_weight"])
def test_arrays_with_a_mask_are_refused(loss, name):
    case = make_case(*SIZES[0])
    given = {"weights": case.weights, "biases": case.biases, "labels": case.labels, "inputs": case.inputs}
    given["sample_weight"] = np.ones(len(case.labels))
    given[name] = np.ma.masked_equal(given[name], np.ravel(given[name])[0])
    with pytest.raises(TypeError, match=rf"{name} must be an array without a mask: write {name}.filled\("):
        loss(**given, num_sampled=5, num_classes=len(case.weights), seed=1)


def test_padding_that_is_not_declared_gets_a_hint():
    layer = ss.SampledSoftmax(50, 8, 5, seed=1)
    with pytest.raises(
        ValueError, match=r"labels\[1, 0\] = -1 is not a class id.*; if -1 is padding, write ignore_index=-1"
    ):
        layer.step(np.ones((2, 8), np.float32), [3, -1])
    with pytest.raises(ValueError, match=r"ids are in \[0, 50\)$"):
        layer.step(np.ones((2, 8), np.float32), [3, 50])
