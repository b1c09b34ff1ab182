"""A transport within this process: the plainest form of one, on which the protocol is tested."""

from collections.abc import Sequence
from typing import Any

from sampledsoftmax.samplers import CandidateSampler
from sampledsoftmax.sharding.parts import PartWorker
from sampledsoftmax.sharding.rows import Ranges
from sampledsoftmax.sharding.settings import ShardSettings
from sampledsoftmax.sharding.shard import Shard


class LocalTransport:
    """Shards and workers in this process.

    Messages are carried out when they are sent. `lose` replaces a shard as if its process had been killed.

    Parameters
    ----------
    settings : ShardSettings
    num_shards : int
    num_workers : int
    sampler : CandidateSampler or None
        For workers that draw.
    """

    def __init__(
        self, settings: ShardSettings, num_shards: int, num_workers: int = 0, sampler: CandidateSampler | None = None
    ) -> None:
        self.ranges, self.num_workers = Ranges(settings.num_classes, num_shards), num_workers
        self._settings = settings
        self.shards = [Shard(settings, *self.ranges.of(k)) for k in range(num_shards)]
        self._workers = [PartWorker(settings, sampler, self) for _ in range(num_workers)]

    def send(self, shard: int, message: str, *arguments: Any) -> Any:
        """Carry out a message; an error is kept as its reply."""
        try:
            return getattr(self.shards[shard], message)(*map(_value_of, arguments))
        except Exception as error:
            return _Failed(error)

    def receive(self, replies: Sequence[Any]) -> list[Any]:
        """Return replies, or raise the first error."""
        return [_value_of(reply) for reply in replies]

    def work(self, worker: int, *arguments: Any) -> Any:
        """Compute a part."""
        try:
            return self._workers[worker].compute(*arguments)
        except Exception as error:
            return _Failed(error)

    def lose(self, shard: int) -> None:
        """Replace a shard by one without rows."""
        self.shards[shard] = Shard(self._settings, *self.ranges.of(shard))

    def recover(self) -> None:
        """There is nothing to wait for."""

    def close(self) -> None:
        """Let go of the shards."""
        self.shards.clear()


class _Failed:
    """A reply that is an error."""

    def __init__(self, error: Exception) -> None:
        self.error = error


def _value_of(reply: Any) -> Any:
    if isinstance(reply, _Failed):
        raise reply.error
    return reply
