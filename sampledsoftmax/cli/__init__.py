"""The command line. This file imports no optional package, so that it can report a missing one."""

import errno
import os
import re
import sys
from collections.abc import Sequence

from sampledsoftmax.cli.standard_streams import discard, usable_streams
from sampledsoftmax.io.extras import MissingExtraError
from sampledsoftmax.io.shown_path import shown_path
from sampledsoftmax.validation import MAX_SHOWN
from sampledsoftmax.word2vec.vectors.word_vectors import UnknownWordError

INTERRUPTED, READER_LEFT = 130, 141  # 128 + the number of the signal
MAX_LINE = 1000  # characters of a message

_MAX_MESSAGE = 100_000  # characters that are looked at
_LONG_WORD = re.compile(r"\S{300,}")  # not a path, see `shown_path`

_NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF)


def main(args: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code.

    It is 0, 130 after Ctrl-C, 128 + the number of the signal after SIGTERM or SIGHUP, 141 if the reader of the output
    has left, else another one with one line on stderr. Standard streams may be closed.

    Parameters
    ----------
    args : sequence of str, optional
        The arguments after the name of the program; by default those of this process.

    Examples
    --------
    >>> main(["neighbors", "nowhere", "word"])
    1
    """
    with usable_streams():
        return _main(sys.argv[1:] if args is None else list(args))


def _main(args: list[str]) -> int:
    try:
        from sampledsoftmax.cli.commands import run  # noqa: PLC0415 - click and tqdm are an extra

        return run(args) or _flushed()
    except ModuleNotFoundError as error:
        if error.name not in {"click", "tqdm"}:
            raise
        return _fail(f"{error.name} is not installed: pip install 'sampledsoftmax[cli]'")
    except KeyboardInterrupt as interrupt:
        return _fail(str(interrupt) or "interrupted", INTERRUPTED)
    except SystemExit as end:  # raised by a signal: see `Word2Vec.train`
        return end.code if isinstance(end.code, int) else _fail(str(end.code))
    except BrokenPipeError:
        discard(sys.stdout)  # nothing may be flushed at exit
        return READER_LEFT
    except (ValueError, OSError, FloatingPointError, UnknownWordError, MissingExtraError, MemoryError) as error:
        return _fail(_described(error))


def _described(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:  # without a sentence of its own
        # a file that cannot be written has one, see `writing`
        if error.errno in _NO_SPACE and error.filename is None:
            discard(sys.stdout)
            return f"standard output cannot be written: {error.strerror}"
        if isinstance(error.filename, (str, os.PathLike)):
            return f"{shown_path(error.filename)}: {error.strerror}"
    return str(error) or type(error).__name__


def _flushed() -> int:
    sys.stdout.flush()
    return 0


def _fail(message: str, code: int = 1) -> int:
    line = _LONG_WORD.sub(lambda word: f"{word[0][:MAX_SHOWN]}...", " ".join(message[:_MAX_MESSAGE].split()))
    visible = "".join(char if char.isprintable() else ascii(char)[1:-1] for char in line[: MAX_LINE + 1])
    try:
        print("sampledsoftmax:", visible if len(visible) <= MAX_LINE else f"{visible[:MAX_LINE]}...", file=sys.stderr)
    except OSError:
        discard(sys.stderr)
    return code
