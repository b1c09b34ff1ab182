"""The ids of a corpus on disk: provisional ids in a temporary file, vocabulary ids in memory-mapped `.npy` files."""

import tempfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax.io.atomic_write import writing
from sampledsoftmax.word2vec.encoding.vocabulary import IdStream
from sampledsoftmax.word2vec.encoding.word_index import TokenBlock

IDS, OFFSETS, NUM_TOKENS = "ids.npy", "offsets.npy", "num_tokens.npy"


class FirstPassFile:
    """The provisional ids of a corpus, in an unnamed file that the operating system removes with the process.

    Parameters
    ----------
    folder : Path
        The file system that holds it.

    Examples
    --------
    >>> with FirstPassFile(Path(tempfile.gettempdir())) as first_pass:
    ...     first_pass.add(TokenBlock(np.array([0, 1, 0], np.int32), np.array([3])))
    ...     first_pass.num_ends, list(first_pass)
    (1, [TokenBlock(ids=array([0, 1, 0], dtype=int32), ends=array([3]))])
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with writing(folder):
            self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - lives as long as this object
        self._blocks: list[tuple[int, int]] = []
        self.num_ends = 0

    def add(self, block: TokenBlock) -> None:
        """Append a block."""
        with writing(self._folder):
            for array in block:
                self._file.write(array.data)
        self._blocks.append((block.ids.size, block.ends.size))
        self.num_ends += block.ends.size

    def __iter__(self) -> Iterator[TokenBlock]:
        """Yield the blocks that were added."""
        with writing(self._folder):
            self._file.seek(0)  # flushes the buffer
        for num_tokens, num_ends in self._blocks:
            ids = np.frombuffer(self._file.read(4 * num_tokens), np.int32)
            yield TokenBlock(ids, np.frombuffer(self._file.read(8 * num_ends), np.int64))

    def __enter__(self) -> "FirstPassFile":
        return self

    def __exit__(self, *_: object) -> None:
        """Free the disk space; flushing the buffer may fail on a full disk."""
        with suppress(OSError):
            self._file.close()


class ArrayFile:
    """A `.npy` file that is written sequentially.

    Parameters
    ----------
    path : Path
        Must not exist.
    dtype : dtype
    size : int
        Number of items that will be written.

    Attributes
    ----------
    checksum : int
        CRC-32 of the bytes written so far.
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
        """Append bytes, or an array converted to the dtype of the file."""
        if isinstance(data, np.ndarray):
            data = np.ascontiguousarray(data, self._dtype).data
        with writing(self._path):
            self._file.write(data)
        self.checksum = zlib.crc32(data, self.checksum)


def write_stream(
    folder: Path, first_pass: FirstPassFile, final_ids: NDArray[np.int32], num_words: int
) -> dict[str, int]:
    """Write a corpus with vocabulary ids, as `ids.npy` and `offsets.npy`, and return the checksum of each file.

    Parameters
    ----------
    folder : Path
        Where the files go.
    first_pass : FirstPassFile
        The corpus.
    final_ids : int32 [distinct words]
        The vocabulary id for each provisional id, -1 for words that are dropped.
    num_words : int
        Number of tokens that are kept.
    """
    before = 0
    with (
        ArrayFile(folder / IDS, np.int32, num_words) as ids,
        ArrayFile(folder / OFFSETS, np.int64, first_pass.num_ends + 1) as offsets,
    ):
        offsets.write(np.zeros(1, np.int64))
        for provisional_ids, ends in first_pass:
            found = final_ids[provisional_ids]
            kept = found >= 0
            ids.write(found[kept])
            kept_before = np.zeros(kept.size + 1, np.int64)
            np.cumsum(kept, out=kept_before[1:])
            offsets.write(before + kept_before[ends])
            before += int(kept_before[-1])
    return {IDS: ids.checksum, OFFSETS: offsets.checksum}


def write_num_tokens(folder: Path, num_tokens: int) -> dict[str, int]:
    """Write how many tokens the corpus has, those included that are left out; return the checksum of the file."""
    with ArrayFile(folder / NUM_TOKENS, np.int64, 1) as file:
        file.write(np.array([num_tokens], np.int64))
    return {NUM_TOKENS: file.checksum}


def read_num_tokens(folder: Path) -> int:
    """Return what `write_num_tokens` wrote."""
    return int(np.load(folder / NUM_TOKENS, allow_pickle=False)[0])


def map_stream(folder: Path) -> IdStream:
    """Return the stream of a folder, memory-mapped and read-only."""
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
