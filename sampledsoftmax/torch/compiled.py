"""Custom operators, through which `torch.compile` calls compiled code and samplers without a graph break.

Operators take and return dense tensors only: the compiler of PyTorch has no sparse ones. A module that owns its updates
or has sparse gradients is named by a number, and an operator of the backward pass hands it the gradients of its rows.
"""

import itertools
import weakref
from typing import Any, Optional

import numpy as np
import torch
from torch import Tensor

import sampledsoftmax as ss
from sampledsoftmax.torch import full, kernels, operations
from sampledsoftmax.torch.arguments import Flat, checked_labels, checked_values
from sampledsoftmax.torch.formula import Formula
from sampledsoftmax.torch.samplers import to_tensors
from sampledsoftmax.types import DOT_PRODUCT, Similarity

_modules: "weakref.WeakValueDictionary[int, Any]" = weakref.WeakValueDictionary()
_numbers = itertools.count()
_SAMPLERS = {"log_uniform": ss.log_uniform_candidate_sampler, "uniform": ss.uniform_candidate_sampler}


def register(module: Any) -> int:
    """Return a number by which operators find the module."""
    number = next(_numbers)
    _modules[number] = module
    return number


def functional_loss(
    flat: Flat,
    weight: Any,
    bias: Any,
    num_sampled: Any,
    sampled_values: Any,
    sampler: str,
    seed: Any,
    sparse: bool,
    reduction: str,
    ignore_index: int,
    formula: Formula,
) -> Any:
    """Return the loss of a function that is being compiled."""
    if sparse:
        raise ValueError("sparse=True cannot be compiled in a function: use SampledSoftmaxLoss, or pass sparse=False")
    if sampled_values is None:
        numbers = () if seed is None else seed if isinstance(seed, (tuple, list)) else (seed,)
        seeds = ",".join(map(str, numbers))  # numbers of an operator have 64 bits, a seed may have more
        num_classes = weight.shape[0]
        sampled_values = _draw(flat.target, num_sampled, num_classes, sampler, seeds, ignore_index)
    return _dense_loss(flat, weight, bias, sampled_values, formula, reduction, ignore_index)


def module_loss(module: Any, flat: Flat, weight: Any, bias: Any, sampled_values: Any, by_module: bool) -> Any:
    """Return the loss of a module that is being compiled; `by_module` if it takes the gradients of its rows itself."""
    step = torch.full((), -1, dtype=torch.int64)
    if sampled_values is None:
        *sampled_values, step = _draw_of_module(flat.target, module.handle, module.candidates.num_sampled)
    if not by_module:
        losses = _dense_losses(flat, weight, bias, sampled_values, module.formula, module.ignore_index)
        losses = _finishing(losses, step, module.handle)
        return _reduce(losses, flat, module.reduction, module.ignore_index)
    if not kernels.can_compute(weight):
        raise ValueError(f"sparse=True cannot be compiled for tables on {weight.device}: pass sparse=False")
    values = [part.reshape(flat.target.shape) if i == 1 else part for i, part in enumerate(sampled_values)]
    losses = _module_losses(flat.inputs, flat.target, module.anchor, *values, step, module.handle)
    return _reduce(losses, flat, module.reduction, module.ignore_index)


def full_loss(
    flat: Flat, weight: Any, bias: Any, reduction: str, ignore_index: int, similarity: Similarity = DOT_PRODUCT
) -> Any:
    """Return the exact loss of a function that is being compiled."""
    losses = _full_losses(flat.inputs, flat.target, weight, bias, ignore_index, *similarity)
    return _reduce(losses, flat, reduction, ignore_index)


def _dense_loss(
    flat: Flat, weight: Any, bias: Any, values: Any, formula: Formula, reduction: str, ignore_index: int
) -> Any:
    losses = _dense_losses(flat, weight, bias, values, formula, ignore_index)
    return _reduce(losses, flat, reduction, ignore_index)


