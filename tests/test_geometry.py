"""Closed forms against autograd, plain loops, exact arithmetic and hand-worked cases."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ssllib import geometry
from ssllib.errors import InputError
from ssllib.theory.proofs.readings import hard_pairs

DIMENSIONS = (1, 2, 3, 20, 2048)


def vec(*xs: float) -> torch.Tensor:
    return torch.tensor(xs, dtype=torch.float64)


def autograd(z: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
    """The gradient of -cos from its plain definition."""
    leaf = z.clone().requires_grad_()
    cos = (leaf / leaf.norm(dim=-1, keepdim=True) * t / t.norm(dim=-1, keepdim=True)).sum()
    (g,) = torch.autograd.grad(-cos, leaf)
    return g


# --- against autograd -----------------------------------------------------------------------------------


@pytest.mark.parametrize("d", DIMENSIONS)
def test_gradient_and_its_norm_agree_with_autograd_on_hard_pairs(d: int) -> None:
    z, t = hard_pairs(d, 350, seed=1)
    size = z.norm(dim=-1, keepdim=True)
    reference = autograd(z, t) * size  # in units of 1 / norm
    assert ((geometry.negative_cosine_gradient(z, t) * size - reference).abs() < 1e-13).all()
    assert ((geometry.cosine_similarity_gradient(z, t) * size + reference).abs() < 1e-13).all()
    assert (geometry.gradient_norm(z, t) * size[:, 0] - reference.norm(dim=-1)).abs().max() < 1e-12


def test_the_wrong_sign_is_seen_by_the_same_comparison() -> None:
    z, t = hard_pairs(20, 350, seed=1)
    size = z.norm(dim=-1, keepdim=True)
    wrong = geometry.cosine_similarity_gradient(z, t)
    assert ((wrong - autograd(z, t)) * size).abs().max() > 0.1


@pytest.mark.parametrize("d", DIMENSIONS)
def test_hard_pairs_hold_the_corners(d: int) -> None:
    z, t = hard_pairs(d, 350, seed=0)
    cos = geometry.cosine(z, t)
    assert (cos[3::7] > 1 - 1e-12).all() and (cos[4::7] < -1 + 1e-12).all()
    assert (cos[1::7] < 0).all()
    if d > 1:
        assert (cos[2::7].abs() < 1e-12).all()
        sine = geometry.gradient_norm(z, t) * geometry.norm(z)
        assert ((sine[5::7] > 0) & (sine[5::7] < 1e-6)).all()
    norms = torch.cat([geometry.norm(z), geometry.norm(t)]).log10()
    assert norms.min() < -90 and norms.max() > 90


@pytest.mark.parametrize("d", [2, 3, 20, 2048])
def test_gradient_is_orthogonal_to_the_embedding(d: int) -> None:
    z, t = hard_pairs(d, 350, seed=2)
    g = geometry.cosine_similarity_gradient(z, t)
    usable = torch.arange(350) % 7 != 3  # parallel and antipodal pairs have no direction to speak of
    usable &= torch.arange(350) % 7 != 4
    assert geometry.cosine(z[usable], g[usable]).abs().max() < 1e-12


def test_in_one_dimension_the_gradient_is_exactly_zero() -> None:
    z, t = hard_pairs(1, 70)
    assert not geometry.negative_cosine_gradient(z, t).any()
    assert not geometry.gradient_norm(z, t).any()


# --- by hand --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "z, t, expected",
    [
        ((1, 0), (0, 1), (0, 1)),
        ((2, 0), (0, 1), (0, 0.5)),
        ((1, 0), (0, 7), (0, 1)),
        ((3, 4), (3, 4), (0, 0)),
        ((3, 4), (-3, -4), (0, 0)),
        ((0, 5, 0), (0, 3, 4), (0, 0, 0.16)),
        ((-2,), (3,), (0,)),
    ],
)
def test_gradient_by_hand(z: tuple[float, ...], t: tuple[float, ...], expected: tuple[float, ...]) -> None:
    torch.testing.assert_close(
        geometry.cosine_similarity_gradient(vec(*z), vec(*t)), vec(*expected), atol=1e-16, rtol=1e-15
    )


def test_a_small_step_down_the_gradient_raises_the_cosine() -> None:
    z, t = vec(1, 2, -1), vec(0.5, -1, 1)
    h = 1e-6
    rise = geometry.cosine(z - h * geometry.negative_cosine_gradient(z, t), t) - geometry.cosine(z, t)
    assert math.isclose(float(rise) / h, float(geometry.gradient_norm(z, t)) ** 2, rel_tol=1e-5)


@given(st.integers(1, 40), st.integers(-40, 40), st.integers(1, 40), st.integers(1, 9))
@settings(max_examples=50, deadline=None)
def test_magnitude_in_exact_arithmetic(a: int, b: int, x: int, scale: int) -> None:
    """sin^2 / norm^2 = (cross product)^2 / (norm^4 norm^2) for integer vectors of the plane."""
    assume(b != 0)
    z, t = (x * scale, scale), (a, b)
    zz, tt, cross = z[0] ** 2 + z[1] ** 2, a * a + b * b, z[0] * b - z[1] * a
    exact = math.sqrt(Fraction(cross * cross, zz * zz * tt))
    assert math.isclose(float(geometry.gradient_norm(vec(*z), vec(*t))), exact, rel_tol=1e-12, abs_tol=1e-15)


# --- where plain formulas lose their digits -------------------------------------------------------------


@pytest.mark.parametrize("tilt", [1e-3, 1e-6, 1e-9, 1e-12])
def test_small_and_nearly_straight_angles_keep_their_digits(tilt: float) -> None:
    z, t = vec(1, 0), vec(1, tilt)
    assert math.isclose(float(geometry.angle(z, t)), math.atan(tilt), rel_tol=1e-12)
    assert math.isclose(math.pi - float(geometry.angle(z, -t)), math.atan(tilt), rel_tol=1e-2, abs_tol=1e-15)
    sine = tilt / math.hypot(1, tilt)
    assert math.isclose(float(geometry.gradient_norm(z, t)), sine, rel_tol=1e-12)
    assert math.isclose(float(geometry.gradient_norm(z, -t)), sine, rel_tol=1e-12)
    if tilt < 1e-8:  # the textbook formula has nothing left
        assert math.sqrt(1 - float(geometry.cosine(z, t)) ** 2) == 0


def test_no_overflow_or_underflow() -> None:
    tiny, huge = vec(1e-300, 0), vec(0, 1e300)
    torch.testing.assert_close(geometry.cosine_similarity_gradient(tiny, huge), vec(0, 1e300))
    torch.testing.assert_close(geometry.cosine_similarity_gradient(huge, tiny), vec(1e-300, 0))
    assert float(geometry.norm(vec(3e300, 4e300))) == 5e300
    assert float(geometry.angle(tiny, huge)) == pytest.approx(math.pi / 2)
    half = torch.tensor([3e4, 4e4], dtype=torch.float16)
    assert geometry.norm(half).isfinite()


def test_the_norm_scales_the_gradient_and_nothing_else() -> None:
    z, t = hard_pairs(5, 70)
    for k in (0.5, 2.0, 1024.0):
        torch.testing.assert_close(
            geometry.cosine_similarity_gradient(k * z, t) * k,
            geometry.cosine_similarity_gradient(z, t),
            rtol=1e-12,
            atol=0,
        )


# --- shapes and types -----------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_leading_dimensions_broadcast(dtype: torch.dtype) -> None:
    z, t = torch.randn(4, 1, 3).to(dtype), torch.randn(5, 3).to(dtype)
    assert geometry.cosine_similarity_gradient(z, t).shape == (4, 5, 3)
    assert geometry.gradient_norm(z, t).shape == geometry.angle(z, t).shape == (4, 5)
    assert geometry.cosine_similarity_gradient(z, t).dtype == geometry.gradient_norm(z, t).dtype == dtype
    one = geometry.cosine_similarity_gradient(z[2, 0], t[3])
    torch.testing.assert_close(geometry.cosine_similarity_gradient(z, t)[2, 3], one)


@pytest.mark.parametrize(
    "z, t",
    [
        (vec(0, 0), vec(1, 0)),
        (vec(1, 0), vec(0, 0)),
        (vec(math.nan, 1), vec(1, 0)),
        (vec(1, 0), vec(math.inf, 0)),
        (vec(1, 0), vec(1, 0, 0)),
        (torch.tensor([1, 0]), vec(1, 0)),
        (torch.tensor(1.0), vec(1, 0)),
        (torch.stack([vec(1, 0), vec(0, 0)]), vec(1, 0)),
        (torch.empty(2, 0), torch.empty(2, 0)),
    ],
)
def test_where_cosine_is_undefined_there_is_an_error_not_a_number(z: torch.Tensor, t: torch.Tensor) -> None:
    for f in (
        geometry.cosine,
        geometry.angle,
        geometry.cosine_similarity_gradient,
        geometry.negative_cosine_gradient,
        geometry.gradient_norm,
    ):
        with pytest.raises(InputError, match="allowed"):
            f(z, t)


def test_an_error_is_one_line() -> None:
    with pytest.raises(InputError) as caught:
        geometry.unit(vec(0, 0))
    assert "\n" not in str(caught.value) and "zero vector" in str(caught.value)


def test_tangent_component_of_zero_is_zero_and_to_zero_is_an_error() -> None:
    assert not geometry.tangent_component(vec(0, 0), vec(1, 2)).any()
    with pytest.raises(InputError):
        geometry.tangent_component(vec(1, 2), vec(0, 0))


# --- a step ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("phi", [0.0, 0.3, 1.2, math.pi / 2, 2.8, math.pi])
@pytest.mark.parametrize("rho, rate", [(1.0, 0.1), (2.0, 3.0), (0.5, 1.0)])
def test_step_has_the_exact_cosine_and_norm(phi: float, rho: float, rate: float) -> None:
    """For equal norms and g = rate / norm^2: cos' = (c + 2 g s^2 - g^2 s^2 c) / (1 + g^2 s^2)."""
    z_i, z_j = rho * vec(1, 0, 0), rho * vec(math.cos(phi), math.sin(phi), 0)
    new_i, new_j = geometry.step(z_i, z_j, rate)
    c, s2, g = math.cos(phi), math.sin(phi) ** 2, rate / rho**2
    expected = (c + 2 * g * s2 - g * g * s2 * c) / (1 + g * g * s2)
    assert math.isclose(float(geometry.cosine(new_i, new_j)), expected, abs_tol=1e-14)
    for new in (new_i, new_j):
        assert math.isclose(float(geometry.norm(new)), rho * math.sqrt(1 + g * g * s2), rel_tol=1e-14)


