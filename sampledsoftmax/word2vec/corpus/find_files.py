"""The files of a corpus, from names, patterns, directories and standard input."""

import fnmatch
import glob
import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeAlias

from sampledsoftmax.io.shown_path import shown_path

AnyPath: TypeAlias = str | os.PathLike[str]

STANDARD_INPUT = "-"
_ANY_FOLDERS = "**"


def is_path(source: object) -> bool:
    """Return whether `source` names a file: str or PathLike."""
    return isinstance(source, (str, os.PathLike))


def find_files(names: Sequence[AnyPath], exclude: Sequence[AnyPath] = ()) -> list[Path | None]:
    """Return the files that `names` denote, in the same order; None is standard input.

    A directory denotes all files below it; a str with `*`, `?` or `[` that is not a file name denotes the files that
    match it (`**` matches any folders): both sorted by path, without hidden files and without those in `exclude`.
    Links to files and folders are followed; a folder that is reached twice is read once. The str `-` is standard input.

    Raises
    ------
    FileNotFoundError
        A name denotes no file, or a folder has a link that leads nowhere.
    PermissionError
        A file or a folder cannot be read.
    OSError
        A folder has a pipe, a socket or a device, or a name denotes a socket or is too long.
    ValueError
        Standard input is named more than once, or a name is empty or has a NUL.
    """
    left_out = {os.path.realpath(path) for path in exclude}
    files = [file for name in names for file in _files_of(name, left_out)]
    if files.count(None) > 1:
        raise ValueError("corpus names standard input, -, more than once: it can be read only once")
    return files


def _files_of(name: AnyPath, left_out: set[str]) -> list[Path | None]:
    if name == STANDARD_INPUT:
        return [None]
    if not os.fspath(name):  # as from a variable of the shell that is not set; `Path` would take the current folder
        raise ValueError("corpus has an empty name: name a file or a folder, such as . for the current one")
    path = Path(name)
    mode = _mode(path)
    if mode is not None and stat.S_ISDIR(mode):
        return list(_files_below(path, left_out))
    if mode is None:
        if isinstance(name, str) and glob.has_magic(name):
            return list(_matches(name, left_out))
        what = "is a link that leads nowhere" if os.path.islink(path) else "does not exist"
        is_text = isinstance(name, str) and len(name.split()) > 1
        hint = (
            ": a str names a file, and a sentence in memory is a list of tokens, as of text.split()" if is_text else ""
        )
        raise FileNotFoundError(f"corpus {shown_path(path)} {what}{hint}")
    if stat.S_ISSOCK(mode):
        raise OSError(f"corpus {shown_path(path)} cannot be read: it is a socket")
    _check_readable(path)
    return [path]


def _mode(path: Path) -> int | None:
    """Return the mode of what a path denotes, None if it does not exist."""
    try:
        return os.stat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:  # a name that is too long, or has a NUL
        if isinstance(error, OSError) and glob.has_magic(os.fspath(path)):
            return None
        reason = error.strerror if isinstance(error, OSError) else error
        kind = type(error) if isinstance(error, OSError) else ValueError
        raise kind(f"corpus {shown_path(path)} cannot be read: {reason}") from None


def _matches(pattern: str, left_out: set[str]) -> list[Path]:
    files = [path for path in sorted(set(_globbed(pattern))) if not _is_in(path, left_out)]
    if not files:
        raise FileNotFoundError(f"corpus {shown_path(pattern)} matches no file")
    for path in files:
        _check_file(path)
    return files


def _globbed(pattern: str) -> Iterator[Path]:
    """Yield the files that match a pattern; `glob` would follow links around a circle again and again for `**`."""
    parts = Path(pattern).parts
    if _ANY_FOLDERS not in parts:
        yield from (path for path in map(Path, glob.glob(pattern)) if not path.is_dir())
        return
    at = parts.index(_ANY_FOLDERS)
    above = str(Path(*parts[:at]))
    for root in sorted(glob.glob(above)) if glob.has_magic(above) else [above]:
        if os.path.isdir(root):
            yield from (path for path in _walk(Path(root)) if _fits(path.relative_to(root).parts, parts[at:]))


def _fits(parts: Sequence[str], patterns: Sequence[str]) -> bool:
    if not patterns:
        return not parts
    if patterns[0] == _ANY_FOLDERS:
        return _fits(parts, patterns[1:]) or (bool(parts) and _fits(parts[1:], patterns))
    return bool(parts) and fnmatch.fnmatchcase(parts[0], patterns[0]) and _fits(parts[1:], patterns[1:])


def _files_below(root: Path, left_out: set[str]) -> list[Path]:
    found = list(_walk(root))
    files = sorted(path for path in found if not _is_in(path, left_out))
    if not files:
        reason = "has no files but those of the output, which are left out" if found else "is a directory without files"
        raise FileNotFoundError(f"corpus {shown_path(root)} {reason}")
    for path in files:
        _check_file(path)
    return files


def _walk(root: Path) -> Iterator[Path]:
    """Yield the files below a folder: links to folders are followed last, so that a folder has its own name."""
    folders, links = [root], list[Path]()
    seen = set()
    while folders or links:
        folder = folders.pop() if folders else links.pop(0)
        place = os.path.realpath(folder)
        if place in seen:
            continue
        seen.add(place)
        try:
            names = sorted(os.listdir(folder))
        except OSError as error:
            raise type(error)(f"corpus folder {shown_path(folder)} cannot be read: {error.strerror}") from None
        for path in (folder / name for name in names if not name.startswith(".")):
            if not path.is_dir():
                yield path
            else:
                (links if path.is_symlink() else folders).append(path)


def _is_in(path: Path, places: set[str]) -> bool:
    """Return whether a file is one of `places`, or in a folder that is."""
    if not places:
        return False
    real = os.path.realpath(path)
    return any(real == place or real.startswith(place.rstrip(os.sep) + os.sep) for place in places)


def _check_file(path: Path) -> None:
    """Raise an error for a file of a folder that cannot be read, or that is no file."""
    mode = _mode(path)
    if mode is None:
        raise FileNotFoundError(f"corpus file {shown_path(path)} is a link that leads nowhere: remove it")
    if not stat.S_ISREG(mode):
        kinds = {stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}
        kind = kinds.get(stat.S_IFMT(mode), "a device")
        raise OSError(f"corpus file {shown_path(path)} is {kind}: remove it, or name the files one by one")
    _check_readable(path)


def _check_readable(path: Path) -> None:
    if not os.access(path, os.R_OK):
        raise PermissionError(f"corpus {shown_path(path)} cannot be read: permission denied")
