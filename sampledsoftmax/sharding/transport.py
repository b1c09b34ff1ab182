"""How messages get to shards and workers: what a transport offers."""

from collections.abc import Sequence
from typing import Any, Protocol

from sampledsoftmax.sharding.rows import Ranges


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
