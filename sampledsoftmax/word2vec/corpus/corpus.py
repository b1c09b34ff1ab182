"""The sentences of a corpus: text files, or any iterable of token lists that can be iterated several times."""

import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeAlias

from sampledsoftmax import validation
from sampledsoftmax.word2vec.corpus.decompress import Chunk, is_compressed
from sampledsoftmax.word2vec.corpus.find_files import AnyPath, find_files, is_path
from sampledsoftmax.word2vec.corpus.text_blocks import BLOCK_BYTES, ERRORS, text_blocks

Sentence: TypeAlias = Sequence[str]
Source: TypeAlias = AnyPath | Sequence[AnyPath] | Iterable[Sentence]


def read_sentences(source: Source, errors: str = "strict") -> Iterable[Sentence]:
    """Return the sentences of `source` as an iterable that can be iterated several times.

    Parameters
    ----------
    source : path, sequence of paths, or iterable of token lists
        A path names a UTF-8 text file, decompressed if it is gzip, xz or Zstandard (`.gz`, `.xz`, `.zst`; the last one
        needs the extra `zst`), or a directory: all files below it except hidden ones, sorted. A str may also be a
        pattern such as `news/*.txt`, sorted as well, or `-`: standard input, which can be read only once (`./-` is a
        file of that name). A list or tuple that begins with a path is a list of paths, so a sentence must be split
        into tokens.

        A line is a sentence; its tokens are separated by white space, as by `str.split`. Lines and tokens may be of
        any length; a byte order mark at the start of a file is removed.
    errors : str
        How to handle bytes that are not UTF-8: "strict" raises, "replace" substitutes U+FFFD, "ignore" drops them.

    Returns
    -------
    iterable of token lists
        `source` itself if it consists of token lists.

    Raises
    ------
    FileNotFoundError
        A file does not exist.
    TypeError
        `source` is an iterator (it would be empty after the first pass), is not iterable, or mixes paths with
        something else.
    ValueError
        `errors` has another value. While reading: a byte that is not UTF-8 (with its position and line), a damaged
        compressed file, or standard input read a second time.

    Examples
    --------
    >>> sentences = read_sentences([["to", "be"], ["or", "not"]])
    >>> [len(sentence) for sentence in sentences]
    [2, 2]
    """
    validation.choice("errors", errors, ERRORS)
    paths = _paths_in(source)
    if paths:
        return TextFiles(paths, errors)
    if isinstance(source, Iterator):
        raise TypeError(
            f"corpus must be a path or an iterable that can be read several times, got a one-shot "
            f"{type(source).__name__}: pass a list, or an object whose __iter__ starts again"
        )
    if not isinstance(source, Iterable):
        raise TypeError(f"corpus must be a path or an iterable of token lists, got {type(source).__name__}")
    return source  # type: ignore[return-value]


def _paths_in(source: Any) -> list[AnyPath]:
    """Return the path or paths in `source`, an empty list if it consists of token lists."""
    if is_path(source):
        return [source]
    if not (isinstance(source, (list, tuple)) and source and is_path(source[0])):
        return []
    for number, item in enumerate(source):
        if not is_path(item):
            raise TypeError(
                f"corpus begins with the path {os.fspath(source[0])!r}, so it must contain only paths: item {number} "
                f"is a {type(item).__name__}"
            )
    return list(source)


class TextFiles:
    """The sentences of text files, one file after the other, read again in each pass.

    Parameters
    ----------
    paths : sequence of paths
        See `read_sentences`.
    errors : str
        "strict", "replace" or "ignore".
    block_bytes : int
        Number of bytes that are read at a time.

    Attributes
    ----------
    files : list of Path or None
        The files; None is standard input.

    Raises
    ------
    FileNotFoundError, ValueError
        See `read_sentences`.
    """

    def __init__(self, paths: Sequence[AnyPath], errors: str = "strict", block_bytes: int = BLOCK_BYTES) -> None:
        self.errors = validation.choice("errors", errors, ERRORS)
        self.files = find_files(paths)
        self._block_bytes = block_bytes
        self._is_used_up = False

    def __iter__(self) -> Iterator[list[str]]:
        """Yield the tokens of each line."""
        tokens: list[str] = []
        for block, _ in self.blocks():
            *ends, start = block.decode().split("\n")
            for end in ends:
                yield tokens + end.split()
                tokens = []
            tokens += start.split()

    @property
    def num_bytes(self) -> int | None:
        """Total size of the files on disk; None if one is a pipe."""
        sizes = [_size(file) for file in self.files]
        return None if None in sizes else sum(size or 0 for size in sizes)

    @property
    def is_compressed(self) -> bool:
        """Whether one of the files is compressed."""
        return any(file is not None and is_compressed(file) for file in self.files)

    def blocks(self) -> Iterator[Chunk]:
        """Yield the text as valid UTF-8 in blocks of whole tokens; each file ends with a line end."""
        if self._is_used_up:
            raise ValueError("standard input can be read only once")
        self._is_used_up = None in self.files
        before = 0
        for file in self.files:
            for block, done in text_blocks(file, self.errors, self._block_bytes):
                yield Chunk(block, before + done)
            before += _size(file) or 0


def _size(file: Any) -> int | None:
    """Return the size of a regular file, None for a pipe."""
    return file.stat().st_size if file is not None and file.is_file() else None
