"""Exact losses and top k over all classes, one block of classes at a time."""

from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F

import sampledsoftmax as ss
from sampledsoftmax.torch import kernels
from sampledsoftmax.torch.arguments import arithmetic_of
from sampledsoftmax.torch.first_order import first_order
from sampledsoftmax.torch.scaling import scaled, through_scaling
from sampledsoftmax.types import DOT_PRODUCT, Similarity

BLOCK = 4096  # classes


def full_losses(inputs: Any, weight: Any, bias: Any, labels: Any, similarity: Similarity = DOT_PRODUCT) -> Any:
    """Return the exact losses [n] of inputs [n, dim] and labels [n, num_true], with gradients of all but the labels."""
    return _FullLoss.apply(inputs, weight, bias, labels, similarity)


class _FullLoss(torch.autograd.Function):
    """The logits are computed again for the gradients, so that they need not be kept."""

    @staticmethod
    def forward(ctx: Any, inputs: Any, weight: Any, bias: Any, labels: Any, similarity: Similarity) -> Any:
        ctx.save_for_backward(inputs, weight, bias, labels)
        ctx.similarity = similarity
        return losses(inputs, weight, bias, labels, similarity)

    @staticmethod
    @first_order
    def backward(ctx: Any, grad: Any) -> Any:
        inputs, weight, bias, labels = ctx.saved_tensors
        of_tables = any(ctx.needs_input_grad[1:3])
        return *gradients(grad, inputs, weight, bias, labels, of_tables, ctx.similarity), None, None


def losses(inputs: Any, weight: Any, bias: Any, labels: Any, similarity: Similarity) -> Any:
    """Return the losses, by compiled code where it can read the tables."""
    if kernels.can_compute(weight):
        tables = kernels.arrays(weight, bias)
        arguments = *tables, labels.numpy(), kernels.array(inputs)
        return torch.from_numpy(ss.full_softmax_loss(*arguments, **similarity._asdict()))
    temperature, normalize = similarity
    features = scaled(inputs, normalize, temperature)
    true = (scaled(weight[labels].to(inputs.dtype), normalize) * features[:, None]).sum(dim=2)
    if bias is not None:
        true = true + bias[labels].to(inputs.dtype)
    return _log_sum_exp(inputs, weight, bias, similarity) - true.mean(dim=1)


def gradients(
    grad: Any, inputs: Any, weight: Any, bias: Any, labels: Any, of_tables: bool, similarity: Similarity
) -> tuple[Any, Any, Any]:
    """Return the gradients of sum(grad * loss): of the inputs and, if asked for, dense ones of the tables."""
    if of_tables and kernels.can_compute(weight):
        arguments = *kernels.arrays(weight, bias), labels.numpy(), kernels.array(inputs)
        _, found = ss.full_softmax_loss_and_grad(*arguments, loss_grad=kernels.array(grad), **similarity._asdict())
        of_bias = None if bias is None else torch.from_numpy(found.biases.values)
        return torch.from_numpy(found.inputs), torch.from_numpy(found.weights.values), of_bias
    temperature, normalize = similarity
    normalizer, features = _log_sum_exp(inputs, weight, bias, similarity), scaled(inputs, normalize, temperature)
    target = (grad / labels.shape[1])[:, None].expand(labels.shape)
    of_inputs = -(scaled(weight[labels].to(inputs.dtype), normalize) * target[:, :, None]).sum(dim=1)
    of_weight, of_bias = (torch.zeros_like(t) if of_tables and t is not None else None for t in (weight, bias))
    for first, logits, rows in _blocks(inputs, weight, bias, similarity):
        share = torch.exp(logits - normalizer[:, None]) * grad[:, None]
        of_inputs += share @ scaled(rows, normalize)
        if of_weight is not None:
            of_weight[first : first + rows.shape[0]] = through_scaling(share.T @ features, rows, normalize)
        if of_bias is not None:
            of_bias[first : first + rows.shape[0]] = share.sum(dim=0)
    if of_weight is not None:
        rows = target[:, :, None] * features[:, None]
        rows = through_scaling(rows, weight[labels].to(inputs.dtype), normalize).flatten(0, 1)
        of_weight.index_add_(0, labels.reshape(-1), -rows.to(weight.dtype))
    if of_bias is not None:
        of_bias.index_add_(0, labels.reshape(-1), -target.reshape(-1).to(bias.dtype))
    return through_scaling(of_inputs, inputs, normalize, temperature), of_weight, of_bias


def _log_sum_exp(inputs: Any, weight: Any, bias: Any, similarity: Similarity) -> Any:
    total = inputs.new_full(inputs.shape[:1], -torch.inf)
    for _, logits, _ in _blocks(inputs, weight, bias, similarity):
        total = torch.logaddexp(total, torch.logsumexp(logits, dim=1))
    return total


def _blocks(inputs: Any, weight: Any, bias: Any, similarity: Similarity) -> Iterator[tuple[int, Any, Any]]:
    """Yield the first class of a block, logits [n, classes] and rows of the table [classes, dim]."""
    with torch.autocast(inputs.device.type, enabled=False):
        features = scaled(inputs, similarity.normalize, similarity.temperature)
        for first in range(0, weight.shape[0], BLOCK):
            rows = weight[first : first + BLOCK].to(inputs.dtype)
            offsets = None if bias is None else bias[first : first + BLOCK].to(inputs.dtype)
            yield first, F.linear(features, scaled(rows, similarity.normalize), offsets), rows


@torch.no_grad()
def top_k(inputs: Any, weight: Any, bias: Any, k: int, similarity: Similarity = DOT_PRODUCT) -> tuple[Any, Any]:
    """Return the largest logits [n, k] of inputs [n, dim] in descending order, and their classes."""
    best = inputs.new_empty((inputs.shape[0], 0))
    ids = torch.empty(best.shape, dtype=torch.int64, device=inputs.device)
    for first, logits, rows in _blocks(inputs, weight, bias, similarity):
        classes = torch.arange(first, first + rows.shape[0], device=inputs.device)
        logits, classes = torch.cat((best, logits), 1), torch.cat((ids, classes.expand(inputs.shape[0], -1)), 1)
        best, places = logits.topk(min(k, logits.shape[1]), dim=1)
        ids = classes.gather(1, places)
    return best, ids


def log_prob(inputs: Any, weight: Any, bias: Any, similarity: Similarity = DOT_PRODUCT) -> Any:
    """Return the log probabilities [n, n_classes]."""
    dtype = arithmetic_of(weight)
    with torch.autocast(inputs.device.type, enabled=False):
        features = scaled(inputs, similarity.normalize, similarity.temperature)
        rows = scaled(weight.to(dtype), similarity.normalize)
        logits = F.linear(features, rows, None if bias is None else bias.to(dtype))
        return F.log_softmax(logits, dim=-1)
