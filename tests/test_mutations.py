"""Each printed statement, altered in one place, is decided differently: no check passes whatever is printed.

What is altered is the tree that is read from the LaTeX that a record shows (`ssllib.proofs.reading`): a sign, a
constant, an exponent, a hat, a projection, a function, a relation or a range. A statement that holds must then fail,
by a counterexample or for want of a proof; the correction of one that does not hold must lose its proof.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from ssllib import proofs
from ssllib.proofs import algebra, reading, slowdown, statements
from ssllib.proofs.algebra import Algebra
from ssllib.proofs.batches import BatchRelation, NumberBatch, hard_batch
from ssllib.proofs.spaces import Numbers, hard_pairs
from ssllib.proofs.statements import Limit, Question, Statement

sp = pytest.importorskip("sympy")
pytest.importorskip("z3")

EFFORT = 2_000_000
"""Of Z3, on an altered statement: that no proof is found will do."""

EQUIVALENT: dict[tuple[str, str, str], str] = {}
"""(check, a part of the text, how what is altered begins): why the altered statement is decided as the printed one."""


def asked(check: str) -> tuple[list[Question], list[Statement]]:
    """The questions that a check puts, and all its statements."""
    found: list[Question] = []
    statements.LISTENERS.append(found.append)
    try:
        return found, list(proofs.prove(check).statements)
    finally:
        statements.LISTENERS.remove(found.append)


def evidence(relation: Any) -> str:
    """The values of both sides at drawn points: by which a false statement differs from another false one."""
    if isinstance(relation, Limit | slowdown.Grown):
        return str((relation.found(), relation.left if isinstance(relation, slowdown.Grown) else None))
    if isinstance(relation, Algebra):
        free = sorted((relation.left - relation.right).free_symbols, key=str)
        here = {s: sp.Rational(k + 3, 7) for k, s in enumerate(free)}
        return str((relation.sign, *(sp.N(side.subs(here)) for side in (relation.left, relation.right))))
    if isinstance(relation, BatchRelation):
        z, others = hard_batch(3, max(relation.sizes), draws=14, spread=1)
        space: Any = NumberBatch(z, others)
    else:
        z, t = hard_pairs(3, 14)
        space = Numbers(z / z.norm(dim=1, keepdim=True) * 1.3, t / t.norm(dim=1, keepdim=True) * 2, 0.7)
    sides = [torch.as_tensor(side(space)) for side in (relation.left, relation.right)]
    return str((relation.sign, relation.between, *(x.tolist() for x in sides)))


Outcome = tuple[Any, ...]
STOPPED = (statements.Undecided, reading.Unreadable, ZeroDivisionError, TypeError, ValueError)
"""What stops a verdict: no proof and no counterexample, or a statement that has no meaning."""


def outcome(question: Question, before: Statement) -> Outcome:
    """What a question comes to, as far as it has to be known: a statement that held must not be proved again."""
    try:
        if before.holds:
            meant = question.meant()
            return (question.decide().holds if before.how == "autograd" else meant.proved(),)
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
    questions, decided = asked(check)
    known = {(s.source, s.printed): s for s in decided}
    for q in questions:
        if (q.source, q.printed) in DONE:
            continue
        DONE.add((q.source, q.printed))
        first = known[q.source, q.printed]
        texts = [(q.printed, lambda q=q, first=first: outcome(q, first))]
        if not first.holds and q.corrected:
            texts.append((q.corrected, lambda q=q: corrected(q)))
        for text, decide in texts:
            before = decide()
            for what, trees in reading.alterations(reading.SEEN[text]):
                if not any(altered(text, tree, decide) != before for tree in trees):
                    found.append((text, what))
    return found


DONE: set[tuple[str, str]] = set()
"""What was altered already: some checks share statements."""


def altered(text: str, tree: reading.Tree, decide: Callable[[], Outcome]) -> Outcome:
    reading.ALTERED[text] = tree
    try:
        return decide()
    finally:
        del reading.ALTERED[text]


@pytest.mark.parametrize("check", proofs.CHECKS)
def test_each_altered_statement_is_decided_differently(check: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(algebra, "EFFORT", EFFORT)
    assert not [(text, what) for text, what in survivors(check) if not equivalent(check, text, what)]


def equivalent(check: str, text: str, what: str) -> bool:
    return any(c == check and what.startswith(start) and part in text for c, part, start in EQUIVALENT)
