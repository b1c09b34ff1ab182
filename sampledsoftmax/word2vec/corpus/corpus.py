"""Where sentences come from: text files, or any iterable of token lists that can be read more than once."""

import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeAlias

from sampledsoftmax import validation
from sampledsoftmax.word2vec.corpus.decompress import PACKED, Piece
from sampledsoftmax.word2vec.corpus.find_files import AnyPath, find_files, is_path
from sampledsoftmax.word2vec.corpus.text_blocks import BLOCK_BYTES, ERRORS, text_blocks

Sentence: TypeAlias = Sequence[str]
Source: TypeAlias = AnyPath | Sequence[AnyPath] | Iterable[Sentence]


def read_sentences(source: Source, errors: str = "strict") -> Iterable[Sentence]:
    """Return the sentences of `source` as an iterable that can be read several times.

    Parameters
    ----------
    source : path, sequence of paths, or iterable of token lists
        A path names a UTF-8 text file, unpacked on the way if it ends in `.gz`, `.xz` or `.zst` (this one with the
        extra `zst`), or a directory: all files below it, sorted, hidden ones left out. A str may also be a pattern
        such as `news/*.txt`, sorted as well, or `-`: standard input, which can be read once only (`./-` is a file of
        that name). A list or tuple that begins with a path is a list of paths, so a sentence must be split into
        tokens.

        A line is a sentence, its tokens are separated by blanks, those of `str.split`. Lines and tokens may be of
        any length; a byte order mark at the start of a file is left out.
    errors : str
        What to do with bytes that are not UTF-8: "strict" raises, "replace" puts U+FFFD in their place, "ignore"
        leaves them out.

    Returns
    -------
    iterable of token lists
        `source` itself if it holds token lists.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    TypeError
        `source` is an iterator (it would be empty after the first pass) or not iterable at all, or holds paths
        beside something else.
    ValueError
        `errors` is something else. While reading: a byte that is not UTF-8 (with its place and line), a damaged
        archive, or standard input for the second time.

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
    """Return the paths that `source` is or holds, none if it holds token lists."""
    if is_path(source):
        return [source]
    if not (isinstance(source, (list, tuple)) and source and is_path(source[0])):
        return []
    for number, item in enumerate(source):
        if not is_path(item):
            raise TypeError(
                f"corpus begins with the path {os.fspath(source[0])!r}, so it must hold paths only: item {number} is "
                f"a {type(item).__name__}"
            )
    return list(source)


class TextFiles:
    """The sentences of text files, one file after the other, read anew at each pass.

    Parameters
    ----------
    paths : sequence of paths
        See `read_sentences`.
    errors : str
        "strict", "replace" or "ignore".
    block_bytes : int
        How much is read at a time.

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
        begun: list[str] = []
        for block, _ in self.blocks():
            *ends, start = block.decode().split("\n")
            for end in ends:
                yield begun + end.split()
                begun = []
            begun += start.split()

    @property
    def num_bytes(self) -> int | None:
        """How many bytes the files have on the disk; None if one is a pipe."""
        sizes = [_size(file) for file in self.files]
        return None if None in sizes else sum(size or 0 for size in sizes)

    @property
    def is_packed(self) -> bool:
        """Whether a file is unpacked on the way."""
        return any(file is not None and file.suffix in PACKED for file in self.files)

    def blocks(self) -> Iterator[Piece]:
        """Yield the text as valid UTF-8 in blocks of whole tokens; each file ends with a line end."""
        if self._is_used_up:
            raise ValueError("standard input can be read once only")
        self._is_used_up = None in self.files
        before = 0
        for file in self.files:
            for block, done in text_blocks(file, self.errors, self._block_bytes):
                yield Piece(block, before + done)
            before += _size(file) or 0


def _size(file: Any) -> int | None:
    """Return the size of a regular file; a pipe has none."""
    return file.stat().st_size if file is not None and file.is_file() else None
