"""Vectors in the file formats of other programs, written atomically."""

import os
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax import validation
from sampledsoftmax.io.atomic_write import new_file, writing
from sampledsoftmax.io.extras import need
from sampledsoftmax.io.input_file import checked_path
from sampledsoftmax.io.shown_path import shown_path
from sampledsoftmax.io.streams import stream_of
from sampledsoftmax.word2vec.vectors import saved_vectors, word2vec_format
from sampledsoftmax.word2vec.vectors.float_text import rows_as_text
from sampledsoftmax.word2vec.vectors.vector_file import Reading
from sampledsoftmax.word2vec.vectors.word_vectors import WordVectors

_SAFETENSORS = ("safetensors", "safetensors")  # package and extra
_BLOCK = 1024  # rows that are written at once
_MAX_CHARACTERS = 2**28  # of a NumPy array of strings, 4 bytes each


def save_word2vec(vectors: WordVectors, path: str | os.PathLike[str], errors: str = "strict") -> None:
    """Write the text format of word2vec.c; compressed if the name ends in .gz."""
    vectors.save_word2vec_format(path, errors=errors)


def save_word2vec_binary(vectors: WordVectors, path: str | os.PathLike[str], errors: str = "strict") -> None:
    """Write the binary format of word2vec.c; compressed if the name ends in .gz."""
    vectors.save_word2vec_format(path, binary=True, errors=errors)


def save_numpy(vectors: WordVectors, path: str | os.PathLike[str]) -> None:
    """Write an .npz file with two arrays, `words` (unicode, or int64) and `vectors`, that is read without pickle.

    Examples
    --------
    >>> import tempfile
    >>> path = tempfile.mkdtemp() + "/vectors.npz"
    >>> save_numpy(WordVectors(["to", "be"], np.eye(2, dtype=np.float32)), path)
    >>> load(path)["be"]
    array([0., 1.], dtype=float32)
    """
    _refuse(vectors, "\0", "a NumPy file", at_end=True)
    kinds = {type(word) for word in vectors.words}
    if len(kinds) > 1:
        raise ValueError("words must be all str or all int: a NumPy file cannot hold both")
    if kinds == {int}:
        return _save_npz(path, vectors, _as_ids(vectors.words))
    longest = max(vectors.words, key=len)
    if len(longest) * len(vectors) > _MAX_CHARACTERS:
        raise ValueError(
            f"the word {validation.shown(longest)} has {len(longest)} characters, and a NumPy array would allocate as "
            f"many for each of the {len(vectors)} words: use another format"
        )
    return _save_npz(path, vectors, np.array(vectors.words))


def _save_npz(path: str | os.PathLike[str], vectors: WordVectors, words: NDArray[Any]) -> None:
    with writing(path), new_file(path, "wb") as file:
        np.savez(file, words=words, vectors=vectors.vectors)


def _as_ids(words: Sequence[int]) -> NDArray[np.int64]:
    try:
        return np.array(words, np.int64)
    except OverflowError:
        largest = max(words, key=abs)
        raise ValueError(f"the word {validation.shown(largest)} does not fit int64, as a NumPy file needs it") from None


def load_numpy(path: str | os.PathLike[str]) -> WordVectors:
    """Read what `save_numpy` writes."""
    try:
        with Path(path).open("rb") as archive, np.load(archive, allow_pickle=False) as file:
            words, table = file["words"], file["vectors"]
    except (KeyError, ValueError, OSError, EOFError, TypeError, AttributeError, zipfile.BadZipFile) as error:
        raise _damaged(path, error) from None
    if words.dtype.kind not in "Ui" or words.ndim != 1:
        raise _damaged(
            path,
            f"words must be a vector of strings or ints, got {validation.dtype_of(words)} of shape {list(words.shape)}",
        )
    return _checked(path, words.tolist(), table)


def save_safetensors(vectors: WordVectors, path: str | os.PathLike[str]) -> None:
    """Write a safetensors file: the tensor "vectors", and "words" in the metadata, one per line; ints in decimal."""
    _refuse(vectors, "\n", "words of a safetensors file, one per line,")
    words = "\n".join(_as_text(vectors))
    tensors = {"vectors": np.ascontiguousarray(vectors.vectors)}
    data = need("safetensors.numpy", *_SAFETENSORS).save(tensors, metadata={"words": words})
    with writing(path), new_file(path, "wb") as file:
        file.write(data)


def load_safetensors(path: str | os.PathLike[str]) -> WordVectors:
    """Read what `save_safetensors` writes."""
    safe_open = need("safetensors", *_SAFETENSORS).safe_open
    try:
        with safe_open(path, framework="numpy") as file:
            words, table = (file.metadata() or {})["words"], file.get_tensor("vectors")
    except Exception as error:  # SafetensorError is not a ValueError, and can be imported only with the extra
        if isinstance(error, (OSError, MemoryError)):
            raise
        raise _damaged(path, error) from None
    return _checked(path, words.split("\n"), table)


def save_projector(vectors: WordVectors, path: str | os.PathLike[str]) -> None:
    """Write the two files that TensorBoard's projector reads: `path`, vectors separated by tabs, and their words.

    The words go to a file in the same folder whose name has "metadata" in the place of "vectors", or starts with
    "metadata.": vectors.tsv and metadata.tsv. There is no loader for this format.
    """
    path = Path(path)
    if stream_of(path) is not None:
        raise ValueError(f"{path} is a device or a pipe, and a projector file is two files: name a file, vectors.tsv")
    for character, name in (("\t", "tabs"), ("\n", "line ends"), ("\r", "line ends")):
        _refuse(vectors, character, f"a projector file, where {name} separate the fields,")
    words = _as_text(vectors)
    empty = next((i for i, word in enumerate(words) if not word.strip()), None)
    if empty is not None:
        raise ValueError(f"word {empty} is {words[empty]!r}: the projector skips lines without visible characters")
    with writing(path), new_file(path) as file:
        for first in range(0, len(vectors), _BLOCK):
            lines = rows_as_text(vectors.vectors[first : first + _BLOCK])
            file.writelines(line.replace(b" ", b"\t").decode() + "\n" for line in lines)
    with writing(metadata_path(path)), new_file(metadata_path(path)) as file:
        file.writelines(word + "\n" for word in words)


