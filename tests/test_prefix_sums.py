"""The tree of prefix sums against sums that are taken anew each time."""

import numpy as np
import pytest

from sampledsoftmax.kernels.sampling.philox import cursor_at
from sampledsoftmax.kernels.sampling.prefix_sums import GROUP, add_to_counts, build_tree, draw_counts, tree_size
from sampledsoftmax.samplers.learned_unigram import LearnedUnigramSampler
from tests import naive

SIZES = [1, 2, 15, 16, 17, 255, 256, 257, 5000]


def random_counts(size):
    return 1 + (np.random.default_rng(size).pareto(0.7, size) * 3).astype(np.int64) % 1000


def tree_of(counts):
    tree = np.full(tree_size(counts.size), -7, np.int32)
    build_tree(counts, tree)
    return tree


@pytest.mark.parametrize("size", SIZES)
def test_groups_hold_running_sums_of_their_level(size):
    counts = random_counts(size)
    tree, first, level = tree_of(counts), 0, counts
    while first < tree.size:
        groups = np.pad(level, (0, -level.size % GROUP)).reshape(-1, GROUP)
        np.testing.assert_array_equal(tree[first : first + groups.size], groups.cumsum(axis=1).ravel())
        first, level = first + groups.size, groups.sum(axis=1)
    assert tree[-1] == counts.sum()


@pytest.mark.parametrize("size", SIZES)
def test_adding_is_building_anew(size):
    counts = random_counts(size)
    tree = tree_of(counts)
    ids = np.random.default_rng(1).integers(0, size, (20, 2))
    add_to_counts(tree, size, ids)
    np.add.at(counts, ids, 1)
    np.testing.assert_array_equal(tree, tree_of(counts))


@pytest.mark.parametrize("num_draws", [1, 2, 7, 60])
@pytest.mark.parametrize("size", SIZES)
def test_draws_are_those_of_the_twin(size, num_draws):
    counts, out = random_counts(size), np.empty(num_draws, np.int64)
    draw_counts(cursor_at(5, 6, 0), tree_of(counts), size, out)
    words, cumulative = naive.Words(5, 6), np.cumsum(counts)
    for got in out:
        assert got == np.searchsorted(cumulative, words.below(int(cumulative[-1]), 32), side="right")


def test_a_third_of_the_words_is_dropped_where_the_total_is_a_little_over_a_third_of_2_to_32():
    counts = np.array([2**30, 2**32 // 3 - 2**30 - 1, 1, 1], np.int64)
    out, words = np.empty(101, np.int64), naive.Words(7, 8)
    draw_counts(cursor_at(7, 8, 0), tree_of(counts), 4, out)
    expected = [np.searchsorted(np.cumsum(counts), words.below(int(counts.sum()), 32), side="right") for _ in out]
    np.testing.assert_array_equal(out, expected)


def test_a_sampler_gives_its_counts_back():
    sampler, counts = LearnedUnigramSampler(700, seed=1), random_counts(700)
    sampler.state = {**sampler.state, "counts": counts.tolist()}
    np.testing.assert_array_equal(sampler.counts, counts)
    assert sampler.state["counts"] == counts.tolist()
