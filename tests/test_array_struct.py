"""Structs of arrays, as Python and as compiled code see them."""

import copy
import pickle
from typing import Any

import numba
import numpy as np
import pytest

from sampledsoftmax.jit.array_struct import ArrayStruct
from sampledsoftmax.jit.decorators import jit
from sampledsoftmax.jit.struct_sequence import StructSequence

with_jit = pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="types are Numba's")


class Pair(ArrayStruct):
    left: Any
    right: Any


class Nested(ArrayStruct):
    pair: Any
    cube: Any


@jit
def add_up_all(sequence, out):
    for k in range(len(sequence)):
        for i in range(sequence[k].left.size):
            out[k] += (k + 1) * sequence[k].left[i]
        sequence[k].right[0] = k


@jit
def add_up(nested, out):
    pair, cube = nested.pair, nested.cube
    for i in range(cube.shape[0]):
        for j in range(cube.shape[1]):
            for k in range(cube.shape[2]):
                out[0] += cube[i, j, k]
    for i in range(pair.left.size):
        out[0] += 10 * pair.left[i]
        pair.right[i] = pair.left[i]


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64])
@pytest.mark.parametrize(
    "in_order", [np.ascontiguousarray, np.asfortranarray, lambda cube: cube[::-1], lambda cube: cube[:, ::2]]
)
def test_kernels_read_and_write_the_arrays(dtype, in_order):
    cube = in_order(np.arange(24).reshape(2, 3, 4).astype(dtype))
    pair = Pair(np.array([1, 2, 3], dtype), right=np.zeros(3, np.float32))
    out = np.zeros(1)
    add_up(Nested(pair, cube), out)
    assert out[0] == cube.sum() + 60
    assert pair.right.tolist() == [1, 2, 3]


def test_replace_makes_a_struct_with_the_new_array_and_leaves_the_first_alone():
    first = Nested(Pair(np.ones(2), np.zeros(2)), np.zeros((1, 1, 1)))
    same_type, other_type = np.full((1, 1, 2), 5.0), np.full((1, 2, 1), 7, np.int32)
    for cube, expected in ((same_type, 30), (other_type, 34), (first.cube, 20)):
        out = np.zeros(1)
        add_up(first.replace(cube=cube), out)
        assert out[0] == expected
    out = np.zeros(1)
    add_up(first, out)
    assert out[0] == 20
    assert first.replace(cube=same_type).pair is first.pair


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda struct: pickle.loads(pickle.dumps(struct))])
def test_a_copy_owns_its_arrays(copied):
    first = Nested(Pair(np.ones(2), np.zeros(2)), np.ones((1, 1, 1)))
    other = copied(first)
    first.cube[:], first.pair.left[:] = 7, 9
    out = np.zeros(1)
    add_up(other, out)
    assert out[0] == 21
    assert first.pair.right.tolist() == [0, 0]


def test_a_struct_needs_all_its_fields():
    for values, named in (((1,), {}), ((np.zeros(1),), {"rihgt": np.zeros(1)}), ((), {"right": np.zeros(1)})):
        with pytest.raises(TypeError, match="Pair has left, right, got"):
            Pair(*values, **named)
    with pytest.raises(TypeError, match="Pair has left, right, got left, right, 0"):
        Pair(1, 2, 3)
    with pytest.raises(TypeError, match="Pair has left, right, got left, right, middle"):
        Pair(np.zeros(1), np.zeros(1)).replace(middle=np.zeros(1))


@with_jit
def test_types_distinguish_structs():
    pair = Pair(np.zeros(2), np.zeros(2))
    assert pair.numba_type == Pair(np.ones(9), np.ones(7)).numba_type
    assert pair.numba_type != Pair(np.zeros(2), np.zeros((2, 1))).numba_type
    assert pair.numba_type != Pair(np.zeros(2), np.zeros(2, np.float32)).numba_type
    assert pair.numba_type != Nested(np.zeros(2), np.zeros(2)).numba_type


@pytest.mark.parametrize("length", [1, 2, 5])
def test_kernels_index_a_sequence_of_structs(length):
    pairs = StructSequence([Pair(np.full(k, 10.0), np.zeros(1)) for k in range(length)])
    out = np.zeros(length)
    add_up_all(pairs, out)
    assert out.tolist() == [10.0 * k * (k + 1) for k in range(length)]
    assert [pair.right[0] for pair in pairs] == list(range(length))
    assert (len(pairs), pairs[0].left.size, len(pairs[1:])) == (length, 0, length - 1)


@with_jit
def test_the_type_of_a_sequence_is_that_of_its_structs_whatever_their_number():
    pair = Pair(np.zeros(2), np.zeros(2))
    assert StructSequence([pair]).numba_type == StructSequence([pair, pair]).numba_type
    with pytest.raises(TypeError, match="the structs of a sequence have one type"):
        StructSequence([pair, Pair(np.zeros(2, np.float32), np.zeros(2))])
