r"""Formulas about two vectors z and t of R^d, read in three ways.

A formula is written once, as a function of a `Space`:

- `Gram`: z and t are known only through $\|z\|$, $\|t\|$ and $\cos\phi$. What is shown here is shown for
  every d, because the papers' formulas contain inner products and nothing else, and the gradient of such a
  formula follows from $\partial_z (z^\top t) = t$ and $\partial_z (z^\top z) = 2z$.
- `EqualNorms`: the same, where $\|z\| = \|t\|$.
- `Coordinates`: explicit real coordinates in a small dimension, differentiated one by one.
- `Numbers`: float64 tensors, differentiated by autograd.

SymPy is imported when one of the first three is made, not before.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from ssllib import geometry
from ssllib.errors import in_range


class Space:
    """Two non-zero vectors `z` and `t`, a positive number `gamma`, and what the papers build from them."""

    z: Any
    t: Any
    gamma: Any

    def dot(self, a: Any, b: Any) -> Any:
        raise NotImplementedError

    def sqrt(self, x: Any) -> Any:
        raise NotImplementedError

    def gradient(self, f: Formula) -> Any:
        """The gradient of the scalar formula `f` with respect to z."""
        raise NotImplementedError

    def at(self, f: Formula, z: Any) -> Any:
        """The value of the formula `f` with `z` in the place of this space's own."""
        raise NotImplementedError

    def norm(self, a: Any) -> Any:
        return self.sqrt(self.dot(a, a))

    def unit(self, a: Any) -> Any:
        return a / self.norm(a)

    def perp(self, a: Any, b: Any) -> Any:
        """The component of a orthogonal to b."""
        return a - b * self.dot(b, a) / self.dot(b, b)


Formula = Callable[[Space], Any]


SAMPLES = (
    (2.0, 1.5, 0.25, 0.1),
    (1.3, 0.8, 0.7, 0.6),
    (0.9, 1.7, 0.2, 2.3),
    (0.4, 0.6, 0.45, 0.15),
    (1.1, 1.1, 0.05, 7.0),
)
"""Both norms, where the cosine is between its bounds, and gamma: where a relation is tried before it is proved."""


class Gram(Space):
    """Two vectors of any dimension: a vector is a sum of multiples of the symbols z and t."""

    def __init__(self) -> None:
        import sympy as sp

        self.sp = sp
        self.z, self.t = sp.symbols("z t")  # they stand for vectors, and only ever occur linearly
        self.gamma, self.zz, self.tt = sp.symbols("gamma zz tt", positive=True)
        self.zt = sp.Symbol("zt", real=True)
        self.rho, self.tau = sp.symbols("rho tau", positive=True)  # the two norms
        self.c = sp.Symbol("c", real=True)  # the cosine
        self.s = sp.Symbol("s", nonnegative=True)  # the sine

    def dot(self, a: Any, b: Any) -> Any:
        a, b = self.sp.expand(a), self.sp.expand(b)
        az, at, bz, bt = a.coeff(self.z), a.coeff(self.t), b.coeff(self.z), b.coeff(self.t)
        return az * bz * self.zz + (az * bt + at * bz) * self.zt + at * bt * self.tt

    def sqrt(self, x: Any) -> Any:
        return self.sp.sqrt(x)

    def gradient(self, f: Formula) -> Any:
        value = self.sp.sympify(f(self))
        return value.diff(self.zt) * self.t + 2 * value.diff(self.zz) * self.z

    def at(self, f: Formula, z: Any) -> Any:
        new = {self.zz: self.dot(z, z), self.zt: self.dot(z, self.t), self.z: z}
        return f(self).subs(new, simultaneous=True)

    def curl(self, field: Formula) -> Any:
        r"""The number k in $\partial_j F_i - \partial_i F_j = k \, (t_i z_j - t_j z_i)$ for a vector field F of z.

        With F = a t + b z, where a and b depend on z through z.z and z.t only, k is 2 da/d(z.z) - db/d(z.t).
        The matrix is zero where k is, and where z and t are parallel (so everywhere, on the line).
        """
        value = self.sp.expand(field(self))
        a, b = value.coeff(self.t), value.coeff(self.z)
        return 2 * a.diff(self.zz) - b.diff(self.zt)

    def reduce(self, value: Any) -> Any:
        """In lowest terms, with the inner products written as norms, cosine and (where it occurs) sine."""
        sp = self.sp
        value = sp.sympify(value).subs(
            {self.zz: self.rho**2, self.tt: self.tau**2, self.zt: self.rho * self.tau * self.c}
        )
        value = sp.simplify(sp.expand(value.subs(sp.sqrt(1 - self.c**2), self.s)))
        if not value.has(self.s):
            return value
        circle = self.s**2 + self.c**2 - 1
        above, below = (sp.rem(sp.expand(x), circle, self.s) for x in sp.fraction(sp.together(value)))
        return sp.factor(above / below)

    def samples(self, value: Any, between: tuple[int, int] | None = None) -> list[float]:
        """A number, or a vector at made-up values of z and t, at some norms, cosines and steps: to be refuted by."""
        low, high = between or (-1, 1)
        found = []
        for rho, tau, part, gamma in SAMPLES:
            tau = rho if self.tau is self.rho else tau
            c = low + (high - low) * part
            here = {self.zz: rho**2, self.tt: tau**2, self.zt: rho * tau * c, self.gamma: gamma}
            here |= {self.z: 0.31, self.t: -0.57}
            x = self.sp.sympify(value).subs(here)
            x = x.subs({self.rho: rho, self.tau: tau, self.c: c, self.s: (1 - c * c) ** 0.5}).evalf()
            if x.is_Float or x.is_Integer:
                found.append(float(x))
        return found

    def given(self, between: tuple[int, int] | None = None) -> list[Any]:
        """What is known of norms, cosine (strictly between two numbers, or from -1 to 1), sine and gamma."""
        low, high = between or (-1, 1)
        inside = (self.c > low, self.c < high) if between else (self.c >= low, self.c <= high)
        positive = [self.sp.Gt(x, 0, evaluate=False) for x in (self.rho, self.tau, self.gamma)]
        circle = self.sp.Eq(self.s**2 + self.c**2, 1), self.sp.Ge(self.s, 0, evaluate=False)
        return [*positive, *inside, *circle]


