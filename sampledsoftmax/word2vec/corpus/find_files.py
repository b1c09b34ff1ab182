"""The files of a corpus, from names, patterns, directories and standard input."""

import glob
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

AnyPath: TypeAlias = str | os.PathLike[str]

STANDARD_INPUT = "-"


def is_path(source: object) -> bool:
    """Return whether `source` names a file: str or PathLike."""
    return isinstance(source, (str, os.PathLike))


def find_files(names: Sequence[AnyPath]) -> list[Path | None]:
    """Return the files that `names` denote, in the same order; None is standard input.

    A directory denotes all files below it; a str with `*`, `?` or `[` that is not a file name denotes the files that
    match it (`**` matches any folders): both sorted by path, without hidden files. The str `-` is standard input.

    Raises
    ------
    FileNotFoundError
        A name denotes no file.
    ValueError
        Standard input is named more than once.
    """
    files = [file for name in names for file in _files_of(name)]
    if files.count(None) > 1:
        raise ValueError("corpus names standard input, -, more than once: it can be read only once")
    return files


def _files_of(name: AnyPath) -> list[Path | None]:
    if name == STANDARD_INPUT:
        return [None]
    path = Path(name)
    if path.is_dir():
        return list(_files_below(path))
    if not path.exists():
        if isinstance(name, str) and glob.has_magic(name):
            return list(_matches(name))
        raise FileNotFoundError(f"corpus {path} does not exist")
    return [path]


def _matches(pattern: str) -> list[Path]:
    files = sorted(path for path in map(Path, glob.glob(pattern, recursive=True)) if path.is_file())
    if not files:
        raise FileNotFoundError(f"corpus {pattern} matches no file")
    return files


def _files_below(root: Path) -> list[Path]:
    files = []
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith(".")]
        files += [Path(folder, name) for name in names if not name.startswith(".")]
    if not files:
        raise FileNotFoundError(f"corpus {root} is a directory without files")
    return sorted(files)
