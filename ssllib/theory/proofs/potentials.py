"""Curl, closed paths and potentials of GradScale's field, |z|^power times the gradient of the cosine.

Source: 2502.09252 Prop. D.1 and its proof (where p is the cosine and alpha the power).
"""

from __future__ import annotations

from typing import Any

import torch

from ssllib import geometry
from ssllib.losses import info_nce
from ssllib.theory.proofs.algebra import vanishes
from ssllib.theory.proofs.formulas import gradient, negative
from ssllib.theory.proofs.readings import Coordinates, Formula, Gram


def scaled(power: Any) -> Formula:
    """|z|^power times the gradient of the loss -cos: what GradScale passes back."""
    return lambda s: s.norm(s.z) ** power * gradient(s)


def uphill(power: Any) -> Formula:
    """The field of Prop. D.1: |z|^power times the gradient of the cosine."""
    return negative(scaled(power))


def symbolic_power() -> Any:
    import sympy as sp

    return sp.Symbol("alpha", real=True)


def curl() -> Any:
    """The number k of `Gram.curl` for the field with a symbolic power alpha, in terms of rho and tau."""
    gram = Gram()
    return gram.reduce(gram.curl(uphill(symbolic_power())))


def only_power_zero() -> bool:
    """From n = 2 on the curl is alpha times a positive number wherever z and t are not parallel.

    Shown for every n by inner products, and again in the coordinates of n = 2 and 3.
    """
    import sympy as sp

    alpha, k = symbolic_power(), curl()
    proved = sp.simplify(k / alpha).is_positive is True
    for space in map(Coordinates, (2, 3)):
        z, t = space.z, space.t
        norms = {
            sp.Symbol("rho", positive=True): space.norm(z),
            sp.Symbol("tau", positive=True): space.norm(t),
        }
        pairs = [(i, j) for j in range(len(z)) for i in range(j)]
        stated = [k.subs(norms) * (t[i] * z[j] - t[j] * z[i]) for i, j in pairs]
        found = space.curl(uphill(alpha))
        proved = proved and all(vanishes(x - y) for x, y in zip(found, stated, strict=True))
    return proved


def work(radius: Any, turn: Any, start: Any, end: Any) -> Any:
    """The integral of the field along a path in a plane through t: polar coordinates in the symbol s, t at 0."""
    import sympy as sp

    s = sp.Symbol("s", positive=True)
    space = Coordinates(2)
    radius, turn, start, end = (sp.sympify(x, locals={"s": s}) for x in (radius, turn, start, end))
    point = sp.Matrix([radius * sp.cos(turn), radius * sp.sin(turn)])
    at = dict(zip([*space.z, *space.t], [*point, 1, 0], strict=True))
    field = uphill(symbolic_power())(space).subs(at, simultaneous=True)
    power = sp.simplify((field.T * point.diff(s))[0])
    return sp.simplify(sp.integrate(power, (s, start, end)))


def loop() -> Any:
    """Once around t, 2t, 2u, u, t, with u at a right angle to t."""
    return sum(
        work(*side)
        for side in (("s", 0, 1, 2), (2, "s", 0, "pi/2"), ("s", "pi/2", 2, 1), (1, "s", "pi/2", 0))
    )


def squared_curl() -> Any:
    """The squared length of the curl in terms of alpha, rho and c, in every dimension."""
    gram = Gram()
    area2 = gram.zz * gram.tt - gram.zt**2  # the squared length of t_i z_j - t_j z_i over i < j
    return gram.reduce(gram.curl(uphill(symbolic_power())) ** 2 * area2)


LESS = 2
"""By how much the curl's power of the norm is less than the field's."""


def infonce_curl_error(dimension: int, power: float, seed: int = 0) -> float:
    """Largest error of the statement above in units of the largest entry; infinite if the curl is zero."""
    generator = torch.Generator().manual_seed(seed)
    first, second = torch.randn(2, 4, dimension, generator=generator, dtype=torch.float64)

    def pull(z: torch.Tensor) -> torch.Tensor:
        batch = torch.cat([z[None], first[1:]])
        (g,) = torch.autograd.grad(info_nce(batch, second, temperature=0.5), z, create_graph=True)
        return g

    z = first[0].clone().requires_grad_()
    jacobian = torch.autograd.functional.jacobian(lambda x: torch.linalg.vector_norm(x) ** power * pull(x), z)
    found = jacobian - jacobian.T
    g, z = pull(z).detach(), z.detach()
    stated = power * geometry.norm(z) ** (power - LESS) * (torch.outer(g, z) - torch.outer(z, g))
    largest = float(found.abs().max())
    return float((found - stated).abs().max()) / largest if largest > 1e-6 else float("inf")
