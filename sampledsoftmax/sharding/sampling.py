"""The candidates of a step, drawn without a move in the stream, so that they can be drawn again."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax.layers.fused_step import refuse_labels
from sampledsoftmax.samplers import CandidateSampler
from sampledsoftmax.samplers.base import Drawn
from sampledsoftmax.samplers.stream import CallRng, block_after
from sampledsoftmax.sharding.compact_step import Examples, Sample
from sampledsoftmax.sharding.rows import RowIds

Position = tuple[int, int, int]


class Place(NamedTuple):
    """A place in the stream of a sampler, from which every process draws the same candidates.

    Attributes
    ----------
    position : (int, int, int)
        Seed, stream and block.
    num_sampled : int
    """

    position: Position
    num_sampled: int


def place_of(sampler: CandidateSampler, num_sampled: int) -> Place:
    """Return the place of the next call of `sample`."""
    seed, stream, block = map(int, sampler.stream_position)
    return Place((seed, stream, block), num_sampled)


def place_after(place: Place) -> Place:
    """Return the place one call of `sample` later."""
    seed, stream, block = place.position
    return Place((seed, stream, block_after(block, 1, place.num_sampled)), place.num_sampled)


def drawn_at(sampler: CandidateSampler, place: Place, examples: Examples) -> Drawn:
    """Return the candidates of a step, and what counts them until the sampler draws or learns again."""
    labels = examples.labels if examples.counted is None else examples.counted_labels[:, np.newaxis]
    with sampler.lock:
        return sampler.draw_sample(CallRng(*place.position), labels, place.num_sampled, True)


def sample_for(drawn: Drawn, ids: RowIds) -> Sample:
    """Return the candidates with the expected counts of the classes of a batch."""
    return Sample(drawn.ids, drawn.expected_count(ids.classes))


def can_draw_anywhere(sampler: CandidateSampler) -> bool:
    """Return whether candidates are a function of the place alone: not of labels, nor of what was learned."""
    return sampler.fused_distribution() is not None and not sampler.learns


def move_on(sampler: CandidateSampler, num_sampled: int, labels: NDArray[np.int64]) -> None:
    """Complete a call whose candidates were drawn by `drawn_at`: learn its labels, and move in the stream."""
    with sampler.lock:
        sampler.advance(1, num_sampled)
    if sampler.learns and labels.size > 0:
        sampler.learn(labels)


def check_labels(sampler: CandidateSampler, examples: Examples, subtract_log_q: bool) -> None:
    """Refuse labels that the sampler never draws, where log(expected count) is needed."""
    if subtract_log_q and sampler.num_drawable < sampler.range_max:
        never = np.asarray(sampler.probability(examples.labels)) == 0
        refuse_labels(examples.labels, never if examples.counted is None else never & examples.counted.labels)
