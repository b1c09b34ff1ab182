"""From text to a vocabulary and a stream of ids."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from sampledsoftmax.words.corpus import Source, read_sentences
from sampledsoftmax.words.id_stream import IdStream
from sampledsoftmax.words.vocabulary import Vocabulary, count_words

OnProgress = Callable[[int, int | None], None]


class Encoded(NamedTuple):
    """A corpus that is ready for training.

    Attributes
    ----------
    vocabulary : Vocabulary
        Its words.
    stream : IdStream
        Their ids, in the order of the text.
    """

    vocabulary: Vocabulary
    stream: IdStream


def encode_corpus(
    source: Source,
    min_count: int,
    cache: str | os.PathLike[str] | None = None,
    *,
    errors: str = "strict",
    on_progress: OnProgress | None = None,
    on_reuse: Callable[[Path], None] | None = None,
) -> Encoded:
    """Read a corpus and return its vocabulary and its ids.

    Parameters
    ----------
    source : path, paths or iterable of token lists
        See `read_sentences`.
    min_count : int
        Words that occur less often are left out.
    cache : path, optional
        Directory that keeps the ids.
    errors : str
        What to do with bytes that are not UTF-8: see `read_sentences`.
    on_progress : callable, optional
        Is called with (bytes read, bytes in all or None).
    on_reuse : callable, optional
        Is called with the path of what the cache held of this corpus, if it is used.
    """
    sentences = read_sentences(source)
    vocabulary = Vocabulary.build(sentences, min_count)
    return Encoded(vocabulary, _encoded(vocabulary, sentences))


def encode_more(
    source: Source,
    vocabulary: Vocabulary,
    *,
    cache: str | os.PathLike[str] | None = None,
    errors: str = "strict",
    on_progress: OnProgress | None = None,
    on_reuse: Callable[[Path], None] | None = None,
) -> IdStream:
    """Return a corpus as ids of a vocabulary that is there already; other words are left out."""
    return _encoded(vocabulary, read_sentences(source))


def encode_and_grow(
    source: Source,
    vocabulary: Vocabulary,
    min_count: int,
    cache: str | os.PathLike[str] | None = None,
    *,
    errors: str = "strict",
    on_progress: OnProgress | None = None,
    on_reuse: Callable[[Path], None] | None = None,
) -> Encoded:
    """Read more text: old words keep their ids, new ones that occur `min_count` times come after them."""
    sentences = read_sentences(source)
    grown = vocabulary.grow(count_words(sentences), min_count)
    return Encoded(grown, _encoded(grown, sentences))


def _encoded(vocabulary: Vocabulary, sentences: Any) -> IdStream:
    ids, offsets = vocabulary.encode(sentences)
    return IdStream(ids.astype(np.int32), offsets)
