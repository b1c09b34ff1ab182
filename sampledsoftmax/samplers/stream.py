"""Random stream of a sampler: call n reads the Philox blocks that TensorFlow's n-th call reads."""

import itertools
import secrets
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax import validation
from sampledsoftmax.kernels.hash_table import empty_table
from sampledsoftmax.kernels.sampling.candidates import BLOCKS_PER_CANDIDATE
from sampledsoftmax.kernels.sampling.philox import cursor_at
from sampledsoftmax.kernels.sampling.unique import keep_new

Ids = NDArray[np.int64]

# Draws per round, at least, so that a sample whose last ids are rare takes few rounds.
LEAST_ROUND = 256
# TensorFlow's sampler aborts the process here: kint32max in tensorflow/core/kernels/range_sampler.cc.
MAX_TRIES = 2**31 - 1


class CallRng(np.random.Generator):
    """Random numbers of one call of `sample`.

    A NumPy generator for hooks in Python, and the cursor that compiled distributions draw from. Both are pure
    functions of seed, stream and block.

    Attributes
    ----------
    cursor : uint64 [8]
        See kernels/sampling/philox.py.
    """

    def __init__(self, seed: int, stream: int, block: int) -> None:
        # NumPy's Philox counts in 4 words, the lowest first. With the block in the third, a call owns 2**128 numbers.
        key, counter = np.array([seed, stream], np.uint64), np.array([0, 0, block, 0], np.uint64)
        super().__init__(np.random.Philox(key=key, counter=counter))
        self.cursor = cursor_at(seed, stream, block)


def cursor_of(rng: np.random.Generator) -> NDArray[np.uint64]:
    """Return the cursor of a call's generator; any other generator gives a cursor at a random position."""
    if isinstance(rng, CallRng):
        return rng.cursor
    seed, stream = rng.integers(0, 2**64, 2, np.uint64).tolist()
    return cursor_at(seed, stream, 0)


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
        """Plain data for a checkpoint: the two seeds and the next block."""
        return {"seed": self.seed, "seed2": self.seed2, "block": self.block}

    @state.setter
    def state(self, state: dict[str, int]) -> None:
        expected = self.state.keys()
        if not isinstance(state, dict):
            raise TypeError(f"state must be the dict of a sampler's state, got {validation.described(state)}")
        if state.keys() != expected:
            held = ", ".join(validation.shown(key).strip("'") for key in itertools.islice(state, 5))
            raise ValueError(f"state must hold {', '.join(expected)}, got {held}")
        fresh = {name: validation.whole_number(f"state[{name!r}]", state[name], 0, 2**64 - 1) for name in expected}
        self.seed, self.seed2, self.block = fresh["seed"], fresh["seed2"], fresh["block"]

    @property
    def position(self) -> tuple[np.uint64, np.uint64, np.uint64]:
        """Seed, stream and block of the next call, as `kernels.sampling.philox.seek` takes them."""
        return np.uint64(self.seed), np.uint64(self.seed2), np.uint64(self.block)

    def rng(self) -> CallRng:
        """Return the random numbers of the next call."""
        return CallRng(self.seed, self.seed2, self.block)

    def later_rng(self, num_calls: int, num_sampled: int) -> CallRng:
        """Return the random numbers of the call after `num_calls` further ones of `num_sampled` candidates."""
        return CallRng(self.seed, self.seed2, block_after(self.block, num_calls, num_sampled))

    def skip(self, num_calls: int, num_sampled: int) -> None:
        """Advance by `num_calls` calls of `num_sampled` candidates."""
        self.block = block_after(self.block, num_calls, num_sampled)


def block_after(block: int, num_calls: int, num_sampled: int) -> int:
    """Return the block of a stream after `num_calls` calls of `num_sampled` candidates from `block` on."""
    later = block + num_calls * BLOCKS_PER_CANDIDATE * num_sampled
    if later >= 2**64:
        raise ValueError(f"the random stream has 2**64 blocks, but block {validation.shown(later)} was asked for")
    return later


def draw_unique(draw: Callable[[int], Ids], num_sampled: int) -> tuple[Ids, int]:
    """Return (different ids int64 [num_sampled], number of draws examined).

    `draw(size)` returns the next draws of a distribution; ids that were drawn before are dropped.

    Raises
    ------
    ValueError
        If 2**31 - 1 draws do not hold that many different ids.
    """
    slots, out = empty_table(num_sampled), np.empty(num_sampled, np.int64)
    filled = tries = 0
    while filled < num_sampled:
        filled, examined = keep_new(draw(max(num_sampled, LEAST_ROUND)), slots, out, filled)
        tries += examined
        if tries >= MAX_TRIES and filled < num_sampled:
            raise too_rare(num_sampled, tries, filled)
    return out, tries


def too_rare(num_sampled: int, tries: int, filled: int) -> ValueError:
    """Return the error of a unique sample that could not be completed."""
    return ValueError(
        f"num_sampled = {num_sampled} unique candidates were asked for, but {tries} draws hold only"
        f" {filled} different ids: the others are too rare"
    )
