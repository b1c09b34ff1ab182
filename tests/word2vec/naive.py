"""A naive version of the pair kernels."""

import numpy as np

from sampledsoftmax.kernels.sampling.philox import philox_block

THIN, WINDOW = 1, 2


def word(seed, purpose, epoch, position):
    """Return the 32-bit random number of one position."""
    stream = np.uint64(purpose * 2**60 + epoch * 2**32)
    return int(philox_block(np.uint64(seed), stream, np.uint64(position))[0])


def pairs(sentences, keep, window, seed, epoch):
    """Return all (center, context) pairs of an epoch, in the order of the text."""
    kept, position = [], 0
    for sentence in sentences:
        kept.append([])
        for i in sentence:
            if keep[i] >= 1.0 or word(seed, THIN, epoch, position) < int(keep[i] * 2**32):
                kept[-1].append(i)
            position += 1
    found, position = [], 0
    for sentence in kept:
        for i, center in enumerate(sentence):
            reach = 1 + word(seed, WINDOW, epoch, position) * window // 2**32
            position += 1
            for j, context in enumerate(sentence):
                if j != i and abs(i - j) <= reach:
                    found.append((center, context))
    return found
