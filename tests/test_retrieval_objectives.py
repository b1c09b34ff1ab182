"""The objectives of retrieval: kernels against NumPy, gradients, and what each learns beside the full softmax."""

import copy
import itertools
import pickle

import numpy as np
import pytest

import sampledsoftmax as ss
from sampledsoftmax.kernels.loss.objectives import corrects_labels, row_loss
from tests.test_objectives import NUM_CLASSES, assert_same, trained

OBJECTIVES = {
    "log_q_2025": ss.LogQ2025(),
    "bsl": ss.BSL(1.2),
    "gbce": ss.GBCE(NUM_CLASSES, 0.75),
    "gbce of few": ss.GBCE(20, 0.75),  # more candidates than classes: as many as all
}


class InNumPy(ss.Objective):
    """The NumPy form of an objective, without its kernels."""

    def __init__(self, objective):
        self.loss_and_grad = objective.loss_and_grad

    def loss_and_grad(self, logits, num_true):  # replaced above; checked_objective looks at the class
        raise AssertionError


def rows_of_logits(num_true, seed=0):
    """Return logits with candidates left out in some rows, in one all of them, and large ones."""
    logits = 3 * np.random.default_rng(seed).normal(size=(6, num_true + 5))
    logits[1, num_true] = logits[2, num_true + 1 :] = logits[3, num_true:] = -np.inf
    logits[4] *= 40
    return logits


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("num_true", [1, 2])
@pytest.mark.parametrize("objective", OBJECTIVES.values(), ids=OBJECTIVES)
def test_a_row_of_the_kernel_is_the_formula_in_numpy(objective, num_true, dtype):
    logits = rows_of_logits(num_true).astype(dtype)
    losses, gradients = objective.loss_and_grad(logits, num_true)
    tolerance = {"rtol": 1e-12, "atol": 1e-14} if dtype == np.float64 else {"rtol": 1e-5, "atol": 1e-6}
    for row, loss, gradient in zip(logits, losses, gradients, strict=True):
        got = np.full_like(row, np.nan)
        np.testing.assert_allclose(row_loss(objective.compiled_loss(), row, num_true, got), loss, **tolerance)
        np.testing.assert_allclose(got, gradient, **tolerance)


@pytest.mark.subset(3, dtype=np.float32, sizes=(7, 2, 33))
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("sizes", [(1, 1, 1), (7, 2, 33), (200, 3, 5)])
@pytest.mark.parametrize("name", OBJECTIVES)
def test_a_fused_step_is_that_of_the_formula_in_numpy(name, sizes, dtype):
    objective = OBJECTIVES[name]
    flags = {"subtract_log_q": False, "remove_accidental_hits": True}
    assert_same(trained(objective, dtype, *sizes, **flags), trained(InNumPy(objective), dtype, *sizes, **flags), dtype)


@pytest.mark.subset(1)
@pytest.mark.parametrize("objective", OBJECTIVES.values(), ids=OBJECTIVES)
def test_a_step_whose_only_candidate_is_a_hit_is_that_of_the_formula(objective):
    results = []
    for one in (objective, InNumPy(objective)):
        layer = ss.SampledSoftmax(1, 3, 1, ss.SGD(0.1), ss.AllSampler(1), objective=one, seed=1)
        loss, gradient = layer.step(np.ones((2, 3), np.float32), [0, 0])
        results.append((loss, gradient, layer.weights.copy()))
    for got, expected in zip(*results, strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-6)


@pytest.mark.parametrize("num_true", [1, 3])
@pytest.mark.parametrize("objective", OBJECTIVES.values(), ids=OBJECTIVES)
def test_gradients_are_central_differences(objective, num_true):
    logits, step = rows_of_logits(num_true, 1)[[0, 1, 2, 5]], 1e-6
    _, gradient = objective.loss_and_grad(logits, num_true)
    fixed = -gradient[:, :num_true]  # of log_q_2025: its weights, which are not differentiated

    def total(moved):
        if not isinstance(objective, ss.LogQ2025):
            return objective.loss_and_grad(moved, num_true)[0].sum()
        log_z = np.log(np.exp(moved[:, num_true:]).sum(axis=1, keepdims=True))
        return (fixed * (log_z - moved[:, :num_true])).sum()

    for place in np.ndindex(logits.shape):
        up, down = logits.copy(), logits.copy()
        up[place] += step
        down[place] -= step
        difference = (total(up) - total(down)) / (2 * step)
        np.testing.assert_allclose(gradient[place], difference, rtol=1e-6, atol=1e-9)


