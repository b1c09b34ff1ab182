"""Training examples from a stream of word ids: subsampling of frequent words, and windows around the remaining ones.

Every random number is a pure function of (seed, stream, position in the id stream), so the examples do not depend
on how the text is split. A number below n is (w * n) >> 32 of a 32-bit word w: its probability is off by less than
n / 2**32.
"""

from typing import Any, NamedTuple

import numpy as np

from sampledsoftmax.jit.array_struct import ArrayStruct
from sampledsoftmax.jit.decorators import jit
from sampledsoftmax.kernels.hash_table import EMPTY, clear, probe
from sampledsoftmax.kernels.sampling.philox import LARGEST_32, fill_blocks, philox_block

POSITIONS_AT_ONCE = 256  # their random words, 4 KB, stay in L1
_SHIFT_32 = np.uint64(32)


class Text(NamedTuple):
    """A corpus, and the windows of its words.

    Attributes
    ----------
    ids : int32 or int64 [num_words]
    offsets : int64 [num_sentences + 1]
        Start of each sentence; the last entry is the number of words.
    thresholds : uint64 [num_classes]
        A word is kept with probability threshold / 2**32.
    window : int
        Maximum distance between the center of a window and its other words.
    shrink : bool
        Whether the reach of a window is drawn uniformly from 1 to `window`; otherwise it is `window`.
    center_is_input : bool
        Skip-gram: the center is the input, and the words around it are the labels. Otherwise CBOW: the words
        around it are the inputs, and their mean predicts the center.
    """

    ids: Any
    offsets: Any
    thresholds: Any
    window: int
    shrink: bool
    center_is_input: bool


class TokenWindow(ArrayStruct):
    """A range of the text after subsampling, with up to `window` words of context on both sides.

    Attributes
    ----------
    words, sentences, reaches : int64 [window + positions of the range + window]
        Word ids, the indices of their sentences, the reaches of their windows.
    bounds : int64 [4]
        Start of the context before the range, start and end of the range, end of the context after it.
    pairs : uint64 [2 * POSITIONS_AT_ONCE]
        Scratch: random words.
    """

    words: Any
    sentences: Any
    reaches: Any
    bounds: Any
    pairs: Any


class Examples(ArrayStruct):
    """Inputs and labels of the examples of a batch: the different centers of skip-gram, or the windows of CBOW.

    Attributes
    ----------
    input_ids, label_ids : int64
        Example b has the inputs input_ids[input_starts[b]:input_starts[b + 1]], and labels likewise.
    input_starts, label_starts : int64 [batch_size + 1]
    example_of_input, example_of_label : int64
    rows : int64 [batch_size]
        0, 1, 2, ...
    window_starts, window_ends : int64 [batch_size]
        Scratch: the window of each word of the batch, in the token window.
    next_label : int64 [batch_size]
        Scratch.
    keys, values : int64 [at least 4 * batch_size]
        Scratch: a hash table from words to examples.
    """

    input_ids: Any
    input_starts: Any
    example_of_input: Any
    label_ids: Any
    label_starts: Any
    example_of_label: Any
    rows: Any
    window_starts: Any
    window_ends: Any
    next_label: Any
    keys: Any
    values: Any


@jit
def read_tokens(text, seed, stream, first, last, tokens):
    """Subsample positions [first, last) of the text, and as much context as windows may reach."""
    lead, sentence = text.window, np.searchsorted(text.offsets, first, side="right") - 1
    before = lead
    position = first - 1
    while before > 0 and first < last and position >= text.offsets[sentence]:
        keep, reach, _, _ = philox_block(seed, stream, np.uint64(position))
        before -= _append(text, keep, reach, position, sentence, tokens, before - 1)
        position -= 1
    size, pairs = lead, tokens.pairs
    for start in range(first, last, POSITIONS_AT_ONCE):
        end = min(start + POSITIONS_AT_ONCE, last)
        fill_blocks(seed, stream, np.uint64(start), pairs[: 2 * (end - start)])
        for position in range(start, end):
            while position >= text.offsets[sentence + 1]:
                sentence += 1
            pair = pairs[2 * (position - start)]
            size += _append(text, pair & LARGEST_32, pair >> _SHIFT_32, position, sentence, tokens, size)
    tokens.bounds[0], tokens.bounds[1], tokens.bounds[2] = before, lead, size
    most, position = size + text.window, last
    while size < most and first < last and position < text.offsets[sentence + 1]:
        keep, reach, _, _ = philox_block(seed, stream, np.uint64(position))
        size += _append(text, keep, reach, position, sentence, tokens, size)
        position += 1
    tokens.bounds[3] = size


