"""The machinery that decides statements: it must be able to say no, and to say that it does not know."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ssllib.theory.proofs import algebra
from ssllib.theory.proofs.cosine import descends
from ssllib.theory.proofs.formulas import (
    cosine,
    embedding,
    farther,
    gradient,
    loss,
    magnitude_squared,
    matrix_form,
    moved,
    negative,
    perp_form,
    rise,
    sideways,
    squared,
    zero,
)
from ssllib.theory.proofs.statements import (
    Limit,
    Relation,
    Undecided,
    _breakable,
    approach,
    examine,
    sentence,
)

sp = pytest.importorskip("sympy")
pytest.importorskip("z3")


TRUE = {
    "both printed forms are one": Relation(matrix_form, perp_form),
    "gradient": Relation(negative(perp_form), gradient),
    "orthogonal": Relation(lambda s: s.dot(s.z, gradient(s)), zero),
    "magnitude": Relation(squared(gradient), magnitude_squared),
    "farther": Relation(lambda s: farther(gradient)(s) * (1 + s.gamma), gradient),
    "cosine ignores the norm": Relation(farther(cosine), cosine),
    "grows": Relation(squared(embedding), squared(moved(gradient)), "<="),
    "grows off the axis": Relation(squared(embedding), squared(moved(gradient)), "<", between=(-1, 1)),
    "descends": descends(perp_form),
    "turning away raises the loss": Relation(zero, rise(loss, negative(sideways)), "<", between=(-1, 1)),
}

# name: (false relation, where it fails first: z, t, gamma where it matters, left, right)
FALSE: dict[str, tuple[Relation, tuple[Any, ...]]] = {
    "wrong sign": (Relation(perp_form, gradient), ([1, 0], [0, 1], None, [0, 1], [0, -1])),
    "wrong power of the norm": (
        Relation(lambda s: -perp_form(s) / s.norm(s.z), gradient),
        ([2, 0], [0, 1], None, [0, "-1/4"], [0, "-1/2"]),
    ),
    "target not normalised": (
        Relation(lambda s: -s.perp(s.t, s.z) / s.norm(s.z), gradient),
        ([1, 0], [0, 2], None, [0, -2], [0, -1]),
    ),
    "not projected": (
        Relation(lambda s: -s.unit(s.t) / s.norm(s.z), gradient),
        ([1, 0], [1, 1], None, ["-sqrt(2)/2", "-sqrt(2)/2"], [0, "-sqrt(2)/2"]),
    ),
    "cosine for sine": (
        Relation(squared(gradient), lambda s: cosine(s) ** 2 / s.dot(s.z, s.z)),
        ([1, 0], [0, 1], None, 1, 0),
    ),
    "magnitude with the norm's square": (
        Relation(squared(gradient), lambda s: magnitude_squared(s) / s.dot(s.z, s.z)),
        ([2, 0], [0, 1], None, "1/4", "1/16"),
    ),
    "steeper farther out": (
        Relation(squared(gradient), squared(farther(gradient)), "<", between=(-1, 1)),
        ([1, 0], [0, 1], 1, 1, "1/4"),
    ),
    "flatter, strictly, on the axis too": (
        Relation(squared(farther(gradient)), squared(gradient), "<"),
        ([1, 0], [1, 0], 1, 0, 0),
    ),
    "flatter by the square": (
        Relation(lambda s: farther(gradient)(s) * (1 + s.gamma) ** 2, gradient),
        ([1, 0], [0, 1], 1, [0, -2], [0, -1]),
    ),
    "shrinks": (
        Relation(squared(moved(gradient)), squared(embedding), "<="),
        ([1, 0], [0, 1], 1, 2, 1),
    ),
    "grows strictly on the axis too": (
        Relation(squared(embedding), squared(moved(gradient)), "<"),
        ([1, 0], [1, 0], 1, 1, 1),
    ),
    "the magnitude grows with every angle": (
        Relation(rise(squared(gradient), sideways), zero, "<", between=(-1, 1)),
        ([1, 0], [0, 1], None, 0, 0),
    ),
    "the magnitude grows with obtuse angles": (
        Relation(zero, rise(squared(gradient), negative(sideways)), "<", between=(-1, 0)),
        ([1, 0], [-1, 1], None, 0, -1),
    ),
    "descends along the gradient": (descends(gradient), ([1, 0], [0, 1], None, 1, None)),
}


@pytest.mark.parametrize("name", TRUE)
def test_true_statements_are_proved(name: str) -> None:
    s = examine("test", name, TRUE[name])
    assert s.holds and s.counterexample is None and s.corrected is None
    assert s.how == ("SymPy" if TRUE[name].sign == "=" else "Z3")


@pytest.mark.parametrize("name", FALSE)
def test_false_statements_are_refuted_with_an_example_to_check_by_hand(name: str) -> None:
    relation, (z, t, gamma, left, right) = FALSE[name]
    s = examine("test", name, relation)
    assert not s.holds
    rate = {} if gamma is None else {"gamma": gamma}
    sides = zip(relation.names, (left, right), strict=True)
    assert s.counterexample == {"z": z, "t": t, **rate} | {name: side for name, side in sides if name}
    assert json.loads(json.dumps(s.to_dict())) == s.to_dict()


def test_a_statement_that_fails_on_the_axis_only_holds_off_it() -> None:
    """cos^2 < 1 fails only where the vectors are aligned."""
    everywhere = Relation(lambda s: cosine(s) ** 2, lambda s: 1 + 0 * s.gamma, "<")
    assert examine("test", "", everywhere).counterexample is not None
    assert examine("test", "", Relation(everywhere.left, everywhere.right, "<", between=(-1, 1))).holds


def test_no_proof_and_no_example_is_an_error_not_a_verdict() -> None:
    vanishes_on_the_grid = Relation(
        lambda s: (s.gamma - 1) * (s.gamma - 2) * (2 * s.gamma - 1) * (s.gamma - 8) + 0 * cosine(s), zero
    )
    with pytest.raises(Undecided, match="no proof"):
        examine("test", "x", vanishes_on_the_grid)


def test_a_proof_and_an_example_at_once_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Relation, "proved", lambda self: True)
    with pytest.raises(Undecided, match="both"):
        examine("test", "x", FALSE["wrong sign"][0])


def test_a_correction_counts_only_if_it_is_proved() -> None:
    wrong = FALSE["wrong sign"][0]
    assert examine("t", "p", wrong, corrected=("c", TRUE["gradient"])).corrected == "c"
    assert examine("t", "p", wrong, corrected=("c", FALSE["not projected"][0])).corrected is None


def test_a_vanishing_denominator_is_not_passed_over() -> None:
    """x^2 / x^2 >= 1 is not proved where x may be zero."""
    assert not Relation(lambda s: 0 * s.gamma + 1, lambda s: 1 / cosine(s) ** 2, "<=").proved()


def test_more_can_be_shown_at_an_example() -> None:
    s = examine("t", "p", FALSE["wrong sign"][0], show={"cosine": cosine})
    assert s.counterexample is not None and s.counterexample["cosine"] == 0


LIMITS = {
    "far out": (Limit(squared(gradient), "norm", "oo", "0"), None),
    "opposite": (Limit(squared(gradient), "cosine", "-1", "0"), None),
    "aligned": (Limit(squared(gradient), "cosine", "1", "0"), None),
    "close in": (Limit(squared(gradient), "norm", "0", "0"), None),
    "far out, times the norm": (
        Limit(lambda s: squared(gradient)(s) * s.dot(s.z, s.z), "norm", "oo", "0"),
        "1 - c**2",
    ),
    "opposite, as if by the cosine": (
        Limit(lambda s: cosine(s) ** 2 / s.dot(s.z, s.z), "cosine", "-1", "0"),
        "rho**(-2)",
    ),
}


@pytest.mark.parametrize("name", [n for n in LIMITS if n != "close in"])
def test_limits(name: str) -> None:
    limit, found = LIMITS[name]
    s = approach("test", name, limit)
    assert s.holds == (found is None) and s.how == "SymPy"
    assert s.counterexample == (None if found is None else {"limit": found})


def test_the_gradient_does_not_vanish_close_in() -> None:
    s = approach("test", "close in", LIMITS["close in"][0])
    assert not s.holds and s.counterexample is not None and "oo" in s.counterexample["limit"]


def test_a_page_can_show_what_was_found() -> None:
    wrong = examine(
        "here", "a = b", FALSE["not projected"][0], role="proof", corrected=("c", TRUE["gradient"])
    )
    right = examine("there", "a = b", TRUE["gradient"])
    root = r"- \frac{\sqrt{2}}{2}"
    example = rf"z = (1, 0); t = (1, 1); left side = $({root}, {root})$; right side = $(0, {root})$"
    assert sentence(right.to_dict()) == "there: $a = b$ holds (SymPy)."
    says = f"here (in its proof): $a = b$ **does not hold** (SymPy). Counterexample: {example}. Corrected: $c$."
    assert sentence(wrong.to_dict()) == says


@pytest.mark.parametrize(
    "latex,shown",
    [
        (r"a = b", "$a = b$"),
        (r"c", "$c$"),
        (r"a > 0 \quad (m, k \geq 1)", "$a > 0$\u2003$(m, k \\geq 1)$"),
        (r"\text{info\_nce has a minimum}", "info_nce has a minimum"),
        (r"\text{for } a = 0: \ q = p", r"for $a = 0: \ q = p$"),
        (r"a \ \text{with } b", "$a$ with $b$"),
        (r"\nabla q \text{ for no } q \quad (n \neq 0)", "$\\nabla q$ for no $q$\u2003$(n \\neq 0)$"),
        (r"a \text{ everywhere}", "$a$ everywhere"),
        (r"\nabla \, \text{info\_nce} = 0", r"$\nabla \, \text{info\_nce} = 0$"),
        (r"\text{logits}_k = g \, w", r"$\text{logits}_k = g \, w$"),
        (r"P [ \text{all of } n ] = \Bigl( \frac{a \text{ or } b}{c} \Bigr)", None),
        (r"a \in [0, 1) \text{ only}", r"$a \in [0, 1)$ only"),
        (r"a \in [0, 1[ \text{ only}", None),
    ],
)
def test_long_statements_can_be_broken_between_formulas_and_words(latex: str, shown: str | None) -> None:
    assert _breakable(latex) == (f"${latex}$" if shown is None else shown)


def test_what_vanishes_and_what_does_not() -> None:
    phi, d, n = sp.Symbol("phi"), sp.Symbol("d", positive=True), sp.Symbol("n", integer=True, positive=True)
    f = sp.Function("F")
    for nothing in (
        0,
        sp.sin(phi) ** 2 + sp.cos(phi) ** 2 - 1,
        sp.sqrt(d**2) - d,
        sp.cos(2 * sp.pi * n) - 1,
        f(d) - f(d),
    ):
        assert algebra.vanishes(nothing), nothing
    for other in (1, sp.Rational(1, 10**6), d - 1, f(d), sp.log(d) - d, sp.oo, sp.nan, sp.I * d):
        assert not algebra.vanishes(other), other


def test_what_does_not_vanish_is_told_without_simplifying(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sp, "simplify", lambda x: pytest.fail("simplify may not end on what is not zero"))
    s, phi = sp.symbols("s phi", positive=True)
    assert not algebra.vanishes(sp.sin(7 * phi) ** 255 / 2 - (s**2) ** sp.Rational(255, 2) / 2)
