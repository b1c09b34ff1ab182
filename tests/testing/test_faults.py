"""The checks find every seeded fault, and their own numbers are right."""

import json
from pathlib import Path

import numpy as np
import pytest

from experiments.faults import RIGHT, FaultSettings, find_faults
from experiments.faulty_losses import FAULTY_LOSSES
from experiments.faulty_samplers import FAULTY_SAMPLERS
from sampledsoftmax.testing.chi_square import ALARM, compare, least_noncentrality, quantile, survival

RESULTS = Path(__file__).parents[2] / "docs" / "figures" / "faults.json"


def test_every_seeded_fault_is_found_and_nothing_else():
    points = find_faults(FaultSettings(num_draws=20_000, num_calls=300, num_samples=10))
    assert {point.fault for point in points} == {RIGHT, *FAULTY_SAMPLERS, *FAULTY_LOSSES}
    assert len(FAULTY_SAMPLERS) + len(FAULTY_LOSSES) >= 12
    for point in points:
        assert (point.fault == RIGHT) == (not point.found_by), point


def test_so_does_the_page():
    points = json.loads(RESULTS.read_text())["results"]
    assert {point["fault"] for point in points} == {RIGHT, *FAULTY_SAMPLERS, *FAULTY_LOSSES}
    assert all((point["fault"] == RIGHT) == (not point["found_by"]) for point in points)


@pytest.mark.parametrize(
    ("degrees", "chance", "value"), [(2, 0.05, 5.991), (5, 0.01, 15.086), (30, 0.001, 59.703), (100, 0.5, 99.334)]
)
def test_chi_square_is_that_of_printed_tables(degrees, chance, value):
    assert survival(value, degrees) == pytest.approx(chance, rel=0.05)
    assert quantile(chance, degrees) == pytest.approx(value, rel=0.03)


@pytest.mark.parametrize("degrees", [3, 60])
@pytest.mark.parametrize("tolerated", [0.0, 40.0])
def test_the_stated_noncentrality_is_found_in_simulation(degrees, tolerated):
    critical = quantile(ALARM, degrees, tolerated)
    values = np.random.default_rng(1).noncentral_chisquare(degrees, least_noncentrality(degrees, tolerated), 100_000)
    assert np.mean(values > critical) == pytest.approx(0.99, abs=0.004)


def test_cells_are_pooled_until_their_counts_vary_enough():
    expected = np.array([10.0, 4.0, 3.0, 2.0, 0.5])
    assert compare(expected, expected, expected).num_cells == 2
    lonely = compare(np.array([3.0]), np.array([3.0]), np.array([3.0]))
    assert (lonely.agrees, lonely.num_cells) == (True, 1)
