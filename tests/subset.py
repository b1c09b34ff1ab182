"""Which parameter sets of a test run without `--full`: `@pytest.mark.subset(size, **base)`.

The mark is written above the `parametrize` marks of a test and keeps, in every run the same, some of their product:

- `size`: how many. They are spread over the grid, and each is chosen for values of parameters that none before it has.
- `**base`: one factor at a time. What is kept differs from the base in at most one of the parameters that it names, so
  every value of these is tested, and tests with the same base share compiled kernels.
"""

GOLDEN_RATIO = (1 + 5**0.5) / 2


def subset(parameter_sets, size=None, **base):
    """Return the positions of the parameter sets that are kept.

    Parameters
    ----------
    parameter_sets : list
        Of the items of one test, its `callspec`: `params` by name, and `indices`, their positions in `parametrize`.
    size : int, optional
        How many to keep; all that the base allows by default.
    **base
        Values of some parameters.
    """
    near = [i for i, these in enumerate(parameter_sets) if num_differences(these.params, base) <= 1]
    if not near:
        raise ValueError(f"no parameter set differs from {base} in at most one value")
    if size is None or size >= len(near):
        return set(near)
    return {near[i] for i in spread([set(parameter_sets[i].indices.items()) for i in near], size)}


def num_differences(params, base):
    if unknown := base.keys() - params.keys():
        raise ValueError(f"subset names {sorted(unknown)}, but the parameters are {sorted(params)}")
    return sum(params[name] is not value and params[name] != value for name, value in base.items())


def spread(rows, size):
    """Return positions of rows: each is the one with the most values that none before it has.

    Ties are broken by the fractional parts of multiples of the golden ratio: the first few of these, however many,
    are far apart.
    """
    left = sorted(range(len(rows)), key=lambda i: i * GOLDEN_RATIO % 1)
    chosen, seen = [], set()
    while len(chosen) < size:
        best = max(left, key=lambda i: len(rows[i] - seen))
        left.remove(best)
        chosen.append(best)
        seen |= rows[best]
    return chosen
