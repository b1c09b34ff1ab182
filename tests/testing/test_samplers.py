"""`check_sampler` and `check_candidates` accept our samplers and TensorFlow's, and say what is wrong with others."""

import numpy as np
import pytest

import sampledsoftmax as ss
from experiments.faulty_samplers import right_candidates, right_draws
from sampledsoftmax.testing import check_candidates, check_sampler
from tests.registry import DRAWN, SAMPLERS

V, S = 60, 20


@pytest.mark.parametrize("name", DRAWN)
def test_draws_of_our_samplers_are_accepted(name):
    sampler, rng = SAMPLERS[name](V, 1), np.random.default_rng(1)
    check_sampler(lambda size: sampler.draw(rng, size), sampler.probability, V, num_draws=50_000).raise_if_failed()


@pytest.mark.parametrize("unique", [True, False])
@pytest.mark.parametrize("name", DRAWN)
def test_candidates_of_our_samplers_are_accepted(name, unique):
    sampler = SAMPLERS[name](V, 1)
    report = check_candidates(lambda labels: sampler.sample(labels, S, unique), V, S, unique=unique, num_calls=500)
    report.raise_if_failed()


@pytest.mark.parametrize("num_sampled", [1, 3, S])
def test_exact_counts_are_accepted_without_tolerance(num_sampled):
    sampler = ss.LogUniformSampler(V, 1, expected_count="inclusion")
    report = check_candidates(lambda labels: sampler.sample(labels, num_sampled), V, num_sampled, tolerance=0.0)
    report.raise_if_failed()


def test_the_approximation_of_few_unique_candidates_is_seen():
    sampler = ss.LogUniformSampler(V, 1)
    report = check_candidates(lambda labels: sampler.sample(labels, 3), V, 3)
    assert report.failures[0].name == "sum of counts"
    check_candidates(lambda labels: sampler.sample(labels, 1), V, 1, tolerance=0.0).raise_if_failed()


