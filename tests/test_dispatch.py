"""Kernels chosen by the class of their first argument, from Python and inside compiled code."""

from typing import Any, NamedTuple

import numpy as np
import pytest

from sampledsoftmax.jit.array_struct import ArrayStruct
from sampledsoftmax.jit.decorators import jit
from sampledsoftmax.jit.dispatch import dispatch
from sampledsoftmax.jit.kernel import for_types_of


class Apples(NamedTuple):
    count: int


class Pears(NamedTuple):
    count: int
    weight: float


class Plums(NamedTuple):
    count: int


class RedApples(Apples):
    pass


class Stones(NamedTuple):
    count: int


class Bag(ArrayStruct):
    prices: Any


@dispatch
def price(fruit, each):
    """Return the price of some fruit."""


@price.register(Apples, Plums)
@jit
def _by_count(fruit, each):
    return fruit.count * each


@price.register(Pears)
@jit
def _by_weight(fruit, each):
    return fruit.weight * each


@price.register(Bag)
@jit
def _by_contents(bag, each):
    return bag.prices.sum() * each


@dispatch
def discount(fruit):
    """Return the share of the price that is taken off."""


@discount.default
@jit
def _no_discount(fruit):
    return 0.0


@discount.register(Plums)
@jit
def _plum_discount(fruit):
    return 0.5


@jit
def price_of_two(one, other, each):
    return price(one, each) + price(other, 2.0)


@jit
def discounted(fruit, each):
    return price(fruit, each) * (1.0 - discount(fruit))


def test_the_class_of_the_first_argument_decides():
    assert price(Apples(3), 2.0) == 6.0
    assert price(Pears(3, 0.5), 2.0) == 1.0
    assert price_of_two(Apples(3), Pears(3, 0.5), 2.0) == 7.0
    assert price_of_two(Pears(3, 0.5), Plums(4), 2.0) == 9.0


def test_a_subclass_uses_the_implementation_of_its_base_class():
    assert price(RedApples(3), 2.0) == 6.0
    assert price_of_two(RedApples(3), Apples(1), 2.0) == 8.0


def test_structs_of_arrays_dispatch_as_named_tuples_do():
    assert price_of_two(Bag(np.ones(3)), Apples(1), 2.0) == 8.0


def test_the_default_serves_classes_without_an_implementation():
    assert discount(Apples(3)) == 0.0
    assert discounted(Apples(3), 2.0) == 6.0
    assert discounted(Plums(3), 2.0) == 3.0
    assert discount.has(Plums)
    assert price.has(RedApples)
    assert not discount.has(Apples)


SENTENCE = (
    r"^no implementation of tests\.test_dispatch\.price is registered for Stones; "
    r"registered: Apples, Bag, Pears, Plums; register one with @price\.register\(Stones\)$"
)


@pytest.mark.parametrize(
    "call",
    [
        lambda: price(Stones(1), 2.0),
        lambda: price_of_two(Apples(1), Stones(1), 2.0),
        lambda: for_types_of(discounted, (Stones(1), 2.0))(Stones(1), 2.0),
    ],
)
def test_a_class_without_an_implementation_gets_a_sentence(call):
    with pytest.raises(TypeError, match=SENTENCE) as caught:
        call()
    assert len(caught.traceback) < 6  # frames of this package, none of the compiler


def test_an_empty_registry_says_so():
    @dispatch
    def unknown(fruit):
        """Do nothing."""

    with pytest.raises(TypeError, match=r"registered: none; register one with @unknown\.register"):
        unknown(Apples(1))
