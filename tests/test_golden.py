"""Recorded numbers of TensorFlow, so that parity is tested where TensorFlow cannot be installed too."""

import json

import numpy as np
import pytest

import sampledsoftmax as ss
from tests.golden import settings
from tests.golden.record import FILE

RECORDED = json.loads(FILE.read_text())


def make_sampler(op, arguments, num_sampled, seeds):
    range_max = arguments.get("range_max", num_sampled)
    if op == "FixedUnigramCandidateSampler":
        own = {name: value for name, value in arguments.items() if name != "range_max"}
        return ss.FixedUnigramSampler(**own, seed=seeds)
    kinds = {
        "LogUniformCandidateSampler": ss.LogUniformSampler,
        "UniformCandidateSampler": ss.UniformSampler,
        "LearnedUnigramCandidateSampler": ss.LearnedUnigramSampler,
        "AllCandidateSampler": ss.AllSampler,
    }
    return kinds[op](range_max, seed=seeds)


@pytest.mark.parametrize("name", settings.SAMPLERS)
def test_candidates_and_counts(name):
    op, arguments, num_sampled, unique, seeds = settings.SAMPLERS[name]
    sampler = make_sampler(op, arguments, num_sampled, seeds)
    calls = RECORDED["samplers"][name]
    assert len(calls) == settings.NUM_CALLS
    for ids, true_count, sampled_count in calls:
        ours = sampler.sample(settings.TRUE_CLASSES, num_sampled, unique)
        assert ours.sampled_candidates.tolist() == ids
        for got, expected in ((ours.true_expected_count, true_count), (ours.sampled_expected_count, sampled_count)):
            theirs = np.array(expected, np.float32)
            assert got.shape == theirs.shape
            assert (np.abs(got - theirs) <= 4 * np.spacing(theirs)).all()


@pytest.mark.parametrize("name", settings.LOSSES)
def test_loss_and_gradients(name):
    function, hits = settings.LOSSES[name]
    embeddings, weights, biases = settings.tables()
    ids, labels = settings.batch(0)
    loss, gradients = getattr(ss, f"{function}_and_grad")(
        weights, biases, labels, embeddings[ids], settings.NUM_SAMPLED, settings.NUM_CLASSES, 2,
        remove_accidental_hits=hits, seed=settings.SEED,
    )  # fmt: skip
    slices = gradients.weights
    ours = (loss, slices.indices, slices.values, gradients.biases.values, gradients.inputs)
    for got, expected in zip(ours, RECORDED["losses"][name], strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", settings.OPTIMIZERS)
def test_training_steps(name):
    rule = ss.SGD(settings.LEARNING_RATE) if name == "sgd" else ss.Adagrad(settings.LEARNING_RATE)
    model = ss.SkipGram(settings.NUM_CLASSES, settings.DIM, settings.NUM_SAMPLED, rule, seed=settings.SEED)
    model.embeddings, model.weights, model.biases = settings.tables()
    for step in range(settings.NUM_STEPS):
        model.step(*settings.batch(step))
    for ours, expected in zip((model.embeddings, model.weights, model.biases), RECORDED["training"][name], strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-4, atol=1e-6)


def test_labels_are_among_the_recorded_candidates():
    _, labels = settings.batch(0)
    drawn = ss.log_uniform_candidate_sampler(labels, 2, settings.NUM_SAMPLED, True, settings.NUM_CLASSES, settings.SEED)
    assert np.isin(labels, drawn.sampled_candidates).any()