def test_the_value_of_log_q_2025_is_its_weight_times_the_odds():
    logits = rows_of_logits(1, 2)[[0, 1]]
    loss, gradient = ss.LogQ2025().loss_and_grad(logits, 1)
    inner = np.log(np.exp(logits[:, 1:]).sum(axis=1)) - logits[:, 0]
    np.testing.assert_allclose(loss, inner / (1 + np.exp(-inner)), rtol=1e-12)
    np.testing.assert_allclose(gradient[:, 0], -1 / (1 + np.exp(-inner)), rtol=1e-12)


class Log2025InNumPy(ss.Objective):
    """As `ss.LogQ2025`, without its kernel."""

    corrects_labels = False

    def loss_and_grad(self, logits, num_true):
        return ss.LogQ2025().loss_and_grad(logits, num_true)


@pytest.mark.compiled
@pytest.mark.parametrize("objective", [ss.LogQ2025(), Log2025InNumPy()], ids=["kernel", "NumPy"])
def test_labels_are_not_corrected_in_a_step(objective):
    layer = ss.SampledSoftmax(NUM_CLASSES, 4, 20, ss.SGD(0.0), objective=objective, seed=1)
    rng = np.random.default_rng(0)
    inputs, labels = rng.normal(size=(7, 4)).astype(np.float32), rng.integers(0, NUM_CLASSES, (7, 1))
    values = ss.LogUniformSampler(NUM_CLASSES, seed=1).sample(labels, 20)
    values = values._replace(true_expected_count=np.ones((7, 1)))
    batch = layer.weights, layer.biases, labels, inputs, 20, NUM_CLASSES, 1, values
    logits, _ = ss.compute_sampled_logits(*batch, remove_accidental_hits=True)
    expected = ss.LogQ2025().loss_and_grad(logits, 1)[0].mean()
    np.testing.assert_allclose(layer.step(inputs, labels)[0], expected, rtol=1e-5)


# --- against the softmax over all classes -------------------------------------------------------------------

P = np.array([0.4, 0.25, 0.2, 0.1, 0.05])  # of five classes
LOGITS = np.log(P) + 0.7


def mean_gradient(objective, label, num_sampled, log_q=False):
    """Return the exact mean of the gradient of the logits, over all draws of other classes without replacement."""
    others = [c for c in range(P.size) if c != label]
    draws = list(itertools.combinations(others, num_sampled))
    mean = np.zeros(P.size)
    for drawn in draws:
        columns = [label, *drawn]
        row = LOGITS[columns].copy()
        row[1:] -= np.log(num_sampled / len(others)) * log_q
        mean[columns] += objective.loss_and_grad(row[np.newaxis], 1)[1][0] / len(draws)
    return mean


def full_gradient(label):
    return P - np.eye(P.size)[label]


@pytest.mark.parametrize("label", range(P.size))
def test_log_q_2025_with_all_classes_is_the_full_softmax(label):
    np.testing.assert_allclose(mean_gradient(ss.LogQ2025(), label, 4, log_q=True), full_gradient(label), rtol=1e-12)


def test_the_bias_of_log_q_2025_falls_with_candidates_and_makes_the_label_too_likely():
    """Z is unbiased, and 1 - P = Z / (exp(s) + Z) is concave in Z: its mean is too small."""
    label = 1
    apart = [mean_gradient(ss.LogQ2025(), label, k, log_q=True)[label] - full_gradient(label)[label] for k in (1, 2, 3)]
    assert apart[0] > apart[1] > apart[2] > 0
    assert apart[0] > 0.01


@pytest.mark.parametrize("exponent", [1.0, 1.3])
def test_bsl_pushes_apart_by_1_what_the_full_softmax_pushes_apart_by_1_minus_p(exponent):
    for label in range(P.size):
        got, full = mean_gradient(ss.BSL(exponent), label, 4), full_gradient(label)
        assert got[label] == -1 < full[label]
        np.testing.assert_allclose(np.delete(got, label), exponent * np.delete(P, label) / (1 - P[label]), rtol=1e-12)
    # At the true probabilities the mean over the labels is 0 for the full softmax; BSL would go on to lower popular
    # classes less than rare ones: (exponent * sum of p_y p_c / (1 - p_y) over y other than c) - p_c.
    total = sum(P[label] * mean_gradient(ss.BSL(exponent), label, 4) for label in range(P.size))
    assert total[0] < (exponent - 1) * 0.5
    assert np.argmin(total - (exponent - 1) * P) == 0


