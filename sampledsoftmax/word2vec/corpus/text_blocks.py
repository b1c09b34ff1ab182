"""A text file as blocks of valid UTF-8 that hold whole tokens, however long its lines are."""

import codecs
import re
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from sampledsoftmax.word2vec.corpus.decompress import Piece, pieces_of

BLOCK_BYTES = 2**20
ERRORS = ("strict", "replace", "ignore")

Item = TypeVar("Item")

# All blanks of `str.split` as UTF-8: the first byte of a character is never one of the later bytes of another.
_BLANK = re.compile(
    rb"[\t-\r\x1c-\x20]|\xc2[\x85\xa0]|\xe1\x9a\x80|\xe2\x80[\x80-\x8a\xa8\xa9\xaf]|\xe2\x81\x9f|\xe3\x80\x80"
)
_LINE_END = b"\n"
_TAIL_BYTES = 4096


def text_blocks(path: Path | None, errors: str, block_bytes: int = BLOCK_BYTES) -> Iterator[Piece]:
    """Yield a file in blocks that end behind a blank, the last one with a line end.

    Parameters
    ----------
    path : Path or None
        Unpacked if it ends in `.gz`, `.xz` or `.zst`; None is standard input.
    errors : str
        What to do with bytes that are not UTF-8, as in `bytes.decode`: "strict", "replace" or "ignore".
    block_bytes : int
        A block has about as many bytes, or as many as a token that is longer.

    Raises
    ------
    ValueError
        A byte is not UTF-8 and `errors` is "strict"; see `pieces_of` for other reasons.
    """
    valid = _Validator(path, errors)
    begun: list[bytes] = []  # of a token whose end has not been read
    data, done = _LINE_END, 0
    for data, done in pieces_of(path, block_bytes):
        cut = _after_last_blank(data)
        begun.append(data[:cut] if cut else data)
        if cut:
            yield Piece(valid(b"".join(begun)), done)
            begun = [data[cut:]]
    if not data.endswith(_LINE_END):
        yield Piece(valid(b"".join([*begun, _LINE_END])), done)


def one_ahead(items: Iterable[Item]) -> Iterator[Item]:
    """Yield what `items` yields, while a second thread fetches the next one: zlib and lzma run beside Python.

    Examples
    --------
    >>> list(one_ahead("abc"))
    ['a', 'b', 'c']
    """
    nothing, fetched = object(), iter(items)
    with ThreadPoolExecutor(1, "corpus") as thread:
        coming = thread.submit(next, fetched, nothing)
        while (item := coming.result()) is not nothing:
            coming = thread.submit(next, fetched, nothing)
            yield item  # type: ignore[misc]


def _after_last_blank(data: bytes) -> int:
    """Return the place behind the last blank, 0 if there is none: the end is looked at before the whole."""
    for start in (max(len(data) - _TAIL_BYTES, 0), 0):
        ends = [blank.end() for blank in _BLANK.finditer(data, start)]
        if ends:
            return ends[-1]
    return 0


class _Validator:
    """Takes the blocks of one file in order; leaves out its byte order mark."""

    def __init__(self, path: Path | None, errors: str) -> None:
        self._name = "standard input" if path is None else str(path)
        self._errors = errors
        self._position = self._lines = 0

    def __call__(self, block: bytes) -> bytes:
        marked = self._position == 0 and block.startswith(codecs.BOM_UTF8)
        valid = block if block.isascii() else self._decoded(block).encode()
        self._position += len(block)
        self._lines += block.count(_LINE_END)
        return valid.removeprefix(codecs.BOM_UTF8) if marked else valid

    def _decoded(self, block: bytes) -> str:
        try:
            return block.decode("utf-8", self._errors)
        except UnicodeDecodeError as error:
            line = self._lines + block.count(_LINE_END, 0, error.start) + 1
            raise ValueError(
                f"corpus {self._name} is not UTF-8: byte 0x{block[error.start]:02x} at position "
                f"{self._position + error.start}, in line {line}"
            ) from None
