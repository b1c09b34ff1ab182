"""A text file as blocks of valid UTF-8 that consist of whole tokens, for lines of any length."""

import codecs
import re
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from sampledsoftmax.kernels.text.white_space import WHITE_SPACE
from sampledsoftmax.word2vec.corpus.decompress import Chunk, read_chunks

BLOCK_BYTES = 2**20
ERRORS = ("strict", "replace", "ignore")

Item = TypeVar("Item")

# In UTF-8 the first byte of a character is never a later byte of another one, so that bytes can be searched.
_WHITE_SPACE = re.compile(b"|".join(re.escape(character.encode()) for character in WHITE_SPACE))
_LINE_END = b"\n"
_TAIL_BYTES = 4096


def text_blocks(path: Path | None, errors: str, block_bytes: int = BLOCK_BYTES) -> Iterator[Chunk]:
    """Yield a file in blocks that end with white space, the last one with a line end.

    Parameters
    ----------
    path : Path or None
        A file, plain or compressed (see `read_chunks`); None is standard input.
    errors : str
        How to handle bytes that are not UTF-8, as in `bytes.decode`: "strict", "replace" or "ignore".
    block_bytes : int
        Approximate size of a block; a block with a longer token is longer.

    Raises
    ------
    ValueError
        A byte is not UTF-8 and `errors` is "strict"; see `read_chunks` for other reasons.
    """
    decode = _Decoder(path, errors)
    pending: list[bytes] = []  # the beginning of a token whose end has not been read
    data, done = _LINE_END, 0
    for data, done in read_chunks(path, block_bytes):
        end = _end_of_last_white_space(data)
        pending.append(data[:end] if end else data)
        if end:
            yield Chunk(decode(b"".join(pending)), done)
            pending = [data[end:]]
    if not data.endswith(_LINE_END):
        yield Chunk(decode(b"".join([*pending, _LINE_END])), done)


def prefetch(items: Iterable[Item]) -> Iterator[Item]:
    """Yield the same items, while a second thread fetches the next one: zlib and lzma release the interpreter lock.

    Examples
    --------
    >>> list(prefetch("abc"))
    ['a', 'b', 'c']
    """
    nothing, fetched = object(), iter(items)
    with ThreadPoolExecutor(1, "corpus") as thread:
        pending = thread.submit(next, fetched, nothing)
        while (item := pending.result()) is not nothing:
            pending = thread.submit(next, fetched, nothing)
            yield item  # type: ignore[misc]


def _end_of_last_white_space(data: bytes) -> int:
    """Return the end of the last white-space character, 0 if there is none; the tail is searched first."""
    for start in (max(len(data) - _TAIL_BYTES, 0), 0):
        ends = [match.end() for match in _WHITE_SPACE.finditer(data, start)]
        if ends:
            return ends[-1]
    return 0


class _Decoder:
    """Checks the blocks of one file in order, and removes its byte order mark."""

    def __init__(self, path: Path | None, errors: str) -> None:
        self._name = "standard input" if path is None else str(path)
        self._errors = errors
        self._position = self._lines = 0

    def __call__(self, block: bytes) -> bytes:
        """Return the block as valid UTF-8."""
        has_mark = self._position == 0 and block.startswith(codecs.BOM_UTF8)
        valid = block if block.isascii() else self._decoded(block).encode()
        self._position += len(block)
        self._lines += block.count(_LINE_END)
        return valid.removeprefix(codecs.BOM_UTF8) if has_mark else valid

    def _decoded(self, block: bytes) -> str:
        try:
            return block.decode("utf-8", self._errors)
        except UnicodeDecodeError as error:
            line = self._lines + block.count(_LINE_END, 0, error.start) + 1
            raise ValueError(
                f"corpus {self._name} is not UTF-8: byte 0x{block[error.start]:02x} at position "
                f"{self._position + error.start}, in line {line}"
            ) from None
