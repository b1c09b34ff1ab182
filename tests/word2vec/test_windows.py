"""Token windows and examples of a text, against a naive version."""

import itertools

import numpy as np
import pytest

from sampledsoftmax.kernels.hash_table import num_buckets
from sampledsoftmax.kernels.sampling.philox import philox_block
from sampledsoftmax.kernels.text.windows import (
    POSITIONS_AT_ONCE,
    Examples,
    Text,
    TokenWindow,
    make_examples,
    read_tokens,
)

SEED, STREAM = np.uint64(7), np.uint64(1 << 60 | 3 << 32)
ALWAYS = 2**32
LENGTHS = (0, 1, 2, 7, 1, 0, 0, 24, 13, 1, 0)  # of sentences: none, one word, more than a window


def naive_examples(sentences, thresholds, window, shrink):
    """Return (word, words around it) for each word that is kept and has a neighbor that is kept."""
    found, position = [], 0
    for sentence in sentences:
        kept = []
        for word in sentence:
            bits = philox_block(SEED, STREAM, np.uint64(position))
            if int(bits[0]) < thresholds[word]:
                kept.append((word, 1 + int(bits[1]) * window // 2**32 if shrink else window))
            position += 1
        for i, (word, reach) in enumerate(kept):
            around = [kept[j][0] for j in range(len(kept)) if j != i and abs(i - j) <= reach]
            if around:
                found.append((word, around))
    return found


def ragged(num_words=30, lengths=LENGTHS, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.integers(num_words, size=length).tolist() for length in lengths]


def as_text(sentences, thresholds, window, shrink=True, center_is_input=True, dtype=np.int64):
    ids = np.array([word for sentence in sentences for word in sentence], dtype)
    offsets = np.cumsum([0, *map(len, sentences)])
    return Text(ids, offsets, np.array(thresholds, np.uint64), window, shrink, center_is_input)


def integers(*sizes):
    return [np.full(size, -7) for size in sizes]


def token_window(size):
    return TokenWindow(*integers(size, size, size, 4), np.empty(2 * POSITIONS_AT_ONCE, np.uint64))


def read(text, first, last, batch_size):
    """Return the examples of positions first .. last, a batch at a time, as (word, words around it)."""
    size = last - first + 2 * text.window
    tokens = token_window(size)
    read_tokens(text, SEED, STREAM, first, last, tokens)
    _, start, end, _ = tokens.bounds.tolist()
    assert start == text.window
    many = batch_size * 2 * text.window
    lists = integers(many, batch_size + 1, many, many, batch_size + 1, many, batch_size)
    scratch = integers(*[batch_size] * 3, *[num_buckets(batch_size)] * 2)
    examples = Examples(*lists, *scratch)
    found = []
    for top in range(start, end, batch_size):
        count = make_examples(text, tokens, top, min(top + batch_size, end), examples)
        found += as_pairs(examples, count, text.center_is_input)
    return found


def as_pairs(examples, count, center_is_input):
    """Return the examples of a batch, after checking that ids and example indices agree."""
    inputs, labels = [], []
    for ids, starts, example_of, out in (
        (examples.input_ids, examples.input_starts, examples.example_of_input, inputs),
        (examples.label_ids, examples.label_starts, examples.example_of_label, labels),
    ):
        assert starts[0] == 0
        for b in range(count):
            out.append(ids[starts[b] : starts[b + 1]].tolist())
            assert set(example_of[starts[b] : starts[b + 1]].tolist()) == {b}
    if center_is_input:
        assert len({word for (word,) in inputs}) == count  # an example for each different word of the batch
    centers, around = (inputs, labels) if center_is_input else (labels, inputs)
    return [(word, words) for (word,), words in zip(centers, around, strict=True)]


def read_in_ranges(text, borders, batch_size=8):
    return [example for first, last in itertools.pairwise(borders) for example in read(text, first, last, batch_size)]


def by_center(examples):
    """Return the words around each word, in the order of the text: the same for any batches."""
    around = {}
    for word, words in examples:
        around[word] = around.get(word, []) + words
    return around


@pytest.mark.parametrize("center_is_input", [True, False])
@pytest.mark.parametrize("shrink", [True, False])
@pytest.mark.parametrize("window", [1, 2, 5, 40])  # 40: more than the longest sentence
def test_examples_equal_the_naive_ones_however_the_text_is_split(window, shrink, center_is_input):
    sentences = ragged(seed=window)
    thresholds = np.random.default_rng(1).integers(ALWAYS // 4, ALWAYS, 30).tolist()
    text = as_text(sentences, thresholds, window, shrink, center_is_input)
    expected = naive_examples(sentences, thresholds, window, shrink)
    assert len(expected) > 10
    size, same = text.ids.size, by_center if center_is_input else list
    for piece in (1, 2, 7, 11, size, size + 1):
        borders = [*range(0, size, piece), size]
        assert same(read_in_ranges(text, borders)) == same(expected)
    for shards in (3, 4, 60):  # some of 60 shards are empty
        assert same(read_in_ranges(text, [k * size // shards for k in range(shards + 1)])) == same(expected)
    for batch_size in (1, 3, 100):
        assert same(read_in_ranges(text, [0, size], batch_size)) == same(expected)
    assert read_in_ranges(text, [0, size], batch_size=1) == expected


def test_splits_between_sentences_or_at_empty_ones_change_nothing():
    sentences = ragged(seed=9)
    text = as_text(sentences, [ALWAYS] * 30, 5)
    expected = naive_examples(sentences, [ALWAYS] * 30, 5, True)
    for border in text.offsets.tolist():
        assert read_in_ranges(text, [0, border, text.ids.size], batch_size=1) == expected
        assert by_center(read_in_ranges(text, [0, border, border, text.ids.size])) == by_center(expected)


def test_windows_never_cross_sentences():
    sentences = [[10 * k + i for i in range(5)] for k in range(6)]
    for word, around in read_in_ranges(as_text(sentences, [ALWAYS] * 60, 5, shrink=False), [0, 13, 30]):
        assert sorted([word, *around]) == sentences[word // 10]


@pytest.mark.parametrize("sentences", [[], [[]], [[1]], [[], [1], [], [2], []]])
def test_without_neighbors_there_are_no_examples(sentences):
    text = as_text(sentences, [ALWAYS] * 3, 2)
    assert read(text, 0, text.ids.size, 4) == []
    assert read(text, text.ids.size, text.ids.size, 4) == []


def test_words_are_kept_with_their_probability():
    num_words, share = 6000, 0.3
    text = as_text([[0, 1, 2] * num_words], [int(share * 2**32), ALWAYS, 0], 1)
    tokens = token_window(3 * num_words + 2)
    read_tokens(text, SEED, STREAM, 0, 3 * num_words, tokens)
    counts = np.bincount(tokens.words[tokens.bounds[1] : tokens.bounds[2]], minlength=3)
    assert counts[1] == num_words
    assert counts[2] == 0
    assert abs(counts[0] - share * num_words) < 4 * np.sqrt(num_words * share * (1 - share))


def test_reaches_are_uniform_and_independent_of_which_words_are_kept():
    """A word is kept if its first random number is small; its reach is computed from the second."""
    num_words, window = 8000, 4
    text = as_text([[0] * num_words], [ALWAYS // 2], window)
    tokens = token_window(num_words + 8)
    read_tokens(text, SEED, STREAM, 0, num_words, tokens)
    reaches = tokens.reaches[tokens.bounds[1] : tokens.bounds[2]]
    counts = np.bincount(reaches, minlength=window + 1)
    assert counts[0] == 0
    assert counts.size == window + 1
    expected = reaches.size / window
    assert ((counts[1:] - expected) ** 2 / expected).sum() < 16.3  # 99.9 % of chi-square with 3 degrees of freedom


def test_another_seed_or_stream_is_another_epoch():
    text = as_text([list(range(30))] * 4, [ALWAYS // 2] * 30, 3)

    def words(seed, stream):
        tokens = token_window(126)
        read_tokens(text, np.uint64(seed), np.uint64(stream), 0, 120, tokens)
        return tokens.words[tokens.bounds[1] : tokens.bounds[2]].tolist()

    assert words(1, 0) == words(1, 0)
    assert len({tuple(words(*numbers)) for numbers in ((1, 0), (2, 0), (1, 1), (1, 1 << 32), (1 << 32, 0))}) == 5


@pytest.mark.parametrize("dtype", [np.int32, np.int64])
def test_ids_may_be_int32_read_only_and_memory_mapped(dtype, tmp_path):
    sentences, thresholds = ragged(seed=3), [ALWAYS // 2] * 15 + [ALWAYS] * 15
    expected = naive_examples(sentences, thresholds, 3, True)
    text = as_text(sentences, thresholds, 3, dtype=dtype)
    path = tmp_path / "ids.npy"
    np.save(path, text.ids)
    mapped = text._replace(ids=np.load(path, mmap_mode="r"))
    assert not mapped.ids.flags.writeable
    for kind in (text, mapped):
        assert kind.ids.dtype == dtype
        assert by_center(read_in_ranges(kind, [0, 20, 33, kind.ids.size])) == by_center(expected)
