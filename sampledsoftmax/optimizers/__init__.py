"""Sparse optimizers: one step on the rows that a gradient names; other rows keep their bits."""

from sampledsoftmax.optimizers.adagrad import Adagrad
from sampledsoftmax.optimizers.adam import Adam
from sampledsoftmax.optimizers.base import Optimizer, Slots, checked_optimizer
from sampledsoftmax.optimizers.momentum import Momentum
from sampledsoftmax.optimizers.rowwise_adagrad import RowwiseAdagrad
from sampledsoftmax.optimizers.sgd import SGD

__all__ = ["SGD", "Adagrad", "Adam", "Momentum", "Optimizer", "RowwiseAdagrad", "Slots", "checked_optimizer"]
