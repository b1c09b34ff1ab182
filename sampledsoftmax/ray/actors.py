"""Shards and workers as actors of Ray, and the transport of messages to them."""

import contextlib
import logging
import os
import secrets
import time
import weakref
from collections.abc import Sequence
from typing import Any, NamedTuple

import ray
from ray.exceptions import ActorDiedError, ActorUnavailableError, RayActorError, RayTaskError, WorkerCrashedError

from sampledsoftmax.optimizers import Optimizer
from sampledsoftmax.ray import cluster
from sampledsoftmax.ray.metrics import ShardMetrics
from sampledsoftmax.samplers import CandidateSampler
from sampledsoftmax.sharding.parts import Part, PartWorker
from sampledsoftmax.sharding.rows import Ranges
from sampledsoftmax.sharding.settings import ShardSettings
from sampledsoftmax.sharding.shard import Shard, Stamp
from sampledsoftmax.sharding.transport import LostError

_LOST = (RayActorError, ActorDiedError, ActorUnavailableError, WorkerCrashedError)
_RECOVERY_SECONDS = 600  # a process starts in seconds; a machine that is replaced takes minutes
_DEAD_SECONDS = 60  # Ray may call an actor dead for a moment before it says that it restarts
_POLL_SECONDS, _MAX_SHOWN = 0.2, 300
_LARGE_BYTES = 50_000  # Ray sends arguments of up to 100 KB with the call
_log = logging.getLogger("sampledsoftmax.ray")


class ShardActor:
    """A shard in a process of its own; a restarted one has no rows until it is told to start."""

    def __init__(self, run: str, number: int, settings: ShardSettings, first: int, end: int) -> None:
        # to Ray's log of the process
        logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
        self._name, self._shard = f"{run} shard {number}", Shard(settings, first, end)
        self._metrics = ShardMetrics(run, number)
        _log.info("%s: rows %d to %d, process %d", self._name, first, end, os.getpid())

    def call(self, message: str, *arguments: Any) -> Any:
        """Carry out a message, a method of `Shard`."""
        start = time.perf_counter()
        result = getattr(self._shard, message)(*arguments)
        seconds = time.perf_counter() - start
        self._metrics.add(message, seconds, arguments)
        if message in ("start", "write"):
            _log.info("%s: %s at %s, %.1f s", self._name, message, arguments[0], seconds)
        return result

    def pid(self) -> int:
        """Return the id of the process."""
        return os.getpid()


class WorkerActor:
    """A worker in a process of its own."""

    def __init__(self, run: str, num_shards: int, settings: ShardSettings, sampler: CandidateSampler | None) -> None:
        actors = [ray.get_actor(_name(run, "shard", k)) for k in range(num_shards)]
        self._worker = PartWorker(settings, sampler, ActorShards(Ranges(settings.num_classes, num_shards), actors))

    def compute(self, stamp: Stamp, optimizer: Optimizer, part: Part) -> Any:
        """Compute a part and deliver its gradients."""
        return self._worker.compute(stamp, optimizer, part)

    def pid(self) -> int:
        """Return the id of the process."""
        return os.getpid()


class ActorShards:
    """Messages to shards that are actors.

    Parameters
    ----------
    ranges : Ranges
    actors : list
        Handles.
    """

    def __init__(self, ranges: Ranges, actors: list[Any]) -> None:
        self.ranges, self.actors = ranges, actors

    def send(self, shard: int, message: str, *arguments: Any) -> Any:
        """Send a message to the process of a shard."""
        try:
            return self.actors[shard].call.remote(message, *arguments)
        except _LOST as error:
            raise LostError(f"shard {shard} of {len(self.actors)} was lost ({type(error).__name__})") from None

    def receive(self, replies: Sequence[Any]) -> list[Any]:
        """Wait for replies; LostError where a process has ended, or the error of the first message that failed."""
        try:
            return list(ray.get(list(replies)))
        except RayTaskError as error:
            cause = getattr(error, "cause", None)
            if isinstance(cause, _LOST):
                raise LostError(f"a shard was lost ({_line(cause)})") from None
            raise cause if isinstance(cause, Exception) else error from None
        except _LOST as error:
            raise LostError(f"a process was lost ({_line(error)})") from None


