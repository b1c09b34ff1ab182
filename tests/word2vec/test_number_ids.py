"""The kernels that number ids, against a dict."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sampledsoftmax.kernels.text.number_ids import fill_id_buckets, number_ids
from sampledsoftmax.word2vec.encoding import word_index
from sampledsoftmax.word2vec.encoding.word_index import IdIndex, TokenListIndex

INT64 = st.integers(-(2**63), 2**63 - 1)
LARGEST = 2**63 - 1


def naive(tokens):
    """Return the number of each token by first appearance, the distinct tokens, and their counts."""
    known = {}
    numbers = [known.setdefault(token, len(known)) for token in tokens]
    return numbers, list(known), [numbers.count(i) for i in range(len(known))]


def by_index(*blocks, max_words=2):
    index, numbers = IdIndex(max_words), []
    for tokens in blocks:
        ends = np.array([len(tokens)])
        found = index.add(np.array(tokens, np.int64), ends)
        assert found.ends is ends
        assert found.ids.dtype == np.int32
        numbers += found.ids.tolist()
    counts = index.counts()
    return numbers, index.words(np.arange(counts.size)), counts.tolist()


@settings(deadline=None, max_examples=200)
@given(st.lists(st.lists(INT64 | st.integers(-3, 3), max_size=20), max_size=4), st.sampled_from([1, 2, 64]))
def test_any_ids_are_numbered_as_by_a_dict(blocks, max_words):
    assert by_index(*blocks, max_words=max_words) == naive([token for tokens in blocks for token in tokens])


@pytest.mark.parametrize("step", [1, 2**16, 2**32, 2**32 + 1, 2**48, 2**52 - 1])
def test_ids_at_any_distance_share_few_buckets(step):
    """Ids that differ in high bits only, as those that pack a shard, do not queue up for the same buckets."""
    size = 1024
    ids = np.arange(size, dtype=np.uint64) * np.uint64(step)
    buckets, known = np.zeros((2 * size, 2), np.uint64), np.zeros(size, np.uint64)
    with np.errstate(over="ignore"):
        number_ids(ids, 0, buckets, known, np.zeros(size, np.int64), 0, np.empty(size, np.int32))
    used = (buckets[:, 1] != 0).astype(int)
    assert used.sum() == size
    starts = np.flatnonzero(np.diff(np.concatenate(([0], used, [0]))))
    assert (starts[1::2] - starts[::2]).max() < 200  # the longest queue


def test_a_full_table_stops_before_the_next_new_id():
    buckets, known, counts = np.zeros((4, 2), np.uint64), np.zeros(2, np.uint64), np.zeros(2, np.int64)
    numbers = np.full(5, -1, np.int32)
    ids = np.array([9, 0, 9, 4, 9], np.uint64)
    with np.errstate(over="ignore"):
        assert tuple(number_ids(ids, 0, buckets, known, counts, 0, numbers)) == (3, 2)
        assert numbers.tolist() == [0, 1, 0, -1, -1]
        assert counts.tolist() == [2, 1]
        more = np.zeros((8, 2), np.uint64)
        fill_id_buckets(known, 2, more)
    assert sorted(more[more[:, 1] != 0].tolist()) == [[0, 2], [9, 1]]


def test_too_many_distinct_ids(monkeypatch):
    monkeypatch.setattr(word_index, "_MAX_WORDS", 7)
    index = IdIndex(4)
    with pytest.raises(ValueError, match=r"^the corpus has more than 4 distinct words$"):
        index.add(np.arange(5), np.array([5]))


def test_token_lists_and_arrays_share_their_words():
    index = TokenListIndex()
    blocks = [
        [[3, "a", 5], np.array([5, 8])],  # with a list: one by one
        [np.array([8, 3, -1], np.int8), np.array([LARGEST, 9]), np.zeros(0, int)],
        [],
        [["a", 9, 2**70]],
        [np.array([3, 8, 10])],
    ]
    found = [index.add(block) for block in blocks]
    tokens = [3, "a", 5, 5, 8, 8, 3, -1, LARGEST, 9, "a", 9, 2**70, 3, 8, 10]
    numbers, known, counts = naive(tokens)
    assert [i for block in found for i in block.ids.tolist()] == numbers
    assert [block.ends.tolist() for block in found] == [[3, 5], [3, 5, 5], [], [3], [3]]
    assert index.words(np.arange(len(known))) == known
    assert index.counts().tolist() == counts
