"""Cache of encoded corpora on disk: one folder per corpus, created atomically."""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from sampledsoftmax.io.atomic_write import remove_stale_temp_files, temp_suffix, writing
from sampledsoftmax.word2vec.corpus.corpus import TextFiles
from sampledsoftmax.word2vec.encoding.id_files import ArrayFile, checksum_of
from sampledsoftmax.word2vec.encoding.packed_words import PACKED, pack_words, unpack_words
from sampledsoftmax.word2vec.encoding.vocabulary import Vocabulary

FORMAT = 1
_ABOUT, _COUNTS = "corpus.json", "counts"
_TEMP_PREFIX = ".corpus"


def fingerprint(files: TextFiles, **settings: Any) -> dict[str, Any] | None:
    """Return everything that an encoded corpus depends on: files with size and time of the last change, and settings.

    None if a file is a pipe, whose content is unknown until it is read.
    """
    about = []
    for path in files.files:
        if path is None or not path.is_file():
            return None
        status = path.stat()
        about.append([str(path.resolve()), status.st_size, status.st_mtime_ns])
    return {"format": FORMAT, "files": about, "errors": files.errors, **settings}


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
        self.path = Path(path)

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
                    shutil.rmtree(folder, ignore_errors=True)
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


def _json(about: Mapping[str, Any]) -> str:
    return json.dumps(about, indent=1, sort_keys=True)
