"""The public classes: layers whose tables are on actors of Ray."""

import os
from typing import Any

import numpy as np

from sampledsoftmax.layers.layer_settings import LayerSettings, checked_settings
from sampledsoftmax.losses.objectives import Objective
from sampledsoftmax.optimizers import Optimizer
from sampledsoftmax.ray.actors import Placement, RayTransport
from sampledsoftmax.samplers import CandidateSampler
from sampledsoftmax.sharding.checkpoint import prepared_folder
from sampledsoftmax.sharding.driver import Driver
from sampledsoftmax.sharding.layers import RunSettings, ShardedOutput, ShardedPairs, checked_run, seed_of, with_move
from sampledsoftmax.sharding.sampling import can_draw_anywhere
from sampledsoftmax.sharding.settings import ShardSettings
from sampledsoftmax.types import Similarity


class ShardedSampledSoftmax(ShardedOutput):
    """A `SampledSoftmax` whose tables are divided among processes, on one machine or many.

    Parameters
    ----------
    num_classes : int
        Number of output classes.
    dim : int
        Width of the inputs.
    num_sampled : int
        Candidates per step, shared by the batch; at most `num_classes`.
    optimizer : Optimizer, optional
        As for `SampledSoftmax`; default `Adagrad(0.05)`.
    sampler : str or sampler object
        As for `SampledSoftmax`. It is in the process that makes the layer.
    subtract_log_q, remove_accidental_hits : bool, optional
        As for `SampledSoftmax`.
    dtype : float32 or float64
        Of the tables, the inputs and all arithmetic.
    seed : None, int or (int, int)
        Seed of the initial weights and of the candidates.
    objective : str or Objective
        As for `SampledSoftmax`.
    temperature : float
        As for `SampledSoftmax`.
    normalize : bool
        As for `SampledSoftmax`.
    num_shards : int
        Processes that have the tables and slots, a range of rows each; results do not depend on it.
    move : "rows", "inputs" or "auto"
        What moves in a step. With "rows", rows come to this process and gradients go back. With "inputs", inputs go to
        the shards, which compute their part of the logits: fewer bytes where `num_sampled` is above `num_shards` - 1
        times the batch size. The results are then equal up to rounding, and their bits depend on `num_shards`. "auto"
        takes, batch by batch, what has fewer bytes.
    parts : int
        How many parts a batch is divided into. With 1 the bits are those of `SampledSoftmax`; another number has its
        own bits.
    num_workers : int
        Processes that compute parts, at most `parts`; 0: this process does. Results do not depend on it.
    folder : path, optional
        Where checkpoints are written, the same for all machines. A folder that has one is continued, with any number
        of shards. Without a folder, rows that are lost end the run.
    overwrite : bool
        Whether checkpoints that the folder has are removed and a new layer is started.
    checkpoint_steps : int
        Steps from one checkpoint to the next; their batches are kept in memory.
    address : str, optional
        Of a Ray cluster, such as "auto"; default: the one this process is connected to, or that of the environment
        variable RAY_ADDRESS, or else a local one that ends with the layer.
    shard_options, worker_options : dict, optional
        Options of Ray for the processes, such as {"num_cpus": 4, "memory": 64 << 30}.

    Attributes
    ----------
    weights, biases : ShardedRows
        Read and written by slices: `layer.weights[10:20]`.
    traffic : dict
        Bytes that were moved.
    recoveries : int
        How often all shards went back to a checkpoint.

    Raises
    ------
    TypeError, ValueError
        If an argument is of another type or out of its range, or the folder has a layer with other settings or a
        checkpoint that is not complete; nothing is changed.
    BlockingIOError
        If another layer uses the folder.
    OSError
        If the folder cannot be written.
    LostError
        If shards cannot be started.

    Notes
    -----
    See the page "More classes than one machine holds". Each step, the rows of labels and candidates come to this
    process, or to the workers, and their gradients go back to the shards, which update them.

    Examples
    --------
    >>> import numpy as np
    >>> import sampledsoftmax as ss
    >>> import sampledsoftmax.ray
    >>> inputs, labels = np.ones((2, 8), np.float32), np.array([3, 5])
    >>> layer = ss.SampledSoftmax(num_classes=100, dim=8, num_sampled=10, seed=1)
    >>> with ss.ray.ShardedSampledSoftmax(100, 8, 10, seed=1, num_shards=2) as sharded:
    ...     loss, gradient = sharded.step(inputs, labels)
    ...     loss == layer.step(inputs, labels)[0], bool((sharded.weights[3:6] == layer.weights[3:6]).all())
    (True, True)
    """

    def __init__(
        self,
        num_classes: int,
        dim: int,
        num_sampled: int,
        optimizer: Optimizer | None = None,
        sampler: str | CandidateSampler = "log_uniform",
        subtract_log_q: bool | None = None,
        remove_accidental_hits: bool | None = None,
        dtype: Any = np.float32,
        seed: Any = None,
        *,
        objective: str | Objective = "sampled_softmax",
        temperature: float = 1.0,
        normalize: bool = False,
        num_shards: int,
        move: str = "rows",
        parts: int = 1,
        num_workers: int = 0,
        folder: str | os.PathLike[str] | None = None,
        overwrite: bool = False,
        checkpoint_steps: int = 100,
        address: str | None = None,
        shard_options: dict[str, Any] | None = None,
        worker_options: dict[str, Any] | None = None,
    ) -> None:
        sizes, flags = (num_classes, dim, num_sampled), (subtract_log_q, remove_accidental_hits)
        pair, similarity = seed_of(seed), Similarity(temperature, normalize)
        settings = checked_settings(*sizes, optimizer, sampler, *flags, dtype, seed, objective, similarity)
        run = checked_run(settings.num_classes, num_shards, parts, num_workers, folder, overwrite, checkpoint_steps)
        run = with_move(run, move, settings)
        self._driver = _driver(settings, run, False, pair, address, shard_options, worker_options)
        self._has_folder = run.folder is not None


