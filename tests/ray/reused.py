"""Processes of shards that are used by one layer after the other, since a start takes seconds."""

from sampledsoftmax.ray.actors import ActorShards, ShardActor
from sampledsoftmax.sharding.rows import Ranges
from sampledsoftmax.sharding.shard import Shard


class ReusedShard(ShardActor):
    """A shard that can become one of another layer."""

    def reset(self, settings, first, end):
        self._shard = Shard(settings, first, end)


class ReusedTransport(ActorShards):
    """Shards of a layer in processes that stay."""

    actors_to_use = ()
    num_workers = 0

    def __init__(self, settings, num_shards, num_workers=0, sampler=None):
        super().__init__(Ranges(settings.num_classes, num_shards), self.actors_to_use[:num_shards])
        for number, actor in enumerate(self.actors):
            actor.reset.remote(settings, *self.ranges.of(number))
