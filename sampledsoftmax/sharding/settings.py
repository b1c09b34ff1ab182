"""What every process of a sharded layer knows: the settings of the layer, its kind and the seed of its tables."""

from typing import Any, NamedTuple

import numpy as np

from sampledsoftmax.layers.layer_settings import LayerSettings
from sampledsoftmax.layers.sampled_softmax import output_tables
from sampledsoftmax.layers.skip_gram import pair_tables
from sampledsoftmax.layers.table import NewTable
from sampledsoftmax.losses.objectives import Objective
from sampledsoftmax.optimizers import Optimizer
from sampledsoftmax.optimizers.base import checked_rule
from sampledsoftmax.types import Correction

_ROWS_PER_BLOCK = 1 << 16


class ShardSettings(NamedTuple):
    """Settings of a sharded layer, without the sampler, whose arrays may be large.

    Attributes
    ----------
    num_classes, dim : int
    dtype : numpy.dtype
    optimizer : Optimizer
    objective : Objective
    correction : Correction
    has_embeddings : bool
        Whether there is a table of embeddings: a skip-gram model.
    is_fused : bool
        Whether the layer on a single machine takes compiled steps.
    seed : (int, int)
        Of the initial tables.
    """

    num_classes: int
    dim: int
    dtype: np.dtype[Any]
    optimizer: Optimizer
    objective: Objective
    correction: Correction
    has_embeddings: bool
    is_fused: bool
    seed: tuple[int, int]

    @classmethod
    def of(cls, layer: LayerSettings, has_embeddings: bool, seed: tuple[int, int]) -> "ShardSettings":
        """Return what shards and workers need of the settings of a layer."""
        has_rule = checked_rule(layer.optimizer, layer.dtype) is not None
        is_compiled = layer.objective.compiled_loss() is not None and layer.sampler.fused_distribution() is not None
        return cls(
            layer.num_classes,
            layer.dim,
            layer.dtype,
            layer.optimizer,
            layer.objective,
            layer.correction,
            has_embeddings,
            has_rule and is_compiled,
            seed,
        )

    def tables(self, first: int, end: int) -> list[NewTable]:
        """Return the rows first .. end of new tables.

        Initial values are consecutive numbers of one generator: those before are made and dropped, block by block.
        """
        make: Any = pair_tables if self.has_embeddings else output_tables
        return [_rows_of(table, first, end) for table in make(self, self.seed)]


def _rows_of(table: NewTable, first: int, end: int) -> NewTable:
    """Return a table of the rows first .. end of another one, which is made once only."""
    dropped = False

    def values(shape: tuple[int, ...]) -> Any:
        nonlocal dropped
        if not dropped and shape[0] > 0:
            dropped = True
            for start in range(0, first, _ROWS_PER_BLOCK):
                table.first_values((min(_ROWS_PER_BLOCK, first - start), *shape[1:]))
        return table.first_values(shape)

    return table._replace(shape=(end - first, *table.shape[1:]), first_values=values)
