"""Encode a corpus: its vocabulary and its stream of ids, read once or taken from the cache."""

import shutil
import tempfile
import weakref
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from sampledsoftmax import validation
from sampledsoftmax.word2vec.corpus.corpus import Source, TextFiles, read_sentences
from sampledsoftmax.word2vec.corpus.encodings import UTF8
from sampledsoftmax.word2vec.corpus.find_files import AnyPath
from sampledsoftmax.word2vec.encoding.corpus_cache import (
    CorpusCache,
    fingerprint,
    load_vocabulary,
    save_vocabulary,
    temp_folder,
    words_digest,
)
from sampledsoftmax.word2vec.encoding.encode_passes import OnProgress, encode_into, frequent_words, word_counts
from sampledsoftmax.word2vec.encoding.id_files import map_stream, read_num_tokens
from sampledsoftmax.word2vec.encoding.vocabulary import IdStream, Vocabulary
from sampledsoftmax.word2vec.encoding.word_index import WordIndex


class Encoded(NamedTuple):
    """An encoded corpus, ready for training.

    Attributes
    ----------
    vocabulary : Vocabulary
        Its words.
    stream : IdStream
        Their ids, in the order of the text: int32, memory-mapped.
    """

    vocabulary: Vocabulary
    stream: IdStream


def ignore(*_: Any) -> None:
    """Do nothing: the default of all callbacks."""


def encode_corpus(
    source: Source,
    min_count: int,
    cache: AnyPath | None = None,
    *,
    errors: str = "strict",
    encoding: str = UTF8,
    exclude: Sequence[AnyPath] = (),
    on_progress: OnProgress = ignore,
    on_reuse: Callable[[Path], None] = ignore,
    on_count: Callable[[int], None] = ignore,
) -> Encoded:
    """Read a corpus once and return its vocabulary and its ids.

    Parameters
    ----------
    source : path, sequence of paths, iterable of sentences, or array of ids
        See `read_sentences`; a sentence is any sequence of str or int, see `token_lists`.
    min_count : int
        Words that occur less often are dropped.
    cache : path, optional
        Directory for the ids, created if it does not exist. An entry is reused for the same files (paths, sizes, times
        of the last change), `min_count`, `errors` and `encoding`, if its checksums match. Token lists, arrays
        and pipes are read each time, and files that change while they are read are not kept. Old entries are never
        deleted; the directory may be deleted at any time. Without a cache, the ids are in the temporary directory of
        the system (TMPDIR) and are removed with the stream.
    errors : str
        How to handle bytes that are not of the encoding: "strict", "replace" or "ignore", see `read_sentences`.
    encoding : str
        The encoding of the files.
    exclude : sequence of paths
        Files and folders that are not part of a folder or a pattern; the cache is none either.
    on_progress : callable
        Called with (bytes read, total bytes or None if unknown), about once per megabyte; never for what is in memory.
    on_reuse : callable
        Called with the folder of the cache entry that is reused.
    on_count : callable
        Called with the number of tokens of the corpus, those that are left out included.

    Raises
    ------
    TypeError, ValueError, FileNotFoundError
        The corpus cannot be read, see `read_sentences`, or has too few words, see `Vocabulary.build`.
    OSError
        The ids cannot be written.

    Examples
    --------
    >>> vocabulary, stream = encode_corpus([["b", "a", "b"], ["a", "c", "b"]], min_count=2)
    >>> vocabulary.words, stream.ids.tolist(), stream.offsets.tolist()
    (['b', 'a'], [0, 1, 0, 1, 0], [0, 3, 5])
    """
    min_count = validation.whole_number("min_count", min_count, at_least=1)
    return _encode(
        _Job(source, cache, errors, encoding, exclude, on_progress, on_reuse, on_count, min_count),
        lambda index: frequent_words(index, min_count),
        min_count=min_count,
    )


