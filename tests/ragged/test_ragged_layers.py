"""Ragged labels in the layers: the steps of RaggedSteps on their tables, and what is refused."""

import copy

import numpy as np
import pytest

import sampledsoftmax as ss
from sampledsoftmax.layers.ragged_step import RaggedSteps, RaggedTables
from tests.ragged.cases import ragged

OPTIONS = {"temperature": 0.5, "normalize": True}
LABELS = ragged([3, 0, 1, 5])
IDS = np.array([4, 0, 7, 4])


def steps_beside(layer):
    return RaggedSteps(layer.num_sampled, layer.dim, layer.dtype, copy.deepcopy(layer.sampler), **OPTIONS)


def test_a_layer_takes_the_step_of_its_tables():
    layer = ss.SampledSoftmax(30, 6, 9, seed=1, **OPTIONS)
    other, steps = copy.deepcopy(layer), steps_beside(layer)
    inputs = np.random.default_rng(2).normal(size=(4, 6)).astype(np.float32)
    for _ in range(2):
        loss, gradient = layer.step(inputs, LABELS)
        expected = steps.step_inputs((other.weight_table, other.bias_table), inputs, LABELS)
        assert loss == expected[0]
        np.testing.assert_array_equal(gradient, expected[1])
    assert loss > 0
    np.testing.assert_array_equal(gradient[1], 0)  # it has no labels
    np.testing.assert_array_equal(layer.weights, other.weights)
    np.testing.assert_array_equal(layer.biases, other.biases)
    assert layer.sampler.state == steps.sampler.state


def test_a_skip_gram_takes_the_step_of_its_tables():
    model = ss.SkipGram(30, 6, 9, seed=1, **OPTIONS)
    other, steps = copy.deepcopy(model), steps_beside(model.output)
    tables = RaggedTables(other.embedding_table, other.output.weight_table, other.output.bias_table)
    for _ in range(2):
        assert model.step(IDS, LABELS) == steps.steps(tables, IDS, LABELS, [0, 4])[0]
    np.testing.assert_array_equal(model.embeddings, other.embeddings)
    np.testing.assert_array_equal(model.weights, other.weights)
    np.testing.assert_array_equal(model.biases, other.biases)


def test_one_label_an_example_is_a_step_without_ragged_labels():
    plain, with_ragged = (ss.SkipGram(30, 6, 9, seed=1) for _ in range(2))
    ids, labels = np.arange(20), np.arange(20)[::-1] + 3
    loss = plain.step(ids, labels)
    np.testing.assert_allclose(with_ragged.step(ids, ss.RaggedLabels(labels, np.arange(21))), loss, rtol=1e-6)
    np.testing.assert_allclose(with_ragged.weights, plain.weights, atol=1e-6)
    np.testing.assert_allclose(with_ragged.embeddings, plain.embeddings, atol=1e-6)


def test_copies_of_a_layer_go_on_alike():
    layer = ss.SampledSoftmax(30, 6, 9, seed=1)
    inputs = np.ones((4, 6), np.float32)
    layer.step(inputs, LABELS)
    twin = copy.deepcopy(layer)
    assert layer.step(inputs, LABELS)[0] == twin.step(inputs, LABELS)[0]


def test_what_ragged_labels_cannot_be_combined_with_is_refused():
    layer, model = ss.SampledSoftmax(30, 6, 9), ss.SkipGram(30, 6, 9)
    before = layer.weights.copy()
    inputs = np.ones((4, 6), np.float32)
    with pytest.raises(ValueError, match=r"sample_weight must be None with ss\.RaggedLabels"):
        layer.step(inputs, LABELS, np.ones(4))
    with pytest.raises(ValueError, match="ignore_index must be None"):
        model.step(IDS, LABELS, ignore_index=-1)
    with pytest.raises(ValueError, match="inputs must have shape"):
        layer.step(np.ones((4, 5), np.float32), LABELS)
    with pytest.raises(ValueError, match=r"inputs\[0\] = 30 is not a class id"):
        model.step([30, 0, 0, 0], LABELS)
    with pytest.raises(ValueError, match="labels"):
        model.step([0, 1], LABELS)
    with pytest.raises(ValueError, match="objective must be 'sampled_softmax'"):
        ss.SampledSoftmax(30, 6, 9, objective="nce").step(inputs, LABELS)
    with pytest.raises(AttributeError, match="ragged_steps"):
        layer.ragged_steps = None
    np.testing.assert_array_equal(layer.weights, before)