def save_own(vectors: WordVectors, path: str | os.PathLike[str]) -> None:
    """Write the format of this package: any words, and every bit of the vectors."""
    vectors.save(path)


def metadata_path(path: Path) -> Path:
    """Return the path of the words of a projector file.

    Examples
    --------
    >>> metadata_path(Path("run/vectors.tsv")).name, metadata_path(Path("map.tsv")).name
    ('metadata.tsv', 'metadata.map.tsv')
    """
    name = path.name.replace("vectors", "metadata")
    return path.with_name(name if name != path.name else f"metadata.{path.name}")


class Format(NamedTuple):
    """A file format: the function that writes it, and its file name suffixes."""

    save: Callable[[WordVectors, str | os.PathLike[str]], None]
    suffixes: tuple[str, ...]


FORMATS = {
    "word2vec": Format(save_word2vec, (".txt", ".vec", ".w2v")),
    "word2vec-binary": Format(save_word2vec_binary, (".bin",)),
    "sampledsoftmax": Format(save_own, (saved_vectors.SUFFIX,)),
    "numpy": Format(save_numpy, (".npz",)),
    "safetensors": Format(save_safetensors, (".safetensors",)),
    "projector": Format(save_projector, (".tsv",)),
}


def save(vectors: WordVectors, path: str | os.PathLike[str], form: str, errors: str = "strict") -> None:
    """Write vectors in one of `FORMATS`.

    With `errors="surrogateescape"`, words that were read so are written as the same bytes, in the formats of word2vec.
    """
    writer = FORMATS[validation.choice("format", form, tuple(FORMATS))].save
    if errors == "surrogateescape" and writer in (save_word2vec, save_word2vec_binary):
        writer(vectors, checked_path(path), errors)
    else:
        writer(vectors, checked_path(path))


def load(path: str | os.PathLike[str], reading: Reading | None = None) -> WordVectors:
    """Read a file of vectors.

    Parameters
    ----------
    path : path
        .npz, .safetensors, .zip (`WordVectors.save`); another name means a file of word2vec, whose content says
        whether it is text or binary, or a zip file of the formats above. The two formats of word2vec may be compressed.
    reading : Reading, optional
        Settings of a read, for the two formats of word2vec.

    Raises
    ------
    FileNotFoundError
        The file does not exist.
    ValueError
        It is damaged, or not a file of words and vectors; or settings are given for another format.
    """
    path = checked_path(path)
    if not path.exists():
        raise FileNotFoundError(f"{shown_path(path)} does not exist")
    loader = (_LOADERS.get(path.suffix.lower()) if path.is_file() else None) or _of_zip(path)
    if loader is None:
        return WordVectors(*word2vec_format.read(path, None, reading or Reading()), copy=False)
    if reading not in (None, Reading()):
        raise ValueError(
            f"{shown_path(path)}: options for reading are for word2vec and GloVe files, this is a "
            f"{validation.shown(path.suffix)} file"
        )
    return loader(path)


def _of_zip(path: Path) -> Callable[[Path], WordVectors] | None:
    """Return the loader of a zip file with any name, None for other files."""
    if not path.is_file() or not zipfile.is_zipfile(path):
        return None
    try:
        with zipfile.ZipFile(path) as archive:
            return load_numpy if "words.npy" in archive.namelist() and len(archive.namelist()) == 2 else _own
    except zipfile.BadZipFile:
        return _own  # whose error says that it is damaged


def _own(path: Path) -> WordVectors:
    vectors: WordVectors = WordVectors.load(path)
    return vectors


_LOADERS: dict[str, Callable[[Path], WordVectors]] = {
    ".npz": load_numpy,
    ".safetensors": load_safetensors,
    saved_vectors.SUFFIX: _own,
}


def _refuse(vectors: WordVectors, character: str, place: str, at_end: bool = False) -> None:
    for number, word in enumerate(map(str, vectors.words)):
        if word.endswith(character) if at_end else character in word:
            raise ValueError(f"word {number} is {validation.shown(word)}: {place} cannot hold {character!r} there")


def _as_text(vectors: WordVectors) -> list[str]:
    """Return the words for a file in UTF-8, ints in decimal; what cannot be written or is written alike raises."""
    words = [str(word) for word in vectors.words]
    for number, word in enumerate(words):
        try:
            word.encode()
        except UnicodeEncodeError as error:
            raise ValueError(
                f"word {number} is {validation.shown(word)}: utf-8 cannot encode it, {error.reason}"
            ) from None
    if len(set(words)) < len(words):
        twice = next(word for word in vectors.words if isinstance(word, int) and str(word) in vectors)
        raise ValueError(f"words {twice} and {str(twice)!r} would both be written as {twice}")
    return words


def _checked(path: str | os.PathLike[str], words: list[str], table: Any) -> WordVectors:
    try:
        return WordVectors(words, table, copy=False)
    except (TypeError, ValueError) as error:
        raise _damaged(path, error) from None


def _damaged(path: str | os.PathLike[str], reason: object) -> ValueError:
    problem = " ".join(str(reason)[:300].split())
    return ValueError(f"{shown_path(path)} is not a file of words and vectors, or damaged: {problem}")
