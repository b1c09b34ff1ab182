"""The ids of a corpus on disk: first as they come, then with the ids of a vocabulary, as files that can be mapped."""

import tempfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax.io.atomic_write import writing
from sampledsoftmax.word2vec.encoding.id_stream import IdStream
from sampledsoftmax.word2vec.encoding.word_index import Numbered

IDS, OFFSETS = "ids.npy", "offsets.npy"


class Draft:
    """A corpus whose words are numbered as they come, in a file without a name: it goes with the process.

    Parameters
    ----------
    folder : Path
        Whose file system holds it.

    Examples
    --------
    >>> with Draft(Path(tempfile.gettempdir())) as draft:
    ...     draft.add(Numbered(np.array([0, 1, 0], np.int32), np.array([3])))
    ...     draft.num_ends, list(draft)
    (1, [Numbered(numbers=array([0, 1, 0], dtype=int32), ends=array([3]))])
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with writing(folder):
            self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - lives as long as this object
        self._blocks: list[tuple[int, int]] = []
        self.num_ends = 0

    def add(self, block: Numbered) -> None:
        """Append some text."""
        with writing(self._folder):
            for array in block:
                self._file.write(array.data)
        self._blocks.append((block.numbers.size, block.ends.size))
        self.num_ends += block.ends.size

    def __iter__(self) -> Iterator[Numbered]:
        """Yield what was added."""
        with writing(self._folder):
            self._file.seek(0)  # writes what is still buffered
        for num_tokens, num_ends in self._blocks:
            numbers = np.frombuffer(self._file.read(4 * num_tokens), np.int32)
            yield Numbered(numbers, np.frombuffer(self._file.read(8 * num_ends), np.int64))

    def __enter__(self) -> "Draft":
        return self

    def __exit__(self, *_: object) -> None:
        """Give the room back; what is still buffered may not find any."""
        with suppress(OSError):
            self._file.close()


class ArrayFile:
    """A `.npy` file that is written from front to back.

    Parameters
    ----------
    path : Path
        Must not be there.
    dtype : dtype
    size : int
        How many items will be written.

    Attributes
    ----------
    checksum : int
        CRC-32 of what has been written.
    """

    def __init__(self, path: Path, dtype: Any, size: int) -> None:
        self._path, self._dtype, self.checksum = path, np.dtype(dtype), 0
        with writing(path):
            self._file = path.open("xb")
        header = {"descr": self._dtype.str, "fortran_order": False, "shape": (size,)}
        np.lib.format.write_array_header_1_0(self, header)

    def __enter__(self) -> "ArrayFile":
        return self

    def __exit__(self, *_: object) -> None:
        with writing(self._path):
            self._file.close()

    def write(self, data: Any) -> None:
        """Append bytes, or an array as items of the file."""
        if isinstance(data, np.ndarray):
            data = np.ascontiguousarray(data, self._dtype).data
        with writing(self._path):
            self._file.write(data)
        self.checksum = zlib.crc32(data, self.checksum)


def write_stream(folder: Path, draft: Draft, new_ids: NDArray[np.int32], num_words: int) -> dict[str, int]:
    """Write a corpus with other ids, `ids.npy` and `offsets.npy`, and return the check sum of each file.

    Parameters
    ----------
    folder : Path
        Where to.
    draft : Draft
        The corpus.
    new_ids : int32 [distinct words]
        Id of each word by its number, -1 for words that are left out.
    num_words : int
        How many tokens of the corpus stay.
    """
    before = 0
    with (
        ArrayFile(folder / IDS, np.int32, num_words) as ids,
        ArrayFile(folder / OFFSETS, np.int64, draft.num_ends + 1) as offsets,
    ):
        offsets.write(np.zeros(1, np.int64))
        for numbers, ends in draft:
            found = new_ids[numbers]
            kept = found >= 0
            ids.write(found[kept])
            kept_before = np.zeros(kept.size + 1, np.int64)
            np.cumsum(kept, out=kept_before[1:])
            offsets.write(before + kept_before[ends])
            before += int(kept_before[-1])
    return {IDS: ids.checksum, OFFSETS: offsets.checksum}


def map_stream(folder: Path) -> IdStream:
    """Return the stream of a folder, mapped and read only."""
    return IdStream(_mapped(folder / IDS), _mapped(folder / OFFSETS))


def checksum_of(path: Path) -> int:
    """Return the CRC-32 of a file."""
    checksum = 0
    with path.open("rb") as file:
        while data := file.read(2**20):
            checksum = zlib.crc32(data, checksum)
    return checksum


def _mapped(path: Path) -> NDArray[Any]:
    array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    return array
