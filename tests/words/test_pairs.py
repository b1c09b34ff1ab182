import numpy as np
import pytest

from sampledsoftmax.words.pairs import PairBlock, batches, keep_probabilities, pair_blocks
from sampledsoftmax.words.vocabulary import IdStream
from tests.words import naive


def ragged_text(seed, num_words=30, lengths=(0, 1, 2, 7, 1, 0, 64, 13)):
    rng = np.random.default_rng(seed)
    return [rng.integers(num_words, size=length).tolist() for length in lengths]


def as_stream(sentences):
    lengths = [len(sentence) for sentence in sentences]
    ids = np.array([i for sentence in sentences for i in sentence], dtype=np.int64)
    return IdStream(ids, np.cumsum([0, *lengths]))


def all_pairs(*args, **options):
    return [
        pair
        for block in pair_blocks(*args, shuffle=False, **options)
        for pair in zip(block.inputs.tolist(), block.labels.tolist(), strict=True)
    ]


@pytest.mark.parametrize("window", [1, 2, 3, 5, 100])
@pytest.mark.parametrize("low", [1.0, 0.3, 0.0])
def test_pairs_are_those_of_the_naive_twin(window, low):
    sentences = ragged_text(window)
    keep = np.random.default_rng(1).uniform(low, 1.0, size=30)
    for seed, epoch in ((1, 0), (1, 3), (2**63, 0)):
        expected = naive.pairs(sentences, keep, window, seed, epoch)
        assert all_pairs(as_stream(sentences), keep, window, seed, epoch) == expected


def test_pairs_do_not_depend_on_the_size_of_blocks():
    stream, keep = as_stream(ragged_text(2)), np.full(30, 0.8)
    expected = all_pairs(stream, keep, 4, 1, 0)
    for size in (1, 8, 9, 31, 1000):
        assert all_pairs(stream, keep, 4, 1, 0, pairs_per_block=size) == expected
        blocks = pair_blocks(stream, keep, 4, 1, 0, pairs_per_block=size)
        assert all(0 < block.inputs.size <= max(size, 8) for block in blocks)


def test_shuffling_keeps_the_pairs_and_changes_their_order():
    stream, keep = as_stream(ragged_text(3)), np.ones(30)
    (block,) = pair_blocks(stream, keep, 5, 1, 0)
    shuffled = list(zip(block.inputs.tolist(), block.labels.tolist(), strict=True))
    in_order = all_pairs(stream, keep, 5, 1, 0)
    assert shuffled != in_order
    assert sorted(shuffled) == sorted(in_order)


def test_a_seed_and_an_epoch_fix_the_pairs():
    stream, keep = as_stream(ragged_text(4)), np.full(30, 0.5)
    assert all_pairs(stream, keep, 5, 1, 0) == all_pairs(stream, keep, 5, 1, 0)
    assert all_pairs(stream, keep, 5, 1, 0) != all_pairs(stream, keep, 5, 1, 1)
    assert all_pairs(stream, keep, 5, 1, 0) != all_pairs(stream, keep, 5, 2, 0)


def test_pairs_never_cross_sentences():
    sentences = [[10 * k + i for i in range(5)] for k in range(6)]
    pairs = all_pairs(as_stream(sentences), np.ones(60), 5, 1, 0)
    assert len(pairs) > 60
    assert all(centre // 10 == context // 10 for centre, context in pairs)


def test_window_sizes_are_equally_likely():
    stream = as_stream([list(range(4000))])
    pairs = np.array(all_pairs(stream, np.ones(4000), 4, 1, 0))
    inner = (pairs[:, 0] >= 4) & (pairs[:, 0] < 3996)
    reach = np.bincount(pairs[inner, 0])[4:3996] // 2
    counts = np.bincount(reach, minlength=5)[1:]
    chi_square = ((counts - 998.0) ** 2 / 998.0).sum()
    assert chi_square < 16.3  # 99.9 % of the distribution with 3 degrees of freedom


def test_words_stay_as_often_as_they_should():
    stream = as_stream([[0, 1] * 4000])
    pairs = all_pairs(stream, np.array([0.25, 1.0]), 1, 1, 0)
    kept_zeros = sum(centre == 0 for centre, _ in pairs) / 2
    assert abs(kept_zeros - 1000) < 4 * np.sqrt(4000 * 0.25 * 0.75)


def test_keep_probabilities_are_those_of_word2vec():
    counts, sample = np.array([5000, 300, 30, 1]), 1e-3
    threshold = sample * counts.sum()
    expected = [min(1.0, (np.sqrt(v / threshold) + 1) * (threshold / v)) for v in counts]
    np.testing.assert_allclose(keep_probabilities(counts, sample), expected, rtol=1e-14)
    np.testing.assert_array_equal(keep_probabilities(counts, 0), np.ones(4))
    with pytest.raises(ValueError, match="sample must be at least 0, got -1"):
        keep_probabilities(counts, -1)


def test_words_done_reach_the_end():
    stream = as_stream(ragged_text(5))
    done = [block.words_done for block in pair_blocks(stream, np.ones(30), 2, 1, 0, pairs_per_block=50)]
    assert done == sorted(done)
    assert len(done) > 3
    assert done[-1] == stream.ids.size


def test_nothing_to_pair_gives_no_block():
    for sentences in ([], [[1]], [[1], [2]]):
        assert list(pair_blocks(as_stream(sentences), np.ones(3), 2, 1, 0)) == []
    assert list(pair_blocks(as_stream([[1, 2]]), np.zeros(3), 2, 1, 0)) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 1, 0), "window must be at least 1, got 0"),
        ((1, -1, 0), "seed must be at least 0, got -1"),
        ((1, 1, 2**28), "epoch must be at most 268435455, got 268435456"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        next(pair_blocks(as_stream([[0, 1]]), np.ones(2), *arguments))


@pytest.mark.parametrize(("num_pairs", "batch_size"), [(1, 1), (7, 3), (64, 64), (65, 64), (127, 2), (5, 100)])
def test_batches_are_even_and_complete(num_pairs, batch_size):
    block = PairBlock(np.arange(num_pairs), np.arange(num_pairs) + 1, 0)
    parts = list(batches(block, batch_size))
    sizes = [inputs.size for inputs, _ in parts]
    assert max(sizes) <= batch_size
    assert max(sizes) - min(sizes) <= 1
    assert len(sizes) == -(-num_pairs // batch_size)
    np.testing.assert_array_equal(np.concatenate([inputs for inputs, _ in parts]), block.inputs)
    np.testing.assert_array_equal(np.concatenate([labels for _, labels in parts]), block.labels)
