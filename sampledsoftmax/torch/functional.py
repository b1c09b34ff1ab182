"""Losses on tensors: TensorFlow's sampled losses with the argument order of PyTorch."""

from typing import Any

import torch

import sampledsoftmax as ss
from sampledsoftmax import validation
from sampledsoftmax.torch import compiled, full, kernels, operations
from sampledsoftmax.torch.arguments import (
    Flat,
    Labels,
    checked_labels,
    checked_leaf,
    checked_reduction,
    checked_tables,
    checked_values,
    flattened,
    on_device_of,
)
from sampledsoftmax.torch.formula import Formula, checked_formula
from sampledsoftmax.torch.samplers import to_tensors
from sampledsoftmax.types import DOT_PRODUCT, Similarity

_SAMPLERS = {"log_uniform": ss.log_uniform_candidate_sampler, "uniform": ss.uniform_candidate_sampler}


def sampled_softmax_loss(
    input: Any,
    target: Any,
    weight: Any,
    bias: Any = None,
    num_sampled: int | None = None,
    *,
    sampled_values: Any = None,
    sampler: str = "log_uniform",
    seed: Any = None,
    sparse: bool = False,
    reduction: str = "mean",
    ignore_index: int = -100,
    remove_accidental_hits: bool = True,
    subtract_log_q: bool = True,
    temperature: float = 1.0,
    normalize: bool = False,
) -> Any:
    """Return the sampled softmax loss: `sampledsoftmax.sampled_softmax_loss` on tensors, with gradients.

    Parameters
    ----------
    input : Tensor [..., in_features]
        Output of the encoder, in the dtype of `weight`; float16 and bfloat16 are widened to float32.
    target : int Tensor [...] or [..., num_true]
        Classes in [0, n_classes), or `ignore_index` for an example (all of its labels) that does not count.
    weight : Tensor [n_classes, in_features]
        Output weights: float32 or float64, or float16 or bfloat16, whose rows are widened where they are read.
    bias : Tensor [n_classes] or None
        Output biases.
    num_sampled : int, optional
        Number of candidates, shared by the batch. Not needed with `sampled_values`.
    sampled_values : SampledValues or triple, optional
        Candidates and expected counts, of tensors or arrays; counts of labels are [n] or [n, num_true] for the n
        examples of the batch, ignored ones included or left out.
    sampler : str
        "log_uniform" or "uniform": draws unique candidates where `sampled_values` is not given.
    seed : None, int or (int, int)
        Seed of the sampler: with the same seed the candidates are the same in every call. None draws others each time.
    sparse : bool
        Whether the gradients of `weight` and `bias`, which must be leaves, are sparse tensors with one row per label
        and candidate, not summed.
    reduction : str
        "mean" over the examples that count, "sum", or "none".
    ignore_index : int
        Label of examples that do not count; with the reduction "none" their loss is 0.
    remove_accidental_hits : bool
        Whether a candidate that is a label of an example is left out of that example's sum.
    subtract_log_q : bool
        Whether log(expected count) is subtracted from the logits; without it the loss is biased.
    temperature : float
        Logits are dot products / temperature, then biases are added, then log(expected count) is subtracted; above 0.
    normalize : bool
        Whether `input` and rows of `weight` are divided by their lengths, so that dot products are cosines. A row
        shorter than 1e-12 counts as zeros: its cosines and its gradient are 0.

    Returns
    -------
    Tensor
        A number, or the shape of `input` without its last dimension for the reduction "none"; float64 for float64
        tables, else float32, also under autocast. The mean of no examples is NaN, as in PyTorch's losses.

    Raises
    ------
    TypeError, ValueError
        If an argument is of another type, shape, device or range.

    Notes
    -----
    Tensors on the CPU are read where they are, by compiled code. Tables on other devices, of half precision or not
    contiguous are computed in PyTorch's operations. Candidates are constants: they have no gradient. The gradient has
    none in turn.

    Examples
    --------
    >>> import torch
    >>> weight, bias = torch.eye(6, 3, requires_grad=True), torch.zeros(6)
    >>> loss = sampled_softmax_loss(torch.ones(2, 3), torch.tensor([1, 2]), weight, bias, 4, seed=1, sparse=True)
    >>> loss.backward()
    >>> round(loss.item(), 4), weight.grad.layout
    (1.1904, torch.sparse_coo)
    """
    formula = checked_formula("sampled_softmax", subtract_log_q, remove_accidental_hits, temperature, normalize)
    return _loss(input, target, weight, bias, num_sampled, sampled_values, sampler, seed, sparse, reduction,
                 ignore_index, formula)  # fmt: skip


