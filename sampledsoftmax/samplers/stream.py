"""A stream of sampling calls: the n-th call reads the numbers that TensorFlow's n-th call reads."""

import secrets
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax import validation
from sampledsoftmax.kernels.hash_table import empty_table
from sampledsoftmax.kernels.sampling.candidates import BLOCKS_PER_CANDIDATE
from sampledsoftmax.kernels.sampling.philox import cursor_at
from sampledsoftmax.kernels.sampling.unique import keep_new

Fill = Callable[[NDArray[np.uint64], NDArray[np.int64]], None]

# Enough draws a round that a sample whose last ids are rare costs few rounds.
LEAST_ROUND = 256
# Where TensorFlow's sampler ends the process: kint32max in tensorflow/core/kernels/range_sampler.cc.
MAX_TRIES = 2**31 - 1


class CandidateStream:
    """Position in the random stream of one candidate sampler.

    Parameters
    ----------
    seed : None, int or (int, int)
        As for the samplers; None takes fresh entropy from the operating system.
    """

    def __init__(self, seed: object) -> None:
        pair = validation.seeds(seed)
        self.seed, self.seed2 = pair if pair is not None else (secrets.randbits(64), secrets.randbits(64))
        self.block = 0

    @property
    def state(self) -> dict[str, int]:
        """Plain data that a checkpoint holds: the two seeds and the next block."""
        return {"seed": self.seed, "seed2": self.seed2, "block": self.block}

    @state.setter
    def state(self, state: dict[str, int]) -> None:
        expected = self.state.keys()
        if state.keys() != expected:
            raise ValueError(f"state must hold {', '.join(expected)}, got {', '.join(state)}")
        fresh = {name: validation.whole_number(f"state[{name!r}]", state[name], 0, 2**64 - 1) for name in expected}
        self.seed, self.seed2, self.block = fresh["seed"], fresh["seed2"], fresh["block"]

    @property
    def position(self) -> tuple[np.uint64, np.uint64, np.uint64]:
        """Seed, stream and block of the next call, as `kernels.philox.place` takes them."""
        return np.uint64(self.seed), np.uint64(self.seed2), np.uint64(self.block)

    def skip(self, num_calls: int, num_sampled: int) -> None:
        """Move on as `num_calls` calls of `num_sampled` candidates do."""
        self.block += num_calls * BLOCKS_PER_CANDIDATE * num_sampled

    def candidates(self, fill: Fill, num_sampled: int, unique: bool) -> tuple[NDArray[np.int64], int]:
        """Return (ids int64 [num_sampled], number of draws that it took) and move on to the next call.

        `fill(cursor, out)` writes the next draws of a distribution. With `unique`, an id drawn already
        is dropped, and every draw counts as a try.

        Raises
        ------
        ValueError
            If 2**31 - 1 draws do not hold as many different ids; the stream stays where it was.
        """
        cursor = cursor_at(self.seed, self.seed2, self.block)
        out = np.empty(num_sampled, np.int64)
        tries = num_sampled
        if unique:
            tries = _fill_unique(cursor, fill, out)
        else:
            fill(cursor, out)
        self.skip(1, num_sampled)
        return out, tries


def too_rare(num_sampled: int, tries: int, filled: int) -> ValueError:
    """Return the error of a sample of different classes that did not get complete."""
    return ValueError(
        f"num_sampled = {num_sampled} unique candidates were asked for, but {tries} draws hold only"
        f" {filled} different ids: the others are too rare"
    )


def _fill_unique(cursor: NDArray[np.uint64], fill: Fill, out: NDArray[np.int64]) -> int:
    slots = empty_table(out.size)
    draws = np.empty(max(out.size, LEAST_ROUND), np.int64)
    filled = tries = 0
    while filled < out.size:
        fill(cursor, draws)
        filled, looked_at = keep_new(draws, slots, out, filled)
        tries += looked_at
        if tries >= MAX_TRIES and filled < out.size:
            raise too_rare(out.size, tries, filled)
    return tries
