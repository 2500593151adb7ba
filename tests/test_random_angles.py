"""The law of the angle between random vectors: against SciPy, exact cases, draws, and its own bounds."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ssllib.errors import InputError
from ssllib.theory import random_angles
from ssllib.theory.proofs import angle_bound as checks
from ssllib.theory.proofs import angle_law
from ssllib.theory.proofs.statements import Undecided, settle

PI = math.pi
obtuse = st.floats(PI / 2 + 1e-6, PI - 1e-6)
dimensions = st.one_of(st.integers(1, 6), st.integers(7, 5000))


@pytest.mark.parametrize("d", [2, 3, 4, 5, 20, 128, 2048])
def test_against_scipy(d: int) -> None:
    special = pytest.importorskip("scipy.special")
    phi = np.linspace(0, PI, 1001)[1:-1]
    half = special.betainc((d - 1) / 2, 0.5, np.sin(phi) ** 2) / 2
    expected = np.where(phi > PI / 2, half, 1 - half)
    there = expected > 1e-290
    np.testing.assert_allclose(random_angles.chance(phi, d)[there], expected[there], rtol=1e-10)


@pytest.mark.parametrize("d", [2, 3, 128, 2048])
def test_log_chance_against_fifty_digits(d: int) -> None:
    mpmath = pytest.importorskip("mpmath")
    exact = float(mpmath.log(angle_law.exact_chance(d)))
    assert math.isclose(random_angles.log_chance(7 * PI / 8, d), exact, rel_tol=1e-12)


def test_by_hand() -> None:
    phi = np.array([0.3, PI / 2, 2.0, 7 * PI / 8])
    np.testing.assert_allclose(random_angles.chance(phi, 2), (PI - phi) / PI, rtol=1e-13)
    np.testing.assert_allclose(random_angles.chance(phi, 3), (1 + np.cos(phi)) / 2, rtol=1e-13)
    exact = (PI - phi + np.sin(phi) * np.cos(phi)) / PI
    np.testing.assert_allclose(random_angles.chance(phi, 4), exact, rtol=1e-12)
    assert random_angles.chance(7 * PI / 8, 2) == pytest.approx(1 / 8, rel=1e-14)


def test_the_line_and_the_ends() -> None:
    np.testing.assert_array_equal(random_angles.chance([0, 1, 3, PI], 1), [0.5, 0.5, 0.5, 0])
    np.testing.assert_allclose(random_angles.chance([0, PI / 2, PI], 7), [1, 0.5, 0], atol=1e-15)


@pytest.mark.parametrize("d", [1, 2, 3, 20])
def test_against_draws(d: int) -> None:
    rng = np.random.default_rng(d)
    x, y = rng.standard_normal((2, 40_000, d))
    c = (x * y).sum(1) / np.sqrt((x**2).sum(1) * (y**2).sum(1))
    assert abs(c.mean()) < 4 / math.sqrt(40_000 * d) and abs(c.var() * d - 1) < 0.05
    for phi in (1.0, 2.0, 2.6):
        p = float(random_angles.chance(phi, d))
        assert abs((c < math.cos(phi)).mean() - p) < 4 * math.sqrt(p * (1 - p) / 40_000) + 1e-4


@pytest.mark.parametrize("d", [3, 4, 10])
def test_the_density_is_the_slope_of_the_chance(d: int) -> None:
    phi, h = np.linspace(0.3, 2.9, 9), 1e-5
    slope = (random_angles.chance(phi + h, d) - random_angles.chance(phi - h, d)) / (2 * h)
    np.testing.assert_allclose(-slope, random_angles.density(np.cos(phi), d) * np.sin(phi), rtol=1e-6)


@settings(deadline=None, max_examples=200)
@given(obtuse, dimensions)
def test_both_bounds_hold_and_ours_is_below_the_printed_one(phi: float, d: int) -> None:
    ours, printed = float(random_angles.sine_bound(phi, d)), float(random_angles.printed_bound(phi, d))
    assert random_angles.chance(phi, d) <= ours * (1 + 1e-9)
    assert ours < printed


@settings(deadline=None, max_examples=100)
@given(st.floats(0, PI), st.integers(2, 3000))
def test_symmetric_and_falling(phi: float, d: int) -> None:
    here = float(random_angles.chance(phi, d))
    assert here + float(random_angles.chance(PI - phi, d)) == pytest.approx(1, abs=1e-10)
    assert float(random_angles.chance(min(PI, phi + 0.01), d)) <= here
    if PI / 2 + 0.01 < phi < PI - 1e-6:
        assert random_angles.log_chance(phi, d + 1) < random_angles.log_chance(phi, d)


@pytest.mark.parametrize(
    "call",
    [
        lambda: random_angles.chance(-0.1, 3),
        lambda: random_angles.chance([1.0, 4.0], 3),
        lambda: random_angles.chance(math.nan, 3),
        lambda: random_angles.chance(1.0, 0),
        lambda: random_angles.chance(1.0, 2.5),  # type: ignore[arg-type]
        lambda: random_angles.density(1.0, 3),
        lambda: random_angles.density(0.0, 1),
        lambda: random_angles.printed_bound(1.0, 3),
        lambda: random_angles.sine_bound(1.0, 3),
    ],
)
def test_wrong_input_is_named(call) -> None:  # noqa: ANN001
    with pytest.raises(InputError):
        call()


# --- the proofs' pieces can come out false ----------------------------------------------------------------


def test_a_bound_that_is_too_small_is_found_out() -> None:
    small = angle_law.violation(lambda phi, d: random_angles.sine_bound(phi, d) / 2, (2, 3))
    assert small is not None and small["d"] == 2 and small["chance"] > small["bound"]
    chebyshev_halved = angle_law.violation(lambda phi, d: random_angles.printed_bound(phi, d) / 2, (1,))
    assert chebyshev_halved is not None


def test_moments_for_a_symbolic_dimension_agree_with_integration() -> None:
    sympy = pytest.importorskip("sympy")
    d = sympy.Symbol("d", positive=True)
    for order, dimension in ((1, 4), (2, 3), (2, 4), (4, 3), (4, 4)):
        exact = angle_law.moment_by_integration(order, dimension)
        assert sympy.simplify(angle_law.moment(order).subs(d, dimension) - exact) == 0


def test_settle_wants_a_proof_or_an_example_and_not_both() -> None:
    assert settle("s", "p", True, None).holds
    assert settle("s", "p", False, {"n": 1}, corrected=("q", True)).corrected == "q"
    assert settle("s", "p", False, {"n": 1}, corrected=("q", False)).corrected is None
    for proof, example in ((True, {"n": 1}), (False, None)):
        with pytest.raises(Undecided):
            settle("s", "p", proof, example)


def test_outcomes_and_the_printed_bound_s_reach() -> None:
    pytest.importorskip("z3")
    from ssllib.theory import proofs

    found = {name: proofs.prove(name) for name in checks.CHECKS}
    assert {proof.outcome for proof in found.values()} == {"proved"}
    by_bound = [s.holds for s in found["angles-near-pi-negligible"].statements if s.role == "proof"]
    assert by_bound == [False, False, True]  # d = 128, 256, 2048
