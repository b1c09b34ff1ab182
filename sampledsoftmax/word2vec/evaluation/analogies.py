"""Evaluation on analogies: the share of questions "a is to b as c is to d" answered correctly, by section."""

import os
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax.io.input_file import checked_path
from sampledsoftmax.io.shown_path import shown_path
from sampledsoftmax.not_a_number import not_a_number
from sampledsoftmax.validation import shown
from sampledsoftmax.word2vec.evaluation.questions import RESTRICT_VOCAB, Lookup, numbered_lines
from sampledsoftmax.word2vec.vectors.word_vectors import WordVectors

# Cosines per block of questions: 64 MB of float32.
_BLOCK = 16_000_000

Question = tuple[str, str, str, str]


@not_a_number()
class Section(NamedTuple):
    """The score of a section of questions.

    Attributes
    ----------
    name : str
        Its name in the file.
    correct : int
        Questions answered correctly.
    covered : int
        Questions whose four words all have vectors; the others are ignored.
    questions : int
        All questions.
    """

    name: str
    correct: int
    covered: int
    questions: int

    @property
    def accuracy(self) -> float:
        """Return the share of covered questions answered correctly; NaN if none is covered."""
        return self.correct / self.covered if self.covered else float("nan")


@not_a_number()
class AnalogyScores(NamedTuple):
    """The score of a file of questions.

    Attributes
    ----------
    sections : list of Section
        In the order of the file.
    total : Section
        The sum of all sections.
    """

    sections: list[Section]
    total: Section


def evaluate_analogies(
    vectors: WordVectors,
    path: str | os.PathLike[str],
    restrict_vocab: int | None = RESTRICT_VOCAB,
    case_insensitive: bool = True,
) -> AnalogyScores:
    r"""Answer the analogies of a file such as questions-words.txt.

    The answer to "a is to b as c is to ..." is the word nearest by cosine to b - a + c, with normalized vectors
    (3CosAdd), among all words except a, b, c and their case variants. The scores are those of gensim's
    `evaluate_word_analogies` with the same arguments.

    Parameters
    ----------
    vectors : WordVectors
        Words by decreasing frequency.
    path : path
        UTF-8, plain or compressed. A line ": name" starts a section, any other line has four words; a repeated question
        counts each time.
    restrict_vocab : int or None
        Use only the first `restrict_vocab` words, in questions and as answers; None for all.
    case_insensitive : bool
        Whether a word of a question denotes the most frequent word that is the same in upper case. Otherwise words
        are looked up as they are written.

    Returns
    -------
    AnalogyScores

    Raises
    ------
    FileNotFoundError
        The file does not exist.
    TypeError, ValueError
        A line has another form, or there are no questions; the message names the line. Or an argument is of another
        type or out of its range.

    Notes
    -----
    Mikolov et al., "Efficient estimation of word representations in vector space", 2013.

    Examples
    --------
    >>> import tempfile
    >>> path = tempfile.mkdtemp() + "/questions.txt"
    >>> with open(path, "w") as file:
    ...     _ = file.write(": family\nman king woman queen\nman king girl princess\n")
    >>> square = np.array([[1.0, 0.0], [1.0, 1.0], [0.0, 0.1], [0.1, 1.0]])
    >>> evaluate_analogies(WordVectors(["man", "king", "woman", "queen"], square), path).total
    Section(name='total', correct=1, covered=1, questions=2)
    """
    lookup = Lookup(vectors, restrict_vocab, case_insensitive)
    sections = _read(path)
    known = {name: [q for q in asked if all(lookup.id(word) is not None for word in q)] for name, asked in sections}
    table = vectors.units(slice(0, lookup.size)).astype(vectors.vectors.dtype)
    correct = _correct_answers(table, lookup, [question for asked in known.values() for question in asked])
    scores = [Section(name, sum(next(correct) for _ in known[name]), len(known[name]), len(q)) for name, q in sections]
    total = Section(
        "total", sum(s.correct for s in scores), sum(s.covered for s in scores), sum(s.questions for s in scores)
    )
    return AnalogyScores(scores, total)


def _read(path: str | os.PathLike[str]) -> list[tuple[str, list[Question]]]:
    """Return the questions of each section; sections with the same name are merged."""
    sections: dict[str, list[Question]] = {}
    asked: list[Question] | None = None
    name = shown_path(checked_path(path))
    for number, line in numbered_lines(path):
        if line.startswith(":"):
            asked = sections.setdefault(line[1:].strip(), [])
            continue
        words = line.split()
        if asked is None:
            raise ValueError(f'{name}, line {number}: a line ": section" is expected first, got {shown(line)}')
        if len(words) != 4:
            raise ValueError(f"{name}, line {number}: four words are expected, got {len(words)}: {shown(line)}")
        asked.append((words[0], words[1], words[2], words[3]))
    if not any(sections.values()):
        raise ValueError(f"{name} has no questions")
    return list(sections.items())


def _correct_answers(table: NDArray[np.floating], lookup: Lookup, questions: list[Question]) -> Iterator[bool]:
    """Yield for each question whether its answer is correct."""
    size = max(1, _BLOCK // len(table))
    for first in range(0, len(questions), size):
        block = questions[first : first + size]
        for question, answer in zip(block, _answers(table, lookup, block), strict=True):
            yield answer in lookup.variants(question[3])


def _answers(table: NDArray[np.floating], lookup: Lookup, questions: list[Question]) -> list[int]:
    """Return the id of the answer to each question, -1 if all words are excluded."""
    a, b, c = (table[[lookup.variants(question[i])[0] for question in questions]] for i in range(3))
    cosines = (b - a + c) @ table.T
    rows = [row for row, question in enumerate(questions) for word in question[:3] for _ in lookup.variants(word)]
    cosines[rows, [i for question in questions for word in question[:3] for i in lookup.variants(word)]] = -np.inf
    best = cosines.argmax(axis=1)
    best[np.isneginf(cosines[np.arange(len(questions)), best])] = -1
    return list(map(int, best))
