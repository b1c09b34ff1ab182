"""Trainers on small texts, and the expected result of one step."""

from typing import NamedTuple

import numpy as np

import sampledsoftmax as ss
from sampledsoftmax.kernels.sampling.candidates import BLOCKS_PER_CANDIDATE
from sampledsoftmax.kernels.text.shard import EXAMPLES, PAIRS
from sampledsoftmax.kernels.text.windows import Text
from sampledsoftmax.layers.table import Table
from sampledsoftmax.types import Correction
from sampledsoftmax.word2vec.training.trainer import Tables, Trainer, TrainingPlan

SEED = 5


class Task(NamedTuple):
    """What is trained; the sizes are those of a step."""

    batch_size: int = 5
    num_sampled: int = 7
    dim: int = 5
    window: int = 2
    num_classes: int = 10
    dtype: type = np.float32
    objective: str = "sampled_softmax"
    subtract_log_q: bool = True
    remove_accidental_hits: bool = True
    learn_biases: bool = True
    center_is_input: bool = True
    optimizer: object = ss.SGD(1.0)
    sampler: str = "log_uniform"
    shards: int = 4

    @property
    def trainer(self):
        """A trainer whose shards have one batch each, or a little less."""
        return self.on(text_of(self, self.shards * self.batch_size - (self.batch_size > 1)))

    def on(self, text, sampler=None, threads=None):
        correction = Correction(self.subtract_log_q, self.remove_accidental_hits)
        sizes = self.num_sampled, self.batch_size, SEED, self.shards
        plan = TrainingPlan(self.objective, correction, self.learn_biases, *sizes)
        return Trainer(tables_of(self), text, sampler_of(self) if sampler is None else sampler, plan, threads)


def sampler_of(task):
    return {
        "log_uniform": lambda: ss.LogUniformSampler(task.num_classes, seed=1),
        "uniform": lambda: ss.UniformSampler(task.num_classes, seed=1),
        "fixed_unigram": lambda: ss.FixedUnigramSampler(np.arange(task.num_classes, 0, -1), seed=1),
        "learned_unigram": lambda: ss.LearnedUnigramSampler(task.num_classes, seed=1),
    }[task.sampler]()


def tables_of(task):
    rng, rows, width = np.random.default_rng(0), task.num_classes, task.dim

    def new(name, shape, scale):
        return Table(name, shape, lambda part: (rng.normal(size=part) * scale).astype(task.dtype), task.optimizer)

    return Tables(
        new("embeddings", (rows, width), 1.0),
        new("weights", (rows, width), width**-0.5),
        new("biases", (rows,), 1.0),
    )


def text_of(task, num_words, seed=2):
    """Return a text of frequent and rare words, in sentences of 1 to 40 words."""
    rng = np.random.default_rng(seed)
    ids = np.minimum(rng.zipf(1.5, num_words) - 1, rng.integers(0, task.num_classes, num_words))
    borders = np.cumsum(rng.integers(1, 41, num_words))
    offsets = np.r_[0, borders[borders < num_words], num_words]
    thresholds = np.full(task.num_classes, 2**32, np.uint64)
    return Text(ids, offsets, thresholds, task.window, True, task.center_is_input)


def copies(tables):
    """Values and slots of tables, in float64: their bits are kept."""
    return [np.array(array, np.float64) for table in tables for array in (table.values, *table.slots.values())]


class Step(NamedTuple):
    """What a step must do.

    Attributes
    ----------
    gradients : list of float64
        Of the three tables, summed over the pairs of all shards.
    losses : float64 [pairs]
    hits : int
        How often a label was a candidate.
    """

    gradients: list
    losses: np.ndarray
    hits: int


def expected_step(task, trainer, values, epoch=0):
    """Return what the public functions give, in float64, for the examples of the shards.

    `values` are the tables before the step, which was the first one of an epoch.
    """
    sums = [np.zeros_like(table) for table in values]
    losses, hits = [], 0
    for k in range(task.shards):
        examples = Batch.of_shard(trainer, k)
        if examples.labels.size == 0:
            continue
        sampled = candidates_of(task, k, examples.labels, epoch)
        np.testing.assert_array_equal(sampled.sampled_candidates, trainer._shards[k].scratch.candidates)
        loss, gradients = public(task, values, examples, sampled)
        losses.append(loss)
        hits += np.isin(examples.labels, sampled.sampled_candidates).sum()
        sums[1] += gradients.weights.to_dense()
        if task.learn_biases:
            sums[2] += gradients.biases.to_dense()
        for pair, b in enumerate(examples.example_of_label):
            inputs = examples.inputs[b]
            np.add.at(sums[0], inputs, gradients.inputs[pair] / inputs.size)
    return Step(sums, np.concatenate(losses), int(hits))


class Batch(NamedTuple):
    """The examples of a shard: the inputs of each example, the labels of all, and the example of each label."""

    inputs: list
    labels: np.ndarray
    example_of_label: np.ndarray

    @classmethod
    def of_shard(cls, trainer, k):
        examples = trainer._shards[k].examples
        size, pairs = (int(trainer._shards[k].totals[i]) for i in (EXAMPLES, PAIRS))
        starts, ids = examples.input_starts, examples.input_ids
        inputs = [ids[starts[b] : starts[b + 1]].copy() for b in range(size)]
        return cls(inputs, examples.label_ids[:pairs].copy(), examples.example_of_label[:pairs].copy())


def all_candidates(trainer):
    """Return the last candidates of the shards [num_shards, num_sampled]."""
    return np.array([shard.scratch.candidates for shard in trainer._shards])


def candidates_of(task, k, labels, epoch=0, step=0):
    """Return the sample of shard k in a step of the first block of an epoch."""
    sampler = sampler_of(task)
    block = (step * task.shards + k) * task.num_sampled * BLOCKS_PER_CANDIDATE
    sampler.state = {**sampler.state, "seed": SEED, "seed2": 2 << 60 | epoch << 32, "block": block}
    return sampler.sample(labels, task.num_sampled)


def public(task, values, examples, sampled):
    embeddings, weights, biases = values
    hidden = np.array([embeddings[ids].mean(axis=0) for ids in examples.inputs])[examples.example_of_label]
    function = {"sampled_softmax": ss.sampled_softmax_loss_and_grad}.get(task.objective, ss.nce_loss_and_grad)
    return function(
        weights, biases, examples.labels, hidden, task.num_sampled, task.num_classes,
        sampled_values=sampled, subtract_log_q=task.subtract_log_q,
        remove_accidental_hits=task.remove_accidental_hits,
    )  # fmt: skip
