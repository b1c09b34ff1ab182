"""Where the evaluation files are, and vectors to evaluate."""

import os
from pathlib import Path

import numpy as np
import pytest

from sampledsoftmax.word2vec.vectors.word_vectors import WordVectors

FOLDER = Path(os.environ.get("SAMPLEDSOFTMAX_DATA", Path(__file__).parents[4] / "shared" / "data"))


def data(name):
    """Return the path of a file, or skip the test that needs it."""
    if not (FOLDER / name).exists():
        pytest.skip(f"{FOLDER / name} is not there: SAMPLEDSOFTMAX_DATA names the folder of the data")
    return FOLDER / name


def related(words, dim=24, seed=1):
    """Return vectors in which words near one another in the list are similar, so that scores are neither 0 nor 1."""
    noise = np.random.default_rng(seed).normal(size=(len(words) + 9, dim)).astype(np.float32)
    return WordVectors(words, sum(noise[i : i + len(words)] for i in range(10)))
