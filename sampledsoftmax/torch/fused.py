"""An output layer that trains its own tables: the fastest way to train on CPUs."""

import contextlib
import math
from typing import Any

import numpy as np
import torch
from torch import nn

import sampledsoftmax as ss
from sampledsoftmax import validation
from sampledsoftmax.layers.split_step import Forward
from sampledsoftmax.layers.table import NewTable, new_slots
from sampledsoftmax.runtime.fork_lock import ForkLock
from sampledsoftmax.torch import compiled, kernels
from sampledsoftmax.torch.arguments import Flat, checked_labels, checked_tables, flattened
from sampledsoftmax.torch.first_order import first_order
from sampledsoftmax.torch.functional import spread
from sampledsoftmax.torch.modules import OutputLayer
from sampledsoftmax.torch.prepared import Prepared, prepare

_update = ForkLock()  # one update at a time: a row must not have two writers


class FusedSampledSoftmaxLoss(OutputLayer):
    """An output layer that updates the rows of its tables in the backward pass, by an optimizer of this package.

    PyTorch sees the gradient of the input only: the tables are buffers on the CPU, not parameters, and no optimizer
    of PyTorch touches them. Use it as `SampledSoftmaxLoss`, with an optimizer of PyTorch for the rest of the model.

    Parameters
    ----------
    in_features : int
        Width of the inputs.
    n_classes : int
        Number of classes.
    num_sampled : int
        Candidates of a step, shared by the batch; at most `n_classes`, since they are unique.
    optimizer : Optimizer, optional
        How rows are updated: `sampledsoftmax.Adagrad(0.05)` by default. A schedule assigns its `learning_rate`.
    sampler : str or sampler object
        As for `SampledSoftmaxLoss`.
    objective : str
        As for `SampledSoftmaxLoss`.
    bias : bool
        Whether there are output biases.
    subtract_log_q, remove_accidental_hits : bool, optional
        As for `SampledSoftmaxLoss`.
    temperature : float
        As for `SampledSoftmaxLoss`.
    normalize : bool
        As for `SampledSoftmaxLoss`.
    reduction : str
        "mean", "sum" or "none".
    ignore_index : int
        Label of examples that do not count.
    seed : None, int or (int, int)
        Seed of the candidates. None draws one from PyTorch's generator.
    dtype : torch.float32 or torch.float64, optional
        Of the tables.

    Attributes
    ----------
    weight : Tensor [n_classes, in_features]
        A buffer; `weight.numpy()` is the same memory.
    bias : Tensor [n_classes] or None
        A buffer.
    optimizer : Optimizer
        As given. Its slots are buffers too, such as `weight_accumulator`.
    candidates : Candidates
        The sampler and its position, which is in `state_dict`.

    Raises
    ------
    TypeError, ValueError
        If an argument is of another type or out of its range.

    Notes
    -----
    Each backward pass through the loss is one step of the optimizer, with the gradients of the tables as they were in
    the forward pass, times the gradient from above. So for gradient accumulation each backward pass updates the tables;
    a second one through the same loss raises. Under `no_grad`, and in evaluation mode, nothing is updated. Clipping the
    gradients of `parameters()` does not touch the tables. The scale of a `GradScaler` is not undone: use bfloat16,
    which needs none. The module stays on the CPU when a model is moved; inputs on another device are copied.
    A table of `Adam(mode="exact")` is brought up to date by an evaluation.

    The forward pass leaves the gradients of its batch in memory that the module has for one batch, and the backward
    pass takes the step: together the bits of `SampledSoftmax.step`. While a loss waits for its backward pass, further
    losses of the module are composed of the loss functions and `Optimizer.update`, which is slower: the same bits of
    losses and of gradients of the input, tables equal to rounding. So are losses with an optimizer without a compiled
    rule, with candidates that were given and occur twice, and under `torch.compile`.
    With the reduction "none" such a loss computes its gradients in the backward pass, from the tables as they are then.

    Examples
    --------
    >>> import torch
    >>> loss = FusedSampledSoftmaxLoss(8, 1000, num_sampled=20, seed=1)
    >>> encoder = torch.nn.Linear(4, 8)
    >>> optimizer = torch.optim.SGD(encoder.parameters(), 0.1)
    >>> features, target = torch.ones(4, 4), torch.tensor([1, 2, 3, 4])
    >>> before = loss.full_loss(encoder(features), target).item()
    >>> for _ in range(5):
    ...     optimizer.zero_grad()
    ...     loss(encoder(features), target).backward()
    ...     optimizer.step()
    >>> loss.eval()(encoder(features), target).item() < before, list(loss.parameters())
    (True, [])
    """

    def __init__(
        self,
        in_features: int,
        n_classes: int,
        num_sampled: int,
        *,
        optimizer: ss.Optimizer | None = None,
        sampler: Any = "log_uniform",
        objective: str = "sampled_softmax",
        bias: bool = True,
        subtract_log_q: bool | None = None,
        remove_accidental_hits: bool | None = None,
        temperature: float = 1.0,
        normalize: bool = False,
        reduction: str = "mean",
        ignore_index: int = -100,
        seed: Any = None,
        dtype: Any = None,
    ) -> None:
        dtype = torch.get_default_dtype() if dtype is None else dtype
        if dtype not in (torch.float32, torch.float64):
            raise TypeError(f"dtype must be torch.float32 or torch.float64, got {validation.shown(dtype)}")
        super().__init__(in_features, n_classes, num_sampled, sampler, objective, subtract_log_q,
                         remove_accidental_hits, reduction, ignore_index, seed, temperature, normalize)  # fmt: skip
        self.optimizer = _checked_optimizer(optimizer)
        options = {"dtype": dtype, "device": "cpu"}
        self.register_buffer("weight", torch.empty((self.n_classes, self.in_features), **options))
        has_bias = validation.flag("bias", bias)
        self.register_buffer("bias", torch.empty(self.n_classes, **options) if has_bias else None)
        self._slot_names: dict[str, list[str]] = {}
        for table in ("weight", "bias")[: 1 + has_bias]:
            slots = self.optimizer.init(getattr(self, table).numpy())
            self._slot_names[table] = list(slots)
            for name, slot in slots.items():
                self.register_buffer(f"{table}_{name}", torch.from_numpy(np.asarray(slot)))
        self._prepared: Prepared | None = None
        self.reset_parameters()

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what belongs to this instance."""
        return vars(self) | {"_prepared": None}

    def reset_parameters(self) -> None:
        """Draw new weights from PyTorch's generator, set the biases to 0, and begin the optimizer again."""
        nn.init.normal_(self.weight, std=self.in_features**-0.5)
        if self.bias is not None:
            nn.init.zeros_(self.bias)
        for table in self._slot_names:
            values, slots = getattr(self, table).numpy(), self._slots(table)
            of_values = NewTable(table, values.shape, values.dtype, np.zeros)
            for fresh in new_slots(of_values, self.optimizer):  # block by block: no second accumulator
                fresh.fill(slots[fresh.name])

    def forward(self, input: Any, target: Any, sampled_values: Any = None) -> Any:
        """Return the loss: sampled in training mode, where its backward pass updates the tables, else exact.

        Parameters
        ----------
        input : Tensor [..., in_features]
            Output of the encoder, in the dtype of `weight`; float16 and bfloat16 are widened to float32.
        target : int Tensor [...] or [..., num_true]
            Classes, or `ignore_index`.
        sampled_values : SampledValues or triple, optional
            Candidates and expected counts instead of those of the sampler; without effect in evaluation mode.

        Returns
        -------
        Tensor
            A number, or the shape of `input` without its last dimension for the reduction "none".

        Raises
        ------
        TypeError, ValueError
            If the tensors do not fit the module.
        FloatingPointError
            If the loss, or in the backward pass the gradient from above, is NaN or infinite; no table is changed.
        """
        if not self.training:
            return self.full_loss(input, target)
        flat, device = self._flattened(input, target), input.device
        if torch.compiler.is_compiling():
            return compiled.module_loss(self, flat, self.weight, self.bias, sampled_values, True).to(device)
        labels = checked_labels(flat.target, self.n_classes, self.ignore_index, flat.shape)
        inputs = flat.inputs if labels.kept is None else flat.inputs[torch.from_numpy(labels.kept)]
        values, step = self._drawn(labels, sampled_values)
        with_grad = torch.is_grad_enabled()
        call = kernels.Call(labels.ids, values, self.formula, self.reduction, True, with_grad)
        losses = _FusedLoss.apply(inputs, self.anchor, self, call, step)
        return (spread(losses, labels, flat.shape) if self.reduction == "none" else losses).to(device)

    def full_loss(self, input: Any, target: Any) -> Any:  # noqa: D102 - inherited
        self._catch_up()
        return super().full_loss(input, target)

    def log_prob(self, input: Any) -> Any:  # noqa: D102 - inherited
        self._catch_up()
        return super().log_prob(input)

    def topk(self, input: Any, k: int) -> tuple[Any, Any]:  # noqa: D102 - inherited
        self._catch_up()
        return super().topk(input, k)

    def arrays_for(self, labels: Any, values: Any) -> tuple[Any, Any]:
        """Return the memory of the tables, after the rows of a step are brought up to date."""
        ids = np.concatenate((labels.ravel(), values.sampled_candidates))
        for table in self._slot_names:
            self.optimizer.catch_up(getattr(self, table).numpy(), self._slots(table), ids)
        return kernels.arrays(self.weight, self.bias)

    def begin(self, call: kernels.Call, features: Any, are_distinct: bool) -> Forward | None:
        """Make the first call of a compiled step; None if it must be composed of the public functions."""
        prepared = self._compiled_step()
        if prepared is None:
            return None
        share = 1.0 / max(len(features), 1) if call.reduction == "mean" else 1.0
        with _update if prepared.tables[0].lags else contextlib.nullcontext():  # rows that are behind catch up
            return prepared.steps.forward(prepared.tables, features, call.labels, call.values, share, are_distinct)

    def finish(self, forward: Forward, above: Any) -> Any:
        """Make the second call, with the gradient from above, and return the gradient of the input."""
        scale = above
        if above.ndim == 0:
            _refuse_not_finite(above)
            scale = None if above == 1 else np.full(forward.losses.shape, above)
        of_inputs = forward.inputs_gradient(scale)
        _refuse_inputs_not_finite(of_inputs)
        prepared = self._compiled_step()
        if prepared is None:
            raise RuntimeError("the tables were replaced between the forward and the backward pass")
        classes = forward.classes()
        with _update:
            forward.update(prepared.tables, scale)
            if prepared.no_biases is not None:
                prepared.no_biases.clear(classes)
        for table in self._slot_names:
            torch.autograd.graph.increment_version(getattr(self, table))
        return of_inputs

    def take_gradients(self, gradients: ss.Gradients, scale: Any) -> None:
        """Update the tables by gradients times `scale`; those of an empty batch change nothing."""
        _refuse_not_finite(scale)
        _refuse_inputs_not_finite(gradients.inputs)
        if gradients.inputs.size == 0:
            return
        with _update:
            for table, rows in (("weight", gradients.weights), ("bias", gradients.biases)):
                if rows is not None:
                    tensor = getattr(self, table)
                    scaled = rows if scale == 1 else rows._replace(values=rows.values * scale)
                    self.optimizer.update(tensor.numpy(), self._slots(table), scaled)
                    torch.autograd.graph.increment_version(tensor)

    def extra_repr(self) -> str:
        """Return the settings for `repr`."""
        name, rate = type(self.optimizer).__name__, self.optimizer.learning_rate
        return f"{super().extra_repr()}, optimizer={name}(learning_rate={rate:g})"

    def _apply(self, fn: Any, recurse: bool = True) -> Any:
        """Stay where the memory is: called by `to`, `cuda`, `half` and so on."""
        del recurse
        wanted = fn(torch.empty(0, dtype=self.weight.dtype)).dtype
        if wanted != self.weight.dtype:
            raise TypeError(
                f"the tables of FusedSampledSoftmaxLoss stay {self.weight.dtype}, and cannot become {wanted}: "
                "cast the other modules, or pass dtype to the constructor"
            )
        return self

    def trained_buffers(self) -> tuple[Any, ...]:
        """Return the tables, then their slots."""
        slots = [f"{table}_{name}" for table, names in self._slot_names.items() for name in names]
        return tuple(self._buffers[name] for name in (*self._slot_names, *slots))

    def _compiled_step(self) -> Prepared | None:
        """Return what the compiled step needs, None if there is none for this module."""
        found = self._prepared
        if found is None or not found.is_for(self):
            self._prepared = found = prepare(self, {name: self._slots(name) for name in self._slot_names}, found)
        return found

    def _slots(self, table: str) -> dict[str, Any]:
        return {name: getattr(self, f"{table}_{name}").numpy() for name in self._slot_names[table]}

    def _catch_up(self) -> None:
        for table in self._slot_names:
            self.optimizer.catch_up(getattr(self, table).numpy(), self._slots(table), None)

    def _checked_inputs(self, input: Any) -> Any:
        return super()._checked_inputs(input.to("cpu") if isinstance(input, torch.Tensor) else input)

    def _flattened(self, input: Any, target: Any) -> Flat:
        checked_tables(self.weight, self.bias)
        flat = flattened(input, target, self.weight)
        return Flat(flat.inputs.to("cpu"), flat.target.to("cpu"), flat.shape)


