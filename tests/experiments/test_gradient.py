"""The estimated bias of a gradient in cases with a known answer."""

import itertools

import numpy as np
import pytest

import sampledsoftmax as ss
from experiments.bias import BiasSettings, bias_by_sampler
from sampledsoftmax.diagnostics.gradient import CORRECT, gradient_bias
from sampledsoftmax.diagnostics.problem import exact_gradient, problem, zipf_counts

COUNTS = zipf_counts(37)


class Fixed:
    """Returns given samples in rotation, with given expected counts."""

    def __init__(self, samples, counts):
        self.samples, self.counts = itertools.cycle(samples), counts

    def sample(self, true_classes, num_sampled):
        ids = np.asarray(next(self.samples))
        return ss.SampledValues(ids, self.counts[true_classes], self.counts[ids])


def test_the_exact_gradient_is_that_of_the_mean_full_loss():
    batch = problem([5, 3, 2], batch_size=3, dim=2, seed=4)
    exact = exact_gradient(batch)
    at = 0
    for position in (0, 1, 3):
        for i in np.ndindex(batch[position].shape):
            moved = [np.array(array) for array in batch]
            ends = []
            for step in (1e-5, -2e-5):
                moved[position][i] += step
                ends.append(ss.full_softmax_loss(*moved).mean())
            assert (ends[0] - ends[1]) / 2e-5 == pytest.approx(exact[at], abs=1e-8)
            at += 1
    assert at == exact.size


@pytest.mark.parametrize("batch_size", [1, 7])
def test_all_classes_as_candidates_give_no_bias_and_no_noise(batch_size):
    batch = problem(COUNTS, batch_size, dim=3)
    found = gradient_bias(batch, ss.AllSampler(37), 37, 2)
    assert found.num_samples == 20
    assert found.bias < 1e-12
    assert found.noise < 1e-6


def test_keeping_hits_biases_the_gradient():
    batch = problem(COUNTS, 7, dim=3)
    found = gradient_bias(batch, ss.AllSampler(37), 37, 2, CORRECT._replace(remove_accidental_hits=False))
    assert found.bias > 0.05
    assert found.noise < 1e-6


def test_bias_and_noise_of_two_alternating_samples():
    """Each group has both samples once, so the mean and the noise can be computed directly."""
    batch = problem(COUNTS, 5, dim=3, seed=2)
    counts = np.full(37, 0.5, np.float32)
    samples = [[0, 1, 2, 3], [30, 31, 5, 8]]
    gradients = []
    for sample in samples:
        values = Fixed([sample], counts).sample(batch.labels, 4)
        _, found = ss.sampled_softmax_loss_and_grad(*batch, 4, 37, 1, values, loss_grad=np.full(5, 0.2))
        dense = found.weights.to_dense().ravel(), found.biases.to_dense(), found.inputs.ravel()
        gradients.append(np.concatenate(dense))
    exact = exact_gradient(batch)
    bias = np.linalg.norm(np.mean(gradients, axis=0) - exact) / np.linalg.norm(exact)
    found = gradient_bias(batch, Fixed(samples, counts), 4, 40)
    assert found.bias == pytest.approx(bias, rel=1e-6)
    assert found.bias_error == pytest.approx(0, abs=1e-6)
    assert found.squared_bias == pytest.approx(bias**2, rel=1e-6)


@pytest.mark.slow
@pytest.mark.compiled
def test_standard_errors_match_the_spread_over_seeds():
    """The spread of estimates over seeds equals their mean standard error."""
    batch = problem(COUNTS, 8, dim=3)
    found = [gradient_bias(batch, ss.LogUniformSampler(37, seed), 4, 100) for seed in range(60)]
    spread = np.std([one.squared_bias for one in found], ddof=1)
    claimed = np.mean([one.squared_bias_error for one in found])
    assert 0.6 < claimed / spread < 1.6
    noise = np.mean([one.noise for one in found])
    assert gradient_bias(batch, ss.LogUniformSampler(37, 99), 4, 4000).noise == pytest.approx(noise, rel=0.05)


@pytest.mark.compiled
def test_the_bias_vanishes_with_more_candidates_only_with_log_q():
    settings = BiasSettings(("log-uniform", "counts"), (4, 24), num_samples=1200, batch_size=8, dim=4)
    exact, *points = bias_by_sampler(COUNTS, settings)
    assert exact.found.bias < 1e-12
    found = {(p.sampler, p.num_sampled, p.subtract_log_q): p.found for p in points}
    assert len(found) == len(points) == 8
    for name in settings.samplers:
        few, many, raw = found[name, 4, True], found[name, 24, True], found[name, 24, False]
        assert few.bias > 4 * few.bias_error  # a finite sample is biased even with log Q
        assert few.bias > 8 * many.bias
        assert raw.squared_bias > many.squared_bias + 4 * (raw.squared_bias_error + many.squared_bias_error)


def test_the_same_seed_gives_the_same_results():
    batch = problem(COUNTS, 4, dim=2)
    assert gradient_bias(batch, ss.UniformSampler(37, 5), 6, 40) == gradient_bias(
        batch, ss.UniformSampler(37, 5), 6, 40
    )


def test_a_class_without_counts_has_a_finite_bias_and_is_never_a_label():
    batch = problem([5, 0, 1], batch_size=200, dim=2)
    assert np.isfinite(batch.biases).all()
    assert batch.biases[1] == pytest.approx(np.log(1 / 12))
    assert set(batch.labels.ravel()) == {0, 2}


@pytest.mark.parametrize(
    ("counts", "error", "message"),
    [
        ([[1, 2]], ValueError, r"counts must have shape \[num_classes\], at least one, got \[1, 2\]"),
        ([], ValueError, r"at least one, got \[0\]"),
        ([3, -1, -2], ValueError, r"counts\[1\] = -1 must be at least 0 and finite"),
        ([3.0, np.nan], ValueError, r"counts\[1\] = nan must be at least 0"),
        ([0, 0], ValueError, r"add up to a finite number above 0, got 0 for 2 classes"),
        (["a"], TypeError, r"counts must hold numbers, got dtype <U1"),
    ],
)
def test_bad_counts(counts, error, message):
    with pytest.raises(error, match=message):
        problem(counts)


def test_bad_sizes():
    with pytest.raises(ValueError, match="num_samples must be at least 2, got 1"):
        gradient_bias(problem(COUNTS), ss.AllSampler(37), 37, 1)
    with pytest.raises(ValueError, match="batch_size must be at least 1, got 0"):
        problem(COUNTS, 0)
    with pytest.raises(ValueError, match="sampler must be one of 'log-uniform'"):
        bias_by_sampler(COUNTS, BiasSettings(("zipf",), (4,)))
