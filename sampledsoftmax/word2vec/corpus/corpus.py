"""The sentences of a corpus: text files, ids in arrays, or an iterable of token lists that can be read repeatedly."""

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax import validation
from sampledsoftmax.io.shown_path import shown_path
from sampledsoftmax.word2vec.corpus.decompress import Chunk, is_compressed
from sampledsoftmax.word2vec.corpus.encodings import UTF8, checked_encoding
from sampledsoftmax.word2vec.corpus.find_files import AnyPath, find_files, is_path
from sampledsoftmax.word2vec.corpus.id_sentences import IdArrays, id_sentences
from sampledsoftmax.word2vec.corpus.text_blocks import BLOCK_BYTES, ERRORS, text_blocks

Sentence: TypeAlias = Sequence[str] | Sequence[int] | NDArray[np.integer[Any]]
Source: TypeAlias = AnyPath | Sequence[AnyPath] | Iterable[Sentence] | IdArrays


def read_sentences(
    source: Source, errors: str = "strict", encoding: str = UTF8, exclude: Sequence[AnyPath] = ()
) -> Iterable[Sentence]:
    """Return the sentences of `source` as an iterable that can be iterated several times.

    Parameters
    ----------
    source : path, sequence of paths, iterable of token lists, or array of ids
        A path names a text file, decompressed if its content is gzip, bzip2, xz or Zstandard (which needs the extra
        `zst`), or a directory: all files below it except hidden ones, sorted, links included. A str may also be a
        pattern such as `news/*.txt`, sorted as well, or `-`: standard input (`./-` is a file of that name). A list or
        tuple that begins with a path is a list of paths, so a sentence must be split into tokens; a file that is named
        twice is read twice. Standard input, named pipes and devices can be read only once.

        A line is a sentence; its tokens are separated by white space, as by `str.split`. Lines and tokens may be of
        any length; a byte order mark at the start of a file is removed.

        Ids in arrays are read without a loop over tokens, and int64 holds any of them. An int array [num_sentences,
        length] has a sentence in each row; -1 before the first or after the last id of a row is padding. A tensor or a
        table that NumPy turns into such an array will do. Sentences of different lengths, one after the other, are
        what has `indptr` and `indices`, a sparse matrix in CSR form, or `row_splits` and `values`, such as
        `RaggedLabels`: each row is a sentence, in the order in which its ids are stored. The data of a matrix are not
        read. SciPy changes the order of a row in `sort_indices` and `sum_duplicates`, and in what calls them: make the
        matrix as `csr_array((data, ids, offsets))`, and train on it as it is.
    errors : str
        How to handle bytes that are not of the encoding: "strict" raises, "replace" substitutes U+FFFD, "ignore" drops
        them. A file is refused if a third of it would be replaced or dropped.
    encoding : str
        The encoding of the files, such as "utf-8", "cp1252", "gbk" or "utf-16"; any text encoding of Python.
    exclude : sequence of paths
        Files and folders that are not part of a folder or a pattern.

    Returns
    -------
    iterable of token lists
        `source` itself if it consists of token lists; `TextFiles` or `IdSentences`.

    Raises
    ------
    FileNotFoundError
        A file does not exist.
    PermissionError
        A file or a folder cannot be read.
    OSError
        A path denotes a socket, or a folder has a pipe, a socket or a device.
    TypeError
        `source` is an iterator (it would be empty after the first pass) or bytes, is not iterable, mixes paths with
        something else, is an array of bools or floats, or a sparse matrix in another form; `encoding` is no str.
    ValueError
        `errors` or `encoding` has another value; an array of ids has another shape, or offsets that do not fit. While
        reading: an id that is negative, except for padding, or does not fit in int64 (with its position); a byte that
        is not of the encoding (with its position and line), a file that is no text (such as an archive, or anything
        with NULs), a damaged compressed file, or standard input read a second time.

    Examples
    --------
    >>> sentences = read_sentences([["to", "be"], ["or", "not"]])
    >>> [len(sentence) for sentence in sentences]
    [2, 2]
    """
    validation.choice("errors", errors, ERRORS)
    encoding = checked_encoding(encoding)
    paths = _paths_in(source)
    if paths:
        return TextFiles(paths, errors, encoding=encoding, exclude=exclude)
    ids = id_sentences(source)
    if ids is not None:
        return ids
    if isinstance(source, Iterator):
        raise TypeError(
            f"corpus must be a path or an iterable that can be read several times, got a one-shot "
            f"{type(source).__name__}: pass a list, or an object whose __iter__ starts again"
        )
    if isinstance(source, (bytes, bytearray, memoryview)):
        raise TypeError(
            f"corpus must be a path or an iterable of token lists, got {type(source).__name__}, which is not text"
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
                f"corpus begins with the path {validation.shown(os.fspath(source[0]))}, so it must contain only paths: "
                f"item {number} is a {type(item).__name__}"
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
    encoding : str
        The encoding of the files.
    exclude : sequence of paths
        Files and folders that are not part of a folder or a pattern, such as the output of a run.

    Attributes
    ----------
    files : list of Path or None
        The files; None is standard input.

    Raises
    ------
    FileNotFoundError, PermissionError, OSError, TypeError, ValueError
        See `read_sentences`.
    """

    def __init__(
        self,
        paths: Sequence[AnyPath],
        errors: str = "strict",
        block_bytes: int = BLOCK_BYTES,
        *,
        encoding: str = UTF8,
        exclude: Sequence[AnyPath] = (),
    ) -> None:
        self.errors = validation.choice("errors", errors, ERRORS)
        self.encoding = checked_encoding(encoding)
        self.files = find_files(paths, exclude)
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
        streams = [file for file in self.files if not _is_regular(file)]
        if self._is_used_up:
            name = "standard input" if streams[0] is None else f"corpus {shown_path(streams[0])}"
            raise ValueError(f"{name} can be read only once")
        self._is_used_up = bool(streams)
        before = 0
        for file in self.files:
            for block, done in text_blocks(file, self.errors, self._block_bytes, self.encoding):
                yield Chunk(block, before + done)
            before += _size(file) or 0


def _is_regular(file: Path | None) -> bool:
    return file is not None and (file.is_file() or not file.exists())  # one that has vanished is reported when read


def _size(file: Path | None) -> int | None:
    """Return the size of a regular file, None for a pipe."""
    return file.stat().st_size if file is not None and file.is_file() else None
