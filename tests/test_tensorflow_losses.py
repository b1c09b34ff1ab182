"""Losses and gradients are those of TensorFlow's GradientTape, in named and in random settings."""

import numpy as np
import pytest

import sampledsoftmax as ss
from tests.cases import make_case, with_double_counts

pytestmark = pytest.mark.compiled

RTOL = {np.float32: 1e-5, np.float64: 1e-12}


def tensorflow_loss_and_grad(tf, name, case, hits, num_shards=1):
    """Return (loss, gradients of weights, biases, inputs) of sum(weight of the example * loss)."""
    weights = [tf.Variable(part) for part in np.array_split(case.weights, num_shards)]
    biases, inputs = tf.Variable(case.biases), tf.Variable(case.inputs)
    table = weights[0] if num_shards == 1 else weights
    with tf.GradientTape() as tape:
        loss = getattr(tf.nn, name)(
            table, biases, case.labels, inputs, case.values[0].size, case.weights.shape[0],
            case.num_true, tuple(tf.constant(v) for v in case.values), hits,
        )  # fmt: skip
        total = tf.reduce_sum(loss * weights_of_examples(case))
    return loss.numpy(), tape.gradient(total, [table, biases, inputs])


def weights_of_examples(case):
    return np.linspace(0.5, 2.0, len(case.inputs)).astype(case.inputs.dtype)


def check_equal(tf, name, case, hits, num_shards=1, hit_copies="all"):
    """Compare one setting: indices exactly, numbers to the tolerance of the dtype."""
    theirs, (weights, biases, inputs) = tensorflow_loss_and_grad(tf, name, case, hits, num_shards)
    table = case.weights if num_shards == 1 else np.array_split(case.weights, num_shards)
    loss, ours = getattr(ss, f"{name}_and_grad")(
        table, *case.arguments[1:], case.values, hits,
        hit_copies=hit_copies, loss_grad=weights_of_examples(case),
    )  # fmt: skip
    # A result is a sum of terms of both signs, so it is as exact as they are, whatever its own size: in the
    # last place of a logit L each term is off by eps * L, and n independent errors add up to sqrt(n) of them.
    batch_size, num_sampled = len(case.inputs), case.values[0].size
    largest_logit = np.abs(case.inputs @ case.weights.T + case.biases).max()
    largest_logit += max(np.abs(np.log(counts)).max() for counts in case.values[1:])
    columns = num_sampled + case.num_true  # summed in the loss of NCE and in the normalizer of softmax
    terms = {
        "loss": np.sqrt(columns),
        "inputs": 2 * np.abs(case.weights).max() * np.sqrt(columns),
        "weights": 2 * np.abs(case.inputs).max() * np.sqrt(batch_size),
        "biases": 2 * np.sqrt(batch_size),
    }
    pairs = [("loss", loss, theirs), ("inputs", ours.inputs, inputs.numpy())]
    slices = [("biases", ours.biases, biases)]
    weights_of = [(ours.weights, weights)] if num_shards == 1 else zip(ours.weights, weights, strict=True)
    slices += [("weights", *both) for both in weights_of]
    for of, got, expected in slices:
        np.testing.assert_array_equal(got.indices, expected.indices)
        pairs.append((of, got.values, expected.values.numpy()))
    rtol = RTOL[case.weights.dtype.type]
    unit = np.finfo(case.weights.dtype).eps * (4 + largest_logit)
    for of, got, expected in pairs:
        np.testing.assert_allclose(got, expected, rtol=rtol, atol=unit * terms[of], err_msg=of)


GRID = [  # batch_size, num_true, num_sampled
    (batch_size, num_true, num_sampled)
    for batch_size in (1, 5, 64)
    for num_true in (1, 2, 3)
    for num_sampled in (1, 7, 40)
]


@pytest.mark.subset(24)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("hits", [True, False])
@pytest.mark.parametrize(("batch_size", "num_true", "num_sampled"), GRID)
@pytest.mark.parametrize("name", ["sampled_softmax_loss", "nce_loss"])
def test_loss_and_gradients_are_those_of_the_gradient_tape(tf, name, dtype, hits, batch_size, num_true, num_sampled):
    case = make_case(50, 8, batch_size, num_sampled, num_true, dtype, seed=batch_size + num_true)
    if batch_size == 64 and num_sampled == 40:
        assert np.unique(case.labels).size < case.labels.size, "no label occurs twice"
        assert np.isin(case.labels, case.values[0]).any(), "no label is among the candidates"
    if dtype == np.float64:  # TensorFlow's sampled counts are float32 and do not mix with double logits
        case = case._replace(values=with_double_counts(case.values))
    check_equal(tf, name, case, hits)


def random_case(i):
    """One of any number of settings: sizes, sampler's replacement, and seeds all follow from `i`."""
    rng = np.random.default_rng(i)
    num_classes = int(np.exp(rng.uniform(0, np.log(20_000))))
    unique = bool(rng.integers(2))
    most = min(num_classes, 200) if unique else 200
    num_sampled = int(np.exp(rng.uniform(0, np.log(most)))) if most > 1 else 1
    sizes = (num_classes, int(rng.integers(1, 40)), int(rng.integers(1, 20)), num_sampled)
    return make_case(*sizes, int(rng.integers(1, 4)), np.float32, seed=i, unique=unique)


@pytest.mark.subset(1)
@pytest.mark.parametrize("block", range(20))
def test_losses_in_2000_random_settings(tf, block):
    for i in range(block * 100, (block + 1) * 100):
        case = random_case(i)
        name = ("sampled_softmax_loss", "nce_loss")[i % 2]
        num_shards = min(1 + i % 5 // 3, case.weights.shape[0])  # two shards in two of five settings
        # With replacement TensorFlow masks one copy of a hit; "last" is that.
        check_equal(tf, name, case, bool(i // 2 % 2), num_shards, "last")


@pytest.mark.subset(4)
@pytest.mark.parametrize("seed", range(20))
def test_accidental_hits_are_tensorflows(tf, seed):
    rng = np.random.default_rng(seed)
    num_true = int(rng.integers(1, 4))
    labels, candidates = rng.integers(0, 12, (7, num_true)), rng.integers(0, 12, 15)
    theirs = tf.nn.compute_accidental_hits(labels, candidates, num_true)
    for ours, expected in zip(ss.compute_accidental_hits(labels, candidates, num_true), theirs, strict=True):
        np.testing.assert_array_equal(ours, expected)
        assert ours.dtype == expected.numpy().dtype


def test_logits_are_tensorflows(tf):
    """Its logits are private; they are recovered from the gradient-free parts of the public losses."""
    case = make_case(40, 5, 6, 11, 2)
    logits, targets = ss.compute_sampled_logits(*case.arguments, case.values)
    by_hand = tf.nn.softmax_cross_entropy_with_logits(labels=targets, logits=logits)
    theirs = tf.nn.sampled_softmax_loss(*case.arguments, tuple(case.values), remove_accidental_hits=False)
    np.testing.assert_allclose(by_hand, theirs, rtol=1e-5)
