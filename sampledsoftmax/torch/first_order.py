"""Gradients that have no gradient in turn, and say so."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import torch


def first_order(backward: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate the backward pass of a Function: differentiating what it returns raises.

    `once_differentiable` of PyTorch raises only if the gradient from above needs a gradient, which that of a loss does
    not: a penalty on gradients would then be ignored.
    """

    @wraps(backward)
    def wrapped(ctx: Any, *grads: Any) -> Any:
        with torch.no_grad():
            outputs = backward(ctx, *grads)
        if not torch.is_grad_enabled():  # that is, without create_graph=True
            return outputs
        return tuple(
            _Constant.apply(output.detach().requires_grad_()) if isinstance(output, torch.Tensor) else output
            for output in outputs
        )

    return wrapped


class _Constant(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, gradient: Any) -> Any:
        del ctx
        return gradient.clone()

    @staticmethod
    def backward(ctx: Any, grad: Any) -> Any:
        raise RuntimeError(
            "the gradient of this loss has no gradient in turn: create_graph=True cannot be used through it"
        )
