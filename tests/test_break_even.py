"""The break-even of a sampled step: where the times cross, and a run at sizes that measure nothing."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks.break_even import QUICK, Problem, a_problem, break_even, full_step, main, sampled_step


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


def test_what_was_not_measured_has_no_break_even():
    assert break_even(results((1, 1, 1), (2, 2, 2)), 4, 16) is None
    assert break_even(results((1, 1, 1), (2, 2, 2)), 5, 8) is None


@pytest.mark.compiled
def test_both_full_steps_do_the_same_and_the_sampled_one_trains():
    problem = a_problem(30, 8, 4)
    assert isinstance(problem, Problem)
    assert problem.labels.max() < 30
    steps = {by: full_step(problem, by) for by in ("kernels", "NumPy")}
    tables = {}
    for by, step in steps.items():
        for _ in range(3):
            step(0)
        cells = dict(zip(step.__code__.co_freevars, step.__closure__, strict=True))
        tables[by] = [cells[name].cell_contents for name in ("weights", "biases")]
    for one, other in zip(*tables.values(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)
        assert np.abs(one).max() > 0
    sampled_step(problem, 5)(0)


@pytest.mark.compiled
def test_a_tiny_run_records_and_draws(tmp_path):
    path = tmp_path / "figures" / "break_even.json"
    args = ["--quick", "--rounds", "1", "--seconds", "0", "--shared", "--json", str(path), "--plots", str(path.parent)]
    found = CliRunner().invoke(main, args)
    assert found.exit_code == 0, found.output
    section = json.loads(path.read_text())["break_even"]
    assert len(section["results"]) == len(QUICK.num_classes)
    assert len(section["break_even"]) == len(QUICK.num_sampled)
    assert section["note"] == "a machine that did other work too"
    assert all(time > 0 for result in section["results"] for time in result["min_us"].values())
    picture = (path.parent / "break_even.svg").read_bytes()
    again = CliRunner().invoke(main, ["--redraw", "--json", str(path), "--plots", str(path.parent)])
    assert again.exit_code == 0, again.output
    assert (path.parent / "break_even.svg").read_bytes() == picture
    empty = CliRunner().invoke(main, ["--redraw", "--json", str(tmp_path / "none.json")])
    assert empty.exit_code == 1
    assert "holds no figures of break_even: leave --redraw away" in empty.output
