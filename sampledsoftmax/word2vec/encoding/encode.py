"""From a corpus to its vocabulary and a stream of ids, in one reading, or out of the cache."""

import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

from sampledsoftmax import validation
from sampledsoftmax.word2vec.corpus.corpus import Sentence, Source, TextFiles, read_sentences
from sampledsoftmax.word2vec.corpus.find_files import AnyPath
from sampledsoftmax.word2vec.encoding.corpus_cache import (
    CorpusCache,
    draft_folder,
    fingerprint,
    load_vocabulary,
    save_vocabulary,
    words_digest,
)
from sampledsoftmax.word2vec.encoding.encode_passes import OnProgress, counted, encode_into, frequent_words
from sampledsoftmax.word2vec.encoding.id_files import map_stream
from sampledsoftmax.word2vec.encoding.id_stream import IdStream
from sampledsoftmax.word2vec.encoding.vocabulary import Vocabulary
from sampledsoftmax.word2vec.encoding.word_index import WordTable


class Encoded(NamedTuple):
    """A corpus that is ready for training.

    Attributes
    ----------
    vocabulary : Vocabulary
        Its words.
    stream : IdStream
        Their ids, in the order of the text: int32, mapped from files.
    """

    vocabulary: Vocabulary
    stream: IdStream


def _no_progress(_: int, __: int | None) -> None:
    """Take a report and do nothing with it."""


def _no_reuse(_: Path) -> None:
    """Take a report and do nothing with it."""


def encode_corpus(
    source: Source,
    min_count: int,
    cache: AnyPath | None = None,
    *,
    errors: str = "strict",
    on_progress: OnProgress = _no_progress,
    on_reuse: Callable[[Path], None] = _no_reuse,
) -> Encoded:
    """Read a corpus once and return its vocabulary and its ids.

    Parameters
    ----------
    source : path, sequence of paths, or iterable of token lists
        See `read_sentences`.
    min_count : int
        Words that occur less often are left out.
    cache : path, optional
        Directory for the ids, made if it is not there. What it holds of the same files (paths, sizes, times of the
        last change), `min_count` and `errors` is used again, if its check sums are right; token lists and pipes are
        read each time. Old entries stay until somebody deletes them; the directory may be deleted at any time. Without
        it the ids are in the temporary directory of the system (TMPDIR) and are gone with the stream.
    errors : str
        What to do with bytes that are not UTF-8: "strict", "replace" or "ignore", see `read_sentences`.
    on_progress : callable
        Is called with (bytes read, bytes in all or None where that is not known), about once a megabyte; for token
        lists not at all.
    on_reuse : callable
        Is called with the folder of the cache that is used again.

    Raises
    ------
    TypeError, ValueError, FileNotFoundError
        The corpus cannot be read, see `read_sentences`, or holds too few words, see `Vocabulary.build`.
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
        _Job(source, cache, errors, on_progress, on_reuse, min_count),
        lambda table: frequent_words(table, min_count),
        min_count=min_count,
    )


def encode_more(
    source: Source,
    vocabulary: Vocabulary,
    cache: AnyPath | None = None,
    *,
    errors: str = "strict",
    on_progress: OnProgress = _no_progress,
    on_reuse: Callable[[Path], None] = _no_reuse,
) -> IdStream:
    """Return a corpus as ids of a vocabulary that is there already; other words are left out.

    Parameters are those of `encode_corpus`.

    Examples
    --------
    >>> import numpy as np
    >>> encode_more([["to", "be", "or"]], Vocabulary(["be", "to"], np.array([3, 2]))).ids.tolist()
    [1, 0]
    """
    job = _Job(source, cache, errors, on_progress, on_reuse)
    return _encode(job, lambda _: vocabulary, vocabulary=words_digest(vocabulary)).stream


def encode_and_grow(
    source: Source,
    vocabulary: Vocabulary,
    min_count: int,
    cache: AnyPath | None = None,
    *,
    errors: str = "strict",
    on_progress: OnProgress = _no_progress,
    on_reuse: Callable[[Path], None] = _no_reuse,
) -> Encoded:
    """Read more text: old words keep their ids, new ones that occur `min_count` times come after them.

    Parameters are those of `encode_corpus`; see `Vocabulary.grow`.

    Examples
    --------
    >>> import numpy as np
    >>> old = Vocabulary(["be", "to"], np.array([3, 2]))
    >>> vocabulary, stream = encode_and_grow([["not", "to", "be", "not"]], old, min_count=2)
    >>> vocabulary.words, vocabulary.counts, stream.ids.tolist()
    (['be', 'to', 'not'], array([4, 3, 2]), [2, 1, 0, 2])
    """
    min_count = validation.whole_number("min_count", min_count, at_least=1)

    def grown(table: WordTable) -> Vocabulary:
        known = vocabulary.ids
        counts = {word: n for word, n in counted(table) if n >= min_count or word in known}
        return vocabulary.grow(counts, min_count)

    job = _Job(source, cache, errors, on_progress, on_reuse)
    return _encode(job, grown, min_count=min_count, vocabulary=words_digest(vocabulary))


class _Job(NamedTuple):
    """What the three functions have in common."""

    source: Source
    cache: AnyPath | None
    errors: str
    on_progress: OnProgress
    on_reuse: Callable[[Path], None]
    at_least: int = 1  # words that come less often are left out for sure


def _encode(job: _Job, choose: Callable[[WordTable], Vocabulary], **settings: Any) -> Encoded:
    """Take a corpus from the cache, or encode it with the vocabulary that `choose` makes of its words."""
    sentences = read_sentences(job.source, job.errors)
    about = fingerprint(sentences, **settings) if isinstance(sentences, TextFiles) else None
    if job.cache is None or about is None:
        return _encode_for_now(job, sentences, choose)
    cache = CorpusCache(job.cache)
    if cache.holds(about):
        folder = cache.folder_of(about)
        job.on_reuse(folder)
        return Encoded(load_vocabulary(folder), map_stream(folder))
    with draft_folder(cache.path) as draft:
        vocabulary, checksums = encode_into(draft, sentences, choose, job.at_least, job.on_progress)
        checksums |= save_vocabulary(draft, vocabulary)
        return Encoded(vocabulary, map_stream(cache.keep(draft, about, checksums)))


def _encode_for_now(job: _Job, sentences: Iterable[Sentence], choose: Callable[[WordTable], Vocabulary]) -> Encoded:
    """Encode into files that are gone with the arrays: at once where files that are mapped may be deleted."""
    with draft_folder(tempfile.gettempdir() if job.cache is None else job.cache) as folder:
        vocabulary, _ = encode_into(folder, sentences, choose, job.at_least, job.on_progress)
        stream = map_stream(folder)
    if folder.exists():
        weakref.finalize(stream.ids, shutil.rmtree, folder, ignore_errors=True)
    return Encoded(vocabulary, stream)
