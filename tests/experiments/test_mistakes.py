"""The experiment on mistakes: its wrong samplers are wrong as documented, its corpus has the stated distribution."""

import numpy as np
import pytest

import sampledsoftmax as ss
from experiments.corpus import topic_corpus
from experiments.mistakes import VARIANTS, MistakeSettings, what_goes_wrong
from experiments.small_model import SmallModelSettings, exact_loss, full_softmax, sampled, train_model
from experiments.wrong_q import Recounted, ReplacedLogUniform, RoundedLogUniform, WithReplacement, claimed
from sampledsoftmax.diagnostics.gradient import CORRECT
from tests.goodness_of_fit import chi_square_score

N = 50


def test_the_claimed_distribution_is_log_uniform():
    ids = np.arange(N)
    np.testing.assert_allclose(claimed(ids, N), ss.LogUniformSampler(N).probability(ids), rtol=1e-5)


def first_draws(sampler, calls=20_000):
    return np.bincount([sampler.sample([[0]], 1).sampled_candidates[0] for _ in range(calls)], minlength=N)


def test_rounded_draws_follow_the_formula_and_not_the_claim():
    """A draw rounds to k if exp(u log N) is within 0.5 of k + 1."""
    edges = np.log(np.clip(np.arange(N + 1) + 0.5, 1, N)) / np.log(N)
    truth = np.diff(edges)
    drawn = first_draws(RoundedLogUniform(N, seed=1))
    assert abs(chi_square_score(drawn, truth * drawn.sum())) < 4
    assert truth[0] / claimed(np.array(0), N) == pytest.approx(np.log(1.5) / np.log(2) * np.log(N + 1) / np.log(N))
    assert chi_square_score(drawn, claimed(np.arange(N), N) * drawn.sum()) > 20


def test_rounded_draws_are_unique_and_count_their_tries():
    values = RoundedLogUniform(N, seed=1).sample([[3], [40]], 30)
    assert np.unique(values.sampled_candidates).size == 30
    tries = np.log1p(-values.true_expected_count[:, 0]) / np.log1p(-claimed(np.array([3, 40]), N))
    assert tries[0] == pytest.approx(round(tries[0]), abs=1e-3)
    assert tries[1] == pytest.approx(tries[0], abs=1e-2)
    assert tries[0] > 30


def test_draws_with_replacement_have_counts_of_unique_draws():
    sampler = ReplacedLogUniform(N, seed=1)
    copies = np.mean([(sampler.sample([[0]], 40).sampled_candidates == 0).sum() for _ in range(2000)])
    assert copies == pytest.approx(40 * np.log(2) / np.log(N), rel=0.05)
    values = sampler.sample([[0]], 40)
    assert values.true_expected_count[0, 0] == pytest.approx(1 - (1 - claimed(np.array(0), N)) ** 40, rel=1e-6)
    drawn = first_draws(sampler)
    assert drawn[N - 1] == 0


def test_wrappers_keep_the_candidates():
    plain = ss.LogUniformSampler(N, 3).sample([[1]], 9)
    changed = Recounted(ss.LogUniformSampler(N, 3), np.reciprocal).sample([[1]], 9)
    assert changed.sampled_candidates.tolist() == plain.sampled_candidates.tolist()
    np.testing.assert_allclose(changed.sampled_expected_count, 1 / plain.sampled_expected_count)
    replaced = WithReplacement(ss.LogUniformSampler(N, 3)).sample([[0]], 200)
    assert replaced.true_expected_count[0, 0] == pytest.approx(200 * claimed(np.array(0), N), rel=1e-5)


def test_the_corpus_draws_from_its_joint_distribution():
    corpus = topic_corpus(N, 4, seed=2)
    inputs, labels = corpus.pairs(200_000, seed=1)
    observed = np.bincount(inputs * N + labels, minlength=N * N)
    assert abs(chi_square_score(observed, corpus.joint.ravel() * 200_000)) < 4
    assert (np.diff(corpus.label_share) < 0).all()
    np.testing.assert_allclose(corpus.label_share, corpus.input_share)


def test_the_least_loss_is_the_entropy_whatever_constant_is_added_per_input():
    corpus = topic_corpus(N, 4, seed=2)
    truth = np.log(corpus.joint)
    assert exact_loss(corpus, truth) == pytest.approx(corpus.entropy)
    assert exact_loss(corpus, truth + np.arange(N)[:, np.newaxis]) == pytest.approx(corpus.entropy)
    assert exact_loss(corpus, 1.1 * truth) > corpus.entropy + 1e-4


def test_permuting_ids_keeps_the_corpus():
    corpus = topic_corpus(N, 4, seed=2)
    shuffled = corpus.renamed(seed=5)
    assert shuffled.entropy == pytest.approx(corpus.entropy)
    assert sorted(shuffled.label_share) == pytest.approx(sorted(corpus.label_share))
    assert not (np.diff(shuffled.label_share) < 0).all()
    assert (shuffled.topics != corpus.topics).any()


@pytest.mark.compiled
def test_all_classes_as_candidates_train_like_the_full_softmax():
    corpus, training = topic_corpus(N, 4), SmallModelSettings(num_steps=200, dim=4, num_points=2)
    full = train_model(corpus, full_softmax(), training, seed=3)
    every = train_model(corpus, sampled(ss.AllSampler(N), N), training, seed=3)
    np.testing.assert_allclose(every.loss, full.loss, rtol=1e-9)
    assert full.steps.tolist() == [100, 200]
    kept = train_model(
        corpus, sampled(ss.AllSampler(N), N, CORRECT._replace(remove_accidental_hits=False)), training, seed=3
    )
    assert (np.abs(kept.loss / full.loss - 1) > 1e-5).all()


@pytest.mark.slow
@pytest.mark.compiled
def test_mistakes_at_a_small_size():
    settings = MistakeSettings(100, 4, (8, 50), 600, (1,), SmallModelSettings(num_steps=600, dim=6, num_points=1))
    points = what_goes_wrong(settings)
    found = {(point.variant, point.num_sampled): point for point in points}
    assert len(found) == len(points) == 1 + 2 * len(VARIANTS)
    excess = {key: np.mean(point.excess) for key, point in found.items()}
    bias = {key: point.gradient for key, point in found.items() if point.gradient}
    assert 0 < excess["full softmax", 100] < excess["right", 50] < excess["right", 8]

    def assert_more_biased(one, other, size):
        gap = bias[one, size].squared_bias - bias[other, size].squared_bias
        assert gap > 4 * np.hypot(bias[one, size].squared_bias_error, bias[other, size].squared_bias_error), one

    for size in (8, 50):
        for name in ("no log Q", "log Q added", "ids not sorted"):
            assert_more_biased(name, "right", size)
            assert excess[name, size] > 1.1 * excess["right", size]
        assert excess["log Q added", size] > excess["no log Q", size]
    assert_more_biased("hits left in", "right", 50)
    assert_more_biased("copies counted once", "right, with replacement", 50)
    assert bias["right", 50].bias < bias["right", 8].bias / 3
    assert bias["copies counted once", 50].bias > bias["copies counted once", 8].bias  # more candidates, more wrong
