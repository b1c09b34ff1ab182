"""The source of the Python standard library as a corpus: part of every installation, so nothing is downloaded.

Names are found by a regular expression that skips strings and comments; `tokenize` finds the same names many times
slower. An f-string counts as a string. From Python 3.12 on its fields may contain its own quotes, and text between
those is then taken for names: in 2 of the 630 files of Python 3.13.
"""

import os
import re
import sys
import sysconfig
import tokenize
from collections.abc import Callable, Iterator
from pathlib import Path

SKIPPED = frozenset({"test", "tests", "idle_test", "site-packages", "dist-packages", "__pycache__"})

# A string is matched with its prefix and a number with its letters, so that neither leaves a name.
_NAME = re.compile(
    r'''
    [rbufRBUF]{0,2}(?:
        """[^"\\]*(?:(?:\\.|"(?!""))[^"\\]*)*"""
      | \'\'\'[^'\\]*(?:(?:\\.|'(?!''))[^'\\]*)*\'\'\'
      | "[^"\\\n]*(?:\\.[^"\\\n]*)*"
      | '[^'\\\n]*(?:\\.[^'\\\n]*)*'
    )
    | \#[^\n]*
    | \d[\w.]*
    | ([^\W\d]\w*)
    ''',
    re.VERBOSE | re.DOTALL,
)


class PythonSource:
    """The names in the Python files below a folder, one sentence per file.

    A sentence is a file, since names with similar uses co-occur over many lines, while a line of code has hardly more
    than four names.

    Parameters
    ----------
    root : path, optional
        The folder; by default the standard library of the running interpreter. Folders of tests and of installed
        packages are skipped.

    Attributes
    ----------
    sentences : list of list of str
        Identifiers and keywords of each file, in the order of the paths, without strings, comments, numbers and
        operators.
    unreadable : list of Path
        Files that could not be opened or decoded, or are none, and folders that could not be listed.

    Raises
    ------
    ValueError
        There are no Python files: some installations have the library without its source.

    Examples
    --------
    >>> names_in("total = min(a, 1e5)  # not this")
    ['total', 'min', 'a']
    """

    def __init__(self, root: str | os.PathLike[str] | None = None) -> None:
        self.root = Path(root if root is not None else sysconfig.get_path("stdlib"))
        self.sentences: list[list[str]] = []
        self.unreadable: list[Path] = []
        for path in _python_files(self.root, self.unreadable.append):
            if not path.is_file():  # a named pipe would be waited for
                self.unreadable.append(path)
                continue
            try:
                with tokenize.open(path) as file:
                    self.sentences.append(names_in(file.read()))
            except (OSError, SyntaxError, UnicodeDecodeError):
                self.unreadable.append(path)
        if not self.sentences:
            raise ValueError(f"no Python source under {self.root}: name a corpus instead")

    def __iter__(self) -> Iterator[list[str]]:
        """Yield the names of each file."""
        return iter(self.sentences)


def names_in(source: str) -> list[str]:
    """Return the identifiers and keywords of Python source, in order."""
    return [sys.intern(name) for name in _NAME.findall(source) if name]


def _python_files(root: Path, on_unreadable: Callable[[Path], None]) -> Iterator[Path]:
    """Yield the paths of the files in an order that depends only on their names."""
    for folder, folders, files in os.walk(root, onerror=lambda error: on_unreadable(Path(error.filename))):
        folders[:] = sorted(set(folders) - SKIPPED)
        yield from (Path(folder, name) for name in sorted(files) if name.endswith(".py"))