def test_step_moves_both_from_where_they_were() -> None:
    new_i, new_j = geometry.step(vec(1, 0), vec(0, 2), 1.0)
    torch.testing.assert_close(new_i, vec(1, 1))
    torch.testing.assert_close(new_j, vec(0.5, 2))


# --- InfoNCE --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n, d", [(2, 3), (3, 1), (5, 2), (16, 20)])
@pytest.mark.parametrize("temperature", [0.1, 0.5, 1.0])
def test_infonce_gradient_agrees_with_autograd_of_a_plain_loop(n: int, d: int, temperature: float) -> None:
    z = torch.randn(n, d, dtype=torch.float64, generator=torch.Generator().manual_seed(n * d)) * 3
    for i, j in ((0, 1), (n - 1, 0)):
        leaf = z.clone().requires_grad_()
        rows = [row / row.norm() for row in leaf]
        total = torch.zeros((), dtype=torch.float64)
        for k in range(n):
            if k != i:
                total = total + torch.exp(rows[i] @ rows[k] / temperature)
        loss = -torch.log(torch.exp(rows[i] @ rows[j] / temperature) / total)
        (reference,) = torch.autograd.grad(loss, leaf)
        ours = geometry.infonce_gradient(z, i, j, temperature)
        torch.testing.assert_close(ours, reference[i], rtol=1e-11, atol=1e-13)
        assert abs(float(ours @ z[i])) < 1e-12