def test_composed_samplers_and_all_classes_are_accepted():
    share, rng = 1 / np.arange(1, V + 1), np.random.default_rng(1)
    share /= share.sum()
    in_batch = ss.InBatchSampler(V, counts=share, seed=1)
    mixed = ss.MixedSampler([(in_batch, S // 2), (ss.UniformSampler(V), S // 2)], seed=1, unique=False)

    def of_a_batch(labels):
        """Candidates come from the labels of a batch; the labels of the check are counted only."""
        values = mixed.sample(rng.choice(V, (S // 2, 1), p=share), S)
        return values.sampled_candidates, S * mixed.probability(labels), values.sampled_expected_count

    check_candidates(of_a_batch, V, S, unique=False).raise_if_failed()
    every = ss.AllSampler(V, 1)
    check_candidates(lambda labels: every.sample(labels, V), V, V, num_calls=10).raise_if_failed()


@pytest.mark.compiled
@pytest.mark.parametrize("unique", [True, False])
def test_samplers_of_tensorflow_are_accepted(tf, unique):
    options = {"num_true": 1, "num_sampled": S, "unique": unique, "range_max": V, "seed": 1}
    samplers = {
        "uniform": tf.random.uniform_candidate_sampler,
        "log_uniform": tf.random.log_uniform_candidate_sampler,
        "learned_unigram": tf.random.learned_unigram_candidate_sampler,
        "fixed_unigram": lambda labels, **options: tf.random.fixed_unigram_candidate_sampler(
            labels, unigrams=(1 / np.arange(1, V + 1)).tolist(), distortion=0.75, **options
        ),
    }
    for draw in samplers.values():
        report = check_candidates(lambda labels, draw=draw: draw(labels, **options), V, S, unique=unique, num_calls=400)
        report.raise_if_failed()
    every = check_candidates(lambda labels: tf.random.all_candidate_sampler(labels, 1, V, True), V, V, num_calls=10)
    every.raise_if_failed()


def test_a_right_sampler_fails_about_never():
    reports = []
    for seed in range(100):
        draws, candidates = right_draws(V, 0, seed), right_candidates(V, S, seed)
        reports.append(check_sampler(draws.draw, draws.probability, V, num_draws=2000))
        reports.append(check_candidates(candidates.sample, V, S, num_calls=20))
    assert all(reports), next(report for report in reports if not report)


def test_a_deviation_of_the_stated_size_is_found():
    rng, share = np.random.default_rng(1), np.full(V, 1 / V)
    stated = check_sampler(lambda size: rng.choice(V, size), lambda ids: share[ids], V, num_draws=5000)["distribution"]
    least = float(stated.found.split("total variation of ")[2].split(" %")[0]) / 100
    moved = share + np.where(np.arange(V) % 2, 1, -1) * 2 * least / V
    assert np.abs(moved - share).sum() / 2 == pytest.approx(least)
    found = [
        not check_sampler(lambda size: rng.choice(V, size, p=moved), lambda ids: share[ids], V, num_draws=5000)
        for _ in range(100)
    ]
    assert np.mean(found) >= 0.96


def wrong(draw=None, probability=None, **options):
    """Return the names and the words of failed checks."""
    rng = np.random.default_rng(1)
    report = check_sampler(
        draw or (lambda size: rng.integers(0, 4, size)),
        probability or (lambda ids: np.full(ids.shape, 0.25)),
        4,
        num_draws=2000,
        **options,
    )
    return {check.name: check.found for check in report.failures}


def test_what_a_sampler_returns_is_judged_and_not_raised():
    assert wrong(np.zeros) == {"ids": "They must be integers [200], got dtype float64."}
    assert wrong(lambda size: np.zeros(3, int)) == {"ids": "They must have shape [200], got [3]."}
    assert "id -1 was drawn" in wrong(lambda size: np.full(size, -1))["ids"]
    assert wrong(probability=lambda ids: ids)["claim"].startswith("They must be floats [4]")
    assert wrong(probability=lambda ids: np.full(2, 0.5))["claim"] == "They must have shape [4], got [2]."
    assert "got nan at position [0]" in wrong(probability=lambda ids: np.full(4, np.nan))["claim"]
    assert wrong(probability=lambda ids: np.zeros(4))["claim"] == "All are 0."


def test_draws_that_depend_on_each_other_are_found():
    rng = np.random.default_rng(1)
    assert list(wrong(lambda size: np.sort(rng.integers(0, 4, size)))) == ["independence"]
    assert list(wrong(lambda size: np.arange(size) % 4)) == ["independence"]
    stands_still = wrong(lambda size: np.random.default_rng(1).integers(0, 4, size))
    assert stands_still["independence"].startswith("9 of 10 calls returned the draws of the call before")


def test_support_is_that_of_the_claim():
    claim = np.array([0.5, 0.5, 0, 0])
    assert "2 classes whose claim is 0 are drawn, class 2" in wrong(probability=lambda ids: claim[ids])["support"]
    rng = np.random.default_rng(1)
    assert "1 classes between id 3 and id 3 are never drawn" in wrong(lambda size: rng.integers(0, 3, size))["support"]
    share = np.full(50_000, 1 / 50_000)  # too rare one by one: found together
    report = check_sampler(lambda size: rng.integers(0, 45_000, size), lambda ids: share[ids], 50_000)
    assert not report["support"].passed
    assert report["support"].size == pytest.approx(0.1, abs=0.02)


def test_a_tolerance_is_accepted():
    rng, share = np.random.default_rng(1), np.array([0.26, 0.24, 0.25, 0.25])
    arguments = (lambda size: rng.choice(4, size, p=share)), (lambda ids: np.full(ids.shape, 0.25)), 4
    assert not check_sampler(*arguments)["distribution"].passed
    assert check_sampler(*arguments, tolerance=0.02)


def candidates_failing(sample, num_sampled=2, **options):
    return {check.name: check.found for check in check_candidates(sample, 4, num_sampled, **options).failures}


def test_candidates_are_judged():
    rng = np.random.default_rng(1)
    half = np.full((4, 1), 0.5)

    def sample(ids, counts=half, of_candidates=None):
        return lambda _: (ids(), counts, np.full(2, 0.5) if of_candidates is None else of_candidates)

    assert not candidates_failing(sample(lambda: rng.permutation(4)[:2]))
    assert "further copies" in candidates_failing(sample(lambda: rng.integers(0, 4, 2)))["copies"]
    apart = candidates_failing(sample(lambda: rng.permutation(4)[:2], of_candidates=np.full(2, 0.4)))
    assert list(apart) == ["labels and candidates"]
    assert "20 % apart" in apart["labels and candidates"]
    assert "must return three arrays" in candidates_failing(lambda _: 3)["counts"]
    assert "must be in [0, 2], got 4 at" in candidates_failing(sample(lambda: np.array([0, 1]), half * 8))["counts"]
    assert "shape [2], got [1]" in candidates_failing(sample(lambda: np.array([1])))["ids"]
    certain = candidates_failing(sample(lambda: rng.permutation(4)[:2], np.array([[1.0], [1.0], [0.0], [0.0]])))
    assert "class 0 must be there 1000 times, without chance" in certain["expected counts"]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"draw": 3}, TypeError, "draw must be a function, got int 3"),
        ({"probability": None}, TypeError, "probability must be a function, got NoneType None"),
        ({"num_classes": 1}, ValueError, "num_classes must be at least 2, got 1"),
        ({"num_draws": 10}, ValueError, "num_draws must be at least 100, got 10"),
        ({"tolerance": 1.0}, ValueError, "tolerance must be below 1, got 1"),
    ],
)
def test_arguments_of_check_sampler_are_checked_first(arguments, error, message):
    def not_called(_):
        raise AssertionError

    with pytest.raises(error) as raised:
        check_sampler(**{"draw": not_called, "probability": not_called, "num_classes": 3, **arguments})
    assert str(raised.value) == message


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"sample": 3}, TypeError, "sample must be a function, got int 3"),
        ({"num_classes": 2.0}, TypeError, "num_classes must be a whole number, got float 2.0"),
        ({"num_sampled": 4}, ValueError, "num_sampled = 4 unique candidates cannot be drawn from num_classes = 3"),
        ({"unique": 1}, TypeError, "unique must be True or False, got int 1"),
        ({"num_calls": 9}, ValueError, "num_calls must be at least 10, got 9"),
        ({"tolerance": -1}, ValueError, "tolerance must be at least 0, got -1"),
    ],
)
def test_arguments_of_check_candidates_are_checked_first(arguments, error, message):
    with pytest.raises(error) as raised:
        check_candidates(**{"sample": print, "num_classes": 3, "num_sampled": 2, **arguments})
    assert str(raised.value) == message
