"""Formulas about InfoNCE, for any `Batch`: z is the anchor, t its positive, `others` all samples but z.

Source: 2406.16468 Eq. 1, Corollary 4, Appendix B; 2502.09252 Eq. 1, Prop. 3.2, A.2.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from operator import add
from typing import Any

from ssllib.proofs.formulas import perp_form
from ssllib.proofs.spaces import Formula


def added(terms: Iterable[Any]) -> Any:
    """Their sum; unlike Python's it does not start from the number 0, to which no vector can be added."""
    return reduce(add, terms)


def similarity(s: Any, a: Any, b: Any) -> Any:
    """exp(cos / tau)."""
    return s.exp(s.dot(s.unit(a), s.unit(b)) / s.tau)


def partition(s: Any) -> Any:
    """S_i, the sum over all others, the positive included."""
    return sum(similarity(s, s.z, t) for t in s.others)


def attraction(s: Any) -> Any:
    return -s.dot(s.unit(s.z), s.unit(s.t)) / s.tau


def repulsion(s: Any) -> Any:
    return s.log(partition(s))


def own_term(s: Any) -> Any:
    """The anchor's own InfoNCE term, Eq. 1 of both papers (with tau = 1)."""
    return attraction(s) + repulsion(s)


def whole_batch(s: Any) -> Any:
    """The mean of all samples' terms; samples 0 and 1, 2 and 3, ... are positive pairs (0 is z)."""
    batch = [s.z, *s.others]
    total = 0
    for a, x in enumerate(batch):
        scores = {b: similarity(s, x, y) for b, y in enumerate(batch) if b != a}
        pair = s.dot(s.unit(x), s.unit(batch[a ^ 1])) / s.tau
        total = total + s.log(sum(scores.values())) - pair
    return total / len(batch)


def gradient_of(f: Formula) -> Formula:
    return lambda s: s.gradient(f)


def repelled(s: Any) -> Any:
    """The weighted mean of the other samples' directions, orthogonal to z, over the norm: all with a plus."""
    pushed = (s.perp(s.unit(t), s.z) * similarity(s, s.z, t) for t in s.others)
    return added(pushed) / (partition(s) * s.norm(s.z))


def printed_2406(s: Any) -> Any:
    return perp_form(s) + repelled(s)


def printed_2502(s: Any) -> Any:
    return -perp_form(s) + repelled(s)


def chained(s: Any) -> Any:
    """The chain rule for log S_i, with the derivatives of the cosines left to be taken."""

    def cosine_with(t: Any) -> Formula:
        return lambda r: r.dot(r.unit(r.z), r.unit(t))

    slopes = (s.gradient(cosine_with(t)) * similarity(s, s.z, t) for t in s.others)
    return added(slopes) / partition(s)


def batch_form(s: Any) -> Any:
    """The whole batch's gradient in closed form: weights p_ik + p_ki, less 2 for the positive."""
    batch = [s.z, *s.others]
    parts = []
    for k, t in enumerate(s.others, 1):
        to = similarity(s, s.z, t)
        back = sum(similarity(s, t, y) for b, y in enumerate(batch) if b != k)
        weight = to / partition(s) + to / back - (2 if k == 1 else 0)
        parts.append(s.perp(s.unit(t), s.z) * weight)
    return added(parts) / (len(batch) * s.tau * s.norm(s.z))


def over_tau(f: Formula) -> Formula:
    def g(s: Any) -> Any:
        return f(s) / s.tau

    return g
