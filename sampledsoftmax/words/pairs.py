"""Skip-gram pairs of a corpus: frequent words thinned out, windows laid, blocks shuffled."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax import check
from sampledsoftmax.kernels.pairs import fill_pairs, shuffle_pairs, thin_out
from sampledsoftmax.words.vocabulary import IdStream

PAIRS_PER_BLOCK = 2**18

# What a random number is for; with the epoch and the block it makes the number of its Philox stream.
_THIN, _WINDOW, _SHUFFLE = 1, 2, 3


class PairBlock(NamedTuple):
    """Some pairs of an epoch, to be learnt in this order.

    Attributes
    ----------
    inputs : int64 [num_pairs]
        Ids of the centre words.
    labels : int64 [num_pairs]
        Ids of the words around them.
    words_done : int
        How far into the corpus of `num_words` words the block reaches.
    """

    inputs: NDArray[np.int64]
    labels: NDArray[np.int64]
    words_done: int


def keep_probabilities(counts: NDArray[np.int64], sample: float) -> NDArray[np.float64]:
    """Return the probability with which each word stays in an epoch, as word2vec.c and gensim have it.

    ::

        f = count / total        keep = (sqrt(f / sample) + 1) * sample / f, at most 1

    Parameters
    ----------
    counts : int64 [num_words]
        Occurrences of each word, at least 1.
    sample : float
        Words whose frequency is above about `sample` are thinned out; 0 keeps all.

    Examples
    --------
    >>> keep_probabilities(np.array([900, 90, 10]), sample=0.01).round(3)
    array([0.117, 0.444, 1.   ])
    """
    if check.number("sample", sample, at_least=0.0) == 0.0:
        return np.ones(counts.size)
    ratio = sample * counts.sum() / counts
    keep: NDArray[np.float64] = np.minimum((np.sqrt(1.0 / ratio) + 1.0) * ratio, 1.0)
    return keep


def pair_blocks(
    stream: IdStream,
    keep: NDArray[np.float64],
    window: int,
    seed: int,
    epoch: int,
    pairs_per_block: int = PAIRS_PER_BLOCK,
    shuffle: bool = True,
) -> Iterator[PairBlock]:
    """Yield all pairs of one epoch.

    Words are thinned out first; then a window of 1 to `window` words, each as likely, is laid on both
    sides of every word that stays. A pair is (centre, word in its window), within one sentence.

    Parameters
    ----------
    stream : IdStream
        The corpus.
    keep : float64 [vocabulary size]
        What `keep_probabilities` gives.
    window : int
        At least 1.
    seed : int
        In [0, 2**64). The pairs of an epoch depend on `seed` and `epoch`, not on `pairs_per_block`.
    epoch : int
        In [0, 2**28).
    pairs_per_block : int
        A block holds at most so many pairs, or the most that one word can have if that is more.
    shuffle : bool
        Whether the pairs of a block are put in random order.

    Examples
    --------
    >>> stream = IdStream(np.array([0, 1, 2, 3]), np.array([0, 2, 4]))
    >>> block, = pair_blocks(stream, np.ones(4), window=1, seed=1, epoch=0, shuffle=False)
    >>> block.inputs, block.labels, block.words_done
    (array([0, 1, 2, 3]), array([1, 0, 3, 2]), 4)
    """
    window = check.whole_number("window", window, at_least=1)
    key = np.uint64(check.whole_number("seed", seed, at_least=0, at_most=2**64 - 1))
    epoch = check.whole_number("epoch", epoch, at_least=0, at_most=2**28 - 1)
    size = max(check.whole_number("pairs_per_block", pairs_per_block, at_least=1), 2 * window)
    ids, offsets = _thinned(stream, keep, key, epoch)
    position = sentence = number = 0
    while position < ids.size:
        inputs, labels = np.empty(size, np.int64), np.empty(size, np.int64)
        windows = _stream_number(_WINDOW, epoch)
        num_pairs, position, sentence = fill_pairs(
            ids, offsets, window, key, windows, position, sentence, inputs, labels
        )
        inputs, labels = inputs[:num_pairs], labels[:num_pairs]
        if shuffle:
            shuffle_pairs(key, _stream_number(_SHUFFLE, epoch, number), inputs, labels)
        number += 1
        if num_pairs:
            yield PairBlock(inputs, labels, stream.ids.size * int(position) // ids.size)


def batches(block: PairBlock, batch_size: int) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Yield (inputs, labels) of at most `batch_size` pairs each, their sizes equal or one apart.

    A small batch at the end would weigh its few pairs too much, since a step takes the mean of its batch.

    Examples
    --------
    >>> block = PairBlock(np.arange(7), np.arange(7), 7)
    >>> [inputs.size for inputs, _ in batches(block, batch_size=3)]
    [2, 2, 3]
    """
    num_pairs = block.inputs.size
    num_batches = -(-num_pairs // batch_size)
    for i in range(num_batches):
        part = slice(num_pairs * i // num_batches, num_pairs * (i + 1) // num_batches)
        yield block.inputs[part], block.labels[part]


def _thinned(
    stream: IdStream, keep: NDArray[np.float64], key: np.uint64, epoch: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return ids and offsets of the words that stay in this epoch."""
    if (keep >= 1.0).all():
        return stream.ids, stream.offsets
    thresholds = (keep * 2.0**32).astype(np.uint64)
    ids, offsets = np.empty_like(stream.ids), np.zeros_like(stream.offsets)
    number = _stream_number(_THIN, epoch)
    num_kept = thin_out(stream.ids, stream.offsets, thresholds, key, number, ids, offsets)
    return ids[:num_kept], offsets


def _stream_number(purpose: int, epoch: int, block: int = 0) -> np.uint64:
    number: np.uint64 = np.uint64(purpose << 60 | epoch << 32 | block)
    return number
