"""Skip-gram pairs from a stream of word ids: frequent words thinned out, windows laid, order shuffled.

Every random number is a pure function of (seed, stream, position in the id stream), so the pairs do not
depend on how many of them a caller asks for at a time. Numbers below n are made of a 32-bit word w as
(w * n) >> 32, whose probabilities are off by less than n / 2**32.
"""

import numpy as np

from sampledsoftmax.kernels.jit import jit
from sampledsoftmax.kernels.philox import philox_block

_SHIFT_32 = np.uint64(32)


@jit
def thin_out(ids, offsets, thresholds, seed, stream, kept_ids, kept_offsets):
    """Copy the words that stay, `thresholds[id]` times in 2**32, and return how many they are."""
    num_kept = 0
    for sentence in range(offsets.size - 1):
        for position in range(offsets[sentence], offsets[sentence + 1]):
            word = ids[position]
            if philox_block(seed, stream, np.uint64(position))[0] < thresholds[word]:
                kept_ids[num_kept] = word
                num_kept += 1
        kept_offsets[sentence + 1] = num_kept
    return num_kept


@jit
def fill_pairs(ids, offsets, window, seed, stream, position, sentence, inputs, labels):
    """Write the pairs of whole centre words from `position` on, while `2 * window` places are free.

    Returns (pairs written, next position, its sentence).
    """
    num_pairs = 0
    while position < ids.size and num_pairs + 2 * window <= inputs.size:
        while position >= offsets[sentence + 1]:
            sentence += 1
        word = philox_block(seed, stream, np.uint64(position))[0]
        reach = 1 + np.int64((word * np.uint64(window)) >> _SHIFT_32)
        first = max(offsets[sentence], position - reach)
        last = min(offsets[sentence + 1] - 1, position + reach)
        for context in range(first, last + 1):
            if context != position:
                inputs[num_pairs] = ids[position]
                labels[num_pairs] = ids[context]
                num_pairs += 1
        position += 1
    return num_pairs, position, sentence


@jit
def shuffle_pairs(seed, stream, inputs, labels):
    """Put the pairs in random order, in place: Fisher and Yates, from the end."""
    for i in range(inputs.size - 1, 0, -1):
        word = philox_block(seed, stream, np.uint64(i))[0]
        j = np.int64((word * np.uint64(i + 1)) >> _SHIFT_32)
        inputs[i], inputs[j] = inputs[j], inputs[i]
        labels[i], labels[j] = labels[j], labels[i]
