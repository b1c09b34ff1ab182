"""The same candidates and counts as TensorFlow's ops, call after call, in random settings."""

import numpy as np
import pytest

from sampledsoftmax.samplers.all_candidates import AllSampler
from sampledsoftmax.samplers.fixed_unigram import FixedUnigramSampler, fixed_unigram_candidate_sampler
from sampledsoftmax.samplers.learned_unigram import LearnedUnigramSampler, learned_unigram_candidate_sampler
from sampledsoftmax.samplers.log_uniform import LogUniformSampler
from sampledsoftmax.samplers.uniform import UniformSampler, uniform_candidate_sampler
from sampledsoftmax.samplers.vocab_file import read_vocab_file
from tests.test_tensorflow import units_apart

pytestmark = pytest.mark.compiled

NUM_CALLS = 3
SPECIAL_SEEDS = [(0, 2**31 - 1), (87654321, 0), (2**31 - 2, 2**31 - 2), (1, 0)]


def random_range(rng, largest):
    """Return a number of classes, often a small one, sometimes `largest`."""
    return largest if rng.random() < 0.02 else int(np.exp(rng.uniform(0, np.log(min(largest, 30_000)))))


def random_call(rng, range_max, most_unique):
    """Return (seeds, true_classes, num_sampled, unique); sometimes all classes are sampled."""
    unique = bool(rng.integers(2))
    bound = min(most_unique, 200) if unique else 200
    num_sampled = bound if rng.random() < 0.1 else int(rng.integers(1, bound + 1))
    true_classes = rng.integers(0, range_max, (int(rng.integers(0, 6)), int(rng.integers(1, 4))))
    seeds = SPECIAL_SEEDS[rng.integers(4)] if rng.random() < 0.1 else tuple(map(int, rng.integers(0, 2**31 - 1, 2)))
    return seeds, true_classes, num_sampled, unique


def settings_of(seeds, true_classes, num_sampled, unique):
    return {
        "true_classes": true_classes,
        "num_true": true_classes.shape[1],
        "num_sampled": num_sampled,
        "unique": unique,
        "seed": seeds[0],
        "seed2": seeds[1],
    }


def ranged(op_name, make, largest):
    """Return a maker of (op, our sampler, arguments of its `sample`) for an op with a range_max."""

    def make_setting(tf, rng):
        range_max = random_range(rng, largest)
        seeds, *call = random_call(rng, range_max, range_max)
        op = getattr(tf.raw_ops, op_name)(range_max=range_max, **settings_of(seeds, *call))
        return op, make(range_max, seeds), call

    return make_setting


def fixed_unigram(tf, rng):
    weights = rng.pareto(1.0, random_range(rng, 5000)) + 0.05
    if rng.random() < 0.5:
        weights = np.ceil(weights)
    reserved, shards = (int(rng.integers(0, 5)), int(rng.integers(1, 4))) if rng.random() < 0.5 else (0, 1)
    shard = int(rng.integers(shards)) if weights.size > 3 else 0
    shards = shards if weights.size > 3 else 1
    options = (float(rng.choice([1.0, 0.75, 0.5, 0.0, -0.5, 1.7])), reserved, shards, shard)
    sampler = FixedUnigramSampler(weights, *options)
    seeds, *call = random_call(rng, sampler.range_max, max(1, sampler.range_max - reserved))
    sampler = FixedUnigramSampler(weights, *options, seed=seeds)
    op = tf.raw_ops.FixedUnigramCandidateSampler(
        range_max=sampler.range_max, unigrams=weights.astype(np.float32).tolist(), distortion=options[0],
        num_reserved_ids=reserved, num_shards=shards, shard=shard, **settings_of(seeds, *call),
    )  # fmt: skip
    return op, sampler, call


def all_candidates(tf, rng):
    range_max = int(rng.integers(1, 300))
    seeds, true_classes, _, unique = random_call(rng, range_max, range_max)
    op = tf.raw_ops.AllCandidateSampler(**settings_of(seeds, true_classes, range_max, unique))
    return op, AllSampler(range_max, seeds), (true_classes, range_max, unique)


MAKERS = {
    "uniform": (ranged("UniformCandidateSampler", UniformSampler, 10**7), 50),
    "log_uniform": (ranged("LogUniformCandidateSampler", LogUniformSampler, 10**7), 50),
    "learned_unigram": (ranged("LearnedUnigramCandidateSampler", LearnedUnigramSampler, 10**7), 50),
    "fixed_unigram": (fixed_unigram, 50),
    "all": (all_candidates, 10),
}


