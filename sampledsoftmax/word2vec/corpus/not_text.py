"""Files that are no text: recognized by their content, and named with the way out."""

import codecs
import itertools
from collections.abc import Iterator

from sampledsoftmax.io.compression import compression_of_bytes
from sampledsoftmax.word2vec.corpus.decompress import Chunk

NUL = b"\0"

_START_BYTES = 512
_TAR_MARK = 257  # position of "ustar"
_EXTRACT = "extract it, and name the files in it"
_KINDS = {
    b"PK\x03\x04": f"a zip archive, or a document that is one (.docx, .odt, .epub): {_EXTRACT}, or save it as text",
    b"PK\x05\x06": "an empty zip archive",
    b"Rar!\x1a\x07": f"a RAR archive: {_EXTRACT}",
    b"7z\xbc\xaf\x27\x1c": f"a 7-Zip archive: {_EXTRACT}",
    b"%PDF-": "a PDF document: extract its text",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": "an Office document: save it as text",
    b"\x93NUMPY": "a NumPy array, not text",
    b"\x89HDF\r\n": "an HDF5 file, not text",
    b"SQLite format 3": "an SQLite database, not text",
    b"\x7fELF": "a program, not text",
    b"\x89PNG\r\n": "a picture, not text",
    b"\xff\xd8\xff": "a picture, not text",
    b"GIF89a": "a picture, not text",
}
# The longer marks first: the one of UTF-32 begins with that of UTF-16.
_MARKS = {
    codecs.BOM_UTF32_LE: ("utf-32", "utf-32-le"),
    codecs.BOM_UTF32_BE: ("utf-32", "utf-32-be"),
    codecs.BOM_UTF16_LE: ("utf-16", "utf-16-le"),
    codecs.BOM_UTF16_BE: ("utf-16", "utf-16-be"),
    codecs.BOM_UTF8: ("utf-8",),
}
_SAMPLE = 4096


def text_only(chunks: Iterator[Chunk], name: str, encoding: str) -> Iterator[Chunk]:
    """Yield the chunks of a file that are not empty, if it does not begin like a file of another kind.

    Raises
    ------
    ValueError
        It begins like an archive, a document, a picture, or with a byte order mark of another encoding.
    """
    first: list[Chunk] = []
    size = 0
    for chunk in chunks:
        first.append(chunk)
        size += len(chunk.data)
        if size >= _START_BYTES:
            break
    other = other_kind(b"".join(chunk.data for chunk in first)[:_START_BYTES], encoding)
    if other is not None:
        raise ValueError(f"corpus {name} {other}")
    for chunk in itertools.chain(first, chunks):
        if chunk.data:
            yield chunk


def wide_encoding(block: bytes, position: int) -> str | None:
    r"""Return the encoding without a mark that a block with NULs, at a position of a file, seems to be in.

    Examples
    --------
    >>> wide_encoding("to be".encode("utf-16-le"), 0), wide_encoding(b"to\0be", 0)
    ('utf-16-le', None)
    """
    sample = block[-position % 4 :][:_SAMPLE]
    nuls = tuple(sample[i::4].count(NUL) > len(sample) // 8 for i in range(4))
    wide: dict[tuple[bool, ...], str] = {
        (False, True, False, True): "utf-16-le",
        (True, False, True, False): "utf-16-be",
        (False, True, True, True): "utf-32-le",
        (True, True, True, False): "utf-32-be",
    }
    return wide.get(nuls) if len(sample) > 1 else None


def other_kind(start: bytes, encoding: str) -> str | None:
    """Return what a file is that begins with these bytes, and the way out; None if it may be text of this encoding.

    Examples
    --------
    >>> other_kind(b"%PDF-1.7", "utf-8"), other_kind(b"to be", "utf-8")
    ('is a PDF document: extract its text', None)
    """
    if start[_TAR_MARK:].startswith(b"ustar"):
        return f"is a tar archive: {_EXTRACT}"
    compression = compression_of_bytes(start)
    if compression:
        return f"is compressed twice: decompressed once, it is {compression}"
    kind = next((kind for first_bytes, kind in _KINDS.items() if start.startswith(first_bytes)), None)
    if kind is not None:
        return f"is {kind}"
    fitting = next((names for mark, names in _MARKS.items() if start.startswith(mark)), (encoding,))
    if encoding in fitting:
        return None
    return (
        f"begins with the byte order mark of {fitting[0]}, and encoding is {encoding!r}: set encoding to {fitting[0]!r}"
    )
