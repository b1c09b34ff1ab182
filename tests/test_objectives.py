"""objective= of the layers: built-in losses, objectives in NumPy, and objectives with a kernel for a row of logits."""

import math
from typing import NamedTuple

import numpy as np
import pytest

import sampledsoftmax as ss
from sampledsoftmax import reference
from sampledsoftmax.jit.decorators import jit
from sampledsoftmax.kernels.loss.objectives import row_loss
from sampledsoftmax.losses.objectives import BUILT_IN

NUM_CLASSES, NUM_SAMPLED = 83, 45


class TemperedSigmoid(NamedTuple):
    temperature: float


@row_loss.register(TemperedSigmoid)
@jit
def tempered_sigmoid_row(objective, logits, num_true, gradient):
    loss = 0.0
    for c in range(logits.size):
        x = logits[c] / objective.temperature
        loss += max(x, 0.0) + math.log1p(math.exp(-abs(x)))
        gradient[c] = 1.0 / (1.0 + math.exp(-x)) / objective.temperature
        if c < num_true:
            loss -= x / num_true
            gradient[c] -= 1.0 / num_true / objective.temperature
    return loss


class SoftmaxByRow(NamedTuple):
    """Softmax cross-entropy as a loss of one row."""


@row_loss.register(SoftmaxByRow)
@jit
def softmax_row(objective, logits, num_true, gradient):
    largest = -math.inf
    for c in range(logits.size):
        largest = max(largest, logits[c])
    total, mean = 0.0, 0.0
    for c in range(logits.size):
        gradient[c] = math.exp(logits[c] - largest)
        total += gradient[c]
    for c in range(logits.size):
        gradient[c] /= total
        if c < num_true:
            gradient[c] -= 1.0 / num_true
            mean += (logits[c] - largest) / num_true
    return math.log(total) - mean


class Compiled(ss.Objective):
    def __init__(self, parameters):
        self.parameters = parameters

    def compiled_loss(self):
        return self.parameters


class InNumPy(ss.Objective):
    """One of the reference formulas, of logits divided by a temperature."""

    def __init__(self, formula, temperature=1.0):
        self.formula, self.temperature = formula, temperature

    def loss_and_grad(self, logits, num_true):
        loss, gradient = self.formula(logits / logits.dtype.type(self.temperature), num_true)
        return loss, gradient / self.temperature


def batches(dtype, batch_size, num_true, dim, steps=3):
    rng = np.random.default_rng(batch_size)
    for _ in range(steps):
        yield rng.standard_normal((batch_size, dim)).astype(dtype), rng.integers(0, NUM_CLASSES, (batch_size, num_true))


def trained(objective, dtype, batch_size, num_true, dim, **options):
    layer = ss.SampledSoftmax(
        NUM_CLASSES, dim, NUM_SAMPLED, ss.Adagrad(0.1), dtype=dtype, seed=3, objective=objective, **options
    )
    results = [layer.step(x, labels) for x, labels in batches(dtype, batch_size, num_true, dim)]
    return layer, results


def assert_same(one, other, dtype):
    tolerance = {"rtol": 1e-10, "atol": 1e-12} if dtype == np.float64 else {"rtol": 2e-4, "atol": 2e-6}
    (a, steps_a), (b, steps_b) = one, other
    for name in ("weights", "biases"):
        np.testing.assert_allclose(getattr(a, name), getattr(b, name), **tolerance)
    for (loss, grad), (other_loss, other_grad) in zip(steps_a, steps_b, strict=True):
        np.testing.assert_allclose(loss, other_loss, **tolerance)
        np.testing.assert_allclose(grad, other_grad, **tolerance)


SIZES = [(1, 1, 1), (7, 2, 33), (29, 1, 16), (200, 3, 5)]


@pytest.mark.subset(name="sampled_softmax", dtype=np.float32)
@pytest.mark.subset(10, dtype=np.float32, name="sampled_softmax")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("name", BUILT_IN)
def test_a_built_in_objective_in_the_fused_step_is_its_formula_in_numpy(name, sizes, dtype):
    built_in = BUILT_IN[name]
    flags = {"subtract_log_q": built_in.subtract_log_q, "remove_accidental_hits": built_in.remove_accidental_hits}
    formula = reference.cross_entropy if name == "sampled_softmax" else reference.sigmoid_cross_entropy
    assert_same(trained(name, dtype, *sizes), trained(InNumPy(formula), dtype, *sizes, **flags), dtype)


