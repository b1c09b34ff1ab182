"""Tables and ranges so large that narrow integers would overflow or memory would run out."""

import os
import subprocess
import sys

import numpy as np
import pytest

import sampledsoftmax as ss
from tests.registry import OPTIMIZERS

pytestmark = pytest.mark.compiled


@pytest.fixture
def huge_table(tmp_path):
    """Return a float32 table of more than 2**31 entries in a sparse file, which holds only the pages written."""
    shape = (2**25 + 5, 64)
    path = tmp_path / "table"
    with path.open("wb") as file:
        file.truncate(shape[0] * shape[1] * 4)
    if path.stat().st_blocks * 512 > 2**20:
        pytest.skip("this file system has no sparse files")
    return np.memmap(path, np.float32, "r+", shape=shape)


def test_offsets_beyond_two_to_the_31_reach_their_rows(huge_table):
    num_classes, dim = huge_table.shape
    last = num_classes - 1
    huge_table[last] = 1.0
    labels, candidates = np.array([[last]]), np.array([0, last - 1])
    values = ss.SampledValues(candidates, np.ones((1, 1), np.float32), np.ones(2, np.float32))
    loss, gradients = ss.sampled_softmax_loss_and_grad(
        huge_table, None, labels, np.full((1, dim), 0.125, np.float32), 2, num_classes, 1, values
    )
    # The sum of exponentials is 1.0007 in float32, so its logarithm is off by up to its last place.
    assert loss[0] == pytest.approx(np.log(1 + 2 * np.exp(-8)), abs=float(np.finfo(np.float32).eps))
    assert gradients.weights.indices.tolist() == [last, 0, last - 1]
    ss.SGD(1.0).update(np.asarray(huge_table), {}, gradients.weights)
    assert huge_table[last, 0] > 1.0
    assert huge_table[last - 1, 0] == huge_table[0, 0] < 0.0
    assert not huge_table[1].any()
    assert os.stat(huge_table.filename).st_blocks * 512 < 2**22, "more than the named rows was written"


@pytest.mark.parametrize("make", [ss.LogUniformSampler, ss.UniformSampler])
@pytest.mark.parametrize("expected_count", ["tensorflow", "inclusion"])
def test_ranges_of_2_to_the_40_need_no_memory(make, expected_count):
    sampler = make(2**40, seed=1, expected_count=expected_count)
    values = sampler.sample([[0], [2**40 - 1]], 500)
    assert np.unique(values.sampled_candidates).size == 500
    assert 0 <= values.sampled_candidates.min() <= values.sampled_candidates.max() < 2**40
    assert (values.true_expected_count > 0).all()
    assert values.true_expected_count[0] >= values.true_expected_count[1]


@pytest.mark.slow
def test_the_largest_learned_and_fixed_ranges_are_tensorflows(tf):
    true_classes = np.array([[5, 9_999_999]])
    learned = ss.LearnedUnigramSampler(10**7, seed=(1, 2))
    weights = (np.arange(10**6) % 97 + 1).astype(np.float32)
    fixed = ss.FixedUnigramSampler(weights, 0.75, seed=(1, 2))
    common = {"num_true": 2, "num_sampled": 100, "unique": True, "seed": 1, "seed2": 2}
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        ops = (
            tf.raw_ops.LearnedUnigramCandidateSampler(true_classes=true_classes, range_max=10**7, **common),
            tf.raw_ops.FixedUnigramCandidateSampler(
                true_classes=true_classes % 10**6, range_max=10**6, unigrams=weights.tolist(), distortion=0.75, **common
            ),
        )
        for _ in range(2):
            theirs = session.run(ops)
            ours = learned.sample(true_classes, 100), fixed.sample(true_classes % 10**6, 100)
            for got, expected in zip(ours, theirs, strict=True):
                np.testing.assert_array_equal(got.sampled_candidates, expected.sampled_candidates)
                np.testing.assert_allclose(got.true_expected_count, expected.true_expected_count, rtol=5e-7)


@pytest.mark.parametrize("make", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_tables_in_files_train_as_tables_in_memory(tmp_path, make):
    ids = np.random.default_rng(0).integers(0, 70_000, (2, 300))
    models = [ss.SkipGram(70_000, 5, 20, make(0.05), seed=1, folder=folder) for folder in (None, tmp_path / "tables")]
    losses = [model.steps(*ids, 100) for model in models]
    np.testing.assert_array_equal(*losses)
    for name in ("embeddings", "weights", "biases"):
        np.testing.assert_array_equal(*(getattr(model, name) for model in models))
        models[1].embeddings.flush()
        np.testing.assert_array_equal(np.load(tmp_path / "tables" / f"{name}.npy"), getattr(models[0], name))


LARGER_THAN_MEMORY = """
import resource, sys, numpy as np, sampledsoftmax as ss
num_classes, dim = 2_000_000, 96
ss.SkipGram(50, dim, 20, ss.SGD(0.1), seed=1).step(np.arange(9), np.arange(9))
used = next(line for line in open("/proc/self/status") if line.startswith("VmData"))
limit = 400 * 2**20 + int(used.split()[1]) * 1024
resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
try:
    np.ones((num_classes, dim), np.float32)
    print("the limit does not hold")
except MemoryError:
    pass
layer = ss.SampledSoftmax(num_classes, dim, 20, ss.SGD(1.0), "uniform", seed=1, folder=sys.argv[1])
labels = np.array([[0], [num_classes - 1]])
inputs = np.ones((2, dim), np.float32)
first = layer.step(inputs, labels)[0]
for _ in range(20):
    last = layer.step(inputs, labels)[0]
print(type(layer.weights).__name__, layer.weights.nbytes > limit / 2, last < first)
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="reads /proc")
def test_a_table_larger_than_a_limit_on_memory_trains_from_a_file(tmp_path):
    run = subprocess.run(
        [sys.executable, "-c", LARGER_THAN_MEMORY, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert run.stdout == "memmap True True\n"
