"""Each printed statement, altered in one place, is decided differently: no check passes whatever is printed.

Three ways cover all statements of all checks, which a test holds:

- A statement that is read from the LaTeX that a record shows (`ssllib.theory.proofs.reading`) is altered as a tree: a
  sign, a constant, an exponent, a hat, a projection, a function, a relation or a range. If it holds it
  must then fail, by a
  counterexample or for want of a proof; the correction of one that does not hold must lose its proof.
- An expression that is read by itself (`value`), and on which statements in words rest, is altered likewise, and
  some statement of the check must come out differently.
- What is not read is altered by hand (`BY_HAND`).

`EQUIVALENT` lists what is decided as before, with the reason.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any

import pytest
import torch

from ssllib import geometry, losses
from ssllib.theory import proofs
from ssllib.theory.critical_points import Point
from ssllib.theory.proofs import algebra, cosine_losses, optimizers, potentials, reading, slowdown, statements
from ssllib.theory.proofs.algebra import Algebra
from ssllib.theory.proofs.batches import BatchRelation, NumberBatch, hard_batch
from ssllib.theory.proofs.readings import Numbers, hard_pairs
from ssllib.theory.proofs.statements import Limit, Question, Relation, Statement

sp = pytest.importorskip("sympy")
pytest.importorskip("z3")

EFFORT = 500_000
"""Of Z3, on an altered statement: that it finds no proof will do, and a hole in a check needs no effort."""

WEAKER = "it says less than what is printed, and follows from it"
EQUIVALENT: list[tuple[str, str, str, str]] = [
    # check, a part of the text, how what is altered begins, why
    ("cosine-gradient-sign-2406", "is a step of descent", "projection in", "z + gamma t / |z| descends, too"),
    ("cosine-gradient-sign-2406", "is a step of descent", "hat in", "a positive factor leaves it a descent"),
    ("cosine-gradient-sign-2406", "is a step of descent", "exponent in norm", "a positive factor leaves it a descent"),
    ("cosine-gradient-sign-2406", "is a step of descent", "factor of", "what is added along z changes no cosine"),
    ("descent-step-sign", "z_i' = z_i - ", "factor of", "what is added along z changes no cosine"),
    ("gradient-vanishes-large-norm", "", "exponent in norm", "the square goes to zero where the norm does"),
    ("gradient-vanishes-opposite", "", "exponent in norm", "the square goes to zero where the norm does"),
    ("landscape-flatter", "(\\sin \\phi > 0)", "range all angles", "on the axis both sides are 0"),
    ("cosine-bound", "\\Bigl( 1 + ", "exponent in (sin", WEAKER + ": sin^2 is at most sin"),
    ("cosine-bound-hats", "\\Bigl( 1 + ", "exponent in (sin", WEAKER + ": sin^2 is at most sin"),
    ("cosine-bound-hats", "(0 < \\phi < \\tfrac\\pi2)", "exponent in (sin", WEAKER + ": sin^2 is at most sin"),
    ("slowdown-at-least-quadratic", "T / \\rho^2 > 0", "exponent in", WEAKER),
    ("slowdown-at-least-quadratic", "T / \\rho^3 \\to 0", "constant in 3", WEAKER),
    ("slowdown-at-least-quadratic", "\\ln \\frac{1}", "constant in 1", "ln 2 more is nothing beside the logarithm"),
    ("angles-near-pi-negligible", "10^{-3}", "", "the chances are below 10^-54, two printed bounds above 10^-3"),
    ("angle-control-keeps-norm", "x_2", "sign in ((x_2", "alpha goes from -1 to 1: its sign may be turned"),
    ("angle-control-keeps-norm", "\\frac", "exponent in norm((((", "1 squared is 1"),
    ("gradscale-cancels-norm", "^{0}", "exponent in norm(", "a power of 0 of whatever is positive is 1"),
    ("gradscale-cancels-norm", "^{1}", "exponent in (norm", "a power of 1 is no power"),
    ("gradscale-not-another-loss", "k^{1}", "exponent in (k", "a power of 1 is no power"),
    ("gradscale-path-integrals", "1^\\alpha", "exponent in (1", "1 to any power is 1"),
]


def equivalent(check: str, text: str, what: str) -> bool:
    return any(c == check and what.startswith(start) and part in text for c, part, start, _ in EQUIVALENT)


# --- statements that are read -----------------------------------------------------------------------------

Outcome = tuple[Any, ...]
STOPPED = (RuntimeError, ArithmeticError, TypeError, ValueError, AssertionError, StopIteration)
"""What stops a verdict: no proof and no counterexample, or a statement that has no meaning."""


@cache
def asked(check: str) -> tuple[list[Question], list[Statement], list[str]]:
    """The questions that a check puts, all its statements, and the expressions that it reads by themselves."""
    found: list[Question] = []
    listen = found.append
    reading.VALUES.clear()
    statements.LISTENERS.append(listen)
    try:
        decided = list(proofs.CHECKS[check](0))
    finally:
        statements.LISTENERS.remove(listen)
    return found, decided, sorted(reading.VALUES)


def evidence(relation: Any) -> str:
    """The values of both sides at drawn points: by which a false statement differs from another false one."""
    if isinstance(relation, Limit):
        return str(relation.found())
    if isinstance(relation, slowdown.Grown):
        return str((relation.found(), relation.sign, relation.left, relation.right))
    if isinstance(relation, Algebra):
        sides = (relation.left, *getattr(relation, "more", ()), relation.right)
        free = sorted({x for side in sides for x in sp.sympify(side).free_symbols}, key=str)
        here = {s: sp.Rational(k + 3, 7) for k, s in enumerate(free)}
        return str((relation.sign, *(sp.N(sp.sympify(side).subs(here)) for side in sides)))
    if isinstance(relation, BatchRelation):
        z, others = hard_batch(3, max(relation.sizes), draws=14, spread=1)
        space: Any = NumberBatch(z, others)
    else:
        z, t = hard_pairs(3, 14)
        space = Numbers(z / z.norm(dim=1, keepdim=True) * 1.3, t / t.norm(dim=1, keepdim=True) * 2, 0.7)
    both = [torch.as_tensor(side(space)) for side in (relation.left, relation.right)]
    return str((relation.sign, relation.between, *(x.tolist() for x in both)))


def outcome(question: Question, before: Statement) -> Outcome:
    """What a question comes to, as far as it has to be known: a statement that held must not be proved again."""
    try:
        if before.holds:
            return (question.decide().holds if before.how == "autograd" else question.meant().proved(),)
        meant = question.meant()
        return meant.proved(), evidence(meant)
    except STOPPED as e:
        return (type(e).__name__,)


def corrected(question: Question) -> Outcome:
    try:
        return (question.nearby is not None and question.nearby().proved(),)
    except STOPPED as e:
        return (type(e).__name__,)


def survivors(check: str) -> list[tuple[str, str]]:
    """The alterations after which a check's statements are decided as before: what is printed, what was altered."""
    found = []
    questions, decided, _ = asked(check)
    known = {(s.source, s.printed): s for s in decided}
    for q in questions:
        if (q.source, q.printed) in DONE or (q.source, q.printed) not in known:
            continue  # asked by another check as well, or asked of a part that is no statement of this one
        DONE.add((q.source, q.printed))
        first = known[q.source, q.printed]
        texts = [(q.printed, lambda q=q, first=first: outcome(q, first))]
        if not first.holds and q.corrected:
            texts.append((q.corrected, lambda q=q: corrected(q)))
        for text, decide in texts:
            before = (True,) if first.holds or text == q.corrected else decide()
            for what, trees in reading.alterations(reading.SEEN[text]):
                if not any(altered(text, tree, decide) != before for tree in trees):
                    found.append((text, what))
    return found


