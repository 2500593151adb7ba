"""Formulas about InfoNCE, for any `Batch`: z is the anchor, t its positive, `others` all samples but z.

Source: 2406.16468 Eq. 1, Corollary 4, Appendix B; 2502.09252 Eq. 1, Prop. 3.2, A.2.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from operator import add
from typing import Any

from ssllib.theory.proofs.batches import BatchRelation
from ssllib.theory.proofs.formulas import farther, perp_form
from ssllib.theory.proofs.reading import Indexed, Reading
from ssllib.theory.proofs.readings import Formula


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


def slope(s: Any, t: Any) -> Any:
    """The derivative of the cosine between z and another sample t."""
    return s.gradient(lambda r: r.dot(r.unit(r.z), r.unit(t)))


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


# --- as they are printed ----------------------------------------------------------------------------------

SLOPE = r"\frac{\partial}{\partial z_i} \frac{z_i^\top z_k}{\lVert z_i \rVert \lVert z_k \rVert}"
BATCH_GRADIENT = r"\nabla_i^{\mathrm{batch}}"
_SIMILAR = Indexed(lambda s, t: similarity(s, s.z, t))


def _chance(s: Any, a: Any, b: Any) -> Any:
    """p_ab, the weight of sample b among all samples but a, for the anchor a."""
    batch = [s.z, *s.others]
    return similarity(s, a, b) / sum(similarity(s, a, x) for x in batch if x is not a)


BATCH: dict[str, Any] = {
    "z_i": lambda s: s.z,
    "z_j": lambda s: s.t,
    "z_k": Indexed(lambda s, t: t),
    r"\mathrm{sim}(z_i, z_k)": _SIMILAR,
    r"\mathrm{ExpSim}(z_i, z_k)": _SIMILAR,
    "S_i": partition,
    r"\tau": lambda s: s.tau,
    "p_{ik}": Indexed(lambda s, t: _chance(s, s.z, t)),
    "p_{ki}": Indexed(lambda s, t: _chance(s, t, s.z)),
    "[k = j]": Indexed(lambda s, t: 1 if t is s.t else 0),
    "n": lambda s: (1 + len(s.others)) // 2,
    "k": lambda s: 1 + s.gamma,
    SLOPE: Indexed(slope),
    r"\nabla_i^{\mathcal A}": lambda s: -perp_form(s),  # as 2502.09252 Prop. 3.1 prints it
}


def with_gradients(**named: Formula) -> dict[str, Any]:
    """Words for the gradients of losses, at z and at kz; the keys are all of "own", "repulsion" and "batch"."""
    names = {"own": r"\nabla_i", "repulsion": r"\nabla_i^{\mathcal R}", "batch": BATCH_GRADIENT}
    found: dict[str, Any] = {}
    for key, f in named.items():
        gradient = gradient_of(f)
        found |= {names[key]: gradient, f"{names[key]}(z_i)": gradient, f"{names[key]}(k z_i)": farther(gradient)}
    return found


def batch(words: dict[str, Any] | None = None, **options: Any) -> Reading:
    r"""How a statement about a batch is read; \nabla_i is the gradient of the anchor's own term."""
    known = BATCH | with_gradients(own=own_term, repulsion=repulsion, batch=whole_batch)
    return Reading(known | (words or {}), BatchRelation, options=options)
