"""Models in PyTorch with a large output layer: one encoder, and its loss and update written in several ways."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

import sampledsoftmax as ss
import sampledsoftmax.torch as st
from benchmarks.contestants.with_torch import sampled_softmax_loss
from benchmarks.memory import peak_bytes
from benchmarks.timing import timed

LEARNING_RATE = 0.05
ACCUMULATOR = 0.1
NUM_BATCHES = 8
WARM_UP = 2
AT_LEAST = 4  # timed steps of a turn


@dataclass(frozen=True)
class Size:
    """Classes, width, examples and candidates of a step."""

    n_classes: int
    dim: int = 128
    batch_size: int = 1024
    num_sampled: int = 1024

    def batches(self) -> list[tuple[Any, Any]]:
        """Return features [batch_size, dim] and log-uniform classes."""
        rng = np.random.default_rng(1)
        found = []
        for _ in range(NUM_BATCHES):
            features = rng.standard_normal((self.batch_size, self.dim), np.float32)
            ids = np.exp(rng.random(self.batch_size) * np.log1p(self.n_classes)).astype(np.int64) - 1
            found.append((torch.from_numpy(features), torch.from_numpy(ids % self.n_classes)))
        return found

    def fill(self, weight: Any) -> None:
        """Write the first values of the output weights, the same for every contestant."""
        torch.manual_seed(1)
        nn.init.normal_(weight, std=self.dim**-0.5)


def _adagrad(parameters: Any) -> Any:
    return torch.optim.Adagrad(parameters, LEARNING_RATE, initial_accumulator_value=ACCUMULATOR, eps=0.0)


class Model:
    """An encoder, trained by SGD; subclasses have the output layer, and what a step does with it.

    Attributes
    ----------
    rule : torch.optim.Optimizer or None
        The optimizer of the output layer.
    """

    rule: Any = None

    def __init__(self, size: Size) -> None:
        torch.sparse.check_sparse_tensor_invariants.disable()
        self.size = size
        torch.manual_seed(0)
        self.encoder = nn.Sequential(nn.Linear(size.dim, size.dim), nn.Tanh())
        self.encoder_rule = torch.optim.SGD(self.encoder.parameters(), LEARNING_RATE)

    def loss(self, hidden: Any, target: Any) -> Any:
        """Return the loss of the output of the encoder."""
        raise NotImplementedError

    def step(self, features: Any, target: Any) -> float:
        """Train on one batch and return its loss."""
        self.encoder_rule.zero_grad()
        if self.rule is not None:
            self.rule.zero_grad()
        loss = self.loss(self.encoder(features), target)
        loss.backward()
        self.encoder_rule.step()
        if self.rule is not None:
            self.rule.step()
        return float(loss.detach())


class ByHand(Model):
    """Sparse embeddings as output tables, and PyTorch's sparse Adagrad; the candidates are those of this package."""

    def __init__(self, size: Size, compiled: bool = False) -> None:
        super().__init__(size)
        self.weight = nn.Embedding(size.n_classes, size.dim, sparse=True, _weight=torch.empty(size.n_classes, size.dim))
        self.bias = nn.Embedding(size.n_classes, 1, sparse=True, _weight=torch.zeros(size.n_classes, 1))
        size.fill(self.weight.weight)
        self.rule = _adagrad([self.weight.weight, self.bias.weight])
        self.sampler = ss.LogUniformSampler(size.n_classes, seed=3)
        self.of_rows = torch.compile(sampled_softmax_loss, dynamic=False) if compiled else sampled_softmax_loss

    def loss(self, hidden: Any, target: Any) -> Any:
        """Look up labels and candidates, outside of what is compiled: sparse gradients cannot be traced."""
        values = self.sampler.sample(target.numpy(), self.size.num_sampled)
        candidates, true_count, sampled_count = (torch.from_numpy(part) for part in values)
        ids = torch.cat((target, candidates))
        log_q = torch.log(torch.cat((true_count[:, 0], sampled_count)))
        return self.of_rows(hidden, self.weight(ids), self.bias(ids)[:, 0], target, candidates, log_q)


