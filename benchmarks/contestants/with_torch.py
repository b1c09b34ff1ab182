"""PyTorch, which has no sampled softmax: a handwritten one with sparse embeddings and sparse optimizers."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.cases import INITIAL_ACCUMULATOR, LEARNING_RATE, SEED, TABLES, Case, Ids
from benchmarks.contestants import OneBatchPerCall
from sampledsoftmax import LogUniformSampler


class Torch(OneBatchPerCall):
    """`nn.Embedding(sparse=True)` for each table; candidates and their expected counts are drawn by our sampler.

    With `compiled`, lookups stay outside of the compiled function: sparse gradients cannot be traced.
    """

    def __init__(self, case: Case, optimizer: str, compiled: bool = False) -> None:
        torch.sparse.check_sparse_tensor_invariants.disable()  # the default, and without a warning
        self.threads = torch.get_num_threads()
        self.num_sampled = case.num_sampled
        self.sampler = LogUniformSampler(case.num_classes, SEED)
        self.tables = {name: _embedding(case.table(name)) for name in TABLES}
        parameters = [table.weight for table in self.tables.values()]
        if optimizer == "sgd":
            self.rule = torch.optim.SGD(parameters, LEARNING_RATE)
        else:
            self.rule = torch.optim.Adagrad(
                parameters, LEARNING_RATE, initial_accumulator_value=INITIAL_ACCUMULATOR, eps=0.0
            )
        self.loss = torch.compile(sampled_softmax_loss, dynamic=False) if compiled else sampled_softmax_loss

    def step(self, inputs: Ids, labels: Ids) -> float:
        """Train on one batch and return its mean loss."""
        candidates, *counts = (torch.from_numpy(values) for values in self.sampler.sample(labels, self.num_sampled))
        classes = torch.from_numpy(labels[:, 0])
        ids = torch.cat([classes, candidates])
        self.rule.zero_grad(set_to_none=True)
        loss = self.loss(
            self.tables["embeddings"](torch.from_numpy(inputs)),
            self.tables["weights"](ids),
            self.tables["biases"](ids)[:, 0],
            classes,
            candidates,
            torch.log(torch.cat([counts[0][:, 0], counts[1]])),
        )
        loss.backward()
        self.rule.step()
        return float(loss.detach())

    def rows(self, name: str, ids: Ids) -> NDArray[Any]:
        """Return copies of rows of a table."""
        rows = self.tables[name].weight.detach()[torch.from_numpy(ids)].numpy()
        return np.asarray(rows[:, 0] if name == "biases" else rows)


def sampled_softmax_loss(embedded: Any, rows: Any, biases: Any, classes: Any, candidates: Any, log_q: Any) -> Any:
    """Return the mean loss; rows, biases and log_q are those of the classes followed by those of the candidates."""
    batch_size = classes.shape[0]
    offsets = biases - log_q
    true = (embedded * rows[:batch_size]).sum(dim=1) + offsets[:batch_size]
    sampled = embedded @ rows[batch_size:].T + offsets[batch_size:]
    sampled = sampled.masked_fill(classes[:, None] == candidates, -torch.inf)
    logits = torch.cat([true[:, None], sampled], dim=1)
    return (torch.logsumexp(logits, dim=1) - true).mean()


def _embedding(table: NDArray[Any]) -> Any:
    columns = table[:, np.newaxis] if table.ndim == 1 else table
    return torch.nn.Embedding.from_pretrained(torch.from_numpy(columns), freeze=False, sparse=True)
