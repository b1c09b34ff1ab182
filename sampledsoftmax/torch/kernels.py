"""Losses of CPU tensors by the compiled code, on the memory of the tensors, and their gradients for autograd."""

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

import sampledsoftmax as ss
from sampledsoftmax.torch.first_order import first_order
from sampledsoftmax.torch.formula import Formula


class Call(NamedTuple):
    """What a loss is computed from, besides the tensors that have gradients.

    Attributes
    ----------
    labels : int64 [n, num_true]
    values : SampledValues
        Of arrays.
    formula : Formula
    reduction : str
    sparse : bool
        Whether the gradients of the tables are sparse tensors.
    with_grad : bool
        Whether gradients will be asked for.
    """

    labels: NDArray[np.int64]
    values: ss.SampledValues
    formula: Formula
    reduction: str
    sparse: bool
    with_grad: bool


def can_compute(weight: Any) -> bool:
    """Return whether compiled code can read these tables where they are."""
    return (
        weight.device.type == "cpu" and weight.dtype in (torch.float32, torch.float64) and weight.is_contiguous()
    )  # fmt: skip


def sampled_loss(inputs: Any, weight: Any, bias: Any, call: Call) -> Any:
    """Return the loss of inputs [n, dim]: [n] for the reduction "none", else a number."""
    return _SampledLoss.apply(inputs, weight, bias, call)


class _SampledLoss(torch.autograd.Function):
    """A reduced loss needs one number from above, so its gradients are computed together with the loss."""

    @staticmethod
    def forward(ctx: Any, inputs: Any, weight: Any, bias: Any, call: Call) -> Any:
        ctx.call, ctx.gradients = call, None
        tables, features = arrays(weight, bias), array(inputs)
        if not (call.with_grad and any(ctx.needs_input_grad)):
            return reduced(call.formula.losses(tables, call.labels, features, call.values), call.reduction)
        if call.reduction == "none":
            ctx.save_for_backward(inputs, weight, bias)
            return torch.from_numpy(call.formula.losses(tables, call.labels, features, call.values))
        share = shares(features, call.reduction)
        losses, ctx.gradients = call.formula.losses_and_gradients(tables, call.labels, features, call.values, share)
        return reduced(losses, call.reduction)

    @staticmethod
    @first_order
    def backward(ctx: Any, grad: Any) -> Any:
        call, gradients = ctx.call, ctx.gradients
        if gradients is None:
            inputs, weight, bias = ctx.saved_tensors
            parts = arrays(weight, bias), call.labels, array(inputs), call.values
            _, gradients = call.formula.losses_and_gradients(*parts, array(grad))
            scale = np.ones((), array(grad).dtype)
        else:
            scale = array(grad)
        of_inputs, of_weight, of_bias, _ = ctx.needs_input_grad
        return (
            torch.from_numpy(gradients.inputs * scale) if of_inputs else None,
            gradient_of(gradients.weights, scale, call.sparse) if of_weight else None,
            gradient_of(gradients.biases, scale, call.sparse) if of_bias else None,
            None,
        )


def array(tensor: Any) -> NDArray[Any]:
    """Return the memory of a CPU tensor as an array; a copy if it is not contiguous."""
    return tensor.detach().contiguous().numpy()  # type: ignore[no-any-return]


def arrays(weight: Any, bias: Any) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Return the memory of two tables."""
    return array(weight), None if bias is None else array(bias)


def shares(inputs: NDArray[Any], reduction: str) -> NDArray[Any]:
    """Return the share of each example in the reduced loss."""
    num = inputs.shape[0]
    return np.full(num, 1.0 / max(num, 1) if reduction == "mean" else 1.0, inputs.dtype)


def reduced(losses: NDArray[Any], reduction: str) -> Any:
    """Return losses as a tensor; the mean of none is NaN, as in `torch.nn.functional.cross_entropy`."""
    if reduction == "none":
        return torch.from_numpy(losses)
    total = losses.sum(dtype=np.float64)
    if reduction == "mean":
        total = total / losses.size if losses.size else np.nan
    return torch.from_numpy(np.array(total, losses.dtype))


def gradient_of(rows: ss.IndexedSlices, scale: Any, sparse: bool) -> Any:
    """Return the gradient of a table times `scale`: sparse and not summed, or dense.

    It is always new memory, since autograd adds to what it is given. Products of arrays, not of tensors, since the
    threads of PyTorch would spin on while those of the next step need the cores.
    """
    if sparse:
        indices, values = torch.from_numpy(rows.indices)[None], torch.from_numpy(rows.values * scale)
        return torch.sparse_coo_tensor(indices, values, rows.dense_shape, check_invariants=False)
    unique, dense = rows.coalesce(), np.zeros(rows.dense_shape, rows.values.dtype)
    dense[unique.indices] = unique.values * scale
    return torch.from_numpy(dense)