@jit
def _append(text, keep, reach, position, sentence, tokens, i):
    """Write the word at a position of the text to index i of the token window if it is kept; return 1 if so, else 0.

    `keep` and `reach` are random 32-bit words.
    """
    word = text.ids[position]
    if keep >= text.thresholds[word]:
        return 0
    tokens.words[i] = word
    tokens.sentences[i] = sentence
    tokens.reaches[i] = text.window
    if text.shrink:
        tokens.reaches[i] = 1 + np.int64((reach * np.uint64(text.window)) >> _SHIFT_32)
    return 1


@jit
def make_examples(text, tokens, first, last, examples):
    """Make examples of words [first, last) of the token window, except those without neighbors; return their number."""
    _find_neighbors(tokens, first, last, examples)
    if text.center_is_input:
        return _examples_of_centers(tokens, first, last, examples)
    return _examples_of_contexts(tokens, first, last, examples)


@jit
def _find_neighbors(tokens, first, last, examples):
    """Write the range of each window: words of one sentence are adjacent."""
    sentences = tokens.sentences
    for center in range(first, last):
        begin = max(tokens.bounds[0], center - tokens.reaches[center])
        while sentences[begin] != sentences[center]:
            begin += 1
        end = min(tokens.bounds[3], center + tokens.reaches[center] + 1)
        while sentences[end - 1] != sentences[center]:
            end -= 1
        examples.window_starts[center - first], examples.window_ends[center - first] = begin, end


@jit
def _examples_of_centers(tokens, first, last, examples):
    """Skip-gram: an example for each different center, with the labels of all its windows.

    A word that is a center twice in a batch is one input with one row of logits.
    """
    ids, starts, keys, values = examples.input_ids, examples.label_starts, examples.keys, examples.values
    num_buckets, size = clear(keys, last - first), 0
    for center in range(first, last):
        bucket, held = probe(keys, num_buckets, tokens.words[center])
        num_labels = examples.window_ends[center - first] - examples.window_starts[center - first] - 1
        if num_labels == 0:
            continue
        if held == EMPTY:
            keys[bucket], values[bucket] = tokens.words[center], size
            ids[size], examples.example_of_input[size], starts[size + 1] = tokens.words[center], size, 0
            size += 1
        starts[values[bucket] + 1] += num_labels
    starts[0] = examples.input_starts[0] = 0
    for b in range(size):
        examples.next_label[b] = starts[b]
        starts[b + 1] += starts[b]
        examples.input_starts[b + 1] = b + 1
    for center in range(first, last):
        bucket, held = probe(keys, num_buckets, tokens.words[center])
        if held != EMPTY:
            b = values[bucket]
            examples.next_label[b] = _append_neighbors(
                tokens,
                center,
                first,
                b,
                examples.next_label[b],
                examples,
                examples.label_ids,
                examples.example_of_label,
            )
    return size


@jit
def _examples_of_contexts(tokens, first, last, examples):
    """CBOW: an example for each window, whose center is the label."""
    starts, size = examples.input_starts, 0
    starts[0] = examples.label_starts[0] = 0
    for center in range(first, last):
        end = _append_neighbors(
            tokens, center, first, size, starts[size], examples, examples.input_ids, examples.example_of_input
        )
        if end > starts[size]:
            examples.label_ids[size], examples.example_of_label[size] = tokens.words[center], size
            size += 1
            starts[size], examples.label_starts[size] = end, size
    return size


@jit
def _append_neighbors(tokens, center, first, b, at, examples, ids, example_of):
    """Write the other words in the window of a center, those of example b, from ids[at] on; return the end."""
    for other in range(examples.window_starts[center - first], examples.window_ends[center - first]):
        if other != center:
            ids[at], example_of[at] = tokens.words[other], b
            at += 1
    return at
