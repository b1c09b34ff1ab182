"""Evaluation on word similarity: correlation of cosines with human judgments (WordSim-353, SimLex-999)."""

import os
import re
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sampledsoftmax.io.input_file import checked_path
from sampledsoftmax.io.shown_path import shown_path
from sampledsoftmax.not_a_number import not_a_number
from sampledsoftmax.validation import shown
from sampledsoftmax.word2vec.evaluation.questions import RESTRICT_VOCAB, Lookup, numbered_lines
from sampledsoftmax.word2vec.vectors.word_vectors import WordVectors

_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_MISSING = ("", "na", "n/a", "#n/a", "nan", "null", "none", "nil", "inf", "infinity", "?", ".")  # of -, too
_LARGE = 1e300


@not_a_number()
class SimilarityScores(NamedTuple):
    """Correlation of cosines with human judgments.

    Attributes
    ----------
    spearman : float
        Rank correlation, ties with average ranks; NaN for fewer than two covered pairs.
    pearson : float
        Linear correlation.
    covered : int
        Pairs whose two words both have vectors; the others are ignored.
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
    r"""Compare cosines with the human judgments of a file such as WordSim-353 or SimLex-999.

    The scores are those of gensim's `evaluate_word_pairs` with the same arguments.

    Parameters
    ----------
    vectors : WordVectors
        Words by decreasing frequency.
    path : path
        UTF-8, plain or compressed. A line has two words and further fields; the first number among those of the first
        pair is its score, and the score of the other pairs is the field at the same place. Fields are separated by
        tabs, else by commas, else by white space. Lines that start with "#" are comments; the first other line may be a
        header, with a name in the place of the score. A repeated pair counts each time.
    restrict_vocab : int or None
        Use only the first `restrict_vocab` words; None for all.
    case_insensitive : bool
        As in `evaluate_analogies`.

    Returns
    -------
    SimilarityScores

    Raises
    ------
    FileNotFoundError
        The file does not exist.
    TypeError, ValueError
        A line has another form, a score is missing or not finite, or there are no pairs; the message names the line. Or
        an argument is of another type or out of its range.

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
    place: int | None = None
    may_be_header = True
    name = shown_path(checked_path(path))
    for number, line in numbered_lines(path):
        if line.startswith("#"):
            continue
        fields = _fields(line)
        if place is None:
            place = next((i for i in range(2, len(fields)) if _is_score(fields[i])), None)
            if place is None and may_be_header and _is_header(fields):
                may_be_header = False
                continue
        may_be_header = False
        if (
            place is None
            or len(fields) <= place
            or any(map(_is_missing, fields[2:place]))
            or not _is_score(fields[place])
        ):
            where = f" as field {place + 1}" if place is not None else ""
            raise ValueError(f"{name}, line {number}: two words and a number{where} are expected, got {shown(line)}")
        pairs.append((fields[0], fields[1], float(fields[place])))
    if not pairs:
        raise ValueError(f"{name} has no pairs: lines of two words and a number are expected")
    return pairs


def _fields(line: str) -> list[str]:
    separator = "\t" if "\t" in line else "," if "," in line else None
    return [field.strip() for field in line.split(separator)]


def _is_score(field: str) -> bool:
    """Return whether a field is a finite decimal number."""
    return _NUMBER.fullmatch(field) is not None and bool(np.isfinite(float(field)))


def _is_missing(field: str) -> bool:
    """Return whether a field is what programs write for a number that they do not have, or begins as a number."""
    plain = field.lower().lstrip("+-")
    return plain in _MISSING or plain[0].isdecimal()


def _is_header(fields: list[str]) -> bool:
    """Return whether fields without a number are names of columns: there are more than two, and none is missing."""
    names = [field for field in fields[2:] if field]
    return len(fields) == 1 or (bool(names) and not any(map(_is_missing, names)))


def average_ranks(values: ArrayLike) -> NDArray[np.float64]:
    """Return the rank of each value, from 1; equal values share the mean of their ranks.

    Examples
    --------
    >>> average_ranks([10.0, 30.0, 10.0, 20.0])
    array([1.5, 4. , 1.5, 3. ])
    """
    _, inverse, counts = np.unique(np.asarray(values), return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return ((2 * ends - counts + 1) / 2)[inverse]


def pearson(a: ArrayLike, b: ArrayLike) -> float:
    """Return the linear correlation in [-1, 1]; NaN for fewer than two pairs or a list of equal values.

    Examples
    --------
    >>> pearson([1.0, 2.0, 3.0], [5.0, 4.0, 3.0])
    -1.0
    """
    x, y = _halved(np.asarray(a, dtype=np.float64)), _halved(np.asarray(b, dtype=np.float64))
    if x.size < 2 or (x == x[0]).all() or (y == y[0]).all():
        return float("nan")
    x, y = x - x.mean(), y - y.mean()
    x, y = x / np.abs(x).max(), y / np.abs(y).max()  # so that squares do not underflow
    return float(np.clip(x @ y / np.sqrt((x @ x) * (y @ y)), -1.0, 1.0))


def _halved(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return values whose mean does not overflow: the same, or scaled, which changes no correlation."""
    return values if np.abs(values).max(initial=0.0) < _LARGE else np.ldexp(values, -64)


def spearman(a: ArrayLike, b: ArrayLike) -> float:
    """Return the rank correlation, ties with average ranks: `pearson` of the ranks.

    Examples
    --------
    >>> round(spearman([1.0, 2.0, 3.0, 4.0], [1.0, 10.0, 100.0, 100.0]), 4)
    0.9487
    """
    return pearson(average_ranks(a), average_ranks(b))