class _FusedLoss(torch.autograd.Function):
    """Losses and gradients in the forward pass; the update in the backward pass.

    By the two calls of a compiled step, or where it cannot be, as while another loss of the module waits for its
    backward pass, by the public functions.
    """

    @staticmethod
    def forward(
        ctx: Any, inputs: Any, anchor: Any, module: FusedSampledSoftmaxLoss, call: kernels.Call, step: Any
    ) -> Any:
        ctx.module, ctx.call, ctx.step, ctx.used = module, call, step, False
        features = kernels.array(inputs)
        ctx.gradients = ctx.inputs = None
        ctx.begun = module.begin(call, features, step is not None) if call.with_grad else None
        if ctx.begun is not None:
            losses = ctx.begun.losses
        else:
            tables = module.arrays_for(call.labels, call.values)
            if not call.with_grad or call.reduction == "none":
                losses = call.formula.losses(tables, call.labels, features, call.values)
                ctx.inputs = features
            else:
                share = kernels.shares(features, call.reduction)
                parts = (tables, call.labels, features, call.values, share)
                losses, ctx.gradients = call.formula.losses_and_gradients(*parts)
        if call.with_grad and not math.isfinite(losses.sum(dtype=np.float64)) and not np.isfinite(losses).all():
            if ctx.begun is not None:
                ctx.begun.release()
            row = int((~np.isfinite(losses)).argmax())
            raise FloatingPointError(f"the loss of example {row} is {losses[row]}: no table was changed")
        return kernels.reduced(losses, call.reduction)

    @staticmethod
    @first_order
    def backward(ctx: Any, grad: Any) -> Any:
        if ctx.used:
            raise RuntimeError(
                "a second backward pass through a FusedSampledSoftmaxLoss: the first one has updated the tables; "
                "call the module again"
            )
        above = kernels.array(grad)
        of_inputs = _composed(ctx, above) if ctx.begun is None else ctx.module.finish(ctx.begun, above)
        ctx.used, ctx.gradients, ctx.begun = True, None, None
        if ctx.step is not None:
            ctx.module.candidates.finish(ctx.step)
        return torch.from_numpy(of_inputs) if ctx.needs_input_grad[0] else None, None, None, None, None