def _dense_losses(flat: Flat, weight: Any, bias: Any, values: Any, formula: Formula, ignore_index: int) -> Any:
    candidates, true_count, sampled_count = values
    true_count = true_count.reshape(flat.target.shape)
    if kernels.can_compute(weight):
        return _losses(flat.inputs, flat.target, weight, bias, candidates, true_count, sampled_count,
                       *formula, ignore_index)  # fmt: skip
    kept = (flat.target != ignore_index).any(dim=1)
    labels = torch.where(kept[:, None], flat.target, 0).long()
    on_device = ss.SampledValues(candidates, true_count, sampled_count)
    losses = operations.sampled_losses(flat.inputs, weight, bias, labels, on_device, formula, False)
    return torch.where(kept, losses, 0)


def _reduce(losses: Any, flat: Flat, reduction: str, ignore_index: int) -> Any:
    if reduction == "none":
        return losses.reshape(flat.shape)
    if reduction == "sum":
        return losses.sum()
    return losses.sum() / (flat.target != ignore_index).any(dim=1).sum()


# --- candidates ---


@torch.library.custom_op("sampledsoftmax::draw", mutates_args=())
def _draw(
    target: Tensor, num_sampled: int, num_classes: int, sampler: str, seeds: str, ignore_index: int
) -> tuple[Tensor, Tensor, Tensor]:
    numbers = tuple(map(int, seeds.split(","))) if seeds else ()
    seed = None if not numbers else numbers[0] if len(numbers) == 1 else numbers
    labels = checked_labels(target, num_classes, ignore_index, tuple(target.shape[:1]))
    values = _SAMPLERS[sampler](labels.ids, labels.ids.shape[1], num_sampled, True, num_classes, seed)
    return tuple(to_tensors(_with_ignored(values, labels), target.device))  # type: ignore[return-value]


@_draw.register_fake
def _(
    target: Any, num_sampled: int, num_classes: int, sampler: str, seeds: str, ignore_index: int
) -> tuple[Any, Any, Any]:
    return _fake_values(target, num_sampled)