DONE: set[tuple[str, str]] = set()
"""What was altered already: some checks share statements."""


def altered(text: str, tree: reading.Tree, decide: Callable[[], Outcome]) -> Outcome:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(reading.ALTERED, text, tree)
        patch.setattr(algebra, "EFFORT", EFFORT)
        return decide()


# --- expressions that are read by themselves ----------------------------------------------------------------


def decisions(check: str, known: dict[tuple[str, str], Statement]) -> Outcome:
    """All a check says, but for the texts; a statement about vectors, which rests on no value, as it was."""

    def answer(q: Question) -> Statement:
        s = known.get((q.source, q.printed))
        return s if s and isinstance(q.meant(), Relation) else q.decide()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(statements, "ask", answer)
        try:
            found = proofs.CHECKS[check](0)
            return tuple((s.holds, s.counterexample, bool(s.corrected)) for s in found)
        except STOPPED as e:
            return (type(e).__name__,)


def silent_values(check: str) -> list[tuple[str, str]]:
    """The alterations of expressions that are read by themselves after which a check says what it said before."""
    _, decided, texts = asked(check)
    known = {(s.source, s.printed): s for s in decided}
    found = []
    before = decisions(check, known) if texts else ()
    for text in texts:
        for what, trees in reading.alterations(reading.SEEN[text], both=True):
            if not any(altered(text, tree, lambda: decisions(check, known)) != before for tree in trees):
                found.append((text, what))
    return found


