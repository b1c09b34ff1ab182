"""The same losses in PyTorch's own operations, for tables on other devices or in half precision."""

from typing import Any

import torch
import torch.nn.functional as F

from sampledsoftmax.torch.arguments import arithmetic_of
from sampledsoftmax.torch.formula import Formula
from sampledsoftmax.torch.scaling import scaled


def sampled_losses(
    inputs: Any, weight: Any, bias: Any, labels: Any, values: Any, formula: Formula, sparse: bool
) -> Any:
    """Return the losses [n] of inputs [n, dim] and labels [n, num_true]; all tensors are on one device."""
    with torch.autocast(inputs.device.type, enabled=False):  # or the products would be computed in half precision
        true, sampled = _logits(inputs, weight, bias, labels, values, formula, sparse)
        logits = torch.cat((true, sampled), dim=1)
        # By default softplus is linear from 20 on, which is wrong in the ninth digit of float64.
        total = torch.logsumexp(logits, dim=1) if formula.is_softmax else F.softplus(logits, threshold=50).sum(dim=1)
        return total - true.mean(dim=1)


def _logits(
    inputs: Any, weight: Any, bias: Any, labels: Any, values: Any, formula: Formula, sparse: bool
) -> tuple[Any, Any]:
    """Return the corrected logits of labels [n, num_true] and of candidates [n, num_sampled]."""
    candidates, true_count, sampled_count = values
    num_labels, dtype = labels.numel(), arithmetic_of(weight)
    ids = torch.cat((labels.reshape(-1), candidates))
    inputs = scaled(inputs, formula.normalize, formula.temperature)
    rows = scaled(_Rows.apply(weight, ids, sparse).to(dtype), formula.normalize)
    true = (rows[:num_labels].reshape(*labels.shape, weight.shape[1]) * inputs[:, None]).sum(dim=2)
    sampled = inputs @ rows[num_labels:].T
    if bias is not None:
        entries = _Rows.apply(bias, ids, sparse).to(dtype)
        true, sampled = true + entries[:num_labels].reshape(labels.shape), sampled + entries[num_labels:]
    if formula.subtract_log_q:
        true, sampled = true - true_count.to(dtype).log(), sampled - sampled_count.to(dtype).log()
    if formula.remove_accidental_hits:
        hits = (labels[:, :, None] == candidates).any(dim=1)
        sampled = sampled.masked_fill(hits, -torch.inf)
    return true, sampled


class _Rows(torch.autograd.Function):
    """table[ids], whose gradient is sparse if asked for; `nn.functional.embedding` has it for matrices only."""

    @staticmethod
    def forward(ctx: Any, table: Any, ids: Any, sparse: bool) -> Any:
        ctx.save_for_backward(ids)
        ctx.shape, ctx.sparse = table.shape, sparse
        return table[ids]

    @staticmethod
    def backward(ctx: Any, grad: Any) -> Any:
        (ids,) = ctx.saved_tensors
        if ctx.sparse:
            return torch.sparse_coo_tensor(ids[None], grad, ctx.shape, check_invariants=False), None, None
        return grad.new_zeros(ctx.shape).index_add(0, ids, grad), None, None
