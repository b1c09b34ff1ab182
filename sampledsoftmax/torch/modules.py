"""The output layer of a model as a loss module: sampled in training, exact in evaluation."""

from functools import partial
from typing import Any

import torch
from torch import nn

from sampledsoftmax import validation
from sampledsoftmax.torch import compiled, full, kernels
from sampledsoftmax.torch.arguments import (
    FLOATS,
    Flat,
    Labels,
    checked_inputs,
    checked_labels,
    checked_leaf,
    checked_reduction,
    checked_tables,
    checked_values,
    flattened,
    on_device_of,
)
from sampledsoftmax.torch.candidates import Candidates
from sampledsoftmax.torch.formula import checked_formula
from sampledsoftmax.torch.functional import full_loss_of, loss_of


class OutputLayer(nn.Module):
    """What both modules share: settings, candidates, and all that needs exact logits. Subclasses have the tables."""

    weight: Any
    bias: Any

    def __init__(
        self,
        in_features: int,
        n_classes: int,
        num_sampled: int,
        sampler: Any,
        objective: str,
        subtract_log_q: bool | None,
        remove_accidental_hits: bool | None,
        reduction: str,
        ignore_index: int,
        seed: Any,
        temperature: float = 1.0,
        normalize: bool = False,
    ) -> None:
        super().__init__()
        self.in_features = validation.whole_number("in_features", in_features, 1)
        self.n_classes = validation.whole_number("n_classes", n_classes, 1)
        self.formula = checked_formula(objective, subtract_log_q, remove_accidental_hits, temperature, normalize)
        self.reduction = checked_reduction(reduction)
        self.ignore_index = validation.whole_number("ignore_index", ignore_index, -(2**63))
        self.candidates = Candidates(sampler, self.n_classes, num_sampled, seed)
        self.anchor = torch.zeros((), requires_grad=True, device="cpu")  # has the backward pass run in compiled models
        self.handle = compiled.register(self)

    @property
    def temperature(self) -> float:
        """By what dot products are divided; it cannot be assigned."""
        return self.formula.temperature

    @property
    def normalize(self) -> bool:
        """Whether dot products are cosines; it cannot be assigned."""
        return self.formula.normalize

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self.handle = compiled.register(self)  # a copy has its own

    def get_extra_state(self) -> dict[str, Any]:
        """Return the position of the sampler, which `state_dict` holds."""
        return self.candidates.state

    def set_extra_state(self, state: Any) -> None:
        """Go on from the position of another sampler of the same kind."""
        self.candidates.state = state

    def full_loss(self, input: Any, target: Any) -> Any:
        """Return the exact loss over all classes, whatever the mode; see `forward`.

        Parameters
        ----------
        input : Tensor [..., in_features]
            Output of the encoder.
        target : int Tensor [...] or [..., num_true]
            Classes, or `ignore_index`.

        Returns
        -------
        Tensor
            The loss, equal to `torch.nn.functional.cross_entropy` of all logits to rounding. Memory does not grow with
            the batch times the classes; gradients of the tables, if they are asked for, are dense.

        Raises
        ------
        TypeError, ValueError
            If the tensors do not fit the module.
        """
        flat = self._flattened(input, target)
        if torch.compiler.is_compiling():
            return compiled.full_loss(
                flat, self.weight, self.bias, self.reduction, self.ignore_index, self.formula.similarity
            )
        labels = checked_labels(flat.target, self.n_classes, self.ignore_index, flat.shape)
        return full_loss_of(flat, labels, self.weight, self.bias, self.reduction, self.formula.similarity)

    def log_prob(self, input: Any) -> Any:
        """Return the log probability of every class.

        Parameters
        ----------
        input : Tensor [..., in_features]
            Output of the encoder.

        Returns
        -------
        Tensor [..., n_classes]
            Log probabilities, as large as all logits.

        Raises
        ------
        TypeError, ValueError
            If the input does not fit the module.
        """
        return full.log_prob(self._checked_inputs(input), self.weight, self.bias, self.formula.similarity)

    def predict(self, input: Any) -> Any:
        """Return the class with the largest logit.

        Parameters
        ----------
        input : Tensor [..., in_features]
            Output of the encoder.

        Returns
        -------
        int64 Tensor [...]
            Classes.

        Raises
        ------
        TypeError, ValueError
            If the input does not fit the module.
        """
        return self.topk(input, 1)[1][..., 0]

    def topk(self, input: Any, k: int) -> tuple[Any, Any]:
        """Return the k largest logits and their classes, one block of classes at a time and without gradients.

        Parameters
        ----------
        input : Tensor [..., in_features]
            Output of the encoder.
        k : int
            1 to `n_classes`.

        Returns
        -------
        values, indices : Tensor [..., k]
            Logits in descending order and their classes, in the order of `torch.topk`; which of two equal logits comes
            first is not defined.

        Raises
        ------
        TypeError, ValueError
            If the input does not fit the module or k is out of range.
        """
        k = validation.whole_number("k", k, 1, self.n_classes)
        inputs = self._checked_inputs(input)
        flat, similarity = inputs.reshape(-1, self.in_features), self.formula.similarity
        best, ids = full.top_k(flat, self.weight, self.bias, k, similarity)
        return best.reshape(*inputs.shape[:-1], k), ids.reshape(*inputs.shape[:-1], k)

    def extra_repr(self) -> str:
        """Return the settings for `repr`."""
        bias = "" if self.bias is not None else ", bias=False"
        temperature = "" if self.formula.temperature == 1 else f", temperature={self.formula.temperature:g}"
        normalize = ", normalize=True" if self.formula.normalize else ""
        return (
            f"{self.in_features}, {self.n_classes}, num_sampled={self.candidates.num_sampled}, "
            f"sampler={self.candidates.name}, objective={self.formula.objective}, reduction={self.reduction}"
            f"{bias}{temperature}{normalize}"
        )

    def arrays_for(self, labels: Any, values: Any) -> tuple[Any, Any]:
        """Return the memory of the tables, for a step with these labels and candidates."""
        del labels, values
        return kernels.arrays(self.weight, self.bias)

    def _checked_inputs(self, input: Any) -> Any:
        inputs = checked_inputs(input, self.weight)
        on_device_of(input, self.weight)
        return inputs

    def _flattened(self, input: Any, target: Any) -> Flat:
        checked_tables(self.weight, self.bias)
        flat = flattened(input, target, self.weight)
        on_device_of(input, self.weight)
        return flat

    def _drawn(self, labels: Labels, sampled_values: Any) -> tuple[Any, int | None]:
        """Return the candidates, and the step that they belong to unless they were given."""
        if sampled_values is not None:
            return checked_values(sampled_values, labels, self.n_classes, self.formula.subtract_log_q), None
        return self.candidates.draw(labels.ids)


