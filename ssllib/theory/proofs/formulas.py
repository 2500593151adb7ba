"""Formulas about the cosine similarity, for any `Space`: z is the embedding, t its positive counterpart.

Source: 2406.16468 section 3, 2502.09252 section 3.
"""

from __future__ import annotations

from typing import Any

from ssllib.theory.proofs.readings import Formula, Space


def zero(s: Space) -> Any:
    return 0 * s.gamma


def embedding(s: Space) -> Any:
    return s.z


def cosine(s: Space) -> Any:
    return s.dot(s.unit(s.z), s.unit(s.t))


def sine(s: Space) -> Any:
    return s.sqrt(1 - cosine(s) ** 2)


def loss(s: Space) -> Any:
    """The attraction loss of both papers, -cos."""
    return -cosine(s)


def gradient(s: Space) -> Any:
    """The true gradient of the loss, by differentiation."""
    return s.gradient(loss)


def matrix_form(s: Space) -> Any:
    """(1/|z|) (I - z z^T / |z|^2) t/|t|, which both papers print (one with a minus sign before it)."""
    u = s.unit(s.t)
    return (u - s.z * s.dot(s.z, u) / s.norm(s.z) ** 2) / s.norm(s.z)


def perp_form(s: Space) -> Any:
    """The component of (t/|t|) / |z| orthogonal to z, the second form that both papers print."""
    return s.perp(s.unit(s.t) / s.norm(s.z), s.z)


def magnitude_squared(s: Space) -> Any:
    """(sin(phi) / |z|)^2."""
    return (1 - cosine(s) ** 2) / s.dot(s.z, s.z)


def negative(f: Formula) -> Formula:
    return lambda s: -f(s)


def squared(f: Formula) -> Formula:
    """The squared norm of a vector formula."""
    return lambda s: s.dot(f(s), f(s))


def farther(f: Formula) -> Formula:
    """f at (1 + gamma) z: farther out in the same direction."""
    return lambda s: s.at(f, s.z * (1 + s.gamma))


def moved(direction: Formula) -> Formula:
    """z after a step gamma along `direction`."""
    return lambda s: s.z + s.gamma * direction(s)


def sideways(s: Space) -> Any:
    """The direction from z towards t along the circle (or sphere) of z; its length is |t| sin(phi)."""
    return s.perp(s.t, s.z)


def rise(f: Formula, direction: Formula, order: int = 1) -> Formula:
    """The derivative of f along `direction`, held constant, at z (symbolic spaces only)."""

    def g(s: Any) -> Any:
        return s.at(f, s.z + s.gamma * direction(s)).diff(s.gamma, order).subs(s.gamma, 0)

    return g
