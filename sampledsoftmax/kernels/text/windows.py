"""Examples from a stream of word ids: frequent words thinned out, windows laid around the words that stay.

Every random number is a pure function of (seed, stream, position in the id stream), so the examples do not depend
on how a text is cut into pieces. Numbers below n are made of a 32-bit word w as (w * n) >> 32, whose
probabilities are off by less than n / 2**32.
"""

from typing import Any, NamedTuple

import numpy as np

from sampledsoftmax.jit.array_struct import ArrayStruct
from sampledsoftmax.jit.decorators import jit
from sampledsoftmax.kernels.sampling.philox import philox_block

_SHIFT_32 = np.uint64(32)


class Text(NamedTuple):
    """A corpus and how windows are laid on it.

    Attributes
    ----------
    ids : int32 or int64 [num_words]
    offsets : int64 [num_sentences + 1]
        Where each sentence starts, and at the end the number of words.
    thresholds : uint64 [num_classes]
        A word stays so many times in 2**32.
    window : int
        Largest reach of a window.
    shrink : bool
        Whether the reach of a word is drawn from 1 to `window`; otherwise it is `window`.
    center_is_input : bool
        Skip-gram: the centre is the input and the words around it are labels. Otherwise the words around it
        are inputs, whose mean predicts the centre: CBOW.
    """

    ids: Any
    offsets: Any
    thresholds: Any
    window: int
    shrink: bool
    center_is_input: bool


class TokenWindow(ArrayStruct):
    """A piece of the text after thinning, with up to `window` words before and behind it.

    Attributes
    ----------
    words, sentences, reaches : int64 [window + positions of the piece + window]
        Ids, numbers of their sentences, reaches of their windows.
    bounds : int64 [4]
        First word, first word of the piece, end of the piece, end of the words.
    """

    words: Any
    sentences: Any
    reaches: Any
    bounds: Any


class Examples(ArrayStruct):
    """Inputs and labels of the examples of a batch.

    Attributes
    ----------
    input_ids, label_ids : int64
        Example b has the inputs input_starts[b] to input_starts[b + 1], and labels likewise.
    input_starts, label_starts : int64 [batch_size + 1]
    example_of_input, example_of_label : int64
    rows : int64 [batch_size]
        0, 1, 2, ...
    """

    input_ids: Any
    input_starts: Any
    example_of_input: Any
    label_ids: Any
    label_starts: Any
    example_of_label: Any
    rows: Any


@jit
def read_tokens(text, seed, stream, first, last, tokens):
    """Thin out positions first .. last of the text, and as many words around as windows may reach."""
    lead, sentence = text.window, np.searchsorted(text.offsets, first, side="right") - 1
    before = lead
    position = first - 1
    while before > 0 and first < last and position >= text.offsets[sentence]:
        before -= _take(text, seed, stream, position, sentence, tokens, before - 1)
        position -= 1
    size = lead
    for position in range(first, last):
        while position >= text.offsets[sentence + 1]:
            sentence += 1
        size += _take(text, seed, stream, position, sentence, tokens, size)
    tokens.bounds[0], tokens.bounds[1], tokens.bounds[2] = before, lead, size
    most, position = size + text.window, last
    while size < most and first < last and position < text.offsets[sentence + 1]:
        size += _take(text, seed, stream, position, sentence, tokens, size)
        position += 1
    tokens.bounds[3] = size


@jit
def _take(text, seed, stream, position, sentence, tokens, place):
    """Write the word at a position of the text to a place of the page if it stays; return 1 if so, else 0."""
    bits = philox_block(seed, stream, np.uint64(position))
    word = text.ids[position]
    if bits[0] >= text.thresholds[word]:
        return 0
    tokens.words[place] = word
    tokens.sentences[place] = sentence
    tokens.reaches[place] = text.window
    if text.shrink:
        tokens.reaches[place] = 1 + np.int64((bits[1] * np.uint64(text.window)) >> _SHIFT_32)
    return 1


@jit
def make_examples(text, tokens, first, last, examples):
    """Make examples of the words first .. last of the page, those without a neighbour left out; return how many."""
    size, num_inputs, num_labels = 0, 0, 0
    inputs, input_of = examples.input_ids, examples.example_of_input
    labels, label_of = examples.label_ids, examples.example_of_label
    examples.input_starts[0] = examples.label_starts[0] = 0
    for center in range(first, last):
        if text.center_is_input:
            end = _neighbors(tokens, center, labels, num_labels)
            if end == num_labels:
                continue
            for i in range(num_labels, end):
                label_of[i] = size
            num_labels = end
            inputs[num_inputs], input_of[num_inputs] = tokens.words[center], size
            num_inputs += 1
        else:
            end = _neighbors(tokens, center, inputs, num_inputs)
            if end == num_inputs:
                continue
            for i in range(num_inputs, end):
                input_of[i] = size
            num_inputs = end
            labels[num_labels], label_of[num_labels] = tokens.words[center], size
            num_labels += 1
        size += 1
        examples.input_starts[size], examples.label_starts[size] = num_inputs, num_labels
    return size


@jit
def _neighbors(tokens, center, out, end):
    """Append the words in the window of a centre to out[end:]; return the new end."""
    first = max(tokens.bounds[0], center - tokens.reaches[center])
    last = min(tokens.bounds[3], center + tokens.reaches[center] + 1)
    for other in range(first, last):
        if other != center and tokens.sentences[other] == tokens.sentences[center]:
            out[end] = tokens.words[other]
            end += 1
    return end
