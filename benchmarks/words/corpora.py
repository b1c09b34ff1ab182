"""Corpora of several kinds: English text, dictionaries, manuals, source code, German.

What Debian packages ship is downloaded and unpacked by apt and dpkg, without being installed; lines are paragraphs in
lower case, of letters only.
"""

import gzip
import html
import re
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from sampledsoftmax.word2vec.corpus.python_source import PythonSource

_WORD = re.compile(r"[^\W\d_]+")
_PARAGRAPH = re.compile(r"\n\s*\n")
_HTML_BLOCK_END = re.compile(r"</(?:p|li|div|td|h\d|pre|dd|dt)>")
_HTML_TAG = re.compile(r"<(script|style)\b.*?</\1>|<[^>]+>", re.DOTALL)
_ROFF_COMMENT = re.compile(r'^\.\\".*$', re.MULTILINE)
_ROFF_PARAGRAPH = re.compile(r"^\.(?:[TPLI]?P|S[HSp]|R[ES]).*$", re.MULTILINE)
_ROFF_REQUEST = re.compile(r"^\.[A-Za-z]+", re.MULTILINE)
_ROFF_ESCAPE = re.compile(r"\\f(?:\(\w\w|\w)|\\[a-z&|-]|\\\(..|\\\[.+?\]")


class Corpus(NamedTuple):
    """How a corpus is made.

    Attributes
    ----------
    packages : tuple of str
        Debian packages; none for the English text and the standard library.
    pattern : str
        Their files, within the unpacked packages.
    to_text : callable
        Turns the content of a file into text with blank lines between paragraphs.
    num_words : int
        Words of the English text that are taken, in whole lines; 0 for all.
    """

    packages: tuple[str, ...] = ()
    pattern: str = ""
    to_text: Callable[[str], str] = str
    num_words: int = 0


def _from_html(page: str) -> str:
    return html.unescape(_HTML_TAG.sub(" ", _HTML_BLOCK_END.sub("\n\n", page)))


def _from_roff(page: str) -> str:
    page = _ROFF_PARAGRAPH.sub("\n", _ROFF_COMMENT.sub("", page))
    return _ROFF_ESCAPE.sub(" ", _ROFF_REQUEST.sub("", page))


STANDARD_LIBRARY = "standard library"
CORPORA = {
    "English 2M": Corpus(num_words=2_000_000),
    "English 5M": Corpus(num_words=5_000_000),
    "English": Corpus(),
    "dictionary": Corpus(("dict-gcide",), "**/*.dz"),
    "WordNet, FOLDOC": Corpus(("dict-foldoc", "dict-wn"), "**/*.dz"),
    "Linux manuals": Corpus(("linux-doc-6.1",), "**/*.rst*"),
    "Python, PostgreSQL manuals": Corpus(("postgresql-doc-15", "python3.11-doc"), "**/*.html", _from_html),
    "German man pages": Corpus(("manpages-de",), "**/*.gz", _from_roff),
    STANDARD_LIBRARY: Corpus(),
}


def make(name: str, folder: Path, english: Path) -> Path:
    """Return the text file of a corpus in `folder`, made if it is not there.

    Raises
    ------
    OSError, subprocess.CalledProcessError
        A package cannot be downloaded or unpacked, or the English text is missing.
    """
    path = folder / (name.replace(", ", "-").replace(" ", "-").lower() + ".txt")
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        new = path.with_suffix(".new")
        with new.open("w", encoding="utf-8") as file:
            file.writelines(line + "\n" for line in _lines(name, folder / "packages", english))
        new.rename(path)
    return path


def _lines(name: str, packages: Path, english: Path) -> Iterable[str]:
    corpus = CORPORA[name]
    if name == STANDARD_LIBRARY:
        return (" ".join(sentence) for sentence in PythonSource())
    if not corpus.packages:
        return _first_lines(english, corpus.num_words)
    return _paragraphs(corpus, [_unpacked(package, packages) for package in corpus.packages])


def _first_lines(english: Path, num_words: int) -> Iterator[str]:
    found = 0
    with gzip.open(english, "rt", encoding="utf-8") as file:
        for line in file:
            yield line.rstrip("\n")
            found += len(line.split())
            if num_words and found >= num_words:
                return


def _unpacked(package: str, folder: Path) -> Path:
    """Return the directory of a Debian package's files."""
    directory = folder / package
    if not directory.exists():
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(["apt-get", "download", "--quiet", "--quiet", package], cwd=folder, check=True)
        (file,) = folder.glob(f"{package}_*.deb")
        part = folder / f"{package}.part"
        shutil.rmtree(part, ignore_errors=True)
        subprocess.run(["dpkg-deb", "--extract", file, part], check=True)
        part.rename(directory)
    return directory


def _paragraphs(corpus: Corpus, directories: list[Path]) -> Iterator[str]:
    for directory in directories:
        for path in sorted(path for path in directory.glob(corpus.pattern) if path.is_file()):
            content = path.read_bytes()
            content = gzip.decompress(content) if path.suffix in (".gz", ".dz") else content
            for paragraph in _PARAGRAPH.split(corpus.to_text(content.decode("utf-8", "replace"))):
                words = _WORD.findall(paragraph.lower())
                if len(words) > 1:
                    yield " ".join(words)