class SampledSoftmaxLoss(OutputLayer):
    """An output layer and its loss: sampled softmax in training mode, the exact loss in evaluation mode.

    In the manner of `torch.nn.AdaptiveLogSoftmaxWithLoss`, the module has the output weights, and is called with the
    output of the encoder and the classes.

    Parameters
    ----------
    in_features : int
        Width of the inputs.
    n_classes : int
        Number of classes.
    num_sampled : int
        Candidates of a step, shared by the batch; at most `n_classes`, since they are unique.
    sampler : str or sampler object
        "log_uniform" (classes sorted by falling frequency), "uniform", or an object such as
        `sampledsoftmax.FixedUnigramSampler`, which is copied. One that learns from the labels is refused.
    objective : str
        "sampled_softmax", "nce" or "negative_sampling". In evaluation mode the loss is that of the exact softmax.
    bias : bool
        Whether there are output biases.
    sparse : bool
        Whether gradients of the tables are sparse, for `SGD`, `Adagrad` and `SparseAdam`; other optimizers refuse them.
    subtract_log_q, remove_accidental_hits : bool, optional
        What is done to logits; default: what the objective asks for, both for "sampled_softmax".
    temperature : float
        Logits are dot products / temperature, then biases are added, then log(expected count) is subtracted; above 0.
    normalize : bool
        Whether inputs and rows of `weight` are divided by their lengths, so that dot products are cosines. The
        parameter holds the rows as they are. A row shorter than 1e-12 counts as zeros: its gradient is 0.
    reduction : str
        "mean", "sum" or "none".
    ignore_index : int
        Label of examples that do not count.
    seed : None, int or (int, int)
        Seed of the candidates: TensorFlow's op seed. None draws one from PyTorch's generator.
    device, dtype : optional
        Of the tables, as for every module.

    Attributes
    ----------
    weight : Parameter [n_classes, in_features]
        Initially normal with standard deviation in_features**-0.5, from PyTorch's generator.
    bias : Parameter [n_classes] or None
        Initially 0.
    candidates : Candidates
        The sampler and its position, which is in `state_dict`.

    Raises
    ------
    TypeError, ValueError
        If an argument is of another type or out of its range.

    Notes
    -----
    Candidates are a function of the seed and the step, and a step ends when a gradient has been taken of its loss: two
    forward passes without a backward pass between them have the same candidates, and so has a pass that is repeated
    by `torch.utils.checkpoint`. Under autocast the loss is computed in float32.

    Examples
    --------
    >>> import torch
    >>> loss = SampledSoftmaxLoss(8, 1000, num_sampled=20, seed=1)
    >>> optimizer = torch.optim.SGD(loss.parameters(), 0.1)
    >>> hidden, target = torch.ones(4, 8), torch.tensor([1, 2, 3, 4])
    >>> before = loss.full_loss(hidden, target).item()
    >>> for _ in range(5):
    ...     optimizer.zero_grad()
    ...     loss(hidden, target).backward()
    ...     optimizer.step()
    >>> loss.eval()(hidden, target).item() < before
    True
    """

    def __init__(
        self,
        in_features: int,
        n_classes: int,
        num_sampled: int,
        *,
        sampler: Any = "log_uniform",
        objective: str = "sampled_softmax",
        bias: bool = True,
        sparse: bool = True,
        subtract_log_q: bool | None = None,
        remove_accidental_hits: bool | None = None,
        temperature: float = 1.0,
        normalize: bool = False,
        reduction: str = "mean",
        ignore_index: int = -100,
        seed: Any = None,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        if dtype is not None and dtype not in FLOATS:
            raise TypeError(f"dtype must be torch.float32, float64, float16 or bfloat16, got {validation.shown(dtype)}")
        super().__init__(in_features, n_classes, num_sampled, sampler, objective, subtract_log_q,
                         remove_accidental_hits, reduction, ignore_index, seed, temperature, normalize)  # fmt: skip
        self.sparse = validation.flag("sparse", sparse)
        options = {"device": device, "dtype": dtype}
        self.weight = nn.Parameter(torch.empty((self.n_classes, self.in_features), **options))
        has_bias = validation.flag("bias", bias)
        self.register_parameter("bias", nn.Parameter(torch.empty(self.n_classes, **options)) if has_bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new weights from PyTorch's generator, and set the biases to 0."""
        nn.init.normal_(self.weight, std=self.in_features**-0.5)
        if self.bias is not None:
            nn.init.zeros_(self.bias)

    def forward(self, input: Any, target: Any, sampled_values: Any = None) -> Any:
        """Return the loss: sampled in training mode, exact in evaluation mode.

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
        """
        if not self.training:
            return self.full_loss(input, target)
        flat = self._flattened(input, target)
        checked_leaf(self.sparse, weight=self.weight, bias=self.bias)
        if torch.compiler.is_compiling():
            return compiled.module_loss(self, flat, self.weight, self.bias, sampled_values, self.sparse)
        labels = checked_labels(flat.target, self.n_classes, self.ignore_index, flat.shape)
        values, step = self._drawn(labels, sampled_values)
        loss = loss_of(flat, labels, self.weight, self.bias, values, self.formula, self.reduction, self.sparse)
        if step is not None and loss.requires_grad:
            loss.register_hook(partial(_finish, self.candidates, step))
        return loss

    def take_gradients(self, gradients: Any, scale: Any) -> None:
        """Add sparse gradients to those of the parameters; called in the backward pass of compiled models."""
        for parameter, rows in ((self.weight, gradients.weights), (self.bias, gradients.biases)):
            if parameter is not None and parameter.requires_grad:
                found = kernels.gradient_of(rows, scale, True)
                parameter.grad = found if parameter.grad is None else parameter.grad + found

    def extra_repr(self) -> str:
        """Return the settings for `repr`."""
        return f"{super().extra_repr()}, sparse={self.sparse}"


def _finish(candidates: Candidates, step: int, grad: Any) -> None:
    del grad
    candidates.finish(step)
