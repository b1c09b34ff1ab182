"""`ss.diagnose_sampler`: distances against sums in float64, one class at a time; the gradient where it is known."""

import math

import numpy as np
import pytest

import sampledsoftmax as ss
from sampledsoftmax.diagnostics import proposals

RNG = np.random.default_rng(3)
V, D, B = 11, 3, 5
WEIGHTS, BIASES, INPUTS = RNG.standard_normal((V, D)), RNG.standard_normal(V), RNG.standard_normal((B, D))
LABELS = RNG.integers(V, size=(B, 1))
Q = RNG.dirichlet(np.ones(V))


def logits_of(b, temperature, normalize):
    found = []
    for c in range(V):
        product = sum(INPUTS[b, d] * WEIGHTS[c, d] for d in range(D))
        if normalize:
            product /= math.sqrt(sum(INPUTS[b] ** 2)) * math.sqrt(sum(WEIGHTS[c] ** 2))
        found.append(product / temperature + BIASES[c])
    return found


def naive(b, q, removed=(), temperature=1.0, normalize=False):
    """Return chi-square distance and KL divergence of an input, with sums over the classes that are not removed."""
    logits = logits_of(b, temperature, normalize)
    kept = [c for c in range(V) if c not in removed]
    total = math.fsum(math.exp(logits[c]) for c in kept)
    p = {c: math.exp(logits[c]) / total for c in kept}
    return math.fsum(p[c] ** 2 / q[c] for c in kept) - 1, math.fsum(p[c] * math.log(p[c] / q[c]) for c in kept)


@pytest.mark.parametrize("with_labels", [False, True])
@pytest.mark.parametrize(("temperature", "normalize"), [(1.0, False), (0.3, True)])
@pytest.mark.parametrize("block", [1, 10**6])
def test_distances_are_the_sums_of_their_definition(monkeypatch, with_labels, temperature, normalize, block):
    monkeypatch.setattr(proposals, "BLOCK", block)
    labels = LABELS if with_labels else None
    options = {"temperature": temperature, "normalize": normalize}
    per_input = RNG.dirichlet(np.ones(V), size=B)
    for q, rows in ((Q, np.broadcast_to(Q, (B, V))), (per_input, per_input)):
        found = ss.diagnose_sampler(WEIGHTS, BIASES, labels, INPUTS, 7, q, **options)
        expected = [naive(b, rows[b], LABELS[b] if with_labels else (), **options) for b in range(B)]
        chi_square, kl = np.array(expected).T
        np.testing.assert_allclose(found.chi_square, chi_square, rtol=1e-12)
        np.testing.assert_allclose(found.kl, kl, rtol=1e-10)
        np.testing.assert_allclose(found.effective_candidates, 7 / (1 + chi_square), rtol=1e-12)
        assert found.gradient is None


def test_the_softmax_itself_has_no_distance():
    p = proposals.softmax(INPUTS @ WEIGHTS.T + BIASES)
    found = ss.diagnose_sampler(WEIGHTS, BIASES, None, INPUTS, 7, p)
    np.testing.assert_allclose(found.chi_square, 0, atol=1e-12)
    np.testing.assert_allclose(found.effective_candidates, 7)


def test_a_class_that_is_never_drawn_makes_the_distance_infinite_unless_it_is_the_label():
    q = np.where(np.arange(V) == 4, 0, 1 / (V - 1))
    found = ss.diagnose_sampler(WEIGHTS, BIASES, None, INPUTS, 7, q)
    assert np.isinf(found.chi_square).all()
    assert np.isinf(found.kl).all()
    assert (found.effective_candidates == 0).all()
    assert np.isfinite(ss.diagnose_sampler(WEIGHTS, BIASES, [4] * B, INPUTS, 7, q).chi_square).all()


def test_a_sampler_is_compared_by_its_probabilities():
    sampler = ss.LogUniformSampler(V, seed=1)
    before = sampler.state
    found = ss.diagnose_sampler(WEIGHTS, BIASES, LABELS, INPUTS, 7, sampler)
    q = sampler.probability(np.arange(V)).astype(float)
    np.testing.assert_allclose(found.kl, ss.diagnose_sampler(WEIGHTS, BIASES, LABELS, INPUTS, 7, q / q.sum()).kl, 1e-6)
    assert sampler.state == before


def test_the_variance_of_the_normalizer_is_that_of_fewer_draws_from_the_softmax():
    """The relative variance of mean(exp(logit) / q) over draws is chi-square / their number."""
    logits = INPUTS[0] @ WEIGHTS.T + BIASES
    terms = np.exp(logits) / Q
    variance = (Q * terms**2).sum() / np.exp(logits).sum() ** 2 - 1
    found = ss.diagnose_sampler(WEIGHTS, BIASES, None, INPUTS[:1], 7, Q)
    assert found.chi_square[0] == pytest.approx(variance)


@pytest.mark.parametrize("q", [Q, np.broadcast_to(Q, (B, V))], ids=["shared", "per input"])
def test_the_gradient_is_exact_with_all_classes_and_less_biased_with_more(q):
    def gradient(num_sampled, num_samples):
        return ss.diagnose_sampler(WEIGHTS, BIASES, LABELS, INPUTS, num_sampled, q, num_samples=num_samples).gradient

    exact, few, many = gradient(V, 20), gradient(2, 400), gradient(8, 400)
    assert exact.bias < 1e-6
    assert few.squared_bias > 4 * few.squared_bias_error
    assert many.bias < few.bias / 2
    assert many.noise < few.noise


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"weights": np.ones(3)}, ValueError, "weights must have shape"),
        ({"weights": np.array([["a"]])}, TypeError, "weights must hold numbers"),
        ({"biases": np.full(V, np.nan)}, ValueError, r"biases must be finite, got nan at \[0\]"),
        ({"inputs": np.ones((0, D))}, ValueError, "inputs must hold at least one row"),
        ({"inputs": np.ones((B, D + 1))}, ValueError, "inputs must have shape"),
        ({"labels": [1, 2]}, ValueError, "labels has 2 rows and inputs has 5"),
        ({"labels": [V] * B}, ValueError, "labels"),
        ({"num_sampled": 0}, ValueError, "num_sampled must be at least 1"),
        ({"num_samples": 20, "labels": None}, ValueError, "labels must be given if num_samples > 0"),
        ({"sampler": "uniform"}, TypeError, "sampler must be a sampler object or probabilities"),
        ({"sampler": ss.UniformSampler(V + 1)}, ValueError, "sampler draws from 12 classes, but weights has 11 rows"),
        ({"sampler": np.ones(V)}, ValueError, "probabilities that add up to 1, got a sum of 11 in row 0"),
        ({"sampler": np.eye(V)[0] * 2 - np.eye(V)[1]}, ValueError, "got -1 for class 1 in row 0"),
        ({"sampler": np.ones((2, V)) / V}, ValueError, "sampler must have shape"),
        ({"temperature": 0.0}, ValueError, "temperature must be above 0"),
        ({"normalize": 1}, TypeError, "normalize must be True or False"),
    ],
)  # fmt: skip
def test_wrong_arguments_are_refused(changed, error, message):
    good = {"weights": WEIGHTS, "biases": BIASES, "labels": LABELS, "inputs": INPUTS, "num_sampled": 7, "sampler": Q}
    with pytest.raises(error, match=message):
        ss.diagnose_sampler(**{**good, **changed})
