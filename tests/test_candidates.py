"""Draws and expected counts in compiled code: the same calls as `sample`, and copies and threads."""

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import sampledsoftmax as ss
from sampledsoftmax.kernels.hash_table import empty_table, num_buckets
from sampledsoftmax.kernels.sampling.alias import build_alias_table, pack_alias_table
from sampledsoftmax.kernels.sampling.candidates import draw, expected_counts, learn, sample, seek
from sampledsoftmax.kernels.sampling.philox import cursor_at
from sampledsoftmax.kernels.sampling.unique import keep_new
from sampledsoftmax.samplers import stream
from tests.registry import DRAWN, SAMPLERS

SIZES = [1, 2, 3, 7, 64, 65]
NUM_CLASSES = 70


def make(name, **options):
    return SAMPLERS[name](NUM_CLASSES, (3, 4), **options)


def equal(ours, expected):
    return all(np.array_equal(a, b) and a.dtype == b.dtype for a, b in zip(ours, expected, strict=True))


def compiled_call(sampler, labels, num_sampled, unique):
    """Return one call of `sample`, done as compiled callers do it."""
    distribution, cursor = sampler.fused_distribution(), np.empty(8, np.uint64)
    ids, slots = np.empty(num_sampled, np.int64), empty_table(num_sampled)
    true_count, sampled_count = np.empty(labels.size, np.float32), np.empty(num_sampled, np.float32)
    with sampler.lock:
        seek(cursor, *sampler.stream_position)
        tries = draw(distribution, cursor, unique, slots, ids)
        expected_counts(distribution, num_sampled, tries, ids, sampled_count)
        expected_counts(distribution, num_sampled, tries, labels.ravel(), true_count)
        learn(distribution, labels)
        sampler.advance(1, num_sampled)
    return ss.SampledValues(ids, true_count.reshape(labels.shape), sampled_count)


@pytest.mark.parametrize("unique", [True, False])
@pytest.mark.parametrize("num_sampled", SIZES)
@pytest.mark.parametrize("name", DRAWN)
def test_a_compiled_caller_gets_what_sample_returns(name, num_sampled, unique):
    sampler, other = make(name), make(name)
    for call in range(3):
        labels = np.random.default_rng(call).integers(0, NUM_CLASSES, (5, 2))
        expected = sampler.sample(labels, num_sampled, unique)
        assert equal(compiled_call(other, labels, num_sampled, unique), expected)
    assert other.state == sampler.state


@pytest.mark.parametrize("unique", [True, False])
@pytest.mark.parametrize("num_sampled", SIZES)
def test_a_compiled_caller_gets_all_candidates(num_sampled, unique):
    sampler, labels = ss.AllSampler(num_sampled), np.array([[0], [num_sampled - 1]])
    assert equal(compiled_call(sampler, labels, num_sampled, unique), sampler.sample(labels, num_sampled, unique))


@pytest.mark.parametrize("num_labels", [0, 1, 2])
@pytest.mark.parametrize("name", DRAWN)
def test_a_batch_may_have_no_labels(name, num_labels):
    values = make(name).sample(np.zeros((num_labels, 1), np.int64), 7)
    assert values.true_expected_count.shape == (num_labels, 1)


def test_labels_of_any_shape_are_learned():
    counts = []
    for labels in (np.array([3, 3, 69]), np.array([[3], [3], [69]]), np.array([[3, 3, 69]])):
        sampler = ss.LearnedUnigramSampler(NUM_CLASSES)
        learn(sampler.fused_distribution(), labels)
        counts.append(sampler.counts.tolist())
    assert counts[0] == counts[1] == counts[2]
    assert sum(counts[0]) == NUM_CLASSES + 3


@pytest.mark.parametrize("name", DRAWN)
def test_a_stream_skips_calls(name):
    sampler, other = make(name), make(name)
    none = np.empty((0, 1), np.int64)
    for _ in range(5):
        sampler.sample(none, 7)
    other.advance(5, 7)
    assert other.state == sampler.state
    assert equal(other.sample([[1]], 9), sampler.sample([[1]], 9))


def test_an_abandoned_sample_returns_minus_1_in_its_empty_entries(monkeypatch):
    monkeypatch.setattr(stream, "MAX_TRIES", 100)
    sampler = ss.FixedUnigramSampler([1.0, 1e-6, 1], seed=1)
    out, slots, cursor = np.empty(3, np.int64), empty_table(3), cursor_at(1, 2, 3)
    assert draw(sampler.fused_distribution(), cursor, True, slots, out) == -1
    assert sorted(out[:2].tolist()) == [0, 2]
    assert out[2] == -1
    possible = out[:2]
    assert draw(sampler.fused_distribution(), cursor, True, slots, possible) >= 2  # a draw clears the hash table
    assert sorted(possible.tolist()) == [0, 2]


