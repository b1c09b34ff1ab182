"""Text for the examples: words of a file, or names in the source of the Python standard library."""

import gzip
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax.word2vec.corpus.python_source import PythonSource


class Text(NamedTuple):
    """A text as ids.

    Attributes
    ----------
    ids : int64 [num_tokens]
        0 for the most frequent word: the log-uniform sampler needs ids in this order.
    words : list of str
        The word of each id.
    """

    ids: NDArray[np.int64]
    words: list[str]


def read(path: Path | None, max_tokens: int, min_count: int) -> Text:
    """Read a text file (.txt or .gz), or the standard library if there is no path; rarer words become "<rare>"."""
    tokens = _tokens(path)[:max_tokens]
    counts = Counter(tokens)
    known = {word for word, count in counts.items() if count >= min_count}
    counts = Counter(token if token in known else "<rare>" for token in tokens)
    words = [word for word, _ in counts.most_common()]
    number = {word: i for i, word in enumerate(words)}
    ids = np.array([number.get(token, number.get("<rare>", 0)) for token in tokens], np.int64)
    return Text(ids, words)


def _tokens(path: Path | None) -> list[str]:
    if path is None:
        return [name for sentence in PythonSource() for name in sentence]
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return data.decode("utf-8").split()
