"""Subsets of grids: every value is in, they are the same in each run, and mistakes are named."""

import itertools
from types import SimpleNamespace

import pytest

from tests.subset import subset

VALUES = {"dtype": ["single", "double"], "optimizer": ["sgd", "adagrad", "adam"], "block": list(range(8))}
INDICES = list(itertools.product(*(range(len(values)) for values in VALUES.values())))


def parameter_set(indices):
    indices = dict(zip(VALUES, indices, strict=True))
    return SimpleNamespace(indices=indices, params={name: VALUES[name][i] for name, i in indices.items()})


GRID = [parameter_set(indices) for indices in INDICES]


def kept(*args, **kwargs):
    return [tuple(GRID[i].params.values()) for i in sorted(subset(GRID, *args, **kwargs))]


@pytest.mark.parametrize("size", [8, 13])
def test_every_value_of_every_parameter_is_kept(size):
    rows = kept(size)
    assert len(rows) == len(set(rows)) == size
    for column, values in zip(zip(*rows, strict=True), VALUES.values(), strict=True):
        assert set(column) == set(values)


def test_one_factor_at_a_time():
    rows = kept(dtype="double", optimizer="adam")
    assert {row[:2] for row in rows} == {
        ("double", "adam"), ("single", "adam"), ("double", "sgd"), ("double", "adagrad")
    }  # fmt: skip
    assert len(rows) == 4 * 8
    assert len(kept(5, dtype="double", optimizer="adam")) == 5


def test_a_large_size_keeps_all():
    assert len(kept(1000)) == len(kept()) == len(GRID)


def test_a_subset_is_spread():
    line = [SimpleNamespace(indices={"block": i}, params={"block": i}) for i in range(100)]
    chosen = sorted(subset(line, 10))
    assert chosen == sorted(subset(line, 10))
    assert max(b - a for a, b in itertools.pairwise([0, *chosen, 99])) < 25


def test_mistakes_are_named():
    with pytest.raises(ValueError, match=r"subset names \['rule'\], but the parameters are \['block', 'dtype'"):
        kept(rule="sgd")
    with pytest.raises(ValueError, match=r"no parameter set differs from .*'triple'"):
        subset([GRID[0]], dtype="triple", optimizer="none")