def _composed(ctx: Any, above: Any) -> Any:
    """Update the tables by the public functions, and return the gradient of the input."""
    module, call, gradients, scale = ctx.module, ctx.call, ctx.gradients, above
    if gradients is None:
        scale = np.ones((), above.dtype)
        parts = (module.arrays_for(call.labels, call.values), call.labels, ctx.inputs, call.values)
        _, gradients = call.formula.losses_and_gradients(*parts, above)
    module.take_gradients(gradients, scale)
    return gradients.inputs if scale == 1 else gradients.inputs * scale


def _refuse_not_finite(scale: Any) -> None:
    if not np.isfinite(scale):
        raise FloatingPointError(f"the gradient of the loss is {scale}: no table was changed")


def _refuse_inputs_not_finite(gradient: Any) -> None:
    if not np.isfinite(gradient).all():
        raise FloatingPointError("a gradient of the input is NaN or infinite: no table was changed")


def _checked_optimizer(optimizer: Any) -> ss.Optimizer:
    if optimizer is None:
        return ss.Adagrad(0.05)
    if isinstance(optimizer, (torch.optim.Optimizer, type)) or not isinstance(optimizer, ss.Optimizer):
        raise TypeError(
            "optimizer must be one of this package, such as sampledsoftmax.Adagrad(0.05), got "
            f"{validation.described(optimizer)}"
        )
    return optimizer