def nce_loss(
    input: Any,
    target: Any,
    weight: Any,
    bias: Any = None,
    num_sampled: int | None = None,
    *,
    sampled_values: Any = None,
    sampler: str = "log_uniform",
    seed: Any = None,
    sparse: bool = False,
    reduction: str = "mean",
    ignore_index: int = -100,
    remove_accidental_hits: bool = False,
    subtract_log_q: bool = True,
    temperature: float = 1.0,
    normalize: bool = False,
) -> Any:
    """Return the noise-contrastive loss: `sampledsoftmax.nce_loss` on tensors, with gradients.

    Parameters
    ----------
    input : Tensor [..., in_features]
        As for `sampled_softmax_loss`, like all arguments; only the default of `remove_accidental_hits` differs.
    target : int Tensor [...] or [..., num_true]
        Classes.
    weight : Tensor [n_classes, in_features]
        Output weights.
    bias : Tensor [n_classes] or None
        Output biases.
    num_sampled : int, optional
        Number of candidates.
    sampled_values : SampledValues or triple, optional
        Candidates and expected counts.
    sampler : str
        "log_uniform" or "uniform".
    seed : None, int or (int, int)
        Seed of the sampler.
    sparse : bool
        Whether the gradients of the tables are sparse tensors.
    reduction : str
        "mean", "sum" or "none".
    ignore_index : int
        Label of examples that do not count.
    remove_accidental_hits : bool
        Whether hits are left out; no, as in TensorFlow.
    subtract_log_q : bool
        Whether log(expected count) is subtracted; without it this is negative sampling.
    temperature : float
        Dot products are divided by it.
    normalize : bool
        Whether rows are divided by their lengths, so that dot products are cosines.

    Returns
    -------
    Tensor
        As `sampled_softmax_loss`.

    Raises
    ------
    TypeError, ValueError
        As `sampled_softmax_loss`.

    Examples
    --------
    >>> import torch
    >>> weight = torch.eye(6, 3)
    >>> round(nce_loss(torch.ones(2, 3), torch.tensor([1, 2]), weight, None, 4, seed=1).item(), 4)
    6.2586
    """
    formula = checked_formula("nce", subtract_log_q, remove_accidental_hits, temperature, normalize)
    return _loss(input, target, weight, bias, num_sampled, sampled_values, sampler, seed, sparse, reduction,
                 ignore_index, formula)  # fmt: skip


def _loss(
    input: Any,
    target: Any,
    weight: Any,
    bias: Any,
    num_sampled: Any,
    sampled_values: Any,
    sampler: Any,
    seed: Any,
    sparse: Any,
    reduction: Any,
    ignore_index: int,
    formula: Formula,
) -> Any:
    checked_tables(weight, bias)
    on_device_of(input, weight) if isinstance(input, torch.Tensor) else None
    flat = flattened(input, target, weight)
    checked_reduction(reduction)
    checked_leaf(validation.flag("sparse", sparse), weight=weight, bias=bias)
    ignore_index = validation.whole_number("ignore_index", ignore_index, -(2**63))
    if sampled_values is None and num_sampled is None:
        raise TypeError("num_sampled must be given where sampled_values is not")
    if torch.compiler.is_compiling():
        return compiled.functional_loss(flat, weight, bias, num_sampled, sampled_values, sampler, seed, sparse,
                                        reduction, ignore_index, formula)  # fmt: skip
    labels = checked_labels(flat.target, weight.shape[0], ignore_index, flat.shape)
    if sampled_values is None:
        draw, num_true = _SAMPLERS[validation.choice("sampler", sampler, tuple(_SAMPLERS))], labels.ids.shape[1]
        size = validation.sample_size("num_sampled", num_sampled, True, "n_classes", weight.shape[0])
        values = draw(labels.ids, num_true, size, True, weight.shape[0], seed)
    else:
        values = checked_values(sampled_values, labels, weight.shape[0], formula.subtract_log_q)
    if num_sampled is not None and num_sampled != values.sampled_candidates.size:
        raise ValueError(f"num_sampled = {num_sampled}, but sampled_values has {values.sampled_candidates.size}")
    return loss_of(flat, labels, weight, bias, values, formula, reduction, sparse)


def loss_of(
    flat: Flat,
    labels: Labels,
    weight: Any,
    bias: Any,
    values: ss.SampledValues,
    formula: Formula,
    reduction: str,
    sparse: bool,
) -> Any:
    """Return the reduced sampled loss of a checked batch."""
    inputs = flat.inputs if labels.kept is None else flat.inputs[torch.from_numpy(labels.kept).to(flat.inputs.device)]
    if kernels.can_compute(weight):
        call = kernels.Call(labels.ids, values, formula, reduction, sparse, torch.is_grad_enabled())
        losses = kernels.sampled_loss(inputs, weight, bias, call)
        return losses if reduction != "none" else spread(losses, labels, flat.shape)
    ids, on_device = torch.from_numpy(labels.ids).to(inputs.device), to_tensors(values, inputs.device)
    losses = operations.sampled_losses(inputs, weight, bias, ids, on_device, formula, sparse)
    return reduce(losses, labels, reduction, flat.shape)


def full_loss_of(
    flat: Flat, labels: Labels, weight: Any, bias: Any, reduction: str, similarity: Similarity = DOT_PRODUCT
) -> Any:
    """Return the reduced exact loss of a checked batch."""
    inputs = flat.inputs if labels.kept is None else flat.inputs[torch.from_numpy(labels.kept).to(flat.inputs.device)]
    losses = full.full_losses(inputs, weight, bias, torch.from_numpy(labels.ids).to(inputs.device), similarity)
    return reduce(losses, labels, reduction, flat.shape)


def reduce(losses: Any, labels: Labels, reduction: str, shape: tuple[int, ...]) -> Any:
    """Return the losses [num_kept] reduced, or in the shape of the batch with 0 for ignored examples."""
    if reduction == "none":
        return spread(losses, labels, shape)
    return losses.mean() if reduction == "mean" else losses.sum()


def spread(losses: Any, labels: Labels, shape: tuple[int, ...]) -> Any:
    """Return losses [num_kept] in the shape of the batch, 0 for ignored examples."""
    if labels.kept is None:
        return losses.reshape(shape)
    kept = torch.from_numpy(labels.kept).to(losses.device)
    return losses.new_zeros(kept.shape).masked_scatter(kept, losses).reshape(shape)
