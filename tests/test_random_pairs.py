"""Random pairs pulled together: the closed law against exact cases, the simulation and draws."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ssllib.engine.simulations import small_step
from ssllib.engine.simulations.norm_and_angle import NormAndAngleConfig, descend, start
from ssllib.errors import InputError
from ssllib.theory import random_angles, random_pairs

PI = math.pi


@settings(deadline=None, max_examples=30)
@given(st.floats(0.01, 0.99999))
def test_in_the_plane_opposite_halves_cost_exactly_twice_the_way(threshold: float) -> None:
    assert random_pairs.way(threshold, 2) == pytest.approx(2 * math.atanh(threshold), rel=1e-6)


@settings(deadline=None, max_examples=30)
@given(st.floats(0, 8))
def test_mean_cosine_in_the_plane_and_in_space(tau: float) -> None:
    assert 1 - random_pairs.shortfall(tau, 2) == pytest.approx(math.tanh(tau / 2), abs=1e-9)
    a2 = math.exp(-2 * tau)  # for d = 3, e^(2x) = u has the density 1 / (1 + u)^2
    exact = 1.0 if tau < 1e-3 else 2 * a2 * (2 * tau - 1 + a2) / (1 - a2) ** 2
    assert random_pairs.shortfall(tau, 3) == pytest.approx(exact, rel=2e-3 if tau < 1e-3 else 1e-6, abs=1e-9)


@pytest.mark.parametrize("d", [5, 20, 256])
def test_from_four_dimensions_on_the_price_is_a_constant(d: int) -> None:
    late = 1 - 1e-9
    extra = random_pairs.way(late, d) - math.atanh(late)
    assert extra == pytest.approx(math.log((d - 1) / (d - 3)) / 2, rel=1e-3)


@pytest.mark.parametrize("d", [2, 3, 20, 2048])
def test_the_law_of_x_is_the_law_of_the_angle(d: int) -> None:
    x, weight = random_pairs.law(d)
    assert weight.sum() == pytest.approx(1) and abs(weight @ x) < 1e-12
    assert weight @ np.tanh(x) ** 2 == pytest.approx(1 / d, rel=1e-6)
    q, cost = random_pairs.excess(PI / 2, d)
    assert q == pytest.approx(0.5) and cost == pytest.approx(weight @ np.abs(x) / 2, rel=1e-5)


def test_excess_by_hand() -> None:
    catalan = 0.9159655941772190
    assert random_pairs.excess(PI / 2, 2)[1] == pytest.approx(2 * catalan / PI, rel=1e-6)
    assert random_pairs.excess(PI / 2, 3)[1] == pytest.approx(math.log(2) / 2, rel=1e-6)
    q, cost = random_pairs.excess(7 * PI / 8, 3)
    assert q == pytest.approx(float(random_angles.chance(7 * PI / 8, 3)))
    assert cost > q * random_pairs.travel(7 * PI / 8)


def test_leaving_out_large_angles_shortens_the_way() -> None:
    ways = [random_pairs.way(0.999, 2, largest) for largest in (PI / 2, 7 * PI / 8, PI)]
    assert ways[0] < ways[1] < ways[2]
    assert ways[0] < math.atanh(0.999) < ways[1]


@pytest.mark.parametrize("d, within", [(2, 0.12), (3, 0.04), (20, 0.01)])
def test_the_simulation_takes_the_steps_of_the_law(d: int, within: float) -> None:
    config = NormAndAngleConfig(dim=d, norms=(1.0,), alphas=(0.0,), pairs=4000, rate=80.0)
    counted = descend(start(config), config)[0][0]
    expected = random_pairs.steps(random_pairs.way(config.threshold, d), config)
    assert counted == pytest.approx(expected, rel=within)
    assert small_step.steps(config)[0, 0] == pytest.approx(expected, rel=within)


def test_travel_and_its_ends() -> None:
    assert random_pairs.travel(PI / 2) == pytest.approx(0, abs=1e-15)
    assert random_pairs.travel(PI) == math.inf and random_pairs.travel(0) == -math.inf
    for bad in (-0.1, 4.0):
        with pytest.raises(InputError):
            random_pairs.travel(bad)
    with pytest.raises(InputError):
        random_pairs.law(1)
    with pytest.raises(InputError):
        random_pairs.way(1.0, 3)
    with pytest.raises(InputError):
        random_pairs.excess(1.0, 3)