def encode_more(
    source: Source,
    vocabulary: Vocabulary,
    cache: AnyPath | None = None,
    *,
    errors: str = "strict",
    encoding: str = UTF8,
    exclude: Sequence[AnyPath] = (),
    on_progress: OnProgress = ignore,
    on_reuse: Callable[[Path], None] = ignore,
    on_count: Callable[[int], None] = ignore,
) -> IdStream:
    """Return a corpus as ids of an existing vocabulary; other words are dropped.

    The parameters are those of `encode_corpus`.

    Examples
    --------
    >>> import numpy as np
    >>> encode_more([["to", "be", "or"]], Vocabulary(["be", "to"], np.array([3, 2]))).ids.tolist()
    [1, 0]
    """
    job = _Job(source, cache, errors, encoding, exclude, on_progress, on_reuse, on_count)
    return _encode(job, lambda _: vocabulary, vocabulary=words_digest(vocabulary)).stream


def encode_and_grow(
    source: Source,
    vocabulary: Vocabulary,
    min_count: int,
    cache: AnyPath | None = None,
    *,
    errors: str = "strict",
    encoding: str = UTF8,
    exclude: Sequence[AnyPath] = (),
    on_progress: OnProgress = ignore,
    on_reuse: Callable[[Path], None] = ignore,
    on_count: Callable[[int], None] = ignore,
) -> Encoded:
    """Read more text: known words keep their ids, new words that occur at least `min_count` times follow.

    The parameters are those of `encode_corpus`; see `Vocabulary.grow`.

    Examples
    --------
    >>> import numpy as np
    >>> old = Vocabulary(["be", "to"], np.array([3, 2]))
    >>> vocabulary, stream = encode_and_grow([["not", "to", "be", "not"]], old, min_count=2)
    >>> vocabulary.words, vocabulary.counts, stream.ids.tolist()
    (['be', 'to', 'not'], array([4, 3, 2]), [2, 1, 0, 2])
    """
    min_count = validation.whole_number("min_count", min_count, at_least=1)

    def grown(index: WordIndex) -> Vocabulary:
        known = vocabulary.ids
        counts = {word: n for word, n in word_counts(index) if n >= min_count or word in known}
        return vocabulary.grow(counts, min_count)

    job = _Job(source, cache, errors, encoding, exclude, on_progress, on_reuse, on_count)
    return _encode(job, grown, min_count=min_count, vocabulary=words_digest(vocabulary))


class _Job(NamedTuple):
    """The common arguments of the three public functions."""

    source: Source
    cache: AnyPath | None
    errors: str
    encoding: str
    exclude: Sequence[AnyPath]
    on_progress: OnProgress
    on_reuse: Callable[[Path], None]
    on_count: Callable[[int], None]
    at_least: int = 1  # words with fewer occurrences are certain to be dropped


def _encode(job: _Job, choose: Callable[[WordIndex], Vocabulary], **settings: Any) -> Encoded:
    """Return a corpus from the cache, or encode it with the vocabulary that `choose` makes from its words."""
    exclude = [*job.exclude, *([] if job.cache is None else [job.cache])]
    sentences = read_sentences(job.source, job.errors, job.encoding, exclude)
    about = fingerprint(sentences, **settings) if job.cache is not None and isinstance(sentences, TextFiles) else None
    cache = CorpusCache(tempfile.gettempdir() if job.cache is None else job.cache)
    if about is not None and cache.holds(about):
        folder = cache.folder_of(about)
        with suppress(FileNotFoundError):  # removed meanwhile
            encoded, num_tokens = Encoded(load_vocabulary(folder), map_stream(folder)), read_num_tokens(folder)
            job.on_reuse(folder)
            job.on_count(num_tokens)
            return encoded
    with temp_folder(cache.path) as folder:
        vocabulary, checksums = encode_into(folder, sentences, choose, job.at_least, job.on_progress)
        num_tokens, kept = read_num_tokens(folder), folder
        # files that have changed meanwhile are used as they were read, but not kept
        if about is not None and about == fingerprint(sentences, **settings):  # type: ignore[arg-type]
            kept = cache.keep(folder, about, checksums | save_vocabulary(folder, vocabulary))
        stream = map_stream(kept)
    job.on_count(num_tokens)
    if folder.exists():  # where mapped files cannot be removed
        weakref.finalize(stream.ids, shutil.rmtree, folder, ignore_errors=True)
    return Encoded(vocabulary, stream)