def assert_equal_calls(ours, theirs, note):
    np.testing.assert_array_equal(ours.sampled_candidates, theirs.sampled_candidates, err_msg=note)
    for got, expected in zip(ours[1:], theirs[1:], strict=True):
        assert got.shape == expected.shape
        nonzero = expected != 0
        np.testing.assert_array_equal(got[~nonzero], 0)
        if nonzero.any():
            assert units_apart(got[nonzero], expected[nonzero]) <= 4, note


@pytest.mark.subset(10)
@pytest.mark.parametrize("block", range(40))
@pytest.mark.parametrize("name", MAKERS)
def test_streams_in_random_settings(tf, name, block):
    make, num_settings = MAKERS[name]
    rng = np.random.default_rng((block, list(MAKERS).index(name)))
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        settings = [make(tf, rng) for _ in range(num_settings)]
        calls = [session.run([op for op, _, _ in settings]) for _ in range(NUM_CALLS)]
    for theirs in calls:
        for i, ((_, sampler, call), expected) in enumerate(zip(settings, theirs, strict=True)):
            assert_equal_calls(sampler.sample(*call), expected, f"{name}, block {block}, setting {i}")


@pytest.mark.parametrize("unique", [True, False])
def test_a_learned_stream_stays_equal_for_1000_calls(tf, unique):
    range_max, num_sampled = 500, 20
    batches = (np.random.default_rng(1).pareto(1.0, (1000, 16, 2)) * 5).astype(np.int64) % range_max
    sampler = LearnedUnigramSampler(range_max, seed=(3, 4))
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        true_classes = tf.compat.v1.placeholder(tf.int64, [16, 2])
        op = tf.raw_ops.LearnedUnigramCandidateSampler(
            true_classes=true_classes, num_true=2, num_sampled=num_sampled, unique=unique, range_max=range_max,
            seed=3, seed2=4,
        )  # fmt: skip
        for i, batch in enumerate(batches):
            theirs = session.run(op, {true_classes: batch})
            assert_equal_calls(sampler.sample(batch, num_sampled, unique), theirs, f"call {i}")
    assert sampler.counts.sum() == range_max + batches.size


@pytest.mark.parametrize(("num_shards", "shard", "num_reserved_ids"), [(1, 0, 0), (1, 0, 3), (3, 0, 3), (3, 2, 4)])
def test_a_vocabulary_file_is_read_alike(tf, tmp_path, num_shards, shard, num_reserved_ids):
    path = tmp_path / "vocab.csv"
    lines = [f"word{i},{i % 3},{(i * 7919) % 101 + 0.5}" for i in range(97)]
    path.write_text("\n".join([*lines[:50], "", "12\r", *lines[50:], " w, 3 "]))
    options = (0.75, num_reserved_ids, num_shards, shard)
    sampler = FixedUnigramSampler(read_vocab_file(path), *options, seed=(1, 2))
    call = (np.array([[num_reserved_ids, 5]]), 20, True)
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        op = tf.raw_ops.FixedUnigramCandidateSampler(
            range_max=sampler.range_max, vocab_file=str(path), distortion=0.75, num_reserved_ids=num_reserved_ids,
            num_shards=num_shards, shard=shard, **settings_of((1, 2), *call),
        )  # fmt: skip
        assert_equal_calls(sampler.sample(*call), session.run(op), str(options))


@pytest.mark.parametrize("seed", [0, 5, 2**31 - 1, (0, 0), (3, 4)])
def test_python_functions_take_the_same_arguments_and_seeds(tf, seed):
    true_classes = np.array([[1], [2]])
    pairs = [
        (uniform_candidate_sampler, (true_classes, 1, 5, True, 50)),
        (learned_unigram_candidate_sampler, (true_classes, 1, 5, True, 50)),
        (fixed_unigram_candidate_sampler, (true_classes, 1, 5, True, 7, "", 0.5, 1, 1, 0, (6.0, 5, 4, 3, 2, 1))),
    ]
    for ours, arguments in pairs:
        with tf.Graph().as_default(), tf.compat.v1.Session() as session:
            if isinstance(seed, tuple):
                tf.compat.v1.set_random_seed(seed[0])
            op_seed = seed[1] if isinstance(seed, tuple) else seed
            theirs = session.run(getattr(tf.random, ours.__name__)(*arguments, seed=op_seed))
        assert_equal_calls(ours(*arguments, seed=seed), theirs, ours.__name__)
