"""Batches as tensors, and ways to force the path of other devices."""

from typing import NamedTuple

import numpy as np
import torch

import sampledsoftmax as ss
from sampledsoftmax import reference
from sampledsoftmax.torch import kernels
from tests.cases import make_case

TOLERANCE = {torch.float64: 1e-12, torch.float32: 1e-5}
FORMULAS = {"softmax": reference.cross_entropy, "nce": reference.sigmoid_cross_entropy}
PATHS = ["kernels", "operations", "cuda"]


class Batch(NamedTuple):
    input: torch.Tensor
    target: torch.Tensor
    weight: torch.Tensor
    bias: torch.Tensor
    values: ss.SampledValues

    def leaves(self):
        """Return the batch with tensors that take gradients."""
        fresh = [t.detach().clone().requires_grad_() for t in (self.input, self.weight, self.bias)]
        return self._replace(input=fresh[0], weight=fresh[1], bias=fresh[2])


def batch(num_classes=50, dim=6, batch_size=9, num_sampled=12, num_true=1, dtype=torch.float64, seed=0, device="cpu"):
    case = make_case(num_classes, dim, batch_size, num_sampled, num_true, str(dtype).split(".")[1], seed)
    target = torch.from_numpy(case.labels)
    tensors = (torch.from_numpy(case.inputs), target[:, 0] if num_true == 1 else target,
               torch.from_numpy(case.weights), torch.from_numpy(case.biases))  # fmt: skip
    return Batch(*(tensor.to(device) for tensor in tensors), case.values)


def expected(made, formula, hits=True, log_q=True, loss_grad=None):
    """Return (losses, gradients of input, weight and bias) by reference.py, dense."""
    weight, bias = made.weight.detach().cpu().numpy(), made.bias.detach().cpu().numpy()
    labels = made.target.cpu().numpy().reshape(made.input.shape[0], -1)
    losses, ids, rows, entries, inputs = reference.sampled_loss_and_grad(
        weight, bias, labels, made.input.detach().cpu().numpy(), made.values, log_q, hits, loss_grad, FORMULAS[formula]
    )
    of_weight, of_bias = np.zeros_like(weight), np.zeros_like(bias)
    np.add.at(of_weight, ids, rows)
    np.add.at(of_bias, ids, entries)
    return losses, inputs, of_weight, of_bias


def dense(gradient):
    gradient = gradient.detach().cpu()
    return (gradient.to_dense() if gradient.is_sparse else gradient).numpy()


def on_path(path, monkeypatch):
    """Force the path of another device, or return the device on which it is the only one."""
    if path == "operations":
        monkeypatch.setattr(kernels, "can_compute", lambda weight: False)
    return "cuda" if path == "cuda" else "cpu"