class Placement(NamedTuple):
    """What Ray needs to place the processes.

    Attributes
    ----------
    address : str or None
        Of the cluster.
    shard_options, worker_options : dict
        Options of the actors, such as resources.
    restarts : bool
        Whether lost processes are started again.
    """

    address: str | None
    shard_options: dict[str, Any]
    worker_options: dict[str, Any]
    restarts: bool


class RayTransport(ActorShards):
    """Shards and workers of one layer, which end with it.

    Their names have the name of the run, a random one, so that two runs on one cluster have nothing in common.

    Parameters
    ----------
    settings : ShardSettings
    num_shards, num_workers : int
    sampler : CandidateSampler or None
        For workers that draw.
    placement : Placement

    Attributes
    ----------
    run : str
        Name of the run.
    """

    def __init__(
        self,
        settings: ShardSettings,
        num_shards: int,
        num_workers: int,
        sampler: CandidateSampler | None,
        placement: Placement,
    ) -> None:
        super().__init__(Ranges(settings.num_classes, num_shards), [])
        self.run, self.num_workers = f"sampledsoftmax-{secrets.token_hex(6)}", num_workers
        self.workers: list[Any] = []
        self._kept: Any = None
        cluster.join(placement.address)
        self._finish = weakref.finalize(self, _end, self.actors, self.workers)
        try:
            restarts = -1 if placement.restarts else 0
            for number in range(num_shards):
                options = {
                    "name": _name(self.run, "shard", number),
                    "max_restarts": restarts,
                    **placement.shard_options,
                }
                actor: Any = ray.remote(ShardActor)
                arguments = (self.run, number, settings, *self.ranges.of(number))
                self.actors.append(actor.options(**options).remote(*arguments))
            if num_workers > 0:
                self._start_workers(num_workers, settings, sampler, placement.worker_options)
        except BaseException:
            self.close()
            raise

    def _start_workers(
        self, num_workers: int, settings: ShardSettings, sampler: CandidateSampler | None, options: dict[str, Any]
    ) -> None:
        """Start workers; a restarted one needs its sampler again, so that a large one is kept in Ray's memory."""
        self._kept = ray.put(sampler) if len(ray.cloudpickle.dumps(sampler)) > _LARGE_BYTES else sampler
        actor: Any = ray.remote(WorkerActor)
        for number in range(num_workers):
            # a part may be computed twice: the shards refuse what they have
            own = {"name": _name(self.run, "worker", number), "max_restarts": -1, "max_task_retries": -1}
            arguments = (self.run, self.ranges.num_shards, settings, self._kept)
            self.workers.append(actor.options(**own, **options).remote(*arguments))

    def work(self, worker: int, *arguments: Any) -> Any:
        """Let a worker compute a part."""
        return self.workers[worker].compute.remote(*arguments)

    def pids(self) -> tuple[list[int], list[int]]:
        """Return the process ids of shards and workers."""
        shards, workers = ([actor.pid.remote() for actor in actors] for actors in (self.actors, self.workers))
        return self.receive(shards), self.receive(workers)

    def recover(self) -> None:
        """Wait until all shards answer; LostError for one that stays dead, or does not start in ten minutes."""
        for number, actor in enumerate(self.actors):
            start = last_start = time.monotonic()
            while True:
                try:
                    ray.get(actor.pid.remote())
                    break
                except _LOST as error:
                    now = time.monotonic()
                    if not isinstance(error, ActorDiedError):
                        last_start = now
                    if now - start > _RECOVERY_SECONDS or now - last_start > _DEAD_SECONDS:
                        raise LostError(
                            f"shard {number} of {len(self.actors)} was lost and is not started again: {_line(error)}"
                        ) from None
                    time.sleep(_POLL_SECONDS)

    def close(self) -> None:
        """End the actors; the second call does nothing."""
        self._finish()


def _name(run: str, kind: str, number: int) -> str:
    """Return the name of an actor."""
    return f"{run}-{kind}-{number}"


def _line(error: Exception) -> str:
    """Return the beginning of what Ray says, in one line."""
    text = " ".join(str(error).split())
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}..."


def _end(*groups: list[Any]) -> None:
    """End actors, wait for nothing, and leave the cluster."""
    for actors in groups:
        for actor in actors:
            with contextlib.suppress(Exception):  # the cluster may be gone
                ray.kill(actor)
        actors.clear()
    cluster.leave()
