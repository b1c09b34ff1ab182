"""JAX: one jitted step with donated tables, so that scatter updates happen in place."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from benchmarks.cases import BLOCK, INITIAL_ACCUMULATOR, LEARNING_RATE, SEED, TABLES, Case, Ids
from benchmarks.contestants import OneBatchPerCall
from benchmarks.machine import num_cores
from sampledsoftmax import LogUniformSampler

Tree = dict[str, Any]


class Jax(OneBatchPerCall):
    """Gradients of gathered rows, then `.at[].add`; candidates and their expected counts are drawn by our sampler."""

    def __init__(self, case: Case, optimizer: str) -> None:
        self.threads = num_cores()
        self.num_sampled = case.num_sampled
        self.sampler = LogUniformSampler(case.num_classes, SEED)
        self.tables = {name: _table(case, name) for name in TABLES}
        self.accumulators = {}
        if optimizer == "adagrad":
            self.accumulators = {name: jnp.full_like(self.tables[name], INITIAL_ACCUMULATOR) for name in TABLES}

    def step(self, inputs: Ids, labels: Ids) -> float:
        """Train on one batch and return its mean loss."""
        candidates, *counts = self.sampler.sample(labels, self.num_sampled)
        ids = np.concatenate([labels[:, 0], candidates]).astype(np.int32)
        log_q = np.log(np.concatenate([counts[0][:, 0], counts[1]]))
        loss, self.tables, self.accumulators = _step(
            self.tables, self.accumulators, inputs.astype(np.int32), ids, log_q
        )
        return float(jax.block_until_ready(loss))

    def rows(self, name: str, ids: Ids) -> NDArray[Any]:
        """Return copies of rows of a table."""
        return np.asarray(self.tables[name][jnp.asarray(ids)])


def _table(case: Case, name: str) -> Any:
    """Return a table filled by JAX: converting an array would briefly need the memory twice."""
    return jax.jit(lambda block: block[jnp.arange(case.num_classes) % BLOCK])(case.block(name))


@partial(jax.jit, donate_argnums=(0, 1))
def _step(tables: Tree, accumulators: Tree, inputs: Any, ids: Any, log_q: Any) -> tuple[Any, Tree, Tree]:
    at = {"embeddings": inputs, "weights": ids, "biases": ids}
    rows = {name: tables[name][at[name]] for name in TABLES}
    loss, gradients = jax.value_and_grad(_loss)(rows, ids, log_q)
    tables, accumulators = dict(tables), dict(accumulators)
    for name in TABLES:
        if accumulators:
            tables[name], accumulators[name] = _adagrad(tables[name], accumulators[name], at[name], gradients[name])
        else:
            tables[name] = tables[name].at[at[name]].add(-LEARNING_RATE * gradients[name])
    return loss, tables, accumulators


def _loss(rows: Tree, ids: Any, log_q: Any) -> Any:
    embedded = rows["embeddings"]
    batch_size = embedded.shape[0]
    offsets = rows["biases"] - log_q
    true = (embedded * rows["weights"][:batch_size]).sum(axis=1) + offsets[:batch_size]
    sampled = embedded @ rows["weights"][batch_size:].T + offsets[batch_size:]
    sampled = jnp.where(ids[:batch_size, None] == ids[batch_size:], -jnp.inf, sampled)
    logits = jnp.concatenate([true[:, None], sampled], axis=1)
    return (jax.nn.logsumexp(logits, axis=1) - true).mean()


def _adagrad(table: Any, accumulator: Any, ids: Any, gradient: Any) -> tuple[Any, Any]:
    """Sum the rows of each id, then update each id once; unused entries have an id past the end and are dropped."""
    unique, inverse = jnp.unique(ids, return_inverse=True, size=ids.shape[0], fill_value=table.shape[0])
    sums = jax.ops.segment_sum(gradient, inverse, num_segments=ids.shape[0])
    accumulator = accumulator.at[unique].add(sums**2, mode="drop")
    rate = LEARNING_RATE / jnp.sqrt(accumulator.at[unique].get(mode="fill", fill_value=1.0))
    return table.at[unique].add(-rate * sums, mode="drop"), accumulator