class EqualNorms(Gram):
    """Two vectors of any dimension and of one norm, rho."""

    def __init__(self) -> None:
        super().__init__()
        self.tau = self.rho


class Columns(Space):
    """Vectors as SymPy columns; the coordinates of z are symbols."""

    sp: Any

    def dot(self, a: Any, b: Any) -> Any:
        return (a.T * b)[0]

    def sqrt(self, x: Any) -> Any:
        return self.sp.sqrt(x)

    def gradient(self, f: Formula) -> Any:
        value = f(self)
        return self.sp.Matrix([value.diff(x) for x in self.z])

    def at(self, f: Formula, z: Any) -> Any:
        return f(self).subs(dict(zip(self.z, z, strict=True)), simultaneous=True)


class Coordinates(Columns):
    """Two vectors of R^d with real, non-zero coordinates."""

    def __init__(self, d: int) -> None:
        import sympy as sp

        self.sp = sp
        self.z = sp.Matrix(sp.symbols(f"z1:{d + 1}", real=True, nonzero=True))
        self.t = sp.Matrix(sp.symbols(f"t1:{d + 1}", real=True, nonzero=True))
        self.gamma = sp.Symbol("gamma", positive=True)

    def reduce(self, value: Any) -> list[Any]:
        """The entries of a vector (or one number), simplified; |x| as x sign(x), or d = 1 stays undecided."""
        return [self.sp.simplify(x.rewrite(self.sp.sign)) for x in self.entries(value)]

    def entries(self, value: Any) -> list[Any]:
        """The entries of a vector, or one number, as a list."""
        return [self.sp.sympify(x) for x in self.sp.flatten([value])]

    def curl(self, field: Formula) -> list[Any]:
        """dF_i/dz_j - dF_j/dz_i for i < j: empty on the line, one number in the plane, three in space."""
        value = self.entries(field(self))
        return [
            value[i].diff(self.z[j]) - value[j].diff(self.z[i]) for j in range(len(value)) for i in range(j)
        ]

    def put(self, value: Any, z: Sequence[int], t: Sequence[int], gamma: str) -> list[Any]:
        """The exact entries of `value` at one point."""
        here = dict(zip([*self.z, *self.t], [*z, *t], strict=True)) | {self.gamma: self.sp.Rational(gamma)}
        return [self.sp.simplify(x.subs(here, simultaneous=True)) for x in self.entries(value)]


class Numbers(Space):
    """Rows of float64 tensors z and t of shape (n, d); scalars have shape (n, 1)."""

    def __init__(self, z: Tensor, t: Tensor, gamma: float = 1.0) -> None:
        self.z, self.t, self.gamma = z, t, gamma

    def dot(self, a: Tensor, b: Tensor) -> Tensor:
        return (a * b).sum(-1, keepdim=True)

    def sqrt(self, x: Tensor) -> Tensor:
        return x.sqrt()

    def gradient(self, f: Formula) -> Tensor:
        leaf = self.z.detach().clone().requires_grad_()
        (gradient,) = torch.autograd.grad(self.at(f, leaf).sum(), leaf)
        return gradient

    def at(self, f: Formula, z: Tensor) -> Tensor:
        return f(Numbers(z, self.t, self.gamma))


def hard_pairs(dimension: int, draws: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Random pairs of vectors in float64, shape (draws, dimension) each, corners included.

    Norms are log-uniform from 1e-100 to 1e100. In turn, the second vector has an independent direction, an
    obtuse angle, a right angle (for d > 1), is parallel, antipodal, nearly parallel and nearly antipodal.
    """
    in_range("dimension", dimension, 1, 10**6)
    in_range("draws", draws, 1, 10**7)
    generator = torch.Generator().manual_seed(seed)
    z, t, small = torch.randn(3, draws, dimension, generator=generator, dtype=torch.float64)
    u = geometry.unit(z)
    for kind in range(1, 7):
        at = slice(kind, None, 7)
        if kind == 1:
            t[at] *= torch.where((t[at] * u[at]).sum(1, keepdim=True) > 0, -1.0, 1.0)
        elif kind == 2 and dimension > 1:
            t[at] = geometry.tangent_component(t[at], u[at])
        elif kind > 2:
            t[at] = (u[at] if kind % 2 else -u[at]) + (1e-8 * small[at] if kind > 4 else 0)
    a, b = 10 ** (200 * torch.rand(2, draws, 1, generator=generator, dtype=torch.float64) - 100)
    return u * a, geometry.unit(t) * b


def largest_error(left: Formula, right: Formula, dimension: int, draws: int = 210, seed: int = 0) -> float:
    r"""Largest $\|left - right\| \cdot \|z\|$ over `hard_pairs`: an error in units of $1 / \|z\|$."""
    space = Numbers(*hard_pairs(dimension, draws, seed))
    gap = left(space) - right(space)  # (draws, dimension), or (draws, 1) for a scalar
    return float((torch.linalg.vector_norm(gap, dim=-1, keepdim=True) * space.norm(space.z)).max())
