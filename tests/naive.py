"""Slow, obvious twins of the samplers: Python integers, lists and float32 scalars, one draw at a time."""

import itertools

import numpy as np

from sampledsoftmax import reference


class Words:
    """The 32-bit words of a stream, in order, as Python integers."""

    def __init__(self, seed, stream, block=0, num_blocks=4096):
        self.words = iter(reference.philox_words(seed, stream, block, num_blocks).tolist())

    def next_64(self):
        low = next(self.words)
        return low + (next(self.words) << 32)

    def next_single(self):
        return np.float32((next(self.words) % 2**23) / 2**23)

    def below(self, n, bits):
        """Return an integer in [0, n): draws below the remainder of 2**bits / n are thrown away."""
        draw = (lambda: next(self.words)) if bits == 32 else self.next_64
        if n & (n - 1) == 0:
            return draw() % n
        least = (2**bits - 1) % n + 1
        while True:
            value = draw()
            if value >= least:
                return value % n


def alias_table(weights):
    """(chance to keep column i, alias of column i) for float32 weights."""
    n, total = len(weights), sum(float(w) for w in weights)
    share = [float(w * np.float32(n)) / total for w in weights]
    alias = list(range(n))
    low = [i for i in range(n) if share[i] < 1]
    high = [i for i in range(n) if share[i] >= 1]
    while low and high:
        small, tall = low.pop(), high.pop()
        alias[small] = tall
        share[tall] -= 1 - share[small]
        (low if share[tall] < 1 else high).append(tall)
    for i in low + high:
        share[i] = 1.0
    return [np.float32(s) for s in share], alias


def fixed_draw(words, keep, alias):
    height = words.next_single()
    column = words.below(len(keep), 32)
    return column if height < keep[column] else alias[column]


def learned_draw(words, counts):
    target = words.below(sum(counts), 32)
    for k, cumulative in enumerate(itertools.accumulate(counts)):
        if cumulative > target:
            return k
    raise AssertionError


def sample(draw, num_sampled, unique):
    """(ids, tries) of one call; `draw()` gives the next id."""
    ids, tries = [], 0
    while len(ids) < num_sampled:
        value = draw()
        tries += 1
        if not unique or value not in ids:
            ids.append(value)
    return ids, tries


def expected_count(p, num_sampled, tries):
    return p * num_sampled if tries == num_sampled else 1 - (1 - p) ** tries


def inclusion_probabilities(p, num_sampled):
    """Return the chance of each class to be in a sample, summed over all ordered samples of different classes."""
    included = [0.0] * len(p)
    for ids in itertools.permutations(range(len(p)), num_sampled):
        chance, left = 1.0, 1.0
        for k in ids:
            chance *= p[k] / left
            left -= p[k]
        for k in ids:
            included[k] += chance
    return included
