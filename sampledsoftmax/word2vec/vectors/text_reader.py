"""The text format of word2vec.c, and that of GloVe, which has no header."""

from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax.io.shown_path import shown_path
from sampledsoftmax.word2vec.vectors.float_text import rows_of_text
from sampledsoftmax.word2vec.vectors.vector_file import BYTE_ORDER_MARK, Reading, decoded, header, header_like

_READ_BYTES = 1 << 22  # of lines that are read at once
_SPACE = b" \r\n"


class TextReader:
    """Reads the rows of a text file.

    Parameters
    ----------
    path : path
        The file, for messages.
    file : binary file
        Its decompressed content, after the first line.
    first_line : bytes
        Its first line: the header, or the first row if there is none.
    reading : Reading
        Settings.
    """

    def __init__(self, path: Path, file: IO[bytes], first_line: bytes, reading: Reading) -> None:
        self._path, self._file, self._reading = shown_path(path), file, reading
        self._offset = len(BYTE_ORDER_MARK) if first_line.startswith(BYTE_ORDER_MARK) else 0
        line = first_line.removeprefix(BYTE_ORDER_MARK)
        self._announced: int | None = None
        self._ahead: list[bytes] = []
        self._line = 1
        if reading.no_header:
            self._ahead, self._dim = [line], len(line.rstrip(_SPACE).split(b" ")) - 1
            if self._dim < 1:
                raise ValueError(f"{self._path}, line 1: a word and its numbers are expected, got {line[:40]!r}")
        else:
            self._announced, self._dim = header(path, line)
            self._offset += len(line)
            self._line = 2
        self._may_have_header = reading.no_header and header_like(line) is not None

    def read(self) -> tuple[list[str], NDArray[Any]]:
        """Return words and vectors; the first error raises ValueError that names the line."""
        bounds = [bound for bound in (self._announced, self._reading.limit) if bound is not None]
        wanted = min(bounds, default=None)
        words: list[str] = []
        blocks: list[NDArray[Any]] = []
        while wanted is None or len(words) < wanted:
            lines = self._next_lines()
            extra = lines[wanted - len(words) :] if wanted is not None else []
            lines = lines[: len(lines) - len(extra)]
            self._ahead = extra
            if not lines:
                break
            names, rows = self._rows(lines)
            words += names
            blocks.append(rows)
        self._check_count(len(words), wanted)
        return words, np.concatenate(blocks)

    def _next_lines(self) -> list[bytes]:
        """Return the next lines, without empty ones at the end of the file."""
        lines = self._ahead + self._file.readlines(_READ_BYTES)
        self._ahead = []
        full = len(lines)
        while lines and not lines[-1].strip(_SPACE):
            del lines[-1]
        if len(lines) == full:
            return lines
        rest = self._file.readlines(_READ_BYTES)
        while rest:
            if any(line.strip(_SPACE) for line in rest):
                raise ValueError(
                    f"{self._path}, line {self._line + len(lines)} is empty, and is not the end of the file"
                )
            rest = self._file.readlines(_READ_BYTES)
        return lines

    def _rows(self, lines: Sequence[bytes]) -> tuple[list[str], NDArray[Any]]:
        names, rows = rows_of_text(self._path, self._line, lines, self._dim, self._reading.dtype, self._hint)
        words = []
        for name, line in zip(names, lines, strict=True):
            words.append(decoded(f"{self._path}, line {self._line}", self._offset, name, self._reading))
            self._offset += len(line)
            self._line += 1
        return words, rows

    def _hint(self, line: bytes) -> str:
        """Say what a line with a wrong number of fields may be."""
        if self._may_have_header:
            return "; line 1 looks like a header: read the file without no_header"
        if not line.strip(_SPACE):
            return ": the line is empty"
        if b"\0" in line:
            return ": it looks like the binary format, which binary=True reads"
        if line.count(b"\t") >= self._dim:
            return ": they must be separated by spaces, not tabs"
        if len(line.rstrip(_SPACE).split(b" ")) > self._dim + 1:
            return ": a word with a space cannot be told from its numbers in this format"
        return ""

    def _check_count(self, found: int, wanted: int | None) -> None:
        if self._announced is None:
            return
        if wanted is not None and found < wanted:
            raise ValueError(self._contradiction(f"ends after {found}", found))
        if self._reading.limit is not None and self._reading.limit <= self._announced:
            return
        more = sum(bool(line.strip(_SPACE)) for line in self._ahead)
        more += sum(bool(line.strip(_SPACE)) for line in self._file)
        if more:
            problem = f"line {self._line}: more lines than the {self._announced} words of the header"
            raise ValueError(
                f"{self._path}, {problem}, {found + more} in all: correct the header to "
                f'"{found + more} {self._dim}", or read the first {found} words with limit={found} (--limit {found})'
            )

    def _contradiction(self, problem: str, found: int) -> str:
        way_out = f'correct the header to "{found} {self._dim}", or read it with limit={found} (--limit {found})'
        return f"{self._path} {problem} of the {self._announced} words of its header" + (
            f": {way_out}" if found else ""
        )
