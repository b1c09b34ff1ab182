"""Archives: arrays and settings in one file, written atomically and checked when it is read.

The file is a zip archive without compression, which other programs can open: an `.npy` file for each array, and
`archive.json` with the settings and with name, dtype, shape and CRC-32 of each array. The zip format checks the bytes
of a member against the CRC-32 in its directory; the copy in `archive.json` shows that the member is the one that was
written. Nothing in the file is ever executed.
"""

import errno
import json
import math
import os
import re
import struct
import zipfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax.io.atomic_write import new_file, writing
from sampledsoftmax.io.shown_path import shown_path
from sampledsoftmax.runtime.workspace import aligned
from sampledsoftmax.validation import MAX_SHOWN, shown

# Archives of format 1, which are still read, have the SHA-256 of each array in the place of its CRC-32.
_FORMAT, _FORMATS = "sampledsoftmax archive 2", ("sampledsoftmax archive 1", "sampledsoftmax archive 2")
_ABOUT, _ENDING = "archive.json", ".npy"
_NAME = re.compile(r"[A-Za-z0-9_-]+([./][A-Za-z0-9_-]+)*")
_BLOCK_BYTES, _MAX_HEADER, _MAX_MESSAGE = 2**20, 2**16, 300

# Exceptions raised on corrupt input.
_DAMAGE = (
    *(zipfile.BadZipFile, ValueError, LookupError, ArithmeticError, EOFError, RuntimeError, TypeError, struct.error),
    RecursionError,
)


def write_archive(
    path: str | os.PathLike[str], kind: str, version: int, meta: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]
) -> None:
    """Write arrays and settings to one file, which replaces an older one when it is complete on disk.

    Parameters
    ----------
    path : path
        The file to create or replace.
    kind : str
        The kind of content, for example "checkpoint".
    version : int
        Version of the layout of `meta` and `arrays`.
    meta : mapping
        Anything that JSON can represent: strings, finite numbers, bools, None, lists, and dicts with string keys.
    arrays : mapping of str to array
        Numbers or bools of any shape; names consist of letters, digits, `_`, `-`, with `.` or `/` between them. Arrays
        are copied a megabyte at a time.

    Raises
    ------
    TypeError, ValueError
        `meta` or an array cannot be represented; nothing has been written.
    OSError
        The file cannot be written: one line that says why. `path` has not changed.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "run.zip"
    >>> write_archive(path, "checkpoint", 1, {"epoch": 3}, {"table": np.eye(2)})
    >>> meta, arrays = read_archive(path, "checkpoint", 1)
    >>> meta, arrays["table"].tolist()
    ({'epoch': 3}, [[1.0, 0.0], [0.0, 1.0]])
    """
    _check_meta(meta)
    arrays = {name: _checked(name, array) for name, array in arrays.items()}
    members = []
    with writing(path), new_file(path, "wb") as file, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            info = zipfile.ZipInfo(name + _ENDING)
            with archive.open(info, "w", force_zip64=True) as member:
                _write_array(member, array)
            about = {"name": name, "dtype": array.dtype.str, "shape": list(array.shape)}
            members.append({**about, "crc32": info.CRC})
        about = {"format": _FORMAT, "kind": kind, "version": version, "meta": dict(meta), "arrays": members}
        archive.writestr(zipfile.ZipInfo(_ABOUT), json.dumps(about))