def test_infonce_gradient_of_a_lone_pair_is_zero() -> None:
    """With no other sample the softmax has one weight, and attraction and repulsion cancel."""
    assert geometry.infonce_gradient(torch.tensor([[1.0, 0.0], [0.0, 1.0]]), 0, 1).abs().max() < 1e-7


def test_infonce_gradient_survives_a_small_temperature() -> None:
    z = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.5]])
    assert geometry.infonce_gradient(z, 0, 1, 1e-3).isfinite().all()


@pytest.mark.parametrize("i, j", [(0, 0), (-1, 0), (0, 3), (3, 0)])
def test_infonce_gradient_needs_two_different_rows(i: int, j: int) -> None:
    with pytest.raises(InputError, match="allowed"):
        geometry.infonce_gradient(torch.randn(3, 2), i, j)


@pytest.mark.parametrize(
    "z, tau", [(torch.randn(2), 1.0), (torch.randn(1, 2), 1.0), (torch.randn(3, 2), 0.0)]
)
def test_infonce_gradient_checks_its_input(z: torch.Tensor, tau: float) -> None:
    with pytest.raises(InputError, match="allowed"):
        geometry.infonce_gradient(z, 0, 1, tau)


def test_infonce_gradient_under_autocast_and_with_numpys_rows() -> None:
    z = torch.randn(5, 8, generator=torch.Generator().manual_seed(0))
    wanted = geometry.infonce_gradient(z, 0, 1)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(geometry.infonce_gradient(z, 0, 1), wanted)
    assert torch.equal(geometry.infonce_gradient(z, np.int64(0), np.int64(1)), wanted)
    for bad in (0.0, True, -1, 5):
        with pytest.raises(InputError):
            geometry.infonce_gradient(z, bad, 1)
