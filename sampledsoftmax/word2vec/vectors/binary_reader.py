"""The binary format of word2vec.c: a word, a space, float32 numbers and, in some files, a line end; and so on.

Nothing but their number of bytes tells where the numbers of a word end. So a word with a space puts the reader out of
step: bytes of numbers would become words, and parts of words numbers. It is noticed by a line end within a word, by a
row without the line end that the first row has, and, in files without line ends, by a control character in a word and
by numbers above 1e15 or, if their bytes are ASCII, below 1e-15.
"""

import re
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax import validation
from sampledsoftmax.io.shown_path import shown_path
from sampledsoftmax.word2vec.vectors.vector_file import Reading, decoded, is_text_row

NUMBER = np.dtype("<f4")
MAX_WORD_BYTES = 1 << 20
_READ_BYTES = 1 << 22
_BLOCK = 16_384  # rows that are checked at a time
# Letters as float32 are beyond these; the numbers of embeddings are not.
_SMALLEST, _LARGEST = 1e-15, 1e15
_CONTROL = re.compile(rb"[\x00-\x1f\x7f]")


class BinaryReader:
    """Reads the rows of a binary file.

    Parameters
    ----------
    path : path
        The file, for messages.
    file : binary file
        Its decompressed content, after the header.
    start : int
        The number of bytes of the header.
    num_bytes : int or None
        The size of the file, if it is known.
    announced : (int, int)
        Words and dimensions of the header.
    reading : Reading
        Settings.
    """

    def __init__(
        self,
        path: Path,
        file: IO[bytes],
        start: int,
        num_bytes: int | None,
        announced: tuple[int, int],
        reading: Reading,
    ) -> None:
        self._path, self._file, self._reading = shown_path(path), file, reading
        self._announced, self._dim = announced
        self._start = start
        self._width = self._dim * NUMBER.itemsize
        self._buffer, self._at, self._base = b"", 0, start
        self._wanted = min(self._announced, reading.limit or self._announced)
        self._line_ends: bool | None = None
        self._num_bytes = num_bytes

    def read(self) -> tuple[list[str], NDArray[Any]]:
        """Return words and vectors; the first error raises ValueError that names the word."""
        self._refuse_text()
        self._check_size()
        words: list[str] = []
        vectors = np.empty((0, 0))
        for number in range(self._wanted):
            name = self._name(number)
            words.append(decoded(self._place(number), self._base + self._at - len(name) - 1, name, self._reading))
            row = self._row(number)
            if not number:  # only now, and not for all words if the size is unknown: the header may be damaged
                vectors = np.empty((self._wanted if self._num_bytes else 1, self._dim), self._reading.dtype)
            elif number == len(vectors):
                vectors = np.concatenate([vectors, np.empty_like(vectors)])
            vectors[number] = row
        self._check_end()
        vectors = vectors[: self._wanted]
        self._check_numbers(vectors)
        return words, vectors

    def _check_numbers(self, vectors: NDArray[Any]) -> None:
        """Refuse numbers that are not finite and, without line ends, those that are parts of words."""
        for first in range(0, len(vectors), _BLOCK):
            sizes = np.abs(vectors[first : first + _BLOCK])
            wrong = ~np.isfinite(sizes)
            if not self._line_ends:
                wrong |= (sizes > _LARGEST) | ((sizes < _SMALLEST) & (sizes > 0))
            for i, place in np.argwhere(wrong).tolist():
                number = vectors[first + i, place]
                if not np.isfinite(number):
                    raise ValueError(f"{self._place(first + i)}: number {place + 1} is {number}")
                if abs(number) > _LARGEST or number.astype(NUMBER).tobytes().isascii():
                    raise ValueError(
                        f"{self._place(first + i)}: number {place + 1} is {number:.3g}, the sign of a word with a "
                        f"space, which this format cannot hold, or of damage"
                    )

    def _place(self, number: int) -> str:
        return f"{self._path}, word {number + 1}"

    def _fill(self, size: int) -> bool:
        """Read until `size` bytes are in the buffer; return False if the file ends before."""
        parts, have = [self._buffer[self._at :]], len(self._buffer) - self._at
        while have < size and (more := self._file.read(max(_READ_BYTES, min(size - have, 1 << 28)))):
            parts.append(more)
            have += len(more)
        self._base += self._at
        self._buffer, self._at = b"".join(parts), 0
        return have >= size

    def _name(self, number: int) -> bytes:
        """Return the next word, and move to its numbers."""
        end = self._buffer.find(b" ", self._at)
        if end < 0:
            self._fill(MAX_WORD_BYTES + 1)
            end = self._buffer.find(b" ", self._at)
        if end < 0 and len(self._buffer) - self._at <= MAX_WORD_BYTES:
            raise ValueError(f"{self._path} ends within word {number + 1} of the {self._announced} of its header")
        if end < 0 or end - self._at > MAX_WORD_BYTES:
            raise self._out_of_step(number, f"no space within {MAX_WORD_BYTES} bytes", self._at)
        name = self._buffer[self._at : end]
        if number == 0:
            skipped = len(name) - len(name.lstrip(b"\n"))
            name, self._at = name[skipped:], self._at + skipped
        control = _CONTROL.search(name)
        if b"\n" in name:
            raise self._out_of_step(number, "a line end within the word", self._at + name.index(b"\n"))
        if control and number and not self._line_ends:
            raise self._out_of_step(number, "a control character in the word", self._at + control.start())
        self._at = end + 1
        return name

    def _row(self, number: int) -> NDArray[Any]:
        """Return the numbers of a word, and move to the next word."""
        if len(self._buffer) - self._at <= self._width:
            self._fill(self._width + 1)
        if len(self._buffer) - self._at < self._width:
            raise ValueError(f"{self._path} ends within word {number + 1} of the {self._announced} of its header")
        row = np.frombuffer(self._buffer, NUMBER, self._dim, self._at)
        self._at += self._width
        following = self._buffer[self._at : self._at + 1]
        if self._line_ends is None:
            self._line_ends = following == b"\n"
        if self._line_ends and following not in (b"\n", b""):
            raise self._out_of_step(number, "no line end after the numbers, which the first word has", self._at)
        self._at += self._line_ends and len(following)
        return row

    def _out_of_step(self, number: int, problem: str, place: int) -> ValueError:
        return ValueError(
            f"{self._place(number)}: {problem}, at byte {self._base + place} of the file: the file is damaged, or this "
            f"or an earlier word has a space, which this format cannot hold"
        )

    def _check_end(self) -> None:
        """Check what follows the words that were read: the next word, or nothing."""
        if self._wanted < self._announced:
            if not self._name(self._wanted):
                raise self._out_of_step(self._wanted, "no word", self._at - 1)
            return
        num_more, is_empty = 0, True
        while self._at < len(self._buffer) or self._fill(1):
            num_more += len(self._buffer) - self._at
            is_empty = is_empty and not self._buffer[self._at :].strip(b"\n")
            self._at = len(self._buffer)
        if num_more and not (is_empty and self._line_ends):
            raise ValueError(
                f"{self._path}: {num_more} bytes follow the {self._announced} words of the header: the header counts "
                f"wrong, or a word has a space, which this format cannot hold"
            )

    def _check_size(self) -> None:
        if self._num_bytes is not None and self._num_bytes - self._start < self._wanted * (self._width + 2):
            raise ValueError(
                f"{self._path} ends early: {self._num_bytes - self._start} bytes are too few for the "
                f"{self._announced} words of its header: correct it, or read fewer words with limit= (--limit)"
            )

    def _refuse_text(self) -> None:
        self._fill(1)
        line = self._buffer[: self._buffer.find(b"\n") + 1] or self._buffer
        if is_text_row(line, self._dim):
            raise ValueError(f"{self._path} is a text file, which binary=False reads: {validation.shown(line)}")


def is_binary_row(data: bytes) -> bool:
    """Return whether bytes that are no row of text look like a binary row: control characters are among them.

    Examples
    --------
    >>> is_binary_row(b"be " + np.ones(2, NUMBER).tobytes()), is_binary_row(b"be 1,5 2,5")
    (True, False)
    """
    return any(control[0] not in b"\t\n\r" for control in _CONTROL.finditer(data))
