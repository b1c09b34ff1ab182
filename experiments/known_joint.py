"""A small known joint distribution, and a table of logits trained on it to convergence."""

import numpy as np

from experiments.small_model import Loss, Model
from sampledsoftmax.diagnostics.problem import Floats, shares, zipf_counts
from sampledsoftmax.optimizers import Adagrad


def random_joint(num_classes: int, seed: int = 0) -> Floats:
    """Return probabilities of pairs (input, label): Zipf's shares times exp of normal numbers, scaled to 1.

    Examples
    --------
    >>> joint = random_joint(5)
    >>> joint.shape, float(joint.sum().round(6))
    ((5, 5), 1.0)
    """
    share = shares(zipf_counts(num_classes))
    joint = np.outer(share, share) * np.exp(np.random.default_rng(seed).standard_normal((num_classes, num_classes)))
    return np.asarray(joint / joint.sum())


def learned_logits(joint: Floats, loss: Loss, num_steps: int, learning_rate: float = 1.0) -> Floats:
    """Return the logits [num_inputs, num_classes] that a loss converges to on data of a known distribution.

    There is no model: each pair has its own logit. Every step uses all pairs, weighted by their probabilities, so only
    the candidates are random; the logits of the second half of the steps are averaged.

    Parameters
    ----------
    joint : float64 [num_classes, num_classes]
        Probability of each pair (input, label), all above 0.
    loss : function
        For example, `small_model.sampled(...)`.
    num_steps : int
        Number of Adagrad steps.
    learning_rate : float
        Learning rate of Adagrad.

    Examples
    --------
    >>> from experiments.small_model import full_softmax
    >>> joint = random_joint(4)
    >>> truth = np.log(joint / joint.sum(axis=1, keepdims=True))
    >>> float(abs(centered(learned_logits(joint, full_softmax(), 500)) - centered(truth)).max().round(3))
    0.0
    """
    size = joint.shape[0]
    inputs, labels = np.repeat(np.eye(size), size, axis=0), np.tile(np.arange(size), size)
    weights, biases = np.zeros((size, size)), np.full(size, -np.log(size))
    optimizer = Adagrad(learning_rate, initial_accumulator_value=1e-10)
    slots = optimizer.init(weights), optimizer.init(biases)
    model, total = Model(inputs, weights, biases), np.zeros((size, size))
    for step in range(num_steps):
        found = loss(model, (inputs, labels), joint.ravel())
        optimizer.update(weights, slots[0], found.weights)
        optimizer.update(biases, slots[1], found.biases)
        if step >= num_steps // 2:
            total += weights.T + biases
    return total / (num_steps - num_steps // 2)


def centered(logits: Floats) -> Floats:
    """Return logits minus the mean of their row: adding a constant to a row does not change its softmax.

    Examples
    --------
    >>> centered(np.array([[1.0, 3.0]]))
    array([[-1.,  1.]])
    """
    return np.asarray(logits - logits.mean(axis=1, keepdims=True))


def correlation(one: Floats, other: Floats) -> float:
    """Return Pearson's correlation of the entries of two arrays."""
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])
