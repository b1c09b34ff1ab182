"""What both layers share: files, and attributes that cannot be assigned."""

import os
from typing import ClassVar, TypeVar

from sampledsoftmax.io.class_only import classonlymethod
from sampledsoftmax.layers.layer_settings import LayerSettings
from sampledsoftmax.layers.stored_tables import StoredTables
from sampledsoftmax.losses.objectives import Objective
from sampledsoftmax.optimizers import Optimizer
from sampledsoftmax.samplers import CandidateSampler

_Layer = TypeVar("_Layer", bound="StoredLayer")

_NEW_LAYER = "make a new layer, and assign its tables"
FIXED = {
    "num_classes": _NEW_LAYER,
    "dim": _NEW_LAYER,
    "dtype": _NEW_LAYER,
    "objective": _NEW_LAYER,
    "correction": _NEW_LAYER,
    "subtract_log_q": _NEW_LAYER,
    "remove_accidental_hits": _NEW_LAYER,
    "temperature": _NEW_LAYER,
    "normalize": _NEW_LAYER,
    "optimizer": "assign its settings, as in layer.optimizer.learning_rate = 0.01, or make a new layer",
    "learning_rate": "write layer.optimizer.learning_rate = 0.01",
    "seed": "assign layer.sampler.state to move in the stream of candidates",
    "folder": "write it where the layer is made",
    "overwrite": "write it where the layer is made",
    "weight_table": "assign layer.weights, or change layer.weight_table.slots in place",
    "bias_table": "assign layer.biases, or change layer.bias_table.slots in place",
    "ragged_steps": "it is made from num_sampled and sampler, which can be assigned",
    "fused_steps": "it is made from num_sampled and sampler, which can be assigned",
}


class StoredLayer(StoredTables):
    """A layer whose tables can be saved, loaded, copied, and kept in a folder; base class of both layers."""

    _SETTINGS: ClassVar[type[LayerSettings]] = LayerSettings
    _FIXED: ClassVar[dict[str, str]] = FIXED

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the layer to one file: tables, slots, settings, and the position of the sampler.

        A layer that is loaded from it goes on with the same bits. The file is a zip archive of `.npy` files, checked
        by CRC-32 when it is read; nothing in it is ever executed. It replaces an older one once it is complete on
        disk. An optimizer, sampler or objective of your own class is saved by the name of the class, a sampler also
        with its `state`, and must be given to `load` again.

        Parameters
        ----------
        path : path
            The file to create or replace.

        Raises
        ------
        TypeError, ValueError
            If the state of a sampler of your own, or a slot of your own optimizer, cannot be saved.
        OSError
            If the file cannot be written; `path` has not changed.

        Examples
        --------
        >>> import os, tempfile
        >>> import numpy as np
        >>> import sampledsoftmax as ss
        >>> path = os.path.join(tempfile.mkdtemp(), "layer.zip")
        >>> layer = ss.SampledSoftmax(num_classes=100, dim=8, num_sampled=10, seed=1)
        >>> layer.save(path)
        >>> loaded = ss.SampledSoftmax.load(path)
        >>> inputs, labels = np.ones((2, 8), np.float32), np.array([3, 5])
        >>> loaded.step(inputs, labels)[0] == layer.step(inputs, labels)[0]
        True
        """
        self._write(path)

    @classonlymethod
    def load(
        cls: type[_Layer],
        path: str | os.PathLike[str],
        optimizer: Optimizer | None = None,
        sampler: CandidateSampler | None = None,
        objective: Objective | None = None,
    ) -> _Layer:
        """Return a layer that `save` has written; it goes on with the same bits.

        The layer is in memory, also if the saved one was in a folder. Objects of this package are made again with
        their settings; those of your own classes must be given.

        Parameters
        ----------
        path : path
            A file that `save` of the same class has written.
        optimizer : Optimizer, optional
            Used instead of the saved one; of the same class and settings, except for its learning rate.
        sampler : CandidateSampler, optional
            Used instead of the saved one, for example one that layers share; of the same class and distribution. It is
            put in the saved state.
        objective : Objective, optional
            Used instead of the saved one; of the same class and compiled parameters.

        Returns
        -------
        SampledSoftmax or SkipGram
            A new layer. `load` cannot be called on a layer, which it would leave as it is.

        Raises
        ------
        FileNotFoundError
            If the file does not exist.
        TypeError, ValueError
            If the file is damaged or of another kind, if an object must be given and is not, or if a given one does
            not fit.

        Examples
        --------
        >>> import os, tempfile
        >>> import sampledsoftmax as ss
        >>> path, sampler = os.path.join(tempfile.mkdtemp(), "model.zip"), ss.UniformSampler(100, seed=1)
        >>> ss.SkipGram(num_classes=100, dim=8, num_sampled=10, sampler=sampler).save(path)
        >>> model = ss.SkipGram.load(path)
        >>> model.output.sampler.state == sampler.state
        True
        """
        return cls._read(path, {"optimizer": optimizer, "sampler": sampler, "objective": objective})
