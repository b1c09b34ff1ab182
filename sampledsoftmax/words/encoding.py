"""From a corpus to its vocabulary and a stream of ids, in one reading.

The words are numbered as they come, and the numbers go to a file. Once all are counted, their ids are known, and the
file is written anew with those: numbers are a twentieth of the work of cutting text into words.
"""

import tempfile
import weakref
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax import check
from sampledsoftmax.words.corpus import Sentence, Source, TextFiles, read_sentences
from sampledsoftmax.words.corpus_cache import CorpusCache, fingerprint, load_vocabulary, save_vocabulary, words_digest
from sampledsoftmax.words.files import writing
from sampledsoftmax.words.id_files import Draft, map_stream, write_stream
from sampledsoftmax.words.id_stream import IdStream
from sampledsoftmax.words.sources import AnyPath
from sampledsoftmax.words.text_blocks import one_ahead
from sampledsoftmax.words.vocabulary import Vocabulary, check_sentence
from sampledsoftmax.words.word_tables import Numbered, TextTable, TokenTable, WordTable

OnProgress: TypeAlias = Callable[[int, int | None], None]

_WORDS_PER_BLOCK = 2**17


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
    min_count = check.whole_number("min_count", min_count, at_least=1)
    return _encode(
        _Job(source, cache, errors, on_progress, on_reuse, min_count),
        lambda table: _frequent_words(table, min_count),
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
    >>> old = Vocabulary(["be", "to"], np.array([3, 2]))
    >>> vocabulary, stream = encode_and_grow([["not", "to", "be", "not"]], old, min_count=2)
    >>> vocabulary.words, vocabulary.counts, stream.ids.tolist()
    (['be', 'to', 'not'], array([4, 3, 2]), [2, 1, 0, 2])
    """
    min_count = check.whole_number("min_count", min_count, at_least=1)

    def grown(table: WordTable) -> Vocabulary:
        known = vocabulary.ids
        counts = {word: n for word, n in _counted(table) if n >= min_count or word in known}
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
    with cache.new_folder() as draft:
        vocabulary, checksums = _write(job, sentences, choose, draft)
        checksums |= save_vocabulary(draft, vocabulary)
        return Encoded(vocabulary, map_stream(cache.keep(draft, about, checksums)))


def _encode_for_now(job: _Job, sentences: Iterable[Sentence], choose: Callable[[WordTable], Vocabulary]) -> Encoded:
    """Encode into files that are gone with the arrays: at once where files that are mapped may be deleted."""
    above = tempfile.gettempdir() if job.cache is None else job.cache
    with writing(above):
        Path(above).mkdir(parents=True, exist_ok=True)
        folder = tempfile.TemporaryDirectory(prefix="corpus-", dir=above, ignore_cleanup_errors=True)
    with folder:
        vocabulary, _ = _write(job, sentences, choose, Path(folder.name))
        stream = map_stream(Path(folder.name))
    weakref.finalize(stream.ids, folder.cleanup)
    return Encoded(vocabulary, stream)


def _write(
    job: _Job, sentences: Iterable[Sentence], choose: Callable[[WordTable], Vocabulary], folder: Path
) -> tuple[Vocabulary, dict[str, int]]:
    """Read a corpus, choose the vocabulary, and write the ids; return the check sums of the files."""
    with Draft(folder) as draft:
        table = TextTable() if isinstance(sentences, TextFiles) else TokenTable()
        for block in _numbered(table, sentences, job.on_progress):
            draft.add(block)
        vocabulary = choose(table)
        new_ids = _new_ids(table, vocabulary, job.at_least)
        num_words = int(table.counts()[new_ids >= 0].sum())
        return vocabulary, write_stream(folder, draft, new_ids, num_words)


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


def _frequent_words(table: WordTable, min_count: int) -> Vocabulary:
    """Return what `Vocabulary.from_counts` would, without the rare words ever being strings."""
    is_enough = np.count_nonzero(table.counts() >= min_count) > 1
    return Vocabulary.from_counts(dict(_counted(table, min_count if is_enough else 1)), min_count)


def _new_ids(table: WordTable, vocabulary: Vocabulary, at_least: int) -> NDArray[np.int32]:
    """Return the id of each word of the table, -1 where the vocabulary does not hold it.

    Words that came less than `at_least` times are known not to be in it.
    """
    new_ids = np.full(table.counts().size, -1, np.int32)
    for numbers, words in _words_of(table, at_least):
        new_ids[numbers] = [vocabulary.ids.get(word, -1) for word in words]
    return new_ids


def _counted(table: WordTable, at_least: int = 1) -> Iterator[tuple[str, int]]:
    """Yield each word that came `at_least` times, and how often it did."""
    for numbers, words in _words_of(table, at_least):
        yield from zip(words, table.counts()[numbers].tolist(), strict=True)


def _words_of(table: WordTable, at_least: int) -> Iterator[tuple[NDArray[np.int64], list[str]]]:
    """Yield words with their numbers, some at a time: most are rare and need not be strings for long."""
    chosen = np.flatnonzero(table.counts() >= at_least)
    for start in range(0, chosen.size, _WORDS_PER_BLOCK):
        numbers = chosen[start : start + _WORDS_PER_BLOCK]
        yield numbers, table.words(numbers)
