"""Word pairs with a similarity that people gave: how far the cosine ranks them as people do."""

import os
from typing import NamedTuple

from sampledsoftmax.word2vec.evaluation.correlation import pearson, spearman
from sampledsoftmax.word2vec.evaluation.lookup import RESTRICT_VOCAB, Lookup
from sampledsoftmax.word2vec.evaluation.question_file import numbered_lines
from sampledsoftmax.word2vec.vectors.word_vectors import WordVectors


class SimilarityScores(NamedTuple):
    """How cosines go with judgements.

    Attributes
    ----------
    spearman : float
        Correlation of ranks, ties by average ranks; NaN for fewer than two covered pairs.
    pearson : float
        Linear correlation.
    covered : int
        Pairs of which both words have vectors; the others are left out.
    pairs : int
        All pairs.
    """

    spearman: float
    pearson: float
    covered: int
    pairs: int


def evaluate_similarities(
    vectors: WordVectors,
    path: str | os.PathLike[str],
    restrict_vocab: int | None = RESTRICT_VOCAB,
    case_insensitive: bool = True,
) -> SimilarityScores:
    r"""Compare cosines with the judgements of a file such as WordSim-353 or SimLex-999.

    The numbers are those of gensim's `evaluate_word_pairs` with the same arguments.

    Parameters
    ----------
    vectors : WordVectors
        Words by falling frequency.
    path : path
        Plain or gzip. A line holds two words and fields of which the first number is the score, all parted by
        tabs, else commas, else blanks. Lines that start with "#" are comments, the first other line may be a
        header.
    restrict_vocab : int or None
        Only the first so many words exist; None for all.
    case_insensitive : bool
        As in `evaluate_analogies`.

    Returns
    -------
    SimilarityScores

    Raises
    ------
    FileNotFoundError
        There is no such file.
    ValueError
        A line holds something else, or the file no pair; the message names the line.

    Examples
    --------
    >>> import numpy as np, tempfile
    >>> path = tempfile.mkdtemp() + "/pairs.tsv"
    >>> with open(path, "w") as file:
    ...     _ = file.write("Word 1\tWord 2\tscore\nold\tnew\t1.5\nold\taged\t9\nold\tyoung\t3\n")
    >>> vectors = WordVectors(["old", "new", "aged"], np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.1]]))
    >>> scores = evaluate_similarities(vectors, path)
    >>> round(scores.spearman, 6), scores.covered, scores.pairs
    (1.0, 2, 3)
    """
    lookup = Lookup(vectors, restrict_vocab, case_insensitive)
    pairs = _read(path)
    cosines, judged = [], []
    for a, b, score in pairs:
        first, second = lookup.id(a), lookup.id(b)
        if first is not None and second is not None:
            cosines.append(vectors.similarity(vectors.words[first], vectors.words[second]))
            judged.append(score)
    return SimilarityScores(spearman(judged, cosines), pearson(judged, cosines), len(judged), len(pairs))


def _read(path: str | os.PathLike[str]) -> list[tuple[str, str, float]]:
    pairs: list[tuple[str, str, float]] = []
    may_be_header = True
    for number, line in numbered_lines(path):
        if line.startswith("#"):
            continue
        pair = _pair(line)
        if pair is None and not may_be_header:
            raise ValueError(f"{path}, line {number}: two words and a number are expected, got {line[:60]!r}")
        may_be_header = False
        if pair is not None:
            pairs.append(pair)
    if not pairs:
        raise ValueError(f"{path} holds no pairs: lines of two words and a number are expected")
    return pairs


def _pair(line: str) -> tuple[str, str, float] | None:
    """Return two words and their score, or None if the line holds something else."""
    separator = "\t" if "\t" in line else "," if "," in line else None
    fields = [field.strip() for field in line.split(separator)]
    for field in fields[2:]:
        try:
            return fields[0], fields[1], float(field)
        except ValueError:
            continue
    return None