@pytest.mark.parametrize("num_sampled", [1, 2, 3])
def test_gbce_is_calibrated_with_1_and_overstates_odds_with_0(num_sampled):
    """The mean gradient over labels is 0 where sigmoid(logit) = p, or where the odds are those of p times 1 / a."""
    share = num_sampled / 4
    for calibration, odds in [(1.0, P / (1 - P)), (0.0, P / (1 - P) / share)]:
        objective, mean = ss.GBCE(5, calibration), np.zeros(5)
        for label in range(5):
            for drawn in itertools.combinations([c for c in range(5) if c != label], num_sampled):
                columns = [label, *drawn]
                gradient = objective.loss_and_grad(np.log(odds)[np.newaxis, columns], 1)[1][0]
                mean[columns] += P[label] * gradient
        np.testing.assert_allclose(mean, 0, atol=1e-15)


# --- arguments ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: ss.BSL(0), ValueError, "exponent must be above 0, got 0"),
        (lambda: ss.BSL("1"), TypeError, "exponent must be a number, got str '1'"),
        (lambda: ss.GBCE(1), ValueError, "num_classes must be at least 2, got 1"),
        (lambda: ss.GBCE(5, 1.5), ValueError, "calibration must be at most 1, got 1.5"),
        (lambda: ss.GBCE(5, -0.5), ValueError, "calibration must be at least 0, got -0.5"),
    ],
)
def test_bad_parameters_are_named(make, error, message):
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize("objective", OBJECTIVES.values(), ids=OBJECTIVES)
def test_objectives_say_what_they_are_and_can_be_copied(objective):
    assert repr(eval(f"ss.{objective!r}")) == repr(objective)
    for other in (copy.deepcopy(objective), pickle.loads(pickle.dumps(objective))):
        assert repr(other) == repr(objective)
    assert objective.subtract_log_q == (not objective.corrects_labels)
    assert corrects_labels(objective.compiled_loss()) == objective.corrects_labels


def corrected_loss(**options):
    rng = np.random.default_rng(3)
    weights, inputs = rng.normal(size=(40, 5)), rng.normal(size=(6, 5))
    arguments = (weights, np.zeros(40), np.arange(12).reshape(6, 2), inputs, 9, 40, 2)
    loss, gradients = ss.sampled_softmax_loss_and_grad(*arguments, seed=1, **options)
    np.testing.assert_array_equal(ss.sampled_softmax_loss(*arguments, seed=1, **options), loss)
    return loss, gradients.inputs


def test_a_correction_is_chosen_by_its_name():
    for plain, named in ({}, {"correction": "log_q"}), ({"subtract_log_q": False}, {"correction": "none"}):
        for one, other in zip(corrected_loss(**plain), corrected_loss(**named), strict=True):
            np.testing.assert_array_equal(one, other)
    values = ss.log_uniform_candidate_sampler(np.arange(12).reshape(6, 2), 2, 9, True, 40, seed=1)
    rng = np.random.default_rng(3)
    weights, inputs = rng.normal(size=(40, 5)), rng.normal(size=(6, 5))
    uncorrected = values._replace(true_expected_count=np.ones((6, 2), np.float32))
    logits = ss.reference.sampled_logits(weights, np.zeros(40), np.arange(12).reshape(6, 2), inputs, uncorrected)
    expected, _ = ss.LogQ2025().loss_and_grad(logits, 2)
    np.testing.assert_allclose(corrected_loss(correction="log_q_2025")[0], expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"correction": "logq"}, "correction must be"),
        ({"correction": True}, "correction must be"),
        ({"correction": "log_q", "subtract_log_q": False}, "subtract_log_q = False contradicts correction='log_q'"),
    ],
)
def test_a_correction_without_meaning_is_refused(options, message):
    with pytest.raises((TypeError, ValueError), match=message):
        corrected_loss(**options)
