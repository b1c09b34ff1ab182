"""How often a frequent word stays in an epoch."""

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax import validation


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
    if validation.number("sample", sample, at_least=0.0) == 0.0:
        return np.ones(counts.size)
    ratio = sample * counts.sum() / counts
    keep: NDArray[np.float64] = np.minimum((np.sqrt(1.0 / ratio) + 1.0) * ratio, 1.0)
    return keep


def thresholds(counts: NDArray[np.int64], sample: float) -> NDArray[np.uint64]:
    """Return `keep_probabilities` in 2**32ths: a word stays if a random 32-bit number is below its threshold.

    Examples
    --------
    >>> thresholds(np.array([9, 1]), sample=0).tolist() == [2**32, 2**32]
    True
    """
    return (keep_probabilities(counts, sample) * 2.0**32).astype(np.uint64)
