"""Rows of unit length and temperatures in PyTorch's operations: what `reference.scaled` does, with gradients."""

from typing import Any

import torch

_MIN_NORM = 1e-12  # that of the compiled code: a shorter row counts as zeros


def scaled(rows: Any, normalize: bool, temperature: float = 1.0) -> Any:
    """Return rows [..., dim] / temperature, with `normalize` rows of unit length / temperature."""
    if normalize:
        part, _, divisor = _parts(rows)
        rows = part / divisor
    return rows if temperature == 1 else rows / temperature


@torch.no_grad()
def through_scaling(gradient: Any, rows: Any, normalize: bool, temperature: float = 1.0) -> Any:
    """Return the gradient with respect to `rows`, given that with respect to `scaled(rows, ...)`."""
    gradient = gradient if temperature == 1 else gradient / temperature
    if not normalize:
        return gradient
    part, largest, divisor = _parts(rows)
    unit = part / divisor
    return (gradient - (gradient * unit).sum(dim=-1, keepdim=True) * unit) / (divisor * largest)


def _parts(rows: Any) -> tuple[Any, Any, Any]:
    """Return rows / their largest entries, those entries, and the lengths of the first; infinity for rows of zeros.

    The square of an entry may be infinite in float32, that of an entry / the largest one is at most 1.
    """
    largest = rows.detach().abs().amax(dim=-1, keepdim=True)
    largest = torch.where(largest > 0, largest, 1)
    part = rows / largest
    squared = (part * part).sum(dim=-1, keepdim=True)
    is_zeros = squared.detach().sqrt() * largest < _MIN_NORM
    return part, largest, torch.where(is_zeros, torch.inf, squared).sqrt()