@pytest.mark.subset(2)
@pytest.mark.subset(5, dtype=np.float32)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize(
    ("compiled", "in_numpy"),
    [
        (Compiled(TemperedSigmoid(2.0)), InNumPy(reference.sigmoid_cross_entropy, 2.0)),
        (Compiled(SoftmaxByRow()), InNumPy(reference.cross_entropy)),
    ],
)
def test_a_loss_of_a_row_in_the_fused_step_is_its_formula_in_numpy(compiled, in_numpy, sizes, dtype):
    with np.errstate(over="ignore"):  # exp(inf) of a removed hit, in NumPy
        assert_same(trained(compiled, dtype, *sizes), trained(in_numpy, dtype, *sizes), dtype)


def test_parameters_of_an_objective_can_be_changed_by_a_new_instance_without_a_new_compilation():
    losses = [trained(Compiled(TemperedSigmoid(t)), np.float32, 7, 2, 33)[1][0][0] for t in (1.0, 4.0)]
    assert losses[0] != losses[1]


@pytest.mark.parametrize("objective", ["nce", "negative_sampling"])
def test_a_step_is_the_loss_function_and_an_update(objective):
    """The layer's step equals `nce_loss_and_grad` and an optimizer update on the same candidates."""
    layer = ss.SampledSoftmax(NUM_CLASSES, 8, NUM_SAMPLED, ss.SGD(0.5), dtype=np.float64, seed=3, objective=objective)
    weights, biases = layer.weights.copy(), layer.biases.copy()
    ((x, labels),) = batches(np.float64, 12, 2, 8, steps=1)
    log_q = objective == "nce"
    drawn = ss.LogUniformSampler(NUM_CLASSES, seed=3).sample(labels, NUM_SAMPLED)
    losses, grad = ss.nce_loss_and_grad(
        weights, biases, labels, x, NUM_SAMPLED, NUM_CLASSES, 2, drawn,
        remove_accidental_hits=not log_q, subtract_log_q=log_q, loss_grad=np.full(12, 1 / 12),
    )  # fmt: skip
    loss, inputs_grad = layer.step(x, labels)
    np.testing.assert_allclose(loss, losses.mean(), rtol=1e-12)
    np.testing.assert_allclose(inputs_grad, grad.inputs, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(layer.weights, weights - 0.5 * grad.weights.to_dense(), rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(layer.biases, biases - 0.5 * grad.biases.to_dense(), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("objective", ["nce", "negative_sampling", Compiled(TemperedSigmoid(2.0))])
def test_skip_gram_steps_are_the_same_bits_for_any_number_of_threads(objective):
    tables, before = [], ss.get_num_threads()
    rng = np.random.default_rng(0)
    ids, labels = rng.integers(0, NUM_CLASSES, 900), rng.integers(0, NUM_CLASSES, (900, 2))
    for threads in (1, 2, 3):
        ss.set_num_threads(threads)
        model = ss.SkipGram(NUM_CLASSES, 64, NUM_SAMPLED, ss.Adagrad(0.1), seed=1, objective=objective)
        model.steps(ids, labels, 300)
        tables.append((model.embeddings.tobytes(), model.weights.tobytes(), model.biases.tobytes()))
    ss.set_num_threads(before)
    assert tables[0] == tables[1] == tables[2]


def test_the_gradient_of_a_loss_of_a_row_is_its_derivative():
    """Central differences of the loss of a layer whose learning rate is 0."""
    layer = ss.SampledSoftmax(
        NUM_CLASSES, 4, 10, ss.SGD(0.0), dtype=np.float64, seed=1, objective=Compiled(TemperedSigmoid(1.5))
    )
    ((x, labels),) = batches(np.float64, 3, 2, 4, steps=1)
    state, step = layer.sampler.state, 1e-6

    def loss(inputs):
        layer.sampler.state = state
        return layer.step(inputs, labels)

    gradient = loss(x)[1]
    for b, d in np.ndindex(x.shape):
        moved = np.zeros_like(x)
        moved[b, d] = step
        difference = (loss(x + moved)[0] - loss(x - moved)[0]) / (2 * step)
        np.testing.assert_allclose(gradient[b, d], difference, rtol=1e-6, atol=1e-9)


class NoKernel(NamedTuple):
    """Parameters without a kernel."""


class Nothing(ss.Objective):
    """Neither form of a loss."""


class WrongShape(ss.Objective):
    def loss_and_grad(self, logits, num_true):
        return logits.sum(), logits


class NotATuple(ss.Objective):
    def loss_and_grad(self, logits, num_true):
        return logits


@pytest.mark.parametrize("make", [ss.SampledSoftmax, ss.SkipGram])
@pytest.mark.parametrize(
    ("objective", "error", "message"),
    [
        (
            "softmax",
            ValueError,
            "objective must be one of 'sampled_softmax', 'nce', 'negative_sampling', got 'softmax'",
        ),
        (None, TypeError, "or an ss.Objective, got NoneType"),
        (Nothing, TypeError, "objective must be an instance, got the class Nothing"),
        (Nothing(), TypeError, "Nothing must define loss_and_grad, or compiled_loss"),
        (
            Compiled(NoKernel()),
            TypeError,
            r"returns a NoKernel, for which no kernel is registered: put @row_loss\.register",
        ),
    ],
)
def test_a_bad_objective_is_refused_by_name_before_a_table_is_made(make, objective, error, message):
    with pytest.raises(error, match=message):
        make(10**12, 10**6, 20, objective=objective)  # tables of this size could not be allocated


@pytest.mark.parametrize(
    ("objective", "error", "message"),
    [
        (
            WrongShape(),
            ValueError,
            r"WrongShape.loss_and_grad must return a loss \[3\] and a gradient \[3, 12\], got \[\] ",
        ),
        (NotATuple(), TypeError, r"NotATuple.loss_and_grad must return \(loss, gradient\), got ndarray"),
    ],
)
def test_a_bad_result_of_an_objective_changes_no_table(objective, error, message):
    layer = ss.SampledSoftmax(NUM_CLASSES, 4, 10, seed=1, objective=objective)
    before = layer.weights.copy()
    ((x, labels),) = batches(np.float32, 3, 2, 4, steps=1)
    with pytest.raises(error, match=message):
        layer.step(x, labels)
    np.testing.assert_array_equal(layer.weights, before)


# --- Word vectors ---------------------------------------------------------------------------------------------

TEXT = [["one", "two", "three", "four", "five"], ["five", "four", "three", "two", "one"]] * 60
WORDS = {"vector_size": 8, "num_sampled": 3, "sample": 0, "epochs": 2, "min_count": 1}


def words_trained(**settings):
    model = ss.Word2Vec(**WORDS, **settings)
    model.train(TEXT)
    return model


@pytest.mark.subset(2)
@pytest.mark.parametrize("sg", [True, False])
@pytest.mark.parametrize(
    ("objective", "name"),
    [(SoftmaxByRow(), "sampled_softmax"), (TemperedSigmoid(1.0), "nce")],
)
def test_word_vectors_by_a_loss_of_a_row_are_those_of_the_built_in_objective(objective, name, sg):
    """Each label of a word has a row of its own; a hit is left out for sampled softmax, and not for NCE."""
    ours = Compiled(objective)
    ours.remove_accidental_hits = name != "nce"
    one, other = words_trained(objective=ours, sg=sg), words_trained(objective=name, sg=sg)
    for table, expected in zip(one.tables, other.tables, strict=True):
        np.testing.assert_allclose(table.values, expected.values, rtol=2e-3, atol=2e-5)


def test_a_model_with_an_objective_object_is_saved_with_its_parameters_and_resumes_with_it(tmp_path):
    path, objective = tmp_path / "model.zip", Compiled(TemperedSigmoid(2.0))
    model = words_trained(objective=objective)
    model.save(path)
    loaded = ss.Word2Vec.load(path)
    np.testing.assert_array_equal(loaded.vectors["one"], model.vectors["one"])
    with pytest.raises(ValueError, match=r"with the objective 'Compiled: TemperedSigmoid\(temperature=2.0\)': to go"):
        loaded.train(TEXT, resume=True)
    loaded.save(tmp_path / "again.zip")
    again = ss.Word2Vec.load(tmp_path / "again.zip", objective=objective)
    again.train(TEXT, resume=True)
    np.testing.assert_array_equal(again.vectors["one"], model.vectors["one"])
    with pytest.raises(ValueError, match=r"with Compiled: TemperedSigmoid\(temperature=2.0\), got .*temperature=3.0"):
        ss.Word2Vec.load(path, objective=Compiled(TemperedSigmoid(3.0)))
    words_trained(objective="nce").save(path)
    with pytest.raises(ValueError, match="the model was trained with 'nce', which needs no objective"):
        ss.Word2Vec.load(path, objective=objective)


@pytest.mark.parametrize(
    ("objective", "error", "message"),
    [
        (InNumPy(reference.cross_entropy), TypeError, "InNumPy must define compiled_loss to train word vectors"),
        (
            "softmax",
            ValueError,
            "objective must be one of 'sampled_softmax', 'nce', 'negative_sampling', got 'softmax'",
        ),
        (Compiled(NoKernel()), TypeError, "for which no kernel is registered"),
    ],
)
def test_word_vectors_refuse_a_bad_objective(objective, error, message):
    with pytest.raises(error, match=message):
        ss.Word2Vec(objective=objective)
