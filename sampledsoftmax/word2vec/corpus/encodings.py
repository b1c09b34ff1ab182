"""Encodings of text: their names, and chunks of a file in any of them as UTF-8."""

import codecs
import io
from collections.abc import Iterator

from sampledsoftmax import validation
from sampledsoftmax.word2vec.corpus.decompress import Chunk

UTF8 = "utf-8"


def checked_encoding(name: object) -> str:
    """Return the standard name of a text encoding; the byte order mark of UTF-8 is never text, so it has one name.

    Raises
    ------
    TypeError, ValueError
        It is not a str, or no text encoding has this name.

    Examples
    --------
    >>> checked_encoding("UTF8"), checked_encoding("utf-8-sig"), checked_encoding("latin1")
    ('utf-8', 'utf-8', 'iso8859-1')
    """
    if not isinstance(name, str):
        raise TypeError(f"encoding must be the name of an encoding, got {validation.described(name)}")
    try:
        io.TextIOWrapper(io.BytesIO(), encoding=name)  # which knows what is an encoding of text
        codecs.getincrementaldecoder(name)
        standard = codecs.lookup(name).name
    except (LookupError, ValueError):
        raise ValueError(
            f"encoding must be one that Python knows, such as 'utf-8', 'cp1252', 'gbk' or 'utf-16', "
            f"got {validation.shown(name)}"
        ) from None
    return standard.removesuffix("-sig")


def as_utf8(chunks: Iterator[Chunk], name: str, encoding: str, errors: str) -> Iterator[Chunk]:
    """Yield chunks of text in some encoding as UTF-8; `name` names the corpus in errors.

    Raises
    ------
    ValueError
        Bytes are not of the encoding, and `errors` is "strict".
    """
    decoder = codecs.getincrementaldecoder(encoding)(errors)
    position = lines = 0
    for data, done, is_last in _with_end(chunks):
        try:
            text = decoder.decode(data, is_last)
            encoded = text.encode()
        except UnicodeDecodeError as error:
            place = len(data) - len(error.object) + error.start  # negative if it was read before
            decoder.errors = "ignore"
            line = lines + decoder.decode(data[: max(place, 0)]).count("\n") + 1
            raise ValueError(
                f"corpus {name} is not {encoding}: byte 0x{error.object[error.start]:02x} at position "
                f"{position + place}, in line {line}; set encoding to that of the file, or errors to 'replace' or "
                "'ignore'"
            ) from None
        except UnicodeError as error:
            raise ValueError(f"corpus {name} is not {encoding}, in line {lines + 1} or later: {error}") from None
        position += len(data)
        lines += text.count("\n")
        if encoded:
            yield Chunk(encoded, done)


def _with_end(chunks: Iterator[Chunk]) -> Iterator[tuple[bytes, int, bool]]:
    done = 0
    for data, done in chunks:
        yield data, done, False
    yield b"", done, True
