"""How messages get to shards and workers: what a transport offers, and one within this process."""

from collections.abc import Sequence
from typing import Any, Protocol

from sampledsoftmax.samplers import CandidateSampler
from sampledsoftmax.sharding.rows import Ranges
from sampledsoftmax.sharding.settings import ShardSettings
from sampledsoftmax.sharding.shard import Shard


class LostError(RuntimeError):
    """A shard or worker does not answer, since its process has ended; what it had is gone."""


class Shards(Protocol):
    """Shards that messages can be sent to, in order; a reply may be an argument of a later message."""

    @property
    def ranges(self) -> Ranges:
        """The rows of each shard."""

    def send(self, shard: int, message: str, *arguments: Any) -> Any:
        """Send a message, a method of `Shard`; return its reply, which `receive` waits for."""

    def receive(self, replies: Sequence[Any]) -> list[Any]:
        """Wait for replies; LostError, or the error of the first message that failed."""


class Transport(Shards, Protocol):
    """Shards and workers, which can be lost."""

    @property
    def num_workers(self) -> int:
        """Workers that compute parts; 0: the driver computes them."""

    def work(self, worker: int, *arguments: Any) -> Any:
        """Let a worker compute a part, see `PartWorker.compute`; return its reply."""

    def recover(self) -> None:
        """Wait until all shards answer again, those that were lost without rows; LostError where one cannot."""

    def close(self) -> None:
        """End all shards and workers."""


class LocalTransport:
    """Shards in this process, for tests and as the plainest form of a transport.

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
        from sampledsoftmax.sharding.parts import PartWorker  # noqa: PLC0415 - which imports this module

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
