"""A text file as blocks of valid UTF-8 that consist of whole tokens, for lines of any length."""

import codecs
import re
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from sampledsoftmax.io.shown_path import shown_path
from sampledsoftmax.kernels.text.white_space import WHITE_SPACE
from sampledsoftmax.word2vec.corpus.decompress import Chunk, read_chunks
from sampledsoftmax.word2vec.corpus.encodings import UTF8, as_utf8
from sampledsoftmax.word2vec.corpus.not_text import NUL, text_only, wide_encoding

BLOCK_BYTES = 2**20
ERRORS = ("strict", "replace", "ignore")

Item = TypeVar("Item")

# In UTF-8 the first byte of a character is never a later byte of another one, so that bytes can be searched.
_WHITE_SPACE = re.compile(b"|".join(re.escape(character.encode()) for character in WHITE_SPACE))
_LINE_END = b"\n"
_TAIL_BYTES = 4096
_MAX_WRONG, _MAX_WRONG_SHARE = 100, 1 / 3  # more bytes that are not of the encoding are no mistakes in a text
_REPLACEMENT = "\ufffd"


def text_blocks(
    path: Path | None, errors: str, block_bytes: int = BLOCK_BYTES, encoding: str = UTF8
) -> Iterator[Chunk]:
    """Yield a file in blocks that end with white space, the last one with a line end.

    Parameters
    ----------
    path : Path or None
        A file, plain or compressed (see `read_chunks`); None is standard input.
    errors : str
        How to handle bytes that are not of the encoding, as in `bytes.decode`: "strict", "replace" or "ignore".
    block_bytes : int
        Approximate size of a block; a block with a longer token is longer.
    encoding : str
        The standard name of the encoding, see `checked_encoding`. Blocks are UTF-8 from any.

    Raises
    ------
    ValueError
        A byte is not of the encoding and `errors` is "strict"; the file has a NUL or is otherwise no text; see
        `read_chunks` for other reasons.
    """
    name = "standard input" if path is None else shown_path(path)
    chunks = text_only(read_chunks(path, block_bytes), name, encoding)
    if encoding != UTF8:
        chunks = as_utf8(chunks, name, encoding, errors)
    check = _Checker(name, encoding, errors)
    pending: list[bytes] = []  # the beginning of a token whose end has not been read
    data, done = _LINE_END, 0
    for data, done in chunks:
        if NUL in data:  # now, since a file of nothing else has no end of a token
            raise ValueError(check.described_nul(b"".join([*pending, data])))
        end = _end_of_last_white_space(data)
        pending.append(data[:end] if end else data)
        if end:
            yield Chunk(check(b"".join(pending)), done)
            pending = [data[end:]]
    if not data.endswith(_LINE_END):
        yield Chunk(check(b"".join([*pending, _LINE_END])), done)


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


class _Checker:
    """Checks the blocks of one file in order, and removes its byte order mark.

    Blocks that have been converted to UTF-8 are checked for the same things, but their positions are not those of the
    file.
    """

    def __init__(self, name: str, encoding: str, errors: str) -> None:
        self._name, self._encoding, self._errors = name, encoding, errors
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
            text = block.decode("utf-8", self._errors)
        except UnicodeDecodeError as error:
            raise ValueError(
                f"corpus {self._name} is not UTF-8: byte 0x{block[error.start]:02x} at position "
                f"{self._position + error.start}, in line {self._line(block, error.start)}; set encoding to that of "
                "the file, such as 'cp1252', or errors to 'replace' or 'ignore'"
            ) from None
        if self._errors != "strict":
            self._check_share_of_wrong_bytes(block, text)
        return text

    def _check_share_of_wrong_bytes(self, block: bytes, text: str) -> None:
        wrong = len(block) - len(text.encode()) if self._errors == "ignore" else text.count(_REPLACEMENT)
        if wrong > max(_MAX_WRONG, _MAX_WRONG_SHARE * len(text)):
            raise ValueError(
                f"corpus {self._name} is not text in {self._encoding}: {wrong:,} bytes are not, from line "
                f"{self._lines + 1} on, beside {len(text):,} characters; set encoding to that of the file, or leave it "
                "out"
            )

    def described_nul(self, block: bytes) -> str:
        """Return the message for a block with a NUL."""
        place = block.index(NUL)
        wide = wide_encoding(block, self._position) if self._encoding == UTF8 else None
        where = f"at position {self._position + place}, in line" if self._encoding == UTF8 else "in line"
        way_out = f"it seems to be {wide}: set encoding to {wide!r}" if wide else "it may be a file of another kind"
        return f"corpus {self._name} is not text: it has a NUL {where} {self._line(block, place)}; {way_out}"

    def _line(self, block: bytes, place: int) -> int:
        return self._lines + block.count(_LINE_END, 0, place) + 1