@torch.library.custom_op("sampledsoftmax::draw_of_module", mutates_args=())
def _draw_of_module(target: Tensor, module: int, num_sampled: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    owner = _modules[module]
    labels = checked_labels(target, owner.n_classes, owner.ignore_index, tuple(target.shape[:1]))
    values, step = owner.candidates.draw(labels.ids)
    tensors = to_tensors(_with_ignored(values, labels), target.device)
    return *tensors, torch.full((), step, dtype=torch.int64)


@_draw_of_module.register_fake
def _(target: Any, module: int, num_sampled: int) -> tuple[Any, Any, Any, Any]:
    return *_fake_values(target, num_sampled), torch.empty((), dtype=torch.int64)


def _fake_values(target: Any, num_sampled: int) -> tuple[Any, Any, Any]:
    counts = {"dtype": torch.float32}
    return (
        target.new_empty((num_sampled,), dtype=torch.int64),
        target.new_empty(target.shape, **counts),
        target.new_empty((num_sampled,), **counts),
    )


def _with_ignored(values: ss.SampledValues, labels: Any) -> ss.SampledValues:
    """Return values with counts of all examples, 1 for ignored ones."""
    if labels.kept is None:
        return values
    counts = np.ones((labels.kept.size, labels.ids.shape[1]), np.float32)
    counts[labels.kept] = values.true_expected_count
    return values._replace(true_expected_count=counts)


# --- losses of tensors ---


@torch.library.custom_op("sampledsoftmax::losses", mutates_args=(), device_types="cpu")
def _losses(
    inputs: Tensor,
    target: Tensor,
    weight: Tensor,
    bias: Optional[Tensor],  # noqa: UP045 - the schema is read from this annotation, also in Python 3.10
    candidates: Tensor,
    true_count: Tensor,
    sampled_count: Tensor,
    objective: str,
    subtract_log_q: bool,
    remove_accidental_hits: bool,
    temperature: float,
    normalize: bool,
    ignore_index: int,
) -> Tensor:
    formula = Formula(objective, subtract_log_q, remove_accidental_hits, temperature, normalize)
    batch = _Batch(
        inputs, target, weight.shape[0], ignore_index, (candidates, true_count, sampled_count), subtract_log_q
    )
    return batch.spread(formula.losses(kernels.arrays(weight, bias), *batch.arguments))


@_losses.register_fake
def _(inputs: Any, *_: Any) -> Any:
    return inputs.new_empty(inputs.shape[:1])


@torch.library.custom_op("sampledsoftmax::gradients", mutates_args=(), device_types="cpu")
def _gradients(
    grad: Tensor,
    inputs: Tensor,
    target: Tensor,
    weight: Tensor,
    bias: Optional[Tensor],  # noqa: UP045
    candidates: Tensor,
    true_count: Tensor,
    sampled_count: Tensor,
    objective: str,
    subtract_log_q: bool,
    remove_accidental_hits: bool,
    temperature: float,
    normalize: bool,
    ignore_index: int,
) -> tuple[Tensor, Tensor, Tensor]:
    """Return gradients of the inputs, and of rows and biases of labels and candidates: 0 for ignored examples."""
    formula = Formula(objective, subtract_log_q, remove_accidental_hits, temperature, normalize)
    batch = _Batch(
        inputs, target, weight.shape[0], ignore_index, (candidates, true_count, sampled_count), subtract_log_q
    )
    found = batch.gradients(formula, kernels.arrays(weight, bias), grad)
    entries = inputs.new_zeros(0) if found.biases is None else batch.spread_rows(found.biases.values)
    return batch.spread(found.inputs), batch.spread_rows(found.weights.values), entries


@_gradients.register_fake
def _(grad: Any, inputs: Any, target: Any, weight: Any, bias: Any, candidates: Any, *_: Any) -> tuple[Any, Any, Any]:
    num_rows = target.numel() + candidates.shape[0]
    entries = inputs.new_empty(0 if bias is None else num_rows)
    return inputs.new_empty(inputs.shape), inputs.new_empty((num_rows, inputs.shape[1])), entries


def _save(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
    ctx.save_for_backward(*inputs[:7])
    ctx.options = inputs[7:]


def _backward(ctx: Any, grad: Any) -> tuple[Any, ...]:
    inputs, target, weight, bias, candidates, *counts = ctx.saved_tensors
    of_inputs, rows, entries = _gradients(grad, inputs, target, weight, bias, candidates, *counts, *ctx.options)
    ids = torch.cat((target.reshape(-1).clamp(min=0), candidates))  # an ignored label: 0 is added to some row
    of_weight = torch.zeros_like(weight).index_add(0, ids, rows)
    of_bias = None if bias is None else torch.zeros_like(bias).index_add(0, ids, entries)
    return (of_inputs, None, of_weight, of_bias, *[None] * 9)


_losses.register_autograd(_backward, setup_context=_save)


class _Batch:
    """The examples that count of a batch, as arrays, and the way back to all of them."""

    def __init__(
        self, inputs: Any, target: Any, num_classes: int, ignore_index: int, values: Any, subtract_log_q: bool
    ) -> None:
        self.labels = checked_labels(target, num_classes, ignore_index, tuple(target.shape[:1]))
        self.values = checked_values(values, self.labels, num_classes, subtract_log_q)
        self.inputs = self._kept(kernels.array(inputs))

    @property
    def arguments(self) -> tuple[Any, Any, Any]:
        return self.labels.ids, self.inputs, self.values

    def gradients(self, formula: Formula, tables: Any, grad: Any) -> ss.Gradients:
        """Return the gradients of sum(grad * loss)."""
        above = np.ascontiguousarray(self._kept(kernels.array(grad)))
        return formula.losses_and_gradients(tables, *self.arguments, above)[1]

    def spread(self, array: Any) -> Any:
        """Return an array with one entry or row per example that counts as a tensor for all, 0 for the others."""
        if self.labels.kept is None:
            return torch.from_numpy(array)
        full = np.zeros((self.labels.kept.size, *array.shape[1:]), array.dtype)
        full[self.labels.kept] = array
        return torch.from_numpy(full)

    def spread_rows(self, array: Any) -> Any:
        """Return the same for one entry or row per label, followed by those of the candidates."""
        if self.labels.kept is None:
            return torch.from_numpy(array)
        num_true = self.labels.ids.shape[1]
        of_labels = array[: self.labels.ids.size].reshape(-1, num_true, *array.shape[1:])
        spread = self.spread(of_labels).flatten(0, 1)
        return torch.cat((spread, torch.from_numpy(array[self.labels.ids.size :])))

    def _kept(self, array: Any) -> Any:
        return array if self.labels.kept is None else array[self.labels.kept]


@torch.library.custom_op("sampledsoftmax::finishing", mutates_args=())
def _finishing(losses: Tensor, step: Tensor, module: int) -> Tensor:
    return losses.clone()


@_finishing.register_fake
def _(losses: Any, step: Any, module: int) -> Any:
    return torch.empty_like(losses)


@torch.library.custom_op("sampledsoftmax::finish", mutates_args=())
def _finish(grad: Tensor, step: Tensor, module: int) -> Tensor:
    _modules[module].candidates.finish(int(step))
    return grad.clone()


@_finish.register_fake
def _(grad: Any, step: Any, module: int) -> Any:
    return torch.empty_like(grad)


def _save_step(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
    _, ctx.step, ctx.module = inputs


_finishing.register_autograd(
    lambda ctx, grad: (_finish(grad, ctx.step, ctx.module), None, None), setup_context=_save_step
)


# --- losses of modules that take the gradients of their rows themselves ---


def _batch_of(module: Any, inputs: Any, target: Any, values: Any) -> _Batch:
    return _Batch(inputs, target, module.n_classes, module.ignore_index, values, module.formula.subtract_log_q)


@torch.library.custom_op("sampledsoftmax::module_losses", mutates_args=(), device_types="cpu")
def _module_losses(
    inputs: Tensor,
    target: Tensor,
    anchor: Tensor,
    candidates: Tensor,
    true_count: Tensor,
    sampled_count: Tensor,
    step: Tensor,
    module: int,
) -> Tensor:
    owner = _modules[module]
    batch = _batch_of(owner, inputs, target, (candidates, true_count, sampled_count))
    return batch.spread(owner.formula.losses(owner.arrays_for(batch.labels.ids, batch.values), *batch.arguments))


@_module_losses.register_fake
def _(inputs: Any, *_: Any) -> Any:
    return inputs.new_empty(inputs.shape[:1])


@torch.library.custom_op("sampledsoftmax::module_gradients", mutates_args=(), device_types="cpu")
def _module_gradients(
    grad: Tensor,
    inputs: Tensor,
    target: Tensor,
    candidates: Tensor,
    true_count: Tensor,
    sampled_count: Tensor,
    step: Tensor,
    module: int,
) -> tuple[Tensor, Tensor]:
    """Hand the gradients of rows to the module; return that of the inputs, and 0 for the anchor."""
    owner = _modules[module]
    batch = _batch_of(owner, inputs, target, (candidates, true_count, sampled_count))
    found = batch.gradients(owner.formula, owner.arrays_for(batch.labels.ids, batch.values), grad)
    owner.take_gradients(found, np.ones((), found.inputs.dtype))
    owner.candidates.finish(int(step))
    return batch.spread(found.inputs), torch.zeros(())


@_module_gradients.register_fake
def _(grad: Any, inputs: Any, *_: Any) -> tuple[Any, Any]:
    return inputs.new_empty(inputs.shape), torch.empty(())


def _save_for_module(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
    features, target, _, *values, step, ctx.module = inputs
    ctx.save_for_backward(features, target, *values, step)


def _backward_of_module(ctx: Any, grad: Any) -> tuple[Any, ...]:
    of_inputs, of_anchor = _module_gradients(grad, *ctx.saved_tensors, ctx.module)
    return (of_inputs, None, of_anchor, *[None] * 5)


_module_losses.register_autograd(_backward_of_module, setup_context=_save_for_module)


# --- exact losses ---


@torch.library.custom_op("sampledsoftmax::full_losses", mutates_args=())
def _full_losses(
    inputs: Tensor,
    target: Tensor,
    weight: Tensor,
    bias: Optional[Tensor],  # noqa: UP045
    ignore_index: int,
    temperature: float,
    normalize: bool,
) -> Tensor:
    labels = checked_labels(target, weight.shape[0], ignore_index, tuple(target.shape[:1]))
    kept, ids = _on_device(labels, inputs)
    similarity = Similarity(temperature, normalize)
    losses = full.losses(inputs if kept is None else inputs[kept], weight, bias, ids, similarity)
    return losses if kept is None else losses.new_zeros(kept.shape).masked_scatter_(kept, losses)


@_full_losses.register_fake
def _(inputs: Any, *_: Any) -> Any:
    return inputs.new_empty(inputs.shape[:1])


@torch.library.custom_op("sampledsoftmax::full_gradients", mutates_args=())
def _full_gradients(
    grad: Tensor,
    inputs: Tensor,
    target: Tensor,
    weight: Tensor,
    bias: Optional[Tensor],  # noqa: UP045
    ignore_index: int,
    temperature: float,
    normalize: bool,
    of_tables: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    labels = checked_labels(target, weight.shape[0], ignore_index, tuple(target.shape[:1]))
    kept, ids = _on_device(labels, inputs)
    some = (grad, inputs) if kept is None else (grad[kept], inputs[kept])
    similarity = Similarity(temperature, normalize)
    of_inputs, of_weight, of_bias = full.gradients(*some, weight, bias, ids, of_tables, similarity)
    if kept is not None:
        of_inputs = torch.zeros_like(inputs).masked_scatter_(kept[:, None], of_inputs)
    none = inputs.new_empty(0)
    return of_inputs, none if of_weight is None else of_weight, none.clone() if of_bias is None else of_bias


@_full_gradients.register_fake
def _(
    grad: Any,
    inputs: Any,
    target: Any,
    weight: Any,
    bias: Any,
    ignore_index: int,
    temperature: float,
    normalize: bool,
    of_tables: bool,
) -> tuple[Any, Any, Any]:
    of_weight = torch.empty_like(weight) if of_tables else inputs.new_empty(0)
    of_bias = torch.empty_like(bias) if of_tables and bias is not None else inputs.new_empty(0)
    return torch.empty_like(inputs), of_weight, of_bias


def _on_device(labels: Any, inputs: Any) -> tuple[Any, Any]:
    kept = None if labels.kept is None else torch.from_numpy(labels.kept).to(inputs.device)
    return kept, torch.from_numpy(labels.ids).to(inputs.device)


def _save_full(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
    ctx.save_for_backward(*inputs[:4])
    ctx.options = inputs[4:]


def _backward_of_full(ctx: Any, grad: Any) -> tuple[Any, ...]:
    inputs, target, weight, bias = ctx.saved_tensors
    of_tables = any(ctx.needs_input_grad[2:4])
    found = _full_gradients(grad, inputs, target, weight, bias, *ctx.options, of_tables)
    of_inputs, of_weight, of_bias = found
    if not of_tables:
        return of_inputs, *[None] * 6
    return of_inputs, None, of_weight, None if bias is None else of_bias, *[None] * 3


_full_losses.register_autograd(_backward_of_full, setup_context=_save_full)
