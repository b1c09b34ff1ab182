"""Cache of encoded corpora on disk: one folder per corpus, created atomically."""

import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from sampledsoftmax import validation
from sampledsoftmax.io.atomic_write import remove_stale_temp_files, temp_suffix, writing
from sampledsoftmax.io.packed_words import PACKED, pack_words, unpack_words
from sampledsoftmax.word2vec.corpus.corpus import TextFiles
from sampledsoftmax.word2vec.encoding.id_files import IDS, OFFSETS, ArrayFile, checksum_of
from sampledsoftmax.word2vec.encoding.vocabulary import Vocabulary

FORMAT = 3  # since 3 with the number of tokens, and with words as arrays
_ABOUT, _COUNTS = "corpus.json", "counts"
_TEMP_PREFIX = ".corpus"
_TICK = 0.02  # seconds; times of files have steps of up to 0.01 s on Linux


def fingerprint(files: TextFiles, **settings: Any) -> dict[str, Any] | None:
    """Return everything that an encoded corpus depends on: files with their sizes and times, and settings.

    The time at which a file has last changed, in content or status, cannot be set by programs, unlike the time of
    modification. A file that has changed within a tick of the clock is waited for, so that a later change has another
    time. None if a file is a pipe, whose content is unknown until it is read, or has vanished.
    """
    about = []
    for path in files.files:
        if path is None or not path.is_file():
            return None
        status = path.stat()
        age = time.time() - status.st_ctime
        if 0 <= age < _TICK:
            time.sleep(_TICK - age)
            status = path.stat()
        times = [status.st_mtime_ns, status.st_ctime_ns]
        about.append([str(path.resolve()), status.st_size, *times, status.st_ino, status.st_dev])
    return {"format": FORMAT, "files": about, "errors": files.errors, "encoding": files.encoding, **settings}


def words_digest(vocabulary: Vocabulary) -> str:
    """Return a digest of words and counts."""
    digest = hashlib.sha256(vocabulary.counts.tobytes())
    for array in pack_words(vocabulary.words).values():
        digest.update(array.tobytes())
    return digest.hexdigest()


@contextmanager
def temp_folder(above: str | os.PathLike[str]) -> Iterator[Path]:
    """Make a temporary folder; at the end of the block it is removed, unless it was renamed.

    Temporary folders of killed processes are removed too.
    """
    with writing(above):
        Path(above).mkdir(parents=True, exist_ok=True)
        remove_stale_temp_files(Path(above), _TEMP_PREFIX)
        folder = tempfile.mkdtemp(dir=above, prefix=f"{_TEMP_PREFIX}.", suffix=temp_suffix())
    try:
        yield Path(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class CorpusCache:
    """A directory of encoded corpora, each in a folder named by its fingerprint.

    It may be deleted at any time. A folder is written under a temporary name and renamed when it is complete, so
    several processes may share the directory.

    Parameters
    ----------
    path : path
        Created if it does not exist.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = validation.not_empty("cache", path)

    def folder_of(self, about: Mapping[str, Any]) -> Path:
        """Return the path of the corpus with this fingerprint, whether it exists or not."""
        return self.path / f"corpus-{hashlib.sha256(_json(about).encode()).hexdigest()[:16]}"

    def holds(self, about: Mapping[str, Any]) -> bool:
        """Return whether the corpus is in the cache: same fingerprint, all checksums correct."""
        folder = self.folder_of(about)
        try:
            known = json.loads((folder / _ABOUT).read_text(encoding="utf-8"))
            return bool(
                known["fingerprint"] == json.loads(_json(about))
                and {IDS, OFFSETS} < set(known["checksums"])
                and all(checksum_of(folder / name) == checksum for name, checksum in known["checksums"].items())
            )
        except (OSError, ValueError, LookupError, TypeError):
            return False

    def keep(self, complete: Path, about: Mapping[str, Any], checksums: Mapping[str, int]) -> Path:
        """Rename a complete temporary folder, and return its new path; an entry of a faster process is kept."""
        folder = self.folder_of(about)
        with writing(complete):
            (complete / _ABOUT).write_text(_json({"fingerprint": about, "checksums": checksums}), encoding="utf-8")
        with writing(folder):
            try:
                complete.rename(folder)
            except OSError:
                if not self.holds(about):  # the existing entry is damaged
                    _remove(folder)
                    complete.rename(folder)
        return folder


def save_vocabulary(folder: Path, vocabulary: Vocabulary) -> dict[str, int]:
    """Write words and counts, and return the checksum of each file."""
    checksums = {}
    for name, array in {**pack_words(vocabulary.words), _COUNTS: vocabulary.counts}.items():
        with ArrayFile(folder / f"{name}.npy", array.dtype, array.size) as file:
            file.write(array)
        checksums[f"{name}.npy"] = file.checksum
    return checksums


def load_vocabulary(folder: Path) -> Vocabulary:
    """Read what `save_vocabulary` wrote."""
    arrays = {name: np.load(folder / f"{name}.npy", allow_pickle=False) for name in (*PACKED, _COUNTS)}
    return Vocabulary(unpack_words(arrays), arrays[_COUNTS])


def _remove(entry: Path) -> None:
    """Remove a damaged entry, whatever it is: a folder, a file, or a link."""
    if entry.is_dir() and not entry.is_symlink():
        shutil.rmtree(entry, ignore_errors=True)
    else:
        entry.unlink(missing_ok=True)


def _json(about: Mapping[str, Any]) -> str:
    return json.dumps(about, indent=1, sort_keys=True)
