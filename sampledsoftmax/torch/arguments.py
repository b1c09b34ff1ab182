"""Checks of tensors: every error names the argument, what was expected and what was given.

Shapes, dtypes and devices are checked apart from values, so that `torch.compile` can trace the first part.
"""

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

import sampledsoftmax as ss
from sampledsoftmax import validation
from sampledsoftmax.losses.arguments import positive_counts

REDUCTIONS = ("mean", "sum", "none")
HALF = (torch.float16, torch.bfloat16)
FLOATS = (torch.float32, torch.float64, *HALF)
INTEGERS = (torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8)


class Flat(NamedTuple):
    """A batch without its leading dimensions.

    Attributes
    ----------
    inputs : Tensor [n, dim]
        In the dtype of the arithmetic.
    target : Tensor [n, num_true]
        Labels, ignored ones included.
    shape : tuple of int
        Leading dimensions: the shape of losses that are not reduced.
    """

    inputs: Any
    target: Any
    shape: tuple[int, ...]


class Labels(NamedTuple):
    """Checked labels.

    Attributes
    ----------
    ids : int64 [num_kept, num_true]
        Those that count.
    kept : bool [n] or None
        Which examples they belong to; None for all.
    """

    ids: NDArray[np.int64]
    kept: NDArray[np.bool_] | None


def checked_tables(weight: Any, bias: Any) -> None:
    """Check the dtype, shape and device of weight [n_classes, in_features] and bias [n_classes] or None."""
    _tensor("weight", weight)
    if weight.dtype not in FLOATS:
        raise TypeError(f"weight must be float32, float64, float16 or bfloat16, got {weight.dtype}")
    if weight.dim() != 2 or weight.numel() == 0:
        raise ValueError(f"weight must have shape [n_classes, in_features], got {list(weight.shape)}")
    if bias is None:
        return
    _tensor("bias", bias)
    if bias.dtype != weight.dtype:
        raise TypeError(f"bias must have the dtype of weight, {weight.dtype}, got {bias.dtype}")
    if bias.shape != weight.shape[:1]:
        raise ValueError(f"bias must have shape [{weight.shape[0]}], got {list(bias.shape)}")
    if bias.device != weight.device:
        raise ValueError(f"bias must be on the device of weight, {weight.device}, got {bias.device}: call bias.to")


def flattened(input: Any, target: Any, weight: Any) -> Flat:
    """Check dtypes and shapes of a batch, and return it without its leading dimensions."""
    inputs = checked_inputs(input, weight)
    _tensor("target", target)
    if target.dtype not in INTEGERS:
        raise TypeError(f"target must hold class ids in an integer dtype, got {target.dtype}: call target.long()")
    if target.device != input.device:
        raise ValueError(f"target must be on the device of input, {input.device}, got {target.device}: call target.to")
    shape = input.shape[:-1]
    if target.shape == shape:
        num_true = 1
    elif target.dim() == input.dim() and target.shape[:-1] == shape and target.shape[-1] > 0:
        num_true = target.shape[-1]
    else:
        raise ValueError(
            f"target must have shape {list(shape)}, that of input without its last dimension, or "
            f"{[*shape, 'num_true']} for several labels per example, got {list(target.shape)}"
        )
    return Flat(inputs.reshape(-1, weight.shape[1]), target.reshape(-1, num_true), tuple(shape))


def checked_inputs(input: Any, weight: Any) -> Any:
    """Check an input [..., in_features]; half precision is widened to the dtype of the arithmetic."""
    _tensor("input", input)
    arithmetic = arithmetic_of(weight)
    if input.dtype not in FLOATS or (input.dtype not in HALF and input.dtype != arithmetic):
        raise TypeError(
            f"input must be {arithmetic}, float16 or bfloat16 for a weight of {weight.dtype}, got {input.dtype}: "
            "call input.to"
        )
    if input.dim() == 0 or input.shape[-1] != weight.shape[1]:
        hint = "; weight looks transposed: pass weight.T" if input.dim() and input.shape[-1] == weight.shape[0] else ""
        raise ValueError(f"input must have shape [..., {weight.shape[1]}] as weight, got {list(input.shape)}{hint}")
    return input.to(arithmetic)