# --- by hand ------------------------------------------------------------------------------------------------


def twice(f: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *args, **options: 2 * f(*args, **options)


def unnormalised(*args: Any, **options: Any) -> Any:
    first, second = args[:2]
    return (first * second).sum()


def third_unnormalised(s: Any) -> Any:
    cosines = [s.dot(s.unit(s.z), s.unit(t)) for t in s.others]
    cosines[2:3] = [s.dot(s.z, s.unit(t)) for t in s.others[2:3]]
    return s.sp.Function("F")(*cosines)


def radial_field(power: Any) -> Any:
    """|z|^power z, which has a potential for every power."""
    return lambda s: s.norm(s.z) ** power * s.z


def all_minima(*args: Any, **options: Any) -> dict[str, Point]:
    return dict.fromkeys(collapse_table(), Point("minimum", 0.0, 0.0))


def all_saddles(*args: Any, **options: Any) -> dict[str, Point]:
    return dict.fromkeys(collapse_table(), Point("saddle", 0.0, 0.0))


def collapse_table() -> list[str]:
    return [name for name in losses.__all__ if name != "orthonormal_anchors"]


def holds_everywhere(seed: int) -> list[Statement]:
    return [Statement("s", "p", True, "h")]


MOMENTUM = optimizers.momentum_update
NESTEROV = {"nesterov": True}

BY_HAND: list[tuple[str, str, str, Any, tuple[str, ...]]] = [
    # check, what is altered, where (module:name, with .key for an entry), by what, sources of statements that change
    ("infonce-gradient-2502", "a factor of 2", "ssllib.geometry:infonce_gradient", twice(geometry.infonce_gradient),
     ("ssllib.geometry, infonce_gradient",)),
    ("infonce-gradient-2502", "the third sample's weight twice", "ssllib.theory.proofs.infonce_formulas:BATCH.S_i",
     lambda s: sum(reading_similar(s, t) * (2 if k == 2 else 1) for k, t in enumerate(s.others)),
     ("batches of up to 32",)),
    ("infonce-gradient-whole-batch", "a factor of 2", "ssllib.theory.proofs.infonce:batch_form",
     twice(import_module("ssllib.theory.proofs.infonce").batch_form), ("ssllib.losses, info_nce",)),
    ("infonce-gradient-whole-batch", "not against itself", "ssllib.theory.proofs.infonce:own_term",
     import_module("ssllib.theory.proofs.infonce").whole_batch, ("not the gradient of the proposition",)),
    ("repulsion-smaller", "minus exp", "ssllib.theory.proofs.repulsion_size:similarity",
     lambda s, a, b: -s.exp(s.dot(s.unit(a), s.unit(b)) / s.tau), ("why",)),
    ("norm-growth-any-cosine-loss", "k = 2", "ssllib.theory.proofs.norm_growth:AT", 2, ("the lemma (Euler)",)),
    ("norm-growth-any-cosine-loss", "the third cosine without its hat", "ssllib.theory.proofs.norm_growth:of_cosines",
     third_unnormalised, ("2406.16468 introduction, 2502.09252 section 3", "any number of cosines")),
    ("norm-growth-optimizers", "ascent", "ssllib.theory.proofs.optimizers:momentum_update",
     lambda z, v, g, rate, mu, nesterov=False: MOMENTUM(z, v, g, -rate, mu, nesterov),
     ("gradient descent with momentum", "Nesterov momentum, at a constant rate")),
    ("norm-growth-optimizers", "the velocity's sign", "ssllib.theory.proofs.optimizers:momentum_update",
     lambda z, v, g, rate, mu, nesterov=False: MOMENTUM(z, -v, g, rate, mu, nesterov),
     ("gradient descent with momentum",)),
    ("norm-growth-optimizers", "no step", "ssllib.theory.proofs.optimizers:averaged_update", lambda z,
     m, g, b, c: (z, m),
     ("Adam, with a second moment for each coordinate: some step", "Adam's step, in float64, with its epsilon")),
    ("norm-growth-optimizers", "the mean's sign", "ssllib.theory.proofs.optimizers:averaged_update",
     lambda z, m, g, b, c: (z - c * (-b * m + (1 - b) * g), -b * m + (1 - b) * g),
     ("Adam, with one second moment for all of z",)),
    ("norm-growth-optimizers", "with weight decay", "ssllib.theory.proofs.optimizers:RULES.momentum 0.9",
     lambda: optimizers.momentum(0.02, 0.9, decay=5), ("gradient descent and those three, over 300 steps",)),
    ("norm-growth-optimizers", "one input", "ssllib.theory.proofs.optimizers:INPUTS", ([1, 0], [1, 0]),
     ("shared weights, z = Wx",)),
    ("dino-not-cosine", "the bottleneck without its hat", "ssllib.theory.proofs.dino_head:dino_loss",
     lambda s: -s.dot(s.z, s.unit(s.t)), ("*",)),
    ("dino-not-cosine", "a part along z", "ssllib.theory.proofs.dino_head:largest_radial", lambda *args: 0.1,
     ("published head", "ssllib.engine.methods.dino, Prototypes")),
    ("dino-not-cosine", "one place twice", "ssllib.theory.proofs.dino_head:PLACES", {"a": (1, 1), "b": (1, 1)},
     ("another reading",)),
    ("cosine-bound-hats", "a factor of 2", "ssllib.geometry:cosine_change", twice(geometry.cosine_change),
     ("ssllib.geometry, cosine_change",)),
    ("gradscale-no-potential", "a field with a potential", "ssllib.theory.proofs.potentials:uphill",
     radial_field, ("*",)),
    ("gradscale-no-potential", "the gradient's sign", "ssllib.theory.proofs.gradscale_potential:uphill",
     potentials.scaled,
     ("*",)),
    ("gradscale-path-integrals", "the same way twice", "ssllib.theory.proofs.gradscale_potential:work",
     lambda *path: sp.Integer(2), ("*",)),
    ("gradscale-not-another-loss", "a field with a potential", "ssllib.theory.proofs.potentials:uphill",
     radial_field, ("*",)),
    ("gradscale-not-another-loss", "one power less", "ssllib.theory.proofs.potentials:LESS", 3, ("*",)),
    ("collapse-equal-stationary", "the cosine without its hat", "ssllib.theory.proofs.collapse_gradient:_along",
     lambda a, b, c: a, ("2403.18699 Theorem 3.1, equal embeddings",)),
    ("collapse-rank1-stationary", "the cosine without its hat", "ssllib.theory.proofs.collapse_gradient:_along",
     lambda a, b, c: a, ("2403.18699 Theorem 3.1, one line", "every loss of cosines")),
    *((check, "a loss that sees norms", "ssllib.losses:info_nce", unnormalised, ("ssllib.losses, info_nce",))
      for check in ("collapse-equal-stationary", "collapse-rank1-stationary")),
    ("collapse-equal-stationary", "(2 - P_i) + (1 - P_j)", "ssllib.theory.proofs.collapse_gradient:ONES", 3,
     ("2403.18699 Appendix A, gradient for unit vectors",)),
    *((check, "the curvatures' signs", "ssllib.theory.proofs.circle:curvature",
       lambda *args: -CURVATURE(*args), ("*",)) for check in ("collapse-equal-minimum", "collapse-rank1-minimum")),
    ("collapse-equal-minimum", "the loss's sign", "ssllib.theory.proofs.circle:info_nce",
     lambda *a: -INFO_NCE(*a), ("*",)),
    ("collapse-rank1-minimum", "a loss that is lower", "ssllib.theory.proofs.circle:info_nce",
     lambda *a: INFO_NCE(*a) / 2,
     ("two pairs, one on each side",)),
    ("collapse-zero-gradient-enough", "a minimum",
     "ssllib.theory.proofs.collapse_theorem:equal_minimum", holds_everywhere,
     ("2403.18699 section 3.1",)),
    ("collapse-most-losses", "minima", "ssllib.theory.collapse:table", all_minima,
     ("2403.18699 section 3, equal", "2403.18699 section 3, rank 1", "the losses that attract and repel")),
    ("collapse-most-losses", "saddles", "ssllib.theory.collapse:table", all_saddles, ("two pairs, one on each side",)),
    ("batch-norm-no-collapse", "inputs that differ", "ssllib.theory.proofs.collapse_losses:SAME", (5, 5, 6),
     ("2406.16468 C.1, footnote 5",)),
    ("batch-norm-no-collapse", "inputs on a curve", "ssllib.theory.proofs.collapse_losses:_on_line",
     lambda c, w, b: c * w + c**2 * w**2 + b, ("inputs on one line",)),
    *((check, "a power of the density", "ssllib.theory.proofs.angle_law:LESS", 2, ("*",))
      for check in ("random-cosine-moments", "random-cosine-bound")),
    ("random-cosine-bound", "a factor of 2", "ssllib.theory.random_angles:printed_bound",
     twice(import_module("ssllib.theory.random_angles").printed_bound), ("ssllib.theory.random_angles",)),
]  # fmt: skip
CURVATURE = import_module("ssllib.theory.proofs.circle").curvature
INFO_NCE = import_module("ssllib.theory.proofs.circle").info_nce


def reading_similar(s: Any, t: Any) -> Any:
    return s.exp(s.dot(s.unit(s.z), s.unit(t)) / s.tau)


@pytest.mark.parametrize("number", range(len(BY_HAND)))
def test_what_is_altered_by_hand_is_decided_differently(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    check, what, where, other, sources = BY_HAND[number]
    _, before, _ = asked(check)
    module, _, name = where.partition(":")
    name, dot, key = name.partition(".")
    if dot:
        monkeypatch.setitem(getattr(import_module(module), name), key, other)
    else:
        monkeypatch.setattr(import_module(module), name, other)
    try:
        after = proofs.CHECKS[check](0)
    except STOPPED:
        assert "*" in sources, what  # no verdict at all
        return
    changed = {s.source for s, t in zip(before, after, strict=True) if s.holds != t.holds}
    assert changed if "*" in sources else changed >= set(sources), what


COVERAGE = ("covered", "not covered")


@pytest.mark.parametrize("name", cosine_losses.COVERED)
def test_a_loss_that_sees_norms_is_not_covered(name: str) -> None:
    assert cosine_losses.covered(name, cosine_losses.COVERED[name], 0).holds
    assert not any(cosine_losses.covered(name, f, 0).holds for f in cosine_losses.UNCOVERED.values())
    assert not cosine_losses.uncovered(name, cosine_losses.COVERED[name], 0).holds


# --- nothing is left out --------------------------------------------------------------------------------------

RESTS_ON_VALUES = {
    # statements in words or with counted numbers, each resting on expressions that are read by `value`
    "slowdown-unbounded": {"Section 4.1 of 2502.09252"},
    "angle-matters-only-near-pi": {r"C.1 of 2406.16468, section 4.1 of 2502.09252 ($\phi_0 \leq 7 \pi / 8$)"},
    "random-cosine-bound": "all",
    "random-cosine-moments": "all",
    "angles-near-pi-negligible": "all",
    "every-pair-near-pi": "all",
    "collapse-rank1-stationary": {"2403.18699 Appendix A, last display"},
    "batch-norm-no-collapse": {"PyTorch's batch_norm"},
}


def left_out(check: str) -> list[str]:
    """The sources of statements that are altered in none of the three ways."""
    questions, decided, _ = asked(check)
    read = {(q.source, q.printed) for q in questions}
    by_hand = {source for c, *_, sources in BY_HAND if c == check for source in sources} | set(COVERAGE)
    rest = [s.source for s in decided if (s.source, s.printed) not in read]
    on_values = RESTS_ON_VALUES.get(check, set())
    return [x for x in rest if not (on_values == "all" or x in on_values or x in by_hand or "*" in by_hand)]


@pytest.mark.parametrize("check", proofs.CHECKS)
def test_what_is_altered_in_one_place_is_decided_differently(check: str) -> None:
    assert not left_out(check)
    found = [*survivors(check), *silent_values(check)]
    assert not [x for x in found if not equivalent(check, *x)]
