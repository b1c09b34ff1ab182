"""Vocabulary files with the weights of classes, in the format of TensorFlow's sampler."""

import math
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax import validation

LARGEST = float(np.finfo(np.float32).max)


def read_vocab_file(vocab_file: str | os.PathLike[str]) -> NDArray[np.float32]:
    r"""Return the weights in a vocabulary file, as `fixed_unigram_candidate_sampler` reads it.

    Parameters
    ----------
    vocab_file : path
        Text, one class per line in the order of the ids. The weight follows the last comma, or is the
        whole line if it has no comma. Empty lines are skipped.

    Returns
    -------
    float32 [num_lines]
        The weights, each at least 0 and finite.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file holds no weight, or the weight of a line is not a number of at least 0 that is finite
        as float32; the message gives the number of the line.

    Notes
    -----
    Source: LoadFromFile in tensorflow/core/kernels/range_sampler.cc (2.21).

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
    ...     print("the,10", "of,5.5", sep="\n", file=file, flush=True)
    ...     read_vocab_file(file.name)
    array([10. ,  5.5], dtype=float32)
    """
    path = validation.path("vocab_file", vocab_file)
    weights = np.fromiter(_weights(path), np.float32)
    if weights.size == 0:
        raise ValueError(f"vocab_file {validation.shown(str(path))} holds no weights")
    return weights


def _weights(path: Path) -> Iterator[float]:
    if not path.is_file():
        raise FileNotFoundError(f"vocab_file {validation.shown(str(path))} is not a file")
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            text = line.rstrip(b"\n").replace(b"\r", b"")
            if text:
                yield _weight(path, number, text)


def _weight(path: Path, number: int, line: bytes) -> float:
    field = line.rpartition(b",")[2]
    try:
        weight = math.nan if b"_" in field else float(field)
    except ValueError:
        weight = math.nan
    if not 0 <= weight <= LARGEST:
        got = field[: 2 * validation.MAX_SHOWN].decode(errors="backslashreplace")
        raise ValueError(
            f"vocab_file {validation.shown(str(path))}, line {number}: the last comma-separated field must be a number,"
            f" at least 0 and finite as float32, got {validation.shown(got)}"
        )
    return weight
