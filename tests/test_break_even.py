"""The break-even of a sampled step: where the times cross, and a run at tiny sizes."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks.break_even import QUICK, Problem, a_problem, break_even, command, full_step, sampled_step


def results(full, sampled):
    times = [{"full, kernels": a, "full, NumPy": 2 * a, "sampled 8": b} for a, b in zip(full, sampled, strict=True)]
    return [
        {"batch_size": 4, "num_classes": size, "min_us": time}
        for size, time in zip((10, 100, 1000), times, strict=True)
    ]


@pytest.mark.parametrize(
    ("full", "sampled", "expected"),
    [
        ((1, 10, 100), (10, 10, 10), 100),
        ((1, 4, 16), (2, 2, 2), 10 * 10**0.5),  # halfway from 10 to 100 on a logarithmic axis
        ((5, 10, 100), (1, 1, 1), 10),
        ((1, 1, 1), (2, 2, 2), None),
        ((3, 1, 4), (2, 2, 2), 10**2.5),  # the last crossing counts
    ],
)
def test_where_the_times_cross(full, sampled, expected):
    found = break_even(results(full, sampled), 4, 8)
    assert found == (None if expected is None else pytest.approx(expected))


def test_unmeasured_sizes_have_no_break_even():
    assert break_even(results((1, 1, 1), (2, 2, 2)), 4, 16) is None
    assert break_even(results((1, 1, 1), (2, 2, 2)), 5, 8) is None


@pytest.mark.compiled
def test_both_full_steps_agree_and_the_sampled_step_trains():
    problem = a_problem(30, 8, 4)
    assert isinstance(problem, Problem)
    assert problem.labels.max() < 30
    steps = {by: full_step(problem, by) for by in ("kernels", "NumPy")}
    tables = {}
    for by, step in steps.items():
        for _ in range(3):
            step()
        cells = dict(zip(step.__code__.co_freevars, step.__closure__, strict=True))
        tables[by] = [cells[name].cell_contents for name in ("weights", "biases")]
    for one, other in zip(*tables.values(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)
        assert np.abs(one).max() > 0
    sampled_step(problem, 5)()


@pytest.mark.slow
@pytest.mark.compiled
def test_a_tiny_run_records_and_draws(tmp_path):
    path = tmp_path / "figures" / "break_even.json"
    args = ["--quick", "--rounds", "1", "--seconds", "0", "--shared", "--json", str(path), "--plots", str(path.parent)]
    found = CliRunner().invoke(command, args)
    assert found.exit_code == 0, found.output
    section = json.loads(path.read_text())["break_even"]
    assert len(section["results"]) == len(QUICK.num_classes)
    assert len(section["break_even"]) == len(QUICK.num_sampled)
    assert section["note"] == "a shared machine"
    assert all(time > 0 for result in section["results"] for time in result["min_us"].values())
    figure = (path.parent / "break_even.svg").read_bytes()
    again = CliRunner().invoke(command, ["--redraw", "--json", str(path), "--plots", str(path.parent)])
    assert again.exit_code == 0, again.output
    assert (path.parent / "break_even.svg").read_bytes() == figure
    empty = CliRunner().invoke(command, ["--redraw", "--json", str(tmp_path / "none.json")])
    assert empty.exit_code == 1
    assert "has no results of break_even: omit --redraw" in empty.output
