"""Layers whose tables are divided among processes or machines by Ray. Needs the extra `ray`."""

from sampledsoftmax.io.extras import need

need("ray", "Ray", "ray")

from sampledsoftmax.ray.layers import (  # noqa: E402 - first say what is missing
    ShardedSampledSoftmax,
    ShardedSkipGram,
)
from sampledsoftmax.sharding.transport import LostError  # noqa: E402

__all__ = ["LostError", "ShardedSampledSoftmax", "ShardedSkipGram"]
