"""The command line. This file imports no optional package, so that it can report a missing one."""

import os
import sys
from collections.abc import Sequence

from sampledsoftmax.io.extras import MissingExtraError
from sampledsoftmax.word2vec.vectors.word_vectors import UnknownWordError

INTERRUPTED = 130


def main(args: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code: 0, 130 after Ctrl-C, else non-zero with one line on stderr.

    Parameters
    ----------
    args : sequence of str, optional
        The arguments after the name of the program; by default those of this process.

    Examples
    --------
    >>> main(["neighbors", "nowhere", "word"])
    1
    """
    try:
        from sampledsoftmax.cli.commands import run  # noqa: PLC0415 - click and tqdm are an extra

        return run(sys.argv[1:] if args is None else list(args)) or _flushed()
    except ModuleNotFoundError as error:
        if error.name not in {"click", "tqdm"}:
            raise
        return _fail(f"{error.name} is not installed: pip install 'sampledsoftmax[cli]'")
    except KeyboardInterrupt as interrupt:
        return _fail(str(interrupt) or "interrupted", INTERRUPTED)
    except BrokenPipeError:
        # the reader of the output (such as head) has closed the pipe: nothing may be flushed at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (ValueError, OSError, FloatingPointError, UnknownWordError, MissingExtraError, MemoryError) as error:
        return _fail(str(error) or type(error).__name__)


def _flushed() -> int:
    sys.stdout.flush()
    return 0


def _fail(message: str, code: int = 1) -> int:
    print("sampledsoftmax:", " ".join(message.split()), file=sys.stderr)
    return code
