"""What training derives from word counts: subsampling of frequent words, and the candidate sampler."""

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax import validation
from sampledsoftmax.samplers import CandidateSampler
from sampledsoftmax.samplers.fixed_unigram import FixedUnigramSampler
from sampledsoftmax.samplers.learned_unigram import LearnedUnigramSampler
from sampledsoftmax.samplers.log_uniform import LogUniformSampler
from sampledsoftmax.word2vec.training.settings import TrainingSettings


def keep_probabilities(counts: NDArray[np.int64], sample: float) -> NDArray[np.float64]:
    """Return the probability of keeping an occurrence of each word (Mikolov et al. 2013, as in word2vec.c and gensim).

    ::

        f = count / total        keep = (sqrt(f / sample) + 1) * sample / f, at most 1

    Parameters
    ----------
    counts : int64 [num_words]
        Occurrences of each word, at least 1.
    sample : float
        Words of a higher frequency than about `sample` are subsampled; 0 keeps all.

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
    """Return `keep_probabilities` times 2**32: a word is kept if a random 32-bit number is below its threshold.

    In a corpus of fewer than 1 / sample words, a word that occurs once is already above the frequency `sample`: there
    all words are kept.

    Examples
    --------
    >>> thresholds(np.array([9, 1]), sample=0).tolist() == [2**32, 2**32]
    True
    """
    kept = 0.0 if counts.sum() * sample < 1.0 else sample
    return (keep_probabilities(counts, kept) * 2.0**32).astype(np.uint64)


def new_sampler(settings: TrainingSettings, counts: NDArray[np.int64]) -> CandidateSampler:
    """Return the candidate sampler of a run, from the counts of its words."""
    if settings.sampler == "log_uniform":
        return LogUniformSampler(counts.size, settings.seed)
    if settings.sampler == "learned_unigram":
        return LearnedUnigramSampler(counts.size, settings.seed)
    return FixedUnigramSampler(counts.astype(float), distortion=settings.ns_exponent, seed=settings.seed)