class ShardedSkipGram(ShardedPairs):
    """A `SkipGram` whose three tables are divided among processes, on one machine or many.

    Parameters
    ----------
    num_classes : int
        Number of ids; the same for inputs and labels.
    dim : int
        Width of an embedding.
    num_sampled : int
        Candidates per step, shared by the batch; at most `num_classes`.
    optimizer : Optimizer, optional
        As for `SkipGram`; default `Adagrad(0.05)`.
    sampler : str or sampler object
        As for `SkipGram`. It is in the process that makes the model.
    subtract_log_q, remove_accidental_hits : bool, optional
        As for `SkipGram`.
    dtype : float32 or float64
        Of the tables and all arithmetic.
    seed : None, int or (int, int)
        Seed of the initial tables and of the candidates.
    objective : str or Objective
        As for `SkipGram`.
    temperature : float
        As for `SkipGram`.
    normalize : bool
        As for `SkipGram`.
    num_shards, parts, num_workers, folder, overwrite, checkpoint_steps, address, shard_options, worker_options
        As for `ShardedSampledSoftmax`.

    Attributes
    ----------
    embeddings, weights, biases : ShardedRows
        Read and written by slices: `model.embeddings[10:20]`.
    traffic : dict
        Bytes that were moved.
    recoveries : int
        How often all shards went back to a checkpoint.

    Raises
    ------
    TypeError, ValueError, OSError, LostError
        As `ShardedSampledSoftmax`.

    Examples
    --------
    >>> import numpy as np
    >>> import sampledsoftmax as ss
    >>> import sampledsoftmax.ray
    >>> model = ss.SkipGram(num_classes=1000, dim=16, num_sampled=20, seed=1)
    >>> with ss.ray.ShardedSkipGram(num_classes=1000, dim=16, num_sampled=20, seed=1, num_shards=2) as sharded:
    ...     losses = sharded.steps(np.arange(8), np.arange(8) + 1, batch_size=3)
    >>> bool((losses == model.steps(np.arange(8), np.arange(8) + 1, batch_size=3)).all())
    True
    """

    def __init__(
        self,
        num_classes: int,
        dim: int,
        num_sampled: int,
        optimizer: Optimizer | None = None,
        sampler: str | CandidateSampler = "log_uniform",
        subtract_log_q: bool | None = None,
        remove_accidental_hits: bool | None = None,
        dtype: Any = np.float32,
        seed: Any = None,
        *,
        objective: str | Objective = "sampled_softmax",
        temperature: float = 1.0,
        normalize: bool = False,
        num_shards: int,
        parts: int = 1,
        num_workers: int = 0,
        folder: str | os.PathLike[str] | None = None,
        overwrite: bool = False,
        checkpoint_steps: int = 100,
        address: str | None = None,
        shard_options: dict[str, Any] | None = None,
        worker_options: dict[str, Any] | None = None,
    ) -> None:
        sizes, flags = (num_classes, dim, num_sampled), (subtract_log_q, remove_accidental_hits)
        pair, similarity = seed_of(seed), Similarity(temperature, normalize)
        settings = checked_settings(*sizes, optimizer, sampler, *flags, dtype, seed, objective, similarity)
        run = checked_run(settings.num_classes, num_shards, parts, num_workers, folder, overwrite, checkpoint_steps)
        self._driver = _driver(settings, run, True, pair, address, shard_options, worker_options)
        self._has_folder = run.folder is not None


def _driver(
    settings: LayerSettings,
    run: RunSettings,
    has_embeddings: bool,
    seed: tuple[int, int],
    address: str | None,
    shard_options: dict[str, Any] | None,
    worker_options: dict[str, Any] | None,
) -> Driver:
    """Start the processes of a layer."""
    shared = ShardSettings.of(settings, has_embeddings, seed)
    sampler = settings.sampler if run.num_workers and can_draw_anywhere(settings.sampler) else None
    lock = None if run.folder is None else prepared_folder(run.folder, run.overwrite)
    try:
        placement = Placement(address, shard_options or {}, worker_options or {}, run.folder is not None)
        transport = RayTransport(shared, run.num_shards, run.num_workers, sampler, placement)
        try:
            return Driver(shared, settings, transport, run.parts, run.folder, run.checkpoint_steps, lock, run.move)
        except BaseException:
            transport.close()
            raise
    except BaseException:
        if lock is not None:
            lock.release()
        raise
