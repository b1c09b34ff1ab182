"""The source of the Python standard library as a corpus: every installation carries it, nothing is downloaded.

A pattern that steps over strings and comments finds the names; `tokenize` finds the same ones many times slower.
An f-string counts as a string. From Python 3.12 on its fields may hold its own quotes, and what is between those is
then taken for names: in 2 of the 630 files of Python 3.13.
"""

import os
import re
import sys
import sysconfig
import tokenize
from collections.abc import Iterator
from pathlib import Path

LEFT_OUT = frozenset({"test", "tests", "idle_test", "site-packages", "dist-packages", "__pycache__"})

# A string is consumed with its prefix and a number with its letters, so that neither leaves a name behind.
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
    """The names in the Python files under a folder, a file a sentence.

    A file is the sentence because names that are used alike come together over many lines; one line of
    code holds hardly more than four names.

    Parameters
    ----------
    root : path, optional
        Where to look; the standard library of the running interpreter if it is not given. Folders of
        tests and of installed packages are left out.

    Attributes
    ----------
    sentences : list of list of str
        Identifiers and keywords of each file, in the order of the paths; strings, comments, numbers and
        operators are left out.
    unreadable : list of Path
        Files that could not be opened or decoded.

    Raises
    ------
    ValueError
        There are no Python files: some installations carry the library without its source.

    Examples
    --------
    >>> names_in("total = min(a, 1e5)  # not this")
    ['total', 'min', 'a']
    """

    def __init__(self, root: str | os.PathLike[str] | None = None) -> None:
        self.root = Path(root if root is not None else sysconfig.get_path("stdlib"))
        self.sentences: list[list[str]] = []
        self.unreadable: list[Path] = []
        for path in _python_files(self.root):
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


def _python_files(root: Path) -> Iterator[Path]:
    """Yield the paths of the files in an order that depends on their names alone."""
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(set(folders) - LEFT_OUT)
        yield from (Path(folder, name) for name in sorted(files) if name.endswith(".py"))