@pytest.mark.parametrize("num_sampled", [2, 4])
def test_a_part_of_all_classes_is_refused(num_sampled):
    out = np.zeros(num_sampled, np.int64)
    assert draw(ss.AllSampler(3).fused_distribution(), cursor_at(1, 2, 3), True, empty_table(num_sampled), out) == -1
    assert out.tolist() == [-1] * num_sampled


@pytest.mark.parametrize("name", DRAWN)
def test_more_different_classes_than_range_max_are_refused(name):
    distribution, num_sampled = make(name).fused_distribution(), NUM_CLASSES + 1
    out, slots = np.zeros(num_sampled, np.int64), empty_table(num_sampled)
    assert draw(distribution, cursor_at(1, 2, 3), True, slots, out) == -1
    assert (out == -1).all()
    assert draw(distribution, cursor_at(1, 2, 3), False, slots, out) == num_sampled


def test_more_different_classes_than_can_be_drawn_are_refused():
    distribution = ss.FixedUnigramSampler([1, 0, 1]).fused_distribution()
    assert draw(distribution, cursor_at(1, 2, 3), True, empty_table(3), np.empty(3, np.int64)) == -1


def test_nothing_is_learned_from_a_refused_call(monkeypatch):
    monkeypatch.setattr(stream, "MAX_TRIES", 300)
    sampler = ss.LearnedUnigramSampler(2, seed=1)
    sampler.state = {**sampler.state, "counts": [2**31 - 100, 1]}
    before = sampler.state
    with pytest.raises(ValueError, match="but 300 draws hold only 1 different ids"):
        sampler.sample([[0]], 2)
    assert sampler.state == before


@pytest.mark.parametrize("name", DRAWN)
def test_calls_of_several_threads_are_those_of_one(name):
    labels = np.zeros((2, 1), np.int64)  # every call learns the same, so that any order of calls is one
    sampler, other = make(name), make(name)
    with ThreadPoolExecutor(4) as pool:
        drawn = list(pool.map(lambda _: sampler.sample(labels, 20), range(200)))
    expected = [other.sample(labels, 20) for _ in range(200)]
    flat = [[values.sampled_candidates.tolist(), values.sampled_expected_count.tolist()] for values in drawn]
    assert sorted(flat) == sorted([v.sampled_candidates.tolist(), v.sampled_expected_count.tolist()] for v in expected)
    assert sampler.state == other.state


@pytest.mark.parametrize("name", DRAWN)
@pytest.mark.parametrize("copied", [copy.deepcopy, lambda sampler: pickle.loads(pickle.dumps(sampler))])
def test_a_copy_continues_independently(name, copied):
    sampler = make(name)
    sampler.sample([[1], [1]], 9)
    other = copied(sampler)
    for labels in ([[2], [2]], [[5], [6]]):
        assert equal(other.sample(labels, 9), sampler.sample(labels, 9))
    assert other.state == sampler.state


def test_a_result_is_not_written_to_again():
    sampler = ss.UniformSampler(1000, seed=1)
    first = sampler.sample([[1]], 10)
    kept = [array.copy() for array in first]
    sampler.sample([[2]], 10)
    sampler.sample([[3]], 20)
    assert equal(first, kept)


@pytest.mark.parametrize("name", DRAWN)
def test_read_only_labels_need_no_second_compilation(name):
    labels = np.array([[1], [3]])
    labels.flags.writeable = False
    sampler, other = make(name), make(name)
    expected = sampler.sample(labels.copy(), 7)
    num_compiled = len(getattr(sample, "signatures", ()))
    assert equal(other.sample(labels, 7), expected)
    assert len(getattr(sample, "signatures", ())) == num_compiled
    np.testing.assert_array_equal(other.probability(labels), sampler.probability(labels.copy()))


@pytest.mark.parametrize("num_sampled", [1, 2, 3, 7, 64, 65, 1000])
def test_a_hash_table_has_free_entries_and_tells_colliding_ids_apart(num_sampled):
    slots = empty_table(num_sampled)
    assert slots.size == num_buckets(num_sampled) >= 2 * num_sampled
    ids = np.arange(num_sampled, dtype=np.int64) << 40  # they hash to few entries
    draws, out = np.repeat(ids, 2), np.empty(num_sampled, np.int64)
    filled, tries = keep_new(draws, slots, out, 0)
    assert (filled, tries) == (num_sampled, 2 * num_sampled - 1)
    np.testing.assert_array_equal(out, ids)


def test_a_packed_alias_table_keeps_what_the_float32_comparison_keeps():
    weights = np.random.default_rng(3).pareto(1.0, 40).astype(np.float32)
    keep, alias = np.empty(40, np.float32), np.empty(40, np.int64)
    build_alias_table(weights, keep, alias)
    keep[:3] = 0, 1, np.float32(1e-20)
    table = np.empty(40, np.int64)
    pack_alias_table(keep, alias, table)
    np.testing.assert_array_equal(table & (2**32 - 1), alias)
    for bound, chance in zip((table >> 32).tolist(), keep, strict=True):
        for height in range(max(0, bound - 2), min(2**23, bound + 2)):
            assert (height < bound) == (np.float32(height / 2**23) < chance)