class WithModule(Model):
    """`SampledSoftmaxLoss` with PyTorch's sparse Adagrad."""

    def __init__(self, size: Size) -> None:
        super().__init__(size)
        self.output = st.SampledSoftmaxLoss(size.dim, size.n_classes, size.num_sampled, seed=3)
        size.fill(self.output.weight)
        self.rule = _adagrad(self.output.parameters())

    def loss(self, hidden: Any, target: Any) -> Any:
        """Call the module."""
        return self.output(hidden, target)


class WithFused(Model):
    """`FusedSampledSoftmaxLoss`, which updates its tables itself."""

    def __init__(self, size: Size) -> None:
        super().__init__(size)
        rule = ss.Adagrad(LEARNING_RATE, ACCUMULATOR)
        self.output = st.FusedSampledSoftmaxLoss(size.dim, size.n_classes, size.num_sampled, optimizer=rule, seed=3)
        size.fill(self.output.weight)

    def loss(self, hidden: Any, target: Any) -> Any:
        """Call the module."""
        return self.output(hidden, target)


class WithLayer(Model):
    """`sampledsoftmax.SampledSoftmax.step` on the arrays of the tensors: what the fused module is compared with."""

    def __init__(self, size: Size) -> None:
        super().__init__(size)
        rule = ss.Adagrad(LEARNING_RATE, ACCUMULATOR)
        self.layer = ss.SampledSoftmax(size.n_classes, size.dim, size.num_sampled, rule, seed=3)
        size.fill(torch.from_numpy(self.layer.weights))

    def step(self, features: Any, target: Any) -> float:
        """Train on one batch and return its loss."""
        self.encoder_rule.zero_grad()
        hidden = self.encoder(features)
        loss, gradient = self.layer.step(hidden.detach().numpy(), target.numpy())
        hidden.backward(torch.from_numpy(gradient))
        self.encoder_rule.step()
        return loss


class Adaptive(Model):
    """`nn.AdaptiveLogSoftmaxWithLoss`: another model, approximate in another way; its gradients are dense."""

    def __init__(self, size: Size) -> None:
        super().__init__(size)
        cutoffs = [size.n_classes // 50, size.n_classes // 5]
        self.output = nn.AdaptiveLogSoftmaxWithLoss(size.dim, size.n_classes, cutoffs)
        self.rule = _adagrad(self.output.parameters())

    def loss(self, hidden: Any, target: Any) -> Any:
        """Call the module."""
        return self.output(hidden, target).loss


class Full(Model):
    """`cross_entropy` of all logits, with dense gradients."""

    def __init__(self, size: Size) -> None:
        super().__init__(size)
        self.output = nn.Linear(size.dim, size.n_classes)
        self.rule = _adagrad(self.output.parameters())

    def loss(self, hidden: Any, target: Any) -> Any:
        """Compute all logits."""
        return nn.functional.cross_entropy(self.output(hidden), target)


MODELS: dict[str, Callable[[Size], Model]] = {
    "hand": ByHand,
    "hand-compiled": lambda size: ByHand(size, compiled=True),
    "module": WithModule,
    "fused": WithFused,
    "layer": WithLayer,
    "adaptive": Adaptive,
    "full": Full,
}

_current: list[Model] = []  # the model of this process, if any


def build(name: str, size: Size, num_steps: int) -> list[float]:
    """Construct a model and return the losses of its first steps."""
    _current[:] = [MODELS[name](size)]
    batches = size.batches()
    return [_current[0].step(*batches[i]) for i in range(num_steps)]


def turn(seconds: float) -> list[float]:
    """Return times of single steps in seconds, over about `seconds`."""
    model = _current[0]
    batches = model.size.batches()
    for i in range(WARM_UP):
        model.step(*batches[i])
    return timed(lambda i: model.step(*batches[i % NUM_BATCHES]), seconds, AT_LEAST)


def peak() -> int:
    """Return the peak memory of this process in bytes."""
    return peak_bytes()
