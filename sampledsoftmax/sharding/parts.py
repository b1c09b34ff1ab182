"""Parts of a batch: what a worker does with one, and what they add up to.

The batch is divided into `parts` consecutive parts of nearly equal size. The gradient of the batch is the sum over the
parts, in their order, of (share of the part) x (gradient of the mean loss of the part): the number of parts defines its
bits, never who computed a part or when.
"""

import itertools
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sampledsoftmax.optimizers import Optimizer
from sampledsoftmax.samplers import CandidateSampler
from sampledsoftmax.sharding.compact_step import CompactStep, Computed, Examples, Sample
from sampledsoftmax.sharding.rows import RowIds, RowValues
from sampledsoftmax.sharding.sampling import Place, drawn_at, sample_for
from sampledsoftmax.sharding.settings import ShardSettings
from sampledsoftmax.sharding.shard import Delivery, Stamp
from sampledsoftmax.sharding.transport import Shards

Floats = NDArray[Any]


class Part(NamedTuple):
    """A part of a batch.

    Attributes
    ----------
    number : int
    examples : Examples
    share : float
        Share of its examples in the mean of the batch.
    sample : Place or Sample
        Where its candidates are drawn, or the candidates.
    """

    number: int
    examples: Examples
    share: float
    sample: Place | Sample


class Traffic:
    """Bytes of arrays that were sent and received, by kind of message."""

    def __init__(self) -> None:
        self.bytes = {"pulled": 0, "pushed": 0, "ids": 0, "evaluated": 0}

    def add(self, kind: str, num_bytes: int) -> None:
        """Count bytes."""
        self.bytes[kind] += num_bytes


def divided(examples: Examples, parts: int) -> list[tuple[Examples, float]]:
    """Return the parts of a batch with their shares, which add up to 1."""
    size = examples.labels.shape[0]
    if parts == 1:
        return [(examples, 1.0)]
    weights = np.ones(size) if examples.counted is None else examples.counted.shares()
    bounds = [size * k // parts for k in range(parts + 1)]
    total = float(weights.sum())
    pairs = itertools.pairwise(bounds)
    return [(examples.between(first, end), float(weights[first:end].sum()) / total) for first, end in pairs]


def pull(
    shards: Shards, stamp: Stamp, optimizer: Optimizer, ids: RowIds, traffic: Traffic | None = None
) -> "PulledParts":
    """Ask all shards for rows; `PulledParts.into` waits for them."""
    places = shards.ranges.split(ids)
    replies = []
    for shard, (classes, inputs) in enumerate(places):
        own = RowIds(ids.classes[classes], ids.inputs[inputs])
        is_empty = own.classes.size + own.inputs.size == 0
        replies.append(None if is_empty else shards.send(shard, "pull", stamp, optimizer, own))
    if traffic is not None:
        traffic.add("ids", ids.nbytes)
    return PulledParts(ids, places, replies)


class PulledParts(NamedTuple):
    """Rows that were asked for, shard by shard."""

    ids: RowIds
    places: list[tuple[slice, slice]]
    replies: list[Any]

    def into(self, shards: Shards, own: RowIds, rows: RowValues, traffic: Traffic | None = None) -> None:
        """Wait for the rows and write them to the memory of the rows `own`."""
        asked = [(place, reply) for place, reply in zip(self.places, self.replies, strict=True) if reply is not None]
        received = shards.receive([reply for _, reply in asked])
        for ((classes, inputs), _), values in zip(asked, received, strict=True):
            rows.write(own, RowIds(self.ids.classes[classes], self.ids.inputs[inputs]), values)
            if traffic is not None:
                traffic.add("pulled", values.nbytes)


def deliveries(shards: Shards, ids: RowIds, gradients: RowValues) -> list[Delivery]:
    """Return the gradients of the rows of each shard."""
    return [
        Delivery(RowIds(ids.classes[classes], ids.inputs[inputs]), gradients.between(classes, inputs))
        for classes, inputs in shards.ranges.split(ids)
    ]


class PartWorker:
    """Computes parts: pulls their rows, and delivers their gradients to the shards.

    Parameters
    ----------
    settings : ShardSettings
    sampler : CandidateSampler or None
        Draws the candidates where they are a function of the place in the stream.
    shards : Shards
    """

    def __init__(self, settings: ShardSettings, sampler: CandidateSampler | None, shards: Shards) -> None:
        self._settings, self._sampler, self._shards = settings, sampler, shards
        self.step = CompactStep(
            settings.dim, settings.dtype, settings.objective, settings.correction, settings.is_fused
        )

    def compute(self, stamp: Stamp, optimizer: Optimizer, part: Part) -> tuple[float, Floats | None]:
        """Return the loss of a part and the gradient of its inputs, after its gradients were delivered.

        Where nothing counts, the loss is 0 and no row gets a gradient. With a loss that is not finite, nothing is
        delivered.
        """
        examples, settings = part.examples, self._settings
        if examples.rows.size == 0:
            ids = RowIds(np.zeros(0, np.int64))
            nothing = RowValues.empty(ids, settings.dim, settings.dtype)
            self._deliver(stamp, part.number, ids, nothing)
            return 0.0, None if examples.has_ids else np.zeros_like(examples.inputs)
        ids, sample = self._sample(part)
        rows = RowValues.empty(ids, settings.dim, settings.dtype)
        pull(self._shards, stamp, optimizer, ids).into(self._shards, ids, rows)
        try:
            found = self.step.compute(examples, ids, rows, sample, optimizer.learning_rate)
        except FloatingPointError:
            return float("nan"), None
        scaled = scaled_by(found, part.share)
        self._deliver(stamp, part.number, ids, scaled.gradients)
        return scaled.loss, scaled.inputs_gradient

    def _sample(self, part: Part) -> tuple[RowIds, Sample]:
        if isinstance(part.sample, Sample):
            return part.examples.row_ids(part.sample.candidates), part.sample
        assert self._sampler is not None  # the driver sends candidates otherwise
        drawn = drawn_at(self._sampler, part.sample, part.examples)
        ids = part.examples.row_ids(drawn.ids)
        return ids, sample_for(drawn, ids)

    def _deliver(self, stamp: Stamp, number: int, ids: RowIds, gradients: RowValues) -> None:
        found = deliveries(self._shards, ids, gradients)
        replies = [self._shards.send(k, "deliver", stamp, number, delivery) for k, delivery in enumerate(found)]
        self._shards.receive(replies)


def scaled_by(found: Computed, share: float) -> Computed:
    """Return the contribution of a part to a batch in which it has this share."""
    if share == 1:
        return found
    factor = found.gradients.weights.dtype.type(share)
    gradient = None if found.inputs_gradient is None else found.inputs_gradient * factor
    return Computed(found.loss * share, gradient, RowValues(*(rows * factor for rows in found.gradients)))
