"""Each printed statement, altered in one place, is decided differently: no check passes whatever is printed.

What is altered is the tree that is read from the LaTeX that a record shows (`ssllib.proofs.reading`): a sign, a
constant, an exponent, a hat, a projection, a function, a relation or a range. A statement that holds must then fail,
by a counterexample or for want of a proof; the correction of one that does not hold must lose its proof.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch

from ssllib import proofs
from ssllib.proofs import algebra, reading, statements
from ssllib.proofs.algebra import Algebra
from ssllib.proofs.batches import BatchRelation, NumberBatch, hard_batch
from ssllib.proofs.spaces import Numbers, hard_pairs
from ssllib.proofs.statements import Limit, Question, Statement

sp = pytest.importorskip("sympy")
pytest.importorskip("z3")

EFFORT = 2_000_000
"""Of Z3, on an altered statement: that no proof is found will do."""

EQUIVALENT: dict[tuple[str, str, str], str] = {}
"""(check, text, what is altered): why the altered statement is decided as the printed one is."""


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
    if isinstance(relation, Limit):
        return str(relation.found())
    if isinstance(relation, Algebra):
        free = sorted((relation.left - relation.right).free_symbols, key=str)
        here = {s: sp.Rational(k + 3, 7) for k, s in enumerate(free)}
        return str((relation.sign, *(sp.N(side.subs(here)) for side in (relation.left, relation.right))))
    if isinstance(relation, BatchRelation):
        z, others = hard_batch(3, max(relation.sizes), draws=14, spread=1)
        space: Any = NumberBatch(z, others)
    else:
        z, t = hard_pairs(3, 14)
        space = Numbers(z / z.norm(dim=1, keepdim=True), t / t.norm(dim=1, keepdim=True) * 2, 0.7)
    sides = [torch.as_tensor(side(space)) for side in (relation.left, relation.right)]
    return str((relation.sign, relation.between, *(x.tolist() for x in sides)))


def outcome(question: Question) -> tuple[Any, ...]:
    """What a question comes to: whether it holds, why not, and what is proved instead. Undecided is an outcome, too."""
    try:
        s = question.decide()
        return (s.holds, s.counterexample, s.corrected) if s.holds else (False, evidence(question.meant()), s.corrected)
    except (statements.Undecided, reading.Unreadable, ZeroDivisionError, TypeError, ValueError) as e:
        return (type(e).__name__,)


def survivors(check: str) -> list[str]:
    """The alterations after which a check's statements are decided as before."""
    found = []
    questions, _ = asked(check)
    done = set()
    for q in questions:
        before = outcome(q)
        texts = [q.printed] if before[0] is True or not q.corrected else [q.printed, q.corrected]
        for text in texts:
            if (q.source, text) in done:
                continue
            done.add((q.source, text))
            for what, tree in reading.alterations(reading.SEEN[text]):
                reading.ALTERED[text] = tree
                try:
                    after = outcome(q)
                finally:
                    del reading.ALTERED[text]
                same = after == before if text == q.printed else after[-1] == before[-1]
                if same and (check, text, what) not in EQUIVALENT:
                    found.append(f"{text}: {what}")
    return found


@pytest.mark.parametrize("check", proofs.CHECKS)
def test_each_altered_statement_is_decided_differently(check: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(algebra, "EFFORT", EFFORT)
    assert not survivors(check)
