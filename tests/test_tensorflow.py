"""The same numbers as TensorFlow: seeds, streams of candidates, training steps."""

import warnings

import numpy as np
import pytest

import sampledsoftmax as ss

pytestmark = pytest.mark.compiled


def log_uniform_calls(tf, seeds, true_classes, num_sampled, unique, range_max, num_calls):
    """Return the first calls of a fresh TensorFlow op; in a graph of its own the op starts at block 0."""
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        values = tf.raw_ops.LogUniformCandidateSampler(
            true_classes=true_classes, num_true=true_classes.shape[1], num_sampled=num_sampled,
            unique=unique, range_max=range_max, seed=seeds[0], seed2=seeds[1],
        )  # fmt: skip
        return [session.run(values) for _ in range(num_calls)]


def units_apart(ours, theirs):
    """Largest distance in units in the last place of float32."""
    assert ours.dtype == theirs.dtype == np.float32
    return np.abs((ours - theirs) / np.spacing(theirs)).max()


def random_setting(i):
    rng = np.random.default_rng(i)
    range_max = int(np.exp(rng.uniform(0, np.log(10**7))))
    unique = bool(rng.integers(2))
    num_sampled = int(rng.integers(1, min(range_max, 300) + 1))
    true_classes = rng.integers(0, range_max, (int(rng.integers(1, 9)), int(rng.integers(1, 4))))
    special = [(0, 2**31 - 1), (87654321, 0), (2**31 - 2, 2**31 - 2)]
    seeds = special[i] if i < len(special) else tuple(int(s) for s in rng.integers(0, 2**31 - 1, 2))
    return seeds, true_classes, num_sampled, unique, range_max


@pytest.mark.subset(1)
@pytest.mark.parametrize("block", range(10))
def test_log_uniform_streams_in_250_random_settings(tf, block):
    for i in range(block * 25, (block + 1) * 25):
        seeds, true_classes, num_sampled, unique, range_max = random_setting(i)
        theirs = log_uniform_calls(tf, seeds, true_classes, num_sampled, unique, range_max, 3)
        sampler = ss.LogUniformSampler(range_max, seed=seeds)
        for call in theirs:
            ours = sampler.sample(true_classes, num_sampled, unique)
            np.testing.assert_array_equal(ours.sampled_candidates, call[0], err_msg=f"setting {i}")
            assert units_apart(ours.true_expected_count, call[1]) <= 4
            assert units_apart(ours.sampled_expected_count, call[2]) <= 4


@pytest.mark.parametrize("seed", [0, 1, 2**31 - 1, 2**31, -5, (0, 0), (3, 0), (7, 2**31 - 1)])
def test_seeds_are_read_as_tensorflow_reads_them(tf, seed):
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        op_seed = seed
        if isinstance(seed, tuple):
            tf.compat.v1.set_random_seed(seed[0])
            op_seed = seed[1]
        op = tf.random.log_uniform_candidate_sampler([[0]], 1, 20, True, 10**6, seed=op_seed)
        theirs = session.run(op.sampled_candidates)
    ours = ss.log_uniform_candidate_sampler([[0]], 1, 20, True, 10**6, seed=seed)
    np.testing.assert_array_equal(ours.sampled_candidates, theirs)


def tensorflow_training(tf, tables, batches, num_sampled, seed, make_optimizer):
    """Run the tutorial's graph: mean sampled softmax loss of looked-up embeddings, one optimizer step a batch."""
    num_classes = tables[0].shape[0]
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        embeddings, weights, biases = (tf.compat.v1.Variable(table, use_resource=True) for table in tables)
        inputs = tf.compat.v1.placeholder(tf.int64, [None])
        labels = tf.compat.v1.placeholder(tf.int64, [None, batches[0][1].shape[1]])
        embedded = tf.nn.embedding_lookup(embeddings, inputs)
        losses = tf.nn.sampled_softmax_loss(
            weights, biases, labels, embedded, num_sampled, num_classes, batches[0][1].shape[1], seed=seed
        )
        train = make_optimizer(tf.compat.v1.train).minimize(tf.reduce_mean(losses))
        session.run(tf.compat.v1.global_variables_initializer())
        for batch in batches:
            session.run(train, {inputs: batch[0], labels: batch[1]})
        return session.run([embeddings, weights, biases])


@pytest.mark.parametrize("num_true", [1, 2])
@pytest.mark.parametrize("name", ["sgd", "adagrad"])
def test_twenty_steps_leave_the_tables_of_tensorflow(tf, name, num_true):
    num_classes, dim, num_sampled, batch_size = 3000, 16, 20, 32
    rng = np.random.default_rng(0)
    tables = [
        rng.uniform(-1, 1, (num_classes, dim)).astype(np.float32),
        rng.normal(size=(num_classes, dim)).astype(np.float32) / 4,
        rng.normal(size=num_classes).astype(np.float32) / 4,
    ]
    ids = (np.exp(rng.random((20, batch_size, 1 + num_true)) * np.log(num_classes))).astype(np.int64) - 1
    batches = [(batch[:, 0], batch[:, 1:]) for batch in ids]

    def make_optimizer(train):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return train.GradientDescentOptimizer(0.5) if name == "sgd" else train.AdagradOptimizer(0.5)

    theirs = tensorflow_training(tf, tables, batches, num_sampled, 5, make_optimizer)
    optimizer = ss.SGD(0.5) if name == "sgd" else ss.Adagrad(0.5, initial_accumulator_value=0.1)
    model = ss.SkipGram(num_classes, dim, num_sampled, optimizer, seed=5)
    model.embeddings, model.weights, model.biases = (table.copy() for table in tables)
    for inputs, labels in batches:
        model.step(inputs, labels)
    for ours, expected, start in zip((model.embeddings, model.weights, model.biases), theirs, tables, strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-4, atol=1e-6)
        untouched = (expected == start).reshape(num_classes, -1).all(axis=1)
        assert 0 < untouched.sum() < num_classes
        np.testing.assert_array_equal(ours[untouched], start[untouched])
