"""What the reader of printed statements understands, and what it refuses."""

from __future__ import annotations

from fractions import Fraction

import pytest

from ssllib.theory.proofs import reading
from ssllib.theory.proofs.algebra import Algebra
from ssllib.theory.proofs.formulas import gradient, perp_form
from ssllib.theory.proofs.phrases import PAIR, pair
from ssllib.theory.proofs.reading import Unreadable, alterations, numbers, read, shown, value
from ssllib.theory.proofs.statements import Relation

sp = pytest.importorskip("sympy")
pytest.importorskip("z3")

A, B = sp.symbols("a b", positive=True)
WORDS = {"a": A, "b": B, r"\phi": sp.Symbol("phi"), "e": sp.E, "a_0": sp.Integer(7)}


@pytest.mark.parametrize(
    "latex, expected",
    [
        (r"\tfrac12 a", A / 2),
        (r"\frac{a + 1}{2 b}", (A + 1) / (2 * B)),
        (r"a - b - 1", A - B - 1),
        (r"-a^2 b", -(A**2) * B),
        (r"a / b \cdot 2", 2 * A / B),
        (r"a b^{a - 1}", A * B ** (A - 1)),
        (r"2 e^{-2/a}", 2 * sp.exp(-2 / A)),
        (r"\sin^2\phi \cos\phi", sp.sin(WORDS[r"\phi"]) ** 2 * sp.cos(WORDS[r"\phi"])),
        (r"\ln \frac{1}{a}", sp.log(1 / A)),
        (r"\Bigl[ a - \bigl( b - 1 \bigr) \Bigr]", A - B + 1),
        (r"1.5 a", sp.Rational(3, 2) * A),
        (r"12 a", 12 * A),
        (r"a_0 + a", 7 + A),
    ],
)
def test_expressions(latex: str, expected: object) -> None:
    assert sp.simplify(value(latex, WORDS) - expected) == 0


@pytest.mark.parametrize("latex", ["a +", "a ? b", r"\frac{a}{b", "c", r"\lVert a", "a b)"])
def test_what_is_not_understood_is_an_error(latex: str) -> None:
    with pytest.raises(Unreadable):
        value(latex, {"a": A, "b": B})


def test_a_vector_statement_is_what_its_formula_is() -> None:
    said = pair().relation(r"\nabla_i = -\Bigl( \frac{\hat z_j}{\lVert z_i \rVert} \Bigr)_{\perp z_i}")
    assert said.sign == "=" and said.proved()
    assert Relation(said.right, lambda s: -perp_form(s)).proved() and Relation(said.left, gradient).proved()


def test_ranges_and_limits_are_read() -> None:
    tree = read(r"\gamma > 0 \quad (\tfrac\pi2 < \phi < \pi)", tuple(PAIR))
    assert tree[2] == ("range", -1, 0)
    assert pair().relation(r"\gamma > 0 \quad (0 < \phi < \pi)").between == (-1, 1)
    limit = pair().relation(r"\lVert \nabla_i \rVert \to 0 \text{ as } \lVert z_i \rVert \to \infty")
    assert (limit.variable, limit.point) == ("norm", "oo") and limit.found()[0]
    with pytest.raises(Unreadable, match="taken in"):
        pair().relation(r"\gamma \to 0")


def test_each_alteration_differs_in_one_place() -> None:
    tree = read(r"a^2 \leq 2 b + \sin\phi", tuple(WORDS))
    found = {what: [shown(t) for t in trees] for what, trees in alterations(tree)}
    assert found["relation <= to >"] == ["(a ^ 2) > ((2 * b) + sin(\\phi))"]
    assert found["exponent in (a ^ 2)"] == ["a <= ((2 * b) + sin(\\phi))"]
    assert found["sign in ((2 * b) + sin(\\phi))"] == ["(a ^ 2) <= ((2 * b) - sin(\\phi))"]
    assert found["function in sin(\\phi)"] == ["(a ^ 2) <= ((2 * b) + cos(\\phi))"]
    assert len(found["constant in 2"]) == 2  # one of the two says less
    assert all(t != tree for _, trees in alterations(tree) for t in trees)


def test_an_altered_text_is_read_instead() -> None:
    text = "2 a"
    assert value(text, WORDS) == 2 * A
    reading.ALTERED[text] = ("number", Fraction(3))
    try:
        assert value(text, WORDS) == 3
    finally:
        del reading.ALTERED[text]
    assert value(text, WORDS) == 2 * A


def test_only_known_signs_are_decided() -> None:
    for wrong in (">", ">=", "->", "!="):
        with pytest.raises(ValueError, match="allowed"):
            Algebra(A, B, wrong)
        with pytest.raises(ValueError, match="allowed"):
            Relation(gradient, gradient, wrong)
    assert numbers(WORDS).relation(r"a + 1 > a").sign == "<"
