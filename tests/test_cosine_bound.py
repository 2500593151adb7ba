"""The bound on the change of the cosine: closed forms in numbers, what the checks found, and that they can fail."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ssllib import geometry
from ssllib.engine.simulations import small_step
from ssllib.engine.simulations.norm_and_angle import NormAndAngleConfig
from ssllib.errors import InputError
from ssllib.evidence import claims, verdicts, words
from ssllib.theory import proofs
from ssllib.theory.proofs import cosine_bound, printed_step, slowdown
from ssllib.theory.proofs.algebra import Algebra, never_negative, plain
from ssllib.theory.proofs.formulas import cosine, sine
from ssllib.theory.proofs.readings import Coordinates, EqualNorms, Numbers
from ssllib.theory.proofs.statements import DIMENSIONS, Limit, Relation, Undecided, examine

sp = pytest.importorskip("sympy")
pytest.importorskip("z3")

OUTCOMES = {
    "cosine-bound": "corrected",
    "cosine-bound-hats": "corrected",
    "cosine-bound-restated": "corrected",
    "cosine-change-quadratic": "proved",
    "effective-rate-reading": "proved",
    "slowdown-at-least-quadratic": "corrected",
    "slowdown-unbounded": "proved",
    "angle-matters-only-near-pi": "proved",
    "angle-control-keeps-norm": "corrected",
}


@pytest.fixture(scope="module")
def found() -> dict[str, proofs.Proof]:
    return {name: proofs.prove(name) for name in OUTCOMES}


def vec(*xs: float) -> torch.Tensor:
    return torch.tensor(xs, dtype=torch.float64)


def pair(phi: float, norm_i: float = 1.0, norm_j: float = 1.0) -> tuple[torch.Tensor, torch.Tensor]:
    return vec(norm_i, 0), norm_j * vec(math.cos(phi), math.sin(phi))


# --- what was found --------------------------------------------------------------------------------------


def test_checks_are_these_and_come_out_so(found: dict[str, proofs.Proof]) -> None:
    assert {*cosine_bound.CHECKS, *slowdown.CHECKS} == set(OUTCOMES)
    assert {name: proof.outcome for name, proof in found.items()} == OUTCOMES


def test_what_is_added_is_true_and_lines_of_the_proof_that_fail_are_these(
    found: dict[str, proofs.Proof],
) -> None:
    for proof in found.values():
        assert all(s.holds for s in proof.statements if s.role == "added"), proof.check
    lines = [s for s in found["cosine-bound-hats"].statements if s.role == "proof"]
    assert [s.holds for s in lines] == [False, True, True, False, False]
    assert lines[0].corrected


def exact_step(z: tuple[int, int], t: tuple[int, int], gamma: int) -> tuple[list[Fraction], list[Fraction]]:
    """Both vectors after a step with hats, in fractions, by hand: z + (gamma / |z|^2) (t - (t.z/|z|^2) z)."""
    zz, tt, zt = (
        sum(Fraction(a * b) for a, b in zip(x, y, strict=True)) for x, y in ((z, z), (t, t), (z, t))
    )
    assert zz == tt  # then |z| |t| = |z|^2
    k = Fraction(gamma) / zz
    return (
        [Fraction(a) + k * (b - zt / zz * a) for a, b in zip(z, t, strict=True)],
        [Fraction(b) + k * (a - zt / tt * b) for a, b in zip(z, t, strict=True)],
    )


def test_the_counterexample_by_hand(found: dict[str, proofs.Proof]) -> None:
    z, t = exact_step((9, 3), (-9, 3), 50)
    assert (z, t) == ([8, 6], [-8, 6])
    change = Fraction(-64 + 36, 100) + Fraction(81 - 9, 90)
    assert change == Fraction(13, 25)
    example: Any = found["cosine-bound-hats"].statements[0].counterexample
    assert (example["z"], example["t"], example["gamma"]) == ([9, 3], [-9, 3], 50)
    assert (example["z after"], example["t after"]) == ([8, 6], [-8, 6])
    assert (example["change"], example["printed bound"]) == ("13/25", "2/5")
    assert Fraction(22, 45) < change  # the restated bound at the same point
    example = found["cosine-bound-restated"].statements[0].counterexample
    assert (example["change"], example["restated bound"]) == ("13/25", "22/45")


def test_the_counterexample_without_hats_by_hand(found: dict[str, proofs.Proof]) -> None:
    example: Any = found["cosine-bound"].statements[0].counterexample
    assert (example["z"], example["t"], example["gamma"]) == ([2, 0], [0, 2], 1)
    assert (example["z after"], example["t after"]) == ([2, 1], [1, 2])  # cosine 4/5
    assert (example["change"], example["printed bound"]) == ("4/5", "1/2")


def test_each_claim_of_the_page_has_its_check_and_a_verdict() -> None:
    pytest.importorskip("yaml")
    mine = [c for c in claims.load().values() if c.page == "theory/cosine-bound"]
    assert {c.criterion["check"] for c in mine} == set(OUTCOMES)
    assert all(isinstance(verdicts.Verdict(c, words.outcome("proved")).short, str) for c in mine)


# --- numbers ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("d", DIMENSIONS)
def test_closed_form_against_autograd_steps(d: int) -> None:
    assert all(printed_step.change_error(d, seed=seed) < 1e-14 for seed in range(3))


def test_that_comparison_sees_a_wrong_closed_form(monkeypatch: pytest.MonkeyPatch) -> None:
    right = geometry.cosine_change
    monkeypatch.setattr(geometry, "cosine_change", lambda z, t, rate: right(z, t, rate * 1.001))
    assert printed_step.change_error(20) > 1e-6
    assert not cosine_bound.autograd(0).holds


ANGLES = st.floats(1e-6, math.pi - 1e-6)
POWERS = st.floats(-6, 6)


@settings(max_examples=200, deadline=None)
@given(phi=ANGLES, power=POWERS, size=st.floats(-50, 50))
def test_bounds_and_regions_over_all_angles_and_steps(phi: float, power: float, size: float) -> None:
    rho, k = 10**size, 10**power
    z, t = pair(phi, rho, rho)
    gamma = k * rho**2
    change, sharp = (
        float(geometry.cosine_change(z, t, gamma)),
        float(geometry.cosine_change_bound(z, t, gamma)),
    )
    c, s = math.cos(phi), math.sin(phi)
    printed, restated, slack = 2 * k * s**2, k * s**2 * (2 - k * c), 1e-9 * (1 + k)
    assert change == pytest.approx(2 * k * s**2 * (1 - k * c) / (1 + k**2 * s**2), rel=1e-6, abs=1e-12)
    assert change <= sharp * (1 + 1e-12) and sharp == pytest.approx(k * s * (1 + s), rel=1e-9)
    assert printed * (1 - k) - slack * printed <= change <= printed * (1 + k) * (1 + 1e-9)
    after = c + change
    if abs(c + k * s**2) > slack:
        assert (change < printed) == (c + k * s**2 > 0)
    if abs(after) > slack and k * s**2 > 1e-9:
        assert (change < restated) == (after > 0)


@settings(max_examples=60, deadline=None)
@given(phi=st.floats(math.pi / 2 + 1e-3, math.pi - 1e-3))
def test_the_sharp_bound_is_attained_where_the_step_ends_at_a_right_angle(phi: float) -> None:
    c, s = math.cos(phi), math.sin(phi)
    k = (1 - s) / (-c * s)
    z, t = pair(phi)
    change, sharp = geometry.cosine_change(z, t, k), geometry.cosine_change_bound(z, t, k)
    assert float(change) == pytest.approx(float(sharp), rel=1e-9) == pytest.approx(-c, rel=1e-9)
    after = geometry.step(z, t, k)
    assert float(geometry.cosine(*after)) == pytest.approx(0, abs=1e-9)


@settings(max_examples=100, deadline=None)
@given(phi=ANGLES, power=POWERS, ratio=st.floats(-3, 3), d=st.integers(2, 6))
def test_unequal_norms(phi: float, power: float, ratio: float, d: int) -> None:
    z, t = (torch.nn.functional.pad(x, (0, d - 2)) for x in pair(phi, 1.0, 10**ratio))
    gamma = 10**power
    change, bound = (
        float(geometry.cosine_change(z, t, gamma)),
        float(geometry.cosine_change_bound(z, t, gamma)),
    )
    assert change <= bound * (1 + 1e-12)
    if power < 3:
        after = geometry.step(z, t, gamma)
        assert change == pytest.approx(float(geometry.cosine(*after) - geometry.cosine(z, t)), abs=1e-9)
    assert float(geometry.turned(z, t, gamma)) == pytest.approx(math.atan(gamma * math.sin(phi)), rel=1e-6)


@pytest.mark.parametrize("rate", [0.0, 1e-300, 1e300])
@pytest.mark.parametrize("phi", [0.0, math.pi / 2, math.pi])
def test_corners_of_the_closed_form_are_numbers(rate: float, phi: float) -> None:
    z, t = pair(phi)
    if phi in (0.0, math.pi):
        t = vec(1.0 if phi == 0 else -1.0, 0.0)
        assert float(geometry.cosine_change(z, t, rate)) == 0
    assert math.isfinite(float(geometry.cosine_change(z, t, rate)))
    one = geometry.cosine_change(vec(1e-150), vec(-1e150), 1.0)
    assert float(one) == 0  # d = 1


def test_small_steps_keep_their_digits() -> None:
    z, t = pair(2.0)
    got = float(geometry.cosine_change(z, t, 1e-30))
    assert got == pytest.approx(2e-30 * math.sin(2.0) ** 2, rel=1e-12)


def test_the_time_is_that_of_the_simulation_and_of_plain_descent() -> None:
    config = NormAndAngleConfig(pairs=1, norms=(3.0,), alphas=(-0.6,), rate=0.01, seed=2)
    phi = float(math.acos(small_step.start(config).cosine[0, 0]))
    law = geometry.small_step_time(phi, 0.999, 0.01 / 9)
    assert law == pytest.approx(float(small_step.steps(config)[0, 0]), rel=1e-9)
    z, t = pair(phi)
    steps, k = 0, 0.001
    while float(geometry.cosine(z, t)) <= 0.999:
        z, t = geometry.step(z, t, k * float(geometry.norm(z)) ** 2)  # norm held, as the law assumes
        steps += 1
    assert steps == pytest.approx(geometry.small_step_time(phi, 0.999, k), rel=0.01)


@pytest.mark.parametrize(
    "arguments", [(0.0, 0.9, 1.0), (math.pi, 0.9, 1.0), (1.0, 1.0, 1.0), (1.0, 0.9, 0.0)]
)
def test_the_time_checks_its_input(arguments: tuple[float, float, float]) -> None:
    with pytest.raises(InputError, match="allowed"):
        geometry.small_step_time(*arguments)


@settings(max_examples=30, deadline=None)
@given(phi=st.floats(0.3, 3.1), size=st.floats(-0.5, 1.5))
def test_fewer_steps_than_the_lower_bound_never_do(phi: float, size: float) -> None:
    rho = 10**size
    z, t = pair(phi, rho, rho)
    fewest = (0.999 - math.cos(phi)) * rho**2 / 2
    for _ in range(min(math.ceil(fewest) - 1, 200)):
        assert float(geometry.cosine(z, t)) < 0.999
        z, t = geometry.step(z, t, 1.0)


# --- the machinery: it must be able to say no -----------------------------------------------------------


CHANGE = printed_step.change(printed_step.with_hats)
EQUAL: dict[str, tuple[Relation, bool]] = {
    "exact": (Relation(CHANGE, printed_step.exact_change, equal=True), True),
    "exact only at equal norms": (Relation(CHANGE, printed_step.exact_change), False),
    "a larger factor": (Relation(CHANGE, lambda s: 1.01 * printed_step.exact_change(s), equal=True), False),
    "sharp": (Relation(CHANGE, printed_step.sharp_bound, "<=", equal=True), True),
    "sharper": (Relation(CHANGE, lambda s: printed_step.sharp_bound(s) * 99 / 100, "<=", equal=True), False),
    "sharp, but strict": (Relation(CHANGE, printed_step.sharp_bound, "<", equal=True), False),
    "1 + k": (Relation(CHANGE, printed_step.correct_bound, "<=", equal=True), True),
    "1 + k/2": (
        Relation(CHANGE, lambda s: printed_step.printed_bound(s) * (1 + printed_step.k(s) / 2), "<=", equal=True),
        False,
    ),
    "sine and cosine": (Relation(lambda s: sine(s) ** 2 + cosine(s) ** 2, lambda s: 1 + 0 * s.gamma, equal=True), True),
    "sine is not cosine": (Relation(sine, cosine, "<=", equal=True), False),
}  # fmt: skip


@pytest.mark.parametrize("name", EQUAL)
def test_relations_at_equal_norms(name: str) -> None:
    relation, true = EQUAL[name]
    assert relation.proved() == true


def test_equal_norms_leave_out_unequal_points() -> None:
    same = Relation(lambda s: s.dot(s.z, s.z), lambda s: s.dot(s.t, s.t), equal=True)
    assert examine("t", "p", same).holds
    assert not examine("t", "p", Relation(same.left, same.right)).holds


def test_the_sine_in_each_space() -> None:
    s = EqualNorms()
    assert s.reduce(sine(s)) == s.s and s.reduce(sine(s) ** 2 + cosine(s) ** 2) == 1
    (value,) = Coordinates(2).put(sine(Coordinates(2)), (1, 0), (3, 4), "1")
    assert value == sp.Rational(4, 5)
    assert float(sine(Numbers(vec(1, 0)[None], vec(3, 4)[None]))) == pytest.approx(0.8)


def test_limits_in_the_step() -> None:
    change = printed_step.change(printed_step.with_hats)
    assert Limit(change, "gamma", "0", "0", equal=True).found()[0]
    assert Limit(change, "gamma", "oo", "-2*c", equal=True).found()[0]
    assert not Limit(change, "gamma", "oo", "2*c", equal=True).found()[0]
    assert not Limit(lambda s: change(s) / s.gamma, "gamma", "0", "2*(1 - c**2)/rho", equal=True).found()[0]


def test_algebra_proves_and_refutes() -> None:
    x, y = sp.symbols("x y", real=True)
    assert Algebra(2 * x * y, x**2 + y**2, "<=").proved()
    strict = Algebra(2 * x * y, x**2 + y**2, "<", points=[{x: 2, y: 1}, {x: 1, y: 1}])
    assert not strict.proved() and strict.counterexample() == {
        "x": 1,
        "y": 1,
        "left side": 2,
        "right side": 2,
    }
    apart = Algebra(strict.left, strict.right, "<", (sp.Gt(x, y),), strict.points)
    assert apart.proved() and apart.counterexample() is None
    assert Algebra((x + y) ** 2, x**2 + 2 * x * y + y**2).proved()
    assert not Algebra(x, y).proved()
    assert never_negative(sp.Integer(1), True) and not never_negative(sp.Integer(0), True)
    assert not never_negative(1 / x**2, False)  # x may be 0
    shown = Algebra(x, y, points=[{x: sp.Rational(1, 2), y: 0}], names=("x", "")).counterexample(
        {"sum": x + y}
    )
    assert shown == {"x": "1/2", "y": 0, "sum": "1/2"}
    assert (plain(sp.sqrt(2)), plain(3)) == ("sqrt(2)", 3)


def test_algebra_that_nobody_can_decide_is_an_error() -> None:
    x = sp.Symbol("x", real=True)
    with pytest.raises(Undecided, match="no proof"):
        examine("t", "p", Algebra(x, sp.Integer(0)))


def test_the_claim_on_slowdowns_falls_with_its_lemma(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = Algebra(sp.Integer(1), sp.Integer(0), points=[{}])
    monkeypatch.setattr(slowdown.Induction, "relation", lambda self, latex: wrong)
    claim, *lemmas = slowdown.unbounded(0)
    assert not all(s.holds for s in lemmas) and not claim.holds


def test_a_target_close_by_makes_the_angle_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slowdown, "TARGET", "9/10")  # T(7 pi / 8) / T(pi / 2) = 2.1
    claim = slowdown.only_near_pi(0)[0]
    assert not claim.holds and claim.counterexample is not None


def test_limits_of_the_time_can_fail() -> None:
    x = sp.Symbol("x", positive=True)

    def found(value: Any, sign: str, right: Any) -> tuple[bool, str]:
        return slowdown.Grown(value, sign, right, x).found()

    assert found(x / (1 + x), ">", 0) == (True, "1")
    assert found(x, "->", sp.oo)[0] and found(x, ">", 0)[0]
    assert found(1 / x, ">", 0) == (False, "0")
    assert not found(1 / x, "->", sp.oo)[0] and not found(x / (1 + x), "->", 2)[0]
