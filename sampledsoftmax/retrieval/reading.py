"""Files of interactions: found, decompressed, decoded, their layout told, and parsed block by block."""

import io
import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax import validation
from sampledsoftmax.io.input_file import checked_path
from sampledsoftmax.io.shown_path import shown_path
from sampledsoftmax.retrieval.ids import Column
from sampledsoftmax.retrieval.layouts import FORMATS, Layout, format_of, layout_of
from sampledsoftmax.retrieval.parsing import Pairs, numbered_rows, parsed_block, parsed_lines
from sampledsoftmax.word2vec.corpus.encodings import checked_encoding
from sampledsoftmax.word2vec.corpus.find_files import find_files
from sampledsoftmax.word2vec.corpus.text_blocks import ERRORS, text_blocks

_BLOCK_BYTES = 2**22
_SAMPLE_LINES = 1000  # that tell the layout


class ReadPairs(NamedTuple):
    """What was read from some files.

    Attributes
    ----------
    users, items : int64 array, or list of str
    ratings : float64 array or None
        None if a file has none.
    notes : tuple of str
        A sentence per file.
    """

    users: Column
    items: Column
    ratings: NDArray[np.float64] | None
    notes: tuple[str, ...]


def read_pairs(
    path: Any, form: str | None = None, header: bool | None = None, encoding: str = "utf-8", errors: str = "strict"
) -> ReadPairs:
    r"""Return the pairs in a file, in several or in a folder; see `Interactions.read` for arguments and errors.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "pairs.txt"
    >>> _ = path.write_text("ann 7\nbob 3\n")
    >>> read_pairs(path)[:3]
    (['ann', 'bob'], array([7, 3]), None)
    """
    files = files_of(path)
    if form is not None:
        validation.choice("format", form, FORMATS)
    if header is not None:
        validation.flag("header", header)
    validation.choice("errors", errors, ERRORS)
    encoding = checked_encoding(encoding)
    parts: list[Pairs] = []
    notes = []
    with _without_corpus():
        for file in files:
            name = "standard input" if file is None else shown_path(file)
            layout, found = _read_file(file, name, (form, header, encoding, errors))
            parts += found
            notes.append(f"{name}: {layout.described()}")
    ratings = [part.ratings for part in parts if part.ratings is not None]
    values = np.concatenate(ratings) if ratings and len(ratings) == len(parts) else None
    users, items = _joined([part.users for part in parts]), _joined([part.items for part in parts])
    if not len(users):
        shown = shown_path(str(_given(path)[0])) if len(files) == 1 else f"{len(files)} files"
        raise ValueError(f"{shown}: no line has a user and an item")
    return ReadPairs(users, items, values, tuple(notes))


def files_of(path: Any) -> list[Path | None]:
    """Return the files that a path or a list of paths denotes; None is standard input. They exist."""
    paths = [checked_path(each) for each in _given(path)]
    names = [str(each) if isinstance(given, str) else each for each, given in zip(paths, _given(path), strict=True)]
    if not names:
        raise ValueError("path is an empty list: name at least one file")
    with _without_corpus():
        return find_files(names)


def lines_of_file(path: Path | None, encoding: str = "utf-8") -> Iterator[str]:
    """Yield the lines of a text file, plain or compressed, or of standard input for None, each with its line end."""
    with _without_corpus():
        standard = checked_encoding(encoding)
        blocks = text_blocks(path, "strict", _BLOCK_BYTES, standard)
        yield from _lines(_whole_lines(block.data for block in blocks))


def _given(path: Any) -> Sequence[Any]:
    return path if isinstance(path, (list, tuple)) else [path]


def _read_file(
    file: Path | None, name: str, settings: tuple[str | None, bool | None, str, str]
) -> tuple[Layout, list[Pairs]]:
    form, header, encoding, errors = settings
    blocks = _whole_lines(block.data for block in text_blocks(file, errors, _BLOCK_BYTES, encoding))
    first = _sample(blocks)
    if not first.strip():
        raise ValueError(f"{name} is empty: lines of a user and an item are expected")
    layout = _layout(first, form, header, name)
    skipped = _end_of_header(first) if layout.has_header else 0
    number = 1 + first[:skipped].count(b"\n")
    parts = []
    rest = itertools.chain([first[skipped:]], blocks)
    for block in rest:
        pairs = parsed_block(block, layout)
        if pairs is None:
            parts.append(parsed_lines(_lines(itertools.chain([block], rest)), layout, name, number))
            break
        parts.append(pairs)
        number += block.count(b"\n")
    return layout, [part for part in parts if len(part.users)]


def _sample(blocks: Iterator[bytes]) -> bytes:
    """Return the first blocks together: enough lines to tell the layout, for blocks of any size."""
    taken, num_lines = [], 0
    for block in blocks:
        taken.append(block)
        num_lines += block.count(b"\n") - block.count(b"\n\n")
        if num_lines > _SAMPLE_LINES:
            break
    return b"".join(taken)


def _layout(block: bytes, form: str | None, header: bool | None, name: str) -> Layout:
    lines = list(itertools.islice((line for line in _lines([block]) if line.strip()), _SAMPLE_LINES))
    form = form or format_of(lines)
    try:
        rows = [fields for _, fields in numbered_rows(lines, form, name, 1)]
    except ValueError:  # a quoted field that the sample does not end, or a mistake that is found again with its line
        rows = [line.split(",") for line in lines]
    try:
        return layout_of(rows, form, header)
    except ValueError as error:
        raise ValueError(f"{name}, line 1 {error}") from None


def _end_of_header(block: bytes) -> int:
    """Return the end of the first line that is not empty."""
    start = len(block) - len(block.lstrip())
    return block.index(b"\n", start) + 1


def _whole_lines(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the same bytes in blocks that end with a line end, as the last one does; a lone CR ends a line too."""
    pending: list[bytes] = []
    for block in blocks:
        end = block.rfind(b"\n") + 1
        pending.append(block[:end] if end else block)
        if end:
            yield _with_line_feeds(b"".join(pending))
            pending = [block[end:]]
    if any(pending):
        yield _with_line_feeds(b"".join([*pending, b"\n"]))


def _with_line_feeds(block: bytes) -> bytes:
    if b"\r" not in block:
        return block
    return block.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def _lines(blocks: Any) -> Iterator[str]:
    for block in blocks:
        yield from io.StringIO(block.decode(), newline="\n")


def _joined(columns: Sequence[Column]) -> Column:
    """Return one column: ints if all are ints, else str."""
    arrays = [column for column in columns if not isinstance(column, list)]
    if len(arrays) == len(columns):
        return np.concatenate(arrays) if arrays else np.zeros(0, np.int64)
    words: list[str] = []
    for column in columns:
        words += column if isinstance(column, list) else map(str, column.tolist())
    return words


@contextmanager
def _without_corpus() -> Iterator[None]:
    """Leave out the first word of messages about the files of a corpus: these are no corpus."""
    try:
        yield
    except (ValueError, OSError) as error:
        text = str(error)
        if not text.startswith("corpus "):
            raise
        subject = "path " if text.startswith("corpus names") else ""
        raise type(error)(subject + text.removeprefix("corpus ")) from None
