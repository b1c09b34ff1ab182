"""The two passes of encoding: count the words of a corpus, then write it with the ids of a vocabulary.

The first pass reads the corpus, numbers the words in the order of their first appearance and writes these provisional
ids to a file. Once all words are counted, their final ids are known, and the second pass maps the file to them. It is
cheap compared with tokenizing the text.
"""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax.word2vec.corpus.corpus import Sentence, TextFiles
from sampledsoftmax.word2vec.corpus.id_sentences import IdSentences
from sampledsoftmax.word2vec.corpus.text_blocks import prefetch
from sampledsoftmax.word2vec.encoding.id_files import FirstPassFile, write_num_tokens, write_stream
from sampledsoftmax.word2vec.encoding.sentences import Word, lists_and_arrays
from sampledsoftmax.word2vec.encoding.vocabulary import Vocabulary
from sampledsoftmax.word2vec.encoding.word_index import IdIndex, TextIndex, TokenBlock, TokenListIndex, WordIndex

OnProgress: TypeAlias = Callable[[int, int | None], None]

_WORDS_PER_BLOCK = 2**17


def encode_into(
    folder: Path,
    sentences: Iterable[Sentence],
    choose: Callable[[WordIndex], Vocabulary],
    at_least: int,
    on_progress: OnProgress,
) -> tuple[Vocabulary, dict[str, int]]:
    """Read a corpus, write its ids to a folder, and return the vocabulary and the checksum of each file.

    Parameters
    ----------
    folder : Path
        Where the files go, the temporary one included.
    sentences : TextFiles, IdSentences or iterable of token lists
        Read once.
    choose : callable
        Makes the vocabulary from the index of all words.
    at_least : int
        Words with fewer occurrences are known not to be in the vocabulary; 1 if nothing is known.
    on_progress : callable
        See `encode_corpus`.
    """
    with FirstPassFile(folder) as first_pass:
        index = _index_for(sentences)
        for block in _token_blocks(index, sentences, on_progress):
            first_pass.add(block)
        vocabulary = choose(index)
        final_ids = _final_ids(index, vocabulary, at_least)
        counts = index.counts()
        checksums = write_stream(folder, first_pass, final_ids, int(counts[final_ids >= 0].sum()))
        return vocabulary, checksums | write_num_tokens(folder, int(counts.sum()))


def frequent_words(index: WordIndex, min_count: int) -> Vocabulary:
    """Return the same as `Vocabulary.from_counts`, without making strings of the rare words."""
    is_enough = np.count_nonzero(index.counts() >= min_count) > 1
    return Vocabulary.from_counts(dict(word_counts(index, min_count if is_enough else 1)), min_count)


def word_counts(index: WordIndex, at_least: int = 1) -> Iterator[tuple[Word, int]]:
    """Yield each word that occurs `at_least` times, and its count."""
    for ids, words in _words_in_blocks(index, at_least):
        yield from zip(words, index.counts()[ids].tolist(), strict=True)


def _index_for(sentences: Iterable[Sentence]) -> WordIndex:
    if isinstance(sentences, TextFiles):
        return TextIndex()
    return IdIndex() if isinstance(sentences, IdSentences) else TokenListIndex()


def _token_blocks(index: Any, sentences: Iterable[Sentence], on_progress: OnProgress) -> Iterator[TokenBlock]:
    if isinstance(sentences, TextFiles):
        total, blocks = sentences.num_bytes, sentences.blocks()
        for text, done in prefetch(blocks) if sentences.is_compressed else blocks:
            yield index.add(text)
            on_progress(done, total)
        if total is not None:
            on_progress(total, total)
    elif isinstance(sentences, IdSentences):
        for ids, ends in sentences.blocks():
            yield index.add(ids, ends)
    else:
        for block in _sentence_blocks(sentences):
            yield index.add(block)


def _sentence_blocks(sentences: Iterable[Sentence]) -> Iterator[list[Any]]:
    block: list[Any] = []
    size = 0
    for tokens in lists_and_arrays(sentences):
        block.append(tokens)
        size += len(tokens) + 1
        if size >= _WORDS_PER_BLOCK:
            yield block
            block, size = [], 0
    yield block


def _final_ids(index: WordIndex, vocabulary: Vocabulary, at_least: int) -> NDArray[np.int32]:
    """Return the vocabulary id of each word of the index, -1 for words that are not in the vocabulary."""
    final_ids = np.full(index.counts().size, -1, np.int32)
    for ids, words in _words_in_blocks(index, at_least):
        final_ids[ids] = [vocabulary.ids.get(word, -1) for word in words]
    return final_ids


def _words_in_blocks(index: WordIndex, at_least: int) -> Iterator[tuple[NDArray[np.int64], list[Word]]]:
    """Yield ids and words in blocks: most words are rare, and their strings need not be held at once."""
    chosen = np.flatnonzero(index.counts() >= at_least)
    for start in range(0, chosen.size, _WORDS_PER_BLOCK):
        ids = chosen[start : start + _WORDS_PER_BLOCK]
        yield ids, index.words(ids)
