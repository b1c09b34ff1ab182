"""Questions for the evaluation of vectors: the lines of a file, and the lookup of their words."""

import os
from collections.abc import Iterator
from pathlib import Path

from sampledsoftmax import validation
from sampledsoftmax.io.input_file import checked_path, lines_of
from sampledsoftmax.io.shown_path import shown_path
from sampledsoftmax.word2vec.vectors.open_file import open_file
from sampledsoftmax.word2vec.vectors.word_table import Word
from sampledsoftmax.word2vec.vectors.word_vectors import WordVectors

RESTRICT_VOCAB = 300_000


class Lookup:
    """Lookup of the words of questions, with or without regard to case.

    Parameters
    ----------
    vectors : WordVectors
        Words by decreasing frequency.
    restrict_vocab : int or None
        Use only the first `restrict_vocab` words, in questions and as answers; None for all.
    case_insensitive : bool
        Whether a word of a question denotes the first (most frequent) word that is the same in upper case, as in
        gensim. Otherwise words are looked up as they are written.

    Raises
    ------
    TypeError, ValueError
        An argument is of another type or out of its range.

    Examples
    --------
    >>> import numpy as np
    >>> lookup = Lookup(WordVectors(["us", "US", "uk"], np.eye(3)), None, case_insensitive=True)
    >>> lookup.id("Us"), lookup.id("UK"), lookup.id("eu"), lookup.variants("us")
    (0, 2, None, [0, 1])
    """

    def __init__(self, vectors: WordVectors, restrict_vocab: int | None, case_insensitive: bool) -> None:
        if not isinstance(vectors, WordVectors):
            raise TypeError(f"vectors must be WordVectors, got {validation.described(vectors)}")
        if restrict_vocab is not None:
            restrict_vocab = validation.whole_number("restrict_vocab", restrict_vocab, at_least=1)
        self._fold = validation.flag("case_insensitive", case_insensitive)
        self.size = min(len(vectors), restrict_vocab or len(vectors))
        self._ids: dict[str, int] = {}
        self._others: dict[str, list[int]] = {}
        for i, word in enumerate(vectors.words[: self.size]):
            if self._ids.setdefault(self._key(word), i) != i:
                self._others.setdefault(self._key(word), []).append(i)

    def id(self, word: Word) -> int | None:
        """Return the id of the word that `word` denotes, None if there is none."""
        return self._ids.get(self._key(word))

    def variants(self, word: Word) -> list[int]:
        """Return the ids of all words that equal `word` up to case, starting with the one that it denotes."""
        key = self._key(word)
        return [self._ids[key], *self._others.get(key, [])]

    def _key(self, word: Word) -> str:
        return str(word).upper() if self._fold else str(word)


def numbered_lines(path: str | os.PathLike[str]) -> Iterator[tuple[int, str]]:
    r"""Yield the number, from 1, and the text of each nonempty line.

    Parameters
    ----------
    path : path
        A UTF-8 file, plain or compressed; a byte-order mark and carriage returns are skipped.

    Raises
    ------
    FileNotFoundError, IsADirectoryError
        The file does not exist or is a directory.
    ValueError
        A line is not UTF-8, holds a null character or is longer than a megabyte, or a compressed file is damaged.
    OSError
        The file cannot be read; a pipe into which no process writes is one of these, after some seconds.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "pairs.txt"
    >>> _ = path.write_text("# pairs\n\nold new 1.58\n")
    >>> list(numbered_lines(path))
    [(1, '# pairs'), (3, 'old new 1.58')]
    """
    checked = checked_path(path)
    name = shown_path(checked)
    for number, line in enumerate(_lines(checked), start=1):
        try:
            text = line.decode("utf-8").strip()
        except UnicodeDecodeError as error:
            where = f"byte {error.start + 1} of the line is not UTF-8"
            raise ValueError(f"{name}, line {number}: {where}: convert the file to UTF-8") from None
        if "\0" in text:
            raise ValueError(f"{name}, line {number} has a null character, as in UTF-16 and in files that are no text")
        if text:
            yield number, text


def _lines(path: Path) -> Iterator[bytes]:
    if not path.exists():
        raise FileNotFoundError(f"{shown_path(path)} does not exist")
    if path.is_dir():
        raise IsADirectoryError(f"{shown_path(path)} is a directory, a file of questions is expected")
    with open_file(path) as file:
        yield from lines_of(file, path)