def read_archive(
    path: str | os.PathLike[str], kind: str, versions: int | Collection[int]
) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Return (meta, arrays) of a file that `write_archive` has written.

    Parameters
    ----------
    path : path
    kind : str
        The expected kind of content.
    versions : int or collection of int
        The expected version, or those that the caller can read.

    Raises
    ------
    FileNotFoundError
        The file does not exist.
    ValueError
        The file is of another kind or version, or is damaged; one line that says which.
    """
    path, readable = Path(path), (versions,) if isinstance(versions, int) else tuple(versions)
    if not path.is_file():
        raise FileNotFoundError(f"{kind} {shown_path(path)} does not exist" + " as a file" * path.exists())
    with path.open("rb") as file:
        with _described(f"{path} is not a {kind} or is damaged"):
            archive = zipfile.ZipFile(file)
            about = json.loads(_member(archive, _ABOUT).read())
            if not isinstance(about, dict) or about["format"] not in _FORMATS:
                raise ValueError(f"{_ABOUT} is not of a {_FORMAT}")
        if about.get("kind") != kind or about.get("version") not in readable:
            raise ValueError(
                f"{path} contains a {str(about.get('kind'))[:MAX_SHOWN]} of version {shown(about.get('version'))}, "
                f"this release of sampledsoftmax reads a {kind} of version {' or '.join(map(str, readable))}"
            )
        with _described(f"{path} is damaged"):
            _check_members(archive, about["arrays"], os.fstat(file.fileno()).st_size)
            arrays = {array["name"]: _read_array(archive, **array) for array in about["arrays"]}
            return dict(about["meta"]), arrays


@contextmanager
def _described(problem: str) -> Iterator[None]:
    try:
        yield
    except _DAMAGE as error:
        raise ValueError(f"{problem}: {_in_one_line(error) or type(error).__name__}") from None
    except OSError as error:
        if error.errno != errno.EINVAL:  # a position before the start of the file
            raise
        raise ValueError(f"{problem}: it refers to a position outside the file") from None


def _in_one_line(error: Exception) -> str:
    """Return the message of an error; that of a foreign file may have any length."""
    text = " ".join(str(error).split())
    return text if len(text) <= _MAX_MESSAGE else f"{text[:_MAX_MESSAGE]}..."


def _check_meta(meta: Mapping[str, Any]) -> None:
    try:
        same = json.loads(json.dumps(meta, allow_nan=False)) == meta
    except (TypeError, ValueError) as error:
        raise TypeError(f"meta cannot be represented in JSON: {_in_one_line(error)}") from None
    if not same:
        raise TypeError("meta cannot be represented in JSON: tuples become lists, and keys that are not str become str")


def _checked(name: str, array: NDArray[Any]) -> NDArray[Any]:
    if not _NAME.fullmatch(name):
        raise ValueError(
            f"{shown(name)} cannot name an array: letters, digits, _, -, with . or / between them, are expected"
        )
    array = np.asanyarray(array)
    if array.dtype.kind not in "biufc":
        raise TypeError(f"array {name} has dtype {array.dtype}: numbers or bools are expected, view others as such")
    return array


def _write_array(member: IO[bytes], array: NDArray[Any]) -> None:
    """Write an `.npy` file."""
    header = {"descr": array.dtype.str, "fortran_order": False, "shape": array.shape}
    np.lib.format.write_array_header_1_0(member, header)
    for block in _blocks(array):
        member.write(block)


def _blocks(array: NDArray[Any]) -> Iterator[memoryview]:
    """Yield the bytes of an array in C order, without copying the whole array."""
    if array.flags.c_contiguous:
        data = array.reshape(-1).view(np.uint8)
        for start in range(0, data.size, _BLOCK_BYTES):
            yield data[start : start + _BLOCK_BYTES].data
    elif array.nbytes <= _BLOCK_BYTES:
        yield from _blocks(np.ascontiguousarray(array))
    else:
        step = max(len(array) * _BLOCK_BYTES // array.nbytes, 1)
        for start in range(0, len(array), step):
            some = array[start : start + step]
            yield from _blocks(some if len(some) > 1 else some[0])


def _member(archive: zipfile.ZipFile, name: str) -> IO[bytes]:
    info = archive.getinfo(name)
    if info.compress_type != zipfile.ZIP_STORED or info.compress_size != info.file_size:
        raise ValueError(f"{name} is compressed")
    return archive.open(info)


def _check_members(archive: zipfile.ZipFile, arrays: list[dict[str, Any]], num_bytes: int) -> None:
    expected = sorted([_ABOUT, *(array["name"] + _ENDING for array in arrays)])
    found = sorted(archive.namelist())
    if found != expected:
        raise ValueError(f"{', '.join(expected)} were expected in it, got {', '.join(found)}")
    if sum(info.file_size for info in archive.infolist()) > num_bytes:  # before any memory is allocated
        raise ValueError(f"its members are larger than its {num_bytes} bytes")


def _read_array(
    archive: zipfile.ZipFile, name: str, dtype: str, shape: list[int], crc32: int | None = None, sha256: str = ""
) -> NDArray[Any]:
    info = archive.getinfo(name + _ENDING)
    num_bytes = np.dtype(dtype).itemsize * math.prod(shape)
    if not 0 < info.file_size - num_bytes < _MAX_HEADER:
        raise ValueError(f"array {name} has {info.file_size} bytes, which cannot be {dtype} of shape {shape}")
    if crc32 != info.CRC and not sha256:
        raise ValueError(f"array {name} is not the one that was written")
    if min(shape, default=0) < 0:
        raise ValueError(f"array {name}: negative dimensions are not allowed")
    array = aligned(tuple(shape), _checked(name, np.empty(0, dtype)).dtype)  # as tables are that are trained
    with _member(archive, info.filename) as member:
        member.read(info.file_size - num_bytes)  # the header, which repeats dtype and shape
        for block in _blocks(array):
            block[:] = member.read(block.nbytes)  # the last read checks the CRC-32
    return array