def arithmetic_of(weight: Any) -> Any:
    """Return the dtype in which losses are computed: that of weight, float32 for half precision."""
    return torch.float32 if weight.dtype in HALF else weight.dtype


def on_device_of(input: Any, weight: Any) -> None:
    """Refuse an input that is not where the tables are."""
    if input.device != weight.device:
        raise ValueError(f"input must be on the device of weight, {weight.device}, got {input.device}: call input.to")


def checked_labels(target: Any, num_classes: int, ignore_index: int, shape: tuple[int, ...]) -> Labels:
    """Return labels of target [n, num_true] without ignored examples; `shape` is that of messages."""
    if target.device.type == "meta":
        raise ValueError("target is on the device meta, which holds no values: a loss cannot be computed")
    ids = np.ascontiguousarray(target.detach().cpu().numpy(), np.int64)
    may_ignore = 0 <= ignore_index < num_classes
    if not may_ignore and ids.view(np.uint64).max(initial=0) < num_classes:
        return Labels(ids, None)
    kept = (ids != ignore_index).any(axis=1)
    bad = ((ids < 0) | (ids >= num_classes)) & kept[:, np.newaxis]
    if bad.any():
        row, column = divmod(int(bad.argmax()), ids.shape[1])
        position = [*map(int, np.unravel_index(row, shape)), *([column] if ids.shape[1] > 1 else [])]
        raise ValueError(
            f"target[{', '.join(map(str, position))}] = {ids[row, column]} is not a class: classes are in "
            f"[0, {num_classes}), and ignore_index = {ignore_index}"
        )
    return Labels(ids, None) if kept.all() else Labels(ids[kept], kept)


def checked_values(values: Any, labels: Labels, num_classes: int, subtract_log_q: bool) -> ss.SampledValues:
    """Return `sampled_values`, of tensors or arrays, as arrays without the examples that are ignored."""
    try:
        candidates, true_count, sampled_count = values
    except (TypeError, ValueError):
        raise TypeError(
            "sampled_values must be (sampled_candidates, true_expected_count, sampled_expected_count), "
            f"got {type(values).__name__}"
        ) from None
    candidates, true_count, sampled_count = (_array(part) for part in (candidates, true_count, sampled_count))
    if labels.kept is not None and true_count.shape[:1] == labels.kept.shape:
        true_count = true_count[labels.kept]
    if true_count.ndim == 1:
        true_count = true_count[:, np.newaxis]
    checked = ss.SampledValues(
        validation.ids("sampled_candidates", candidates, ("num_sampled",), num_classes),
        validation.floats("true_expected_count", true_count, labels.ids.shape),
        validation.floats("sampled_expected_count", sampled_count, (candidates.size,)),
    )
    if subtract_log_q:
        candidates, true_count, sampled_count = checked
        positive_counts("true_expected_count", true_count, "target", labels.ids)
        positive_counts("sampled_expected_count", sampled_count, "sampled_candidates", candidates)
    return checked


def checked_reduction(reduction: Any) -> str:
    """Return the name of a reduction."""
    return validation.choice("reduction", reduction, REDUCTIONS)


def checked_leaf(sparse: bool, **tables: Any) -> None:
    """Refuse sparse gradients of tensors that are computed: autograd passes them to leaves only."""
    for name, table in tables.items():
        if sparse and table is not None and table.requires_grad and not table.is_leaf:
            raise ValueError(
                f"sparse=True needs a leaf, such as nn.Parameter, but {name} is computed from other tensors: "
                "pass sparse=False"
            )


def _array(part: Any) -> NDArray[Any]:
    return part.detach().cpu().numpy() if isinstance(part, torch.Tensor) else np.asarray(part)


def _tensor(name: str, value: Any) -> None:
    if not isinstance(value, torch.Tensor):
        raise TypeError(f"{name} must be a torch.Tensor, got {validation.described(value)}")
