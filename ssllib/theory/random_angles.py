r"""The angle between two independent random vectors of R^d: its exact law, and bounds for its tail.

For independent standard normal vectors (or any two independent ones of which one has a uniformly random
direction) the cosine c has the density

$$f_d(c) = \frac{\Gamma(d/2)}{\sqrt\pi \, \Gamma((d-1)/2)} (1 - c^2)^{(d-3)/2}, \qquad -1 < c < 1, \quad d \geq 2,$$

so that (1 + c) / 2 has a Beta distribution with both parameters (d - 1) / 2. On the line, d = 1, c is 1 or -1,
each with probability one half. The law is symmetric: angles beyond phi are as likely as angles below pi - phi.

Source: 2406.16468 Prop. 5 and C.1; 2502.09252 Prop. C.1 and C.2 (which print a bound, not the law).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ssllib.errors import InputError, in_range

Array = NDArray[np.float64]


def log_chance(angle: ArrayLike, dimension: int) -> Array:
    r"""The logarithm of $P[\phi > angle]$, which a float can hold in any dimension; same shape as `angle`.

    By the regularised incomplete Beta function of $\sin^2$, $P = I_{\sin^2}((d-1)/2, 1/2) / 2$ from
    $\pi/2$ on, as a continued fraction.

    Args:
        angle: in radians, from 0 to $\pi$.
        dimension: d, from 1 to 10^6.

    Raises:
        InputError: for an angle outside $[0, \pi]$ or a dimension that is not a whole number >= 1.
    """
    phi = _angles(angle)
    _check_dimension(dimension)
    if dimension == 1:
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(np.where(phi < math.pi, 0.5, 0.0)))
    folded = np.where(phi > math.pi / 2, math.pi - phi, phi)  # 0 to pi/2
    tail = math.log(0.5) + _log_beta_tail(np.sin(folded), np.cos(folded), (dimension - 1) / 2)
    with np.errstate(divide="ignore"):
        return np.asarray(np.where(phi >= math.pi / 2, tail, np.log1p(-np.exp(tail))))


def chance(angle: ArrayLike, dimension: int) -> Array:
    r"""$P[\phi > angle]$, same shape as `angle`; below about $10^{-308}$ it is 0 (see `log_chance`)."""
    return np.exp(log_chance(angle, dimension))


def density(cosine: ArrayLike, dimension: int) -> Array:
    """The density of the cosine, same shape as `cosine` (strictly between -1 and 1); d >= 2."""
    _check_dimension(dimension, low=2)
    c = np.asarray(cosine, dtype=float)
    if not bool((np.abs(c) < 1).all()):
        raise InputError("a cosine is outside (-1, 1); allowed: numbers strictly between -1 and 1")
    scale = math.lgamma(dimension / 2) - math.lgamma((dimension - 1) / 2) - math.log(math.pi) / 2
    return np.asarray(np.exp(scale + (dimension - 3) / 2 * (np.log1p(-c) + np.log1p(c))))


def printed_bound(angle: ArrayLike, dimension: int) -> Array:
    r"""The printed bound $1 / (2 d (1 - \varepsilon)^2)$ on $P[\phi > angle]$ for an obtuse angle.

    The papers bound $P[c \geq 1 - \varepsilon]$; by symmetry it is the chance of an angle of at least
    $\pi - \arccos(1 - \varepsilon)$, so $1 - \varepsilon = -\cos(angle)$.

    Source: 2406.16468 Prop. 5, 2502.09252 Prop. C.1.
    """
    phi = _obtuse(angle)
    _check_dimension(dimension)
    return np.asarray(1 / (2 * dimension * np.cos(phi) ** 2))


def sine_bound(angle: ArrayLike, dimension: int) -> Array:
    r"""$\sin^{d-1}(angle) / 2$: a bound on $P[\phi > angle]$ for an obtuse angle, below the printed one.

    Exponentially small in d; equal to the chance at $\pi/2$. (This library's; proved in
    `ssllib.theory.proofs.angle_bound`.)
    """
    phi = _obtuse(angle)
    _check_dimension(dimension)
    return np.asarray(np.sin(phi) ** (dimension - 1) / 2)


def _log_beta_tail(sine: Array, cosine: Array, a: float) -> Array:
    """log of I_x(a, 1/2) at x = sine^2, for angles in [0, pi/2]."""
    x, y = sine**2, cosine**2
    beta = math.lgamma(a) + math.lgamma(0.5) - math.lgamma(a + 0.5)
    with np.errstate(divide="ignore"):
        front = 2 * a * np.log(sine) + np.log(cosine) - beta
    direct = x < (a + 1) / (a + 2.5)
    out = np.empty_like(x)
    out[direct] = front[direct] - math.log(a) + np.log(_continued_fraction(x[direct], a, 0.5))
    rest = np.exp(front[~direct]) / 0.5 * _continued_fraction(y[~direct], 0.5, a)  # I_y(1/2, a)
    out[~direct] = np.log1p(-rest)
    return out


def _continued_fraction(x: Array, a: float, b: float) -> Array:
    """The continued fraction of the incomplete Beta function, by Lentz's method; x < (a + 1) / (a + b + 2)."""
    d = 1 / (1 - (a + b) * x / (a + 1))
    c, h = np.ones_like(x), d.copy()
    for m in range(1, 20_000):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            d, c = 1 / (1 + term * d), 1 + term / c
            h = h * d * c
        if bool((np.abs(d * c - 1) < 1e-15).all()):
            return np.asarray(h)
    raise ArithmeticError("the continued fraction did not converge")


def _angles(angle: ArrayLike) -> Array:
    phi = np.asarray(angle, dtype=float)
    if not bool(((phi >= 0) & (phi <= math.pi)).all()):
        raise InputError("an angle is out of range; allowed: radians in [0, pi]")
    return phi


def _obtuse(angle: ArrayLike) -> Array:
    phi = _angles(angle)
    if not bool((phi > math.pi / 2).all()):
        raise InputError("an angle is at most pi/2; the bound is for angles in (pi/2, pi]")
    return phi


def _check_dimension(dimension: int, low: int = 1) -> None:
    if not isinstance(dimension, int) or isinstance(dimension, bool):
        raise InputError(f"dimension is {dimension!r}; allowed: a whole number from {low}")
    in_range("dimension", dimension, low, 10**6)
