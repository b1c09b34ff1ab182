"""What each objective learns at small sizes: log p or the pointwise mutual information."""

import numpy as np
import pytest

import sampledsoftmax as ss
from experiments.known_joint import centered, correlation, learned_logits, random_joint
from experiments.loss_by_sampler import LossSettings, loss_by_sampler
from experiments.objectives import OBJECTIVES, ObjectiveSettings, compare_objectives
from experiments.small_model import SmallModelSettings, full_softmax, sampled

V = 12
JOINT = random_joint(V, seed=3)
LOG_P = np.log(JOINT / JOINT.sum(axis=1, keepdims=True))
PMI = LOG_P - np.log(JOINT.sum(axis=0))


def test_the_joint_is_a_non_uniform_distribution():
    assert JOINT.sum() == pytest.approx(1)
    assert (JOINT > 0).all()
    assert PMI.std() > 0.7


@pytest.mark.compiled
@pytest.mark.parametrize("loss", [full_softmax(), sampled(ss.AllSampler(V), V)], ids=["full", "all candidates"])
def test_exact_losses_converge_to_log_p(loss):
    logits = learned_logits(JOINT, loss, 1500)
    np.testing.assert_allclose(centered(logits), centered(LOG_P), atol=1e-2)


@pytest.mark.subset(1)
@pytest.mark.compiled
@pytest.mark.parametrize(
    ("name", "truth", "other"),
    [
        ("sampled softmax", LOG_P, PMI),
        ("sampled softmax, no log Q", PMI, LOG_P),
        ("NCE", LOG_P, PMI),
        ("negative sampling", PMI, LOG_P),
    ],
)
def test_each_objective_converges_to_its_target(name, truth, other):
    objective, num_sampled = OBJECTIVES[name], 5
    sampler = objective.sampler(JOINT.sum(axis=0), seed=1)
    logits = learned_logits(JOINT, sampled(sampler, num_sampled, objective.correction, objective.loss), 4000)
    assert correlation(centered(logits), centered(truth)) > 0.97
    assert correlation(centered(logits), centered(truth)) > correlation(centered(logits), centered(other)) + 0.05
    if name == "NCE":
        assert np.log(np.exp(logits).sum(axis=1)).mean() == pytest.approx(0, abs=0.1)  # self-normalized
    if name == "negative sampling":
        assert np.sqrt(((logits - PMI + np.log(num_sampled)) ** 2).mean()) < 0.2  # Levy and Goldberg 2014


@pytest.mark.slow
@pytest.mark.compiled
def test_word_vectors_without_log_q_miss_only_the_counts():
    training = SmallModelSettings(num_steps=1200, dim=6, num_points=3)
    found = compare_objectives(ObjectiveSettings(4, 2, 10, 5, 80, 4, 12, training))
    vectors = {point.objective: point for point in found.vectors}
    assert list(vectors) == ["full softmax", *OBJECTIVES]
    assert [point.objective for point in found.table] == list(OBJECTIVES)
    assert found.log_p_shown.size == found.pmi_shown.size == found.table[0].shown.size == 5
    for name in ("sampled softmax, no log Q", "negative sampling"):
        assert vectors[name].excess[-1] > 3 * vectors["sampled softmax"].excess[-1]
        assert vectors[name].excess_with_counts < vectors[name].excess[-1] / 3
    for name in ("full softmax", "sampled softmax", "NCE"):
        assert vectors[name].excess[-1] < vectors[name].excess[0]
        assert vectors[name].excess_with_counts > 2 * vectors[name].excess[-1]
    assert vectors["full softmax"].excess[-1] < vectors["sampled softmax"].excess[-1]
    assert all(point.neighbors_of_topic > 0.5 for point in found.vectors)  # by chance, 0.25


@pytest.mark.slow
@pytest.mark.compiled
def test_more_candidates_approach_the_full_softmax():
    training = SmallModelSettings(num_steps=600, dim=6, num_points=1)
    settings = LossSettings(60, 3, ("counts", "uniform"), (3, 50), (1, 2), training)
    full, *points = loss_by_sampler(settings)
    found = {(point.sampler, point.num_sampled): np.mean(point.excess) for point in points}
    assert full.num_sampled == 60
    for name in settings.samplers:
        assert abs(found[name, 50] / np.mean(full.excess) - 1) < 0.1
        assert found[name, 3] > 1.2 * np.mean(full.excess)
