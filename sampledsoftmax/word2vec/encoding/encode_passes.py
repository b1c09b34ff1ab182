"""A corpus as numbers: read once, counted, and written anew with the ids of a vocabulary.

Words are numbered as they come, and the numbers go to a file. Once all are counted, their ids are known, and the file
is written again with those: numbers are a small part of the work of cutting text into words.
"""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax.word2vec.corpus.corpus import Sentence, TextFiles
from sampledsoftmax.word2vec.corpus.text_blocks import one_ahead
from sampledsoftmax.word2vec.encoding.id_files import Draft, write_stream
from sampledsoftmax.word2vec.encoding.vocabulary import Vocabulary, check_sentence
from sampledsoftmax.word2vec.encoding.word_index import Numbered, TextTable, TokenTable, WordTable

OnProgress: TypeAlias = Callable[[int, int | None], None]

_WORDS_PER_BLOCK = 2**17


def encode_into(
    folder: Path,
    sentences: Iterable[Sentence],
    choose: Callable[[WordTable], Vocabulary],
    at_least: int,
    on_progress: OnProgress,
) -> tuple[Vocabulary, dict[str, int]]:
    """Read a corpus, write its ids to a folder, and return the vocabulary and the check sum of each file.

    Parameters
    ----------
    folder : Path
        Where to; it also holds the draft.
    sentences : TextFiles or iterable of token lists
        Are read once.
    choose : callable
        Makes the vocabulary of the table of all words.
    at_least : int
        Words that come less often are known not to be in the vocabulary; 1 if nothing is known.
    on_progress : callable
        See `encode_corpus`.
    """
    with Draft(folder) as draft:
        table = TextTable() if isinstance(sentences, TextFiles) else TokenTable()
        for block in _numbered(table, sentences, on_progress):
            draft.add(block)
        vocabulary = choose(table)
        new_ids = _new_ids(table, vocabulary, at_least)
        num_words = int(table.counts()[new_ids >= 0].sum())
        return vocabulary, write_stream(folder, draft, new_ids, num_words)


def frequent_words(table: WordTable, min_count: int) -> Vocabulary:
    """Return what `Vocabulary.from_counts` would, without the rare words ever being strings."""
    is_enough = np.count_nonzero(table.counts() >= min_count) > 1
    return Vocabulary.from_counts(dict(counted(table, min_count if is_enough else 1)), min_count)


def counted(table: WordTable, at_least: int = 1) -> Iterator[tuple[str, int]]:
    """Yield each word that came `at_least` times, and how often it did."""
    for numbers, words in _words_of(table, at_least):
        yield from zip(words, table.counts()[numbers].tolist(), strict=True)


def _numbered(table: Any, sentences: Iterable[Sentence], on_progress: OnProgress) -> Iterator[Numbered]:
    if isinstance(sentences, TextFiles):
        total, blocks = sentences.num_bytes, sentences.blocks()
        for text, done in one_ahead(blocks) if sentences.is_packed else blocks:
            yield table.number(text)
            on_progress(done, total)
        if total is not None:
            on_progress(total, total)
    else:
        for some in _in_blocks(sentences):
            yield table.number(some)


def _in_blocks(sentences: Iterable[Sentence]) -> Iterator[list[Sentence]]:
    """Yield the sentences some at a time."""
    some: list[Sentence] = []
    size = 0
    for number, sentence in enumerate(sentences):
        check_sentence(number, sentence)
        some.append(sentence)
        size += len(sentence) + 1
        if size >= _WORDS_PER_BLOCK:
            yield some
            some, size = [], 0
    yield some


def _new_ids(table: WordTable, vocabulary: Vocabulary, at_least: int) -> NDArray[np.int32]:
    """Return the id of each word of the table, -1 where the vocabulary does not hold it."""
    new_ids = np.full(table.counts().size, -1, np.int32)
    for numbers, words in _words_of(table, at_least):
        new_ids[numbers] = [vocabulary.ids.get(word, -1) for word in words]
    return new_ids


def _words_of(table: WordTable, at_least: int) -> Iterator[tuple[NDArray[np.int64], list[str]]]:
    """Yield words with their numbers, some at a time: most are rare and need not be strings for long."""
    chosen = np.flatnonzero(table.counts() >= at_least)
    for start in range(0, chosen.size, _WORDS_PER_BLOCK):
        numbers = chosen[start : start + _WORDS_PER_BLOCK]
        yield numbers, table.words(numbers)
