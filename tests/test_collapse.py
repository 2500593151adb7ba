"""Collapsed embeddings: the Hessian in closed form, the table of losses, and the machine checks."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ssllib import losses
from ssllib.errors import InputError
from ssllib.theory import collapse, critical_points, proofs

pairs = st.integers(1, 4)
temperatures = st.floats(0.1, 10)
dimensions = st.integers(1, 3)


def at(z: torch.Tensor, tau: float) -> torch.Tensor:
    return losses.info_nce(*z.chunk(2), tau)


@settings(max_examples=12, deadline=None)
@given(pairs, st.integers(0, 3), temperatures, dimensions)
def test_spectrum_is_autograd_s(m: int, k: int, tau: float, d: int) -> None:
    z = collapse.embeddings([1] * m + [-1] * k, [0.3] + [1.0] * (d - 1))
    h = critical_points.hessian(lambda x: at(x, tau), z, critical_points.tangents(z))
    expected = collapse.spectrum(m, k, tau).eigenvalues(d)
    assert expected.shape == (2 * (m + k) * (d - 1),)
    if d > 1:
        torch.testing.assert_close(torch.linalg.eigvalsh(h), expected, atol=1e-10, rtol=1e-10)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from([-1.0, 1.0]), min_size=2, max_size=12), temperatures, dimensions, st.data())
def test_no_gradient_on_a_line_with_any_signs_and_norms(
    signs: list[float], tau: float, d: int, data: st.DataObject
) -> None:
    signs = signs[: len(signs) // 2 * 2]
    norms = torch.tensor(
        data.draw(st.lists(st.floats(0.01, 100), min_size=len(signs), max_size=len(signs))),
        dtype=torch.float64,
    )
    axis = torch.arange(1, d + 1, dtype=torch.float64)
    z = (norms * torch.tensor(signs, dtype=torch.float64)).unsqueeze(1) * axis
    g = critical_points.gradient(lambda x: at(x, tau), z)
    assert float((g * norms.unsqueeze(1)).abs().max()) * tau < 1e-12


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 8), temperatures, st.floats(0, 3.1), st.floats(0.01, 0.04))
def test_turning_one_pair_away_from_equal_embeddings_lowers_the_loss(
    n: int, tau: float, angle: float, more: float
) -> None:
    def turned(t: float) -> float:
        z = collapse.embeddings([1] * n, [1.0, 0.0])
        z[[0, n]] = torch.tensor([math.cos(t), math.sin(t)], dtype=torch.float64)
        return float(at(z, tau))

    assert turned(angle + more) < turned(angle)


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 40), st.integers(0, 40), st.floats(0.05, 50))
def test_signs_of_the_spectrum(m: int, k: int, tau: float) -> None:
    s = collapse.spectrum(m, k, tau)
    if m >= max(k, 2):
        assert s.against[0] < 0
    if m + k > 1:
        assert s.opened[0] > 0
    if k and tau > 0.1:  # below, the smallest of them are lost in rounding
        assert s.sides > 0
    assert s.sides >= 0 if k else s.opened[1] >= 0


def test_minority_side_can_be_held_together() -> None:
    """At a high temperature few pairs facing many do not want to part; the many do."""
    s = collapse.spectrum(10, 2, 20.0)
    assert s.against[1] > 0 > s.against[0]


def test_equal_embeddings_in_closed_form() -> None:
    n, tau = 7, 0.3
    s = collapse.spectrum(n, 0, tau)
    assert s.against[0] == pytest.approx(-2 / (tau * (2 * n - 1)))
    assert s.opened[0] == pytest.approx(2 * (n - 1) / (n * tau * (2 * n - 1)))


def test_smallest_cases() -> None:
    def word(sides: list[int], axis: list[float]) -> str:
        return critical_points.classify(lambda x: at(x, 0.5), collapse.embeddings(sides, axis)).word

    assert word([1], [1.0, 2.0]) == "flat"  # one pair: the loss is zero everywhere
    assert word([1, 1, 1], [1.0]) == "flat"  # d = 1: nowhere to go
    assert word([1, 1], [1.0, 2.0]) == "saddle"
    assert word([1, -1], [1.0, 2.0]) == "minimum"
    assert word([1, 1, -1], [1.0, 2.0]) == "saddle"
    assert word([1, 1, -1, -1], [1.0, 2.0, 3.0]) == "saddle"


def test_a_pair_on_both_sides_is_a_saddle_too() -> None:
    z = collapse.embeddings([1, 1, -1], [1.0, 2.0])
    z[0] *= -1
    assert critical_points.classify(lambda x: at(x, 0.5), z).word == "saddle"


def test_table_of_losses() -> None:
    equal, line = collapse.table(collapse.EQUAL), collapse.table(collapse.RANK_1)
    public = {n for n in losses.__all__ if n != "orthonormal_anchors"}
    assert set(equal) == set(line) == public
    words = {name: (equal[name].word, line[name].word) for name in equal}
    for name in ("info_nce", "info_nce_released", "dcl", "triplet", "supervised_info_nce", "sup_con"):
        assert words[name] == ("saddle", "saddle")
    assert words["info_nce_attraction"] == ("minimum, not isolated",) * 2
    assert words["info_nce_repulsion"] == ("maximum", "saddle")
    assert words["negative_cosine"] == ("minimum", "minimum")
    assert words["vicreg"] == words["barlow_twins"] == ("saddle", "not stationary")
    assert words["cloa_anchor"] == words["dino"] == ("not stationary", "not stationary")


@pytest.mark.parametrize("tau", [0.2])
def test_words_do_not_hang_on_the_temperature(tau: float) -> None:
    for line in (collapse.EQUAL, collapse.RANK_1):
        other = collapse.table(line, temperature=tau)
        assert {k: p.word for k, p in collapse.table(line).items()} == {k: p.word for k, p in other.items()}


def test_input_errors() -> None:
    for call in (
        lambda: collapse.embeddings([], [1.0]),
        lambda: collapse.embeddings([2], [1.0]),
        lambda: collapse.embeddings([1], [0.0, 0.0]),
        lambda: collapse.spectrum(0, 1),
        lambda: collapse.spectrum(2, 1, 0.0),
    ):
        with pytest.raises(InputError, match="allowed"):
            call()


# --- machine checks ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def found() -> dict[str, proofs.Proof]:
    pytest.importorskip("sympy")
    pytest.importorskip("z3")
    from ssllib.theory.proofs.collapse_theorem import CHECKS

    return {name: proofs.prove(name) for name in CHECKS}


def test_outcomes(found: dict[str, proofs.Proof]) -> None:
    assert {name: proof.outcome for name, proof in found.items()} == {
        "collapse-equal-stationary": "proved",
        "collapse-rank1-stationary": "proved",
        "collapse-equal-minimum": "refuted",
        "collapse-rank1-minimum": "refuted",
        "collapse-zero-gradient-enough": "refuted",
        "collapse-probability": "corrected",
        "collapse-most-losses": "refuted",
        "batch-norm-no-collapse": "corrected",
    }
    assert all(s.holds for p in found.values() for s in p.statements if s.role == "added")


def test_counterexample_by_hand(found: dict[str, proofs.Proof]) -> None:
    """Two pairs at temperature 1: log 3 when all are equal, log(1 + 2/e) when they are at right angles."""
    example = found["collapse-equal-minimum"].statements[0].counterexample
    assert example is not None
    losses_ = next(v for k, v in example.items() if "loss" in k)
    assert losses_ == [f"{math.log(3):.4f}", f"{math.log(1 + 2 / math.e):.4f}"]
    assert example["second derivative"] == f"{-2 / 3:.4f}"


def test_curvatures_are_the_library_s() -> None:
    sp = pytest.importorskip("sympy")
    pytest.importorskip("z3")
    from ssllib.theory.proofs import circle

    t = sp.Symbol("t", real=True)
    tau, x, m, k = sp.symbols("tau x m k", positive=True)
    curves = {name: circle.curvature(g, t, tau, x) for name, g in circle.line(m, k, t).items()}
    for a, b, temperature in ((3, 2, 0.5), (2, 5, 4.0), (4, 1, 1.0)):
        s = collapse.spectrum(a, b, temperature)
        put = {m: a, k: b, tau: temperature, x: math.exp(2 / temperature)}
        assert curves["rotation"] == 0
        assert float(curves["sides"].subs(put)) == pytest.approx(s.sides)
        assert float(curves["opened"].subs(put)) == pytest.approx(s.opened[0])
        assert float(curves["against"].subs(put)) == pytest.approx(s.against[0])


def test_signs_that_are_not_so_are_not_proved() -> None:
    sp = pytest.importorskip("sympy")
    pytest.importorskip("z3")
    from ssllib.theory.proofs.circle import always_positive

    a, b = sp.symbols("a b", positive=True)
    above = {a: (">", 0), b: (">=", 0)}
    assert always_positive(a**2 - a * b + b**2, above)  # Z3
    assert always_positive(a + b, above)  # by its coefficients
    assert always_positive(-1 / (-a - b), above)
    assert not always_positive(a - b, above)
    assert not always_positive(b, above)
    assert always_positive(b, above, strictly=False)
    assert always_positive(a - b, above, [a - b - 1])
    assert not always_positive(1 / b, above)


def test_a_curve_that_is_not_level_is_refused() -> None:
    sp = pytest.importorskip("sympy")
    from ssllib.theory.proofs.circle import Group, curvature

    t, tau, x = sp.Symbol("t", real=True), *sp.symbols("tau x", positive=True)
    with pytest.raises(ValueError, match="stationary"):
        curvature([Group(2, t, 0), Group(2, sp.pi / 2, 1)], t, tau, x)
