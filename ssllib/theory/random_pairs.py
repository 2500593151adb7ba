r"""Many random pairs pulled together in R^d: what large starting angles cost, in the limit of small steps.

With both points of a pair moving at equal, constant norms, d phi / dt = -2 k sin(phi) (see `small_step`). In the
variable x = artanh(cos phi) = -ln tan(phi / 2) this is dx / dt = 2 k: **every pair moves through x at one and the
same speed**, and tau = 2 k t is the way it has gone. A right angle is x = 0, equal directions are x = oo, and
opposite ones x = -oo. For independent random directions x has the density of sech^(d-1), because the cosine has
that of (1 - c^2)^((d-3)/2) (see `random_angles`) and dc = sech^2(x) dx.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ssllib.engine.simulations.norm_and_angle import NormAndAngleConfig
from ssllib.errors import in_range
from ssllib.theory import random_angles

Array = NDArray[np.float64]

_FAR = 60.0  # in units of 1 / sqrt(d - 1), the width of the law; beyond it there is less than 1e-25
_POINTS = 24_001  # of Simpson's rule


def travel(angle: float) -> float:
    """The way tau from `angle` (radians, 0 to pi) to a right angle: ln tan(angle / 2); below 0 if nearer."""
    in_range("angle", angle, 0, math.pi)
    return math.log(math.tan(angle / 2)) if 0 < angle < math.pi else math.copysign(math.inf, angle - 1)


def law(dimension: int, largest: float = math.pi, smallest: float = 0.0) -> tuple[Array, Array]:
    """The law of x = artanh(cos phi) for independent random pairs in R^d, d >= 2, as a rule of integration.

    Args:
        largest, smallest: only pairs with angles between these (radians) are kept.

    Returns:
        Points x and weights of sum 1, each of shape (points,).
    """
    in_range("dimension", dimension, 2, 10**6)
    in_range("largest angle", largest, 0, math.pi, open_low=True)
    in_range("smallest angle", smallest, 0, largest)
    far = _FAR / math.sqrt(dimension - 1)
    low, high = max(-travel(largest), -far), min(-travel(smallest), far)
    if low > 0:  # a tail: it begins where it begins
        high = min(-travel(smallest), low + far)
    elif high < 0:
        low = max(-travel(largest), high - far)
    x = np.linspace(low, high, _POINTS)
    log_sech = math.log(2) - np.abs(x) - np.log1p(np.exp(-2 * np.abs(x)))
    weight = np.exp((dimension - 1) * (log_sech - log_sech.max()))
    weight[1:-1:2] *= 4
    weight[2:-1:2] *= 2
    return x, weight / weight.sum()


def shortfall(tau: float, dimension: int, largest: float = math.pi) -> float:
    """1 - mean cosine of infinitely many pairs after each has gone the way `tau`."""
    x, weight = law(dimension, largest)
    with np.errstate(over="ignore"):
        return float(weight @ (2 / (1 + np.exp(2 * (x + tau)))))


def way(threshold: float, dimension: int, largest: float = math.pi) -> float:
    """The way tau after which the mean cosine of infinitely many pairs is `threshold`, in (0, 1)."""
    in_range("threshold", threshold, 0, 1 - 1e-12, open_low=True)
    low, high = 0.0, 30.0
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if shortfall(middle, dimension, largest) > 1 - threshold else (low, middle)
    return (low + high) / 2


def steps(tau: float, config: NormAndAngleConfig) -> float:
    """Steps in which pairs of norm 1, both points moving, go the way `tau`."""
    return tau / (2 * config.rate / config.pairs)


def excess(angle: float, dimension: int) -> tuple[float, float]:
    r"""What pairs beyond `angle` (>= pi/2) cost, in units of tau.

    Returns:
        Their probability, and the mean over *all* pairs of the way that those beyond `angle` need to come
        to a right angle, E[ln tan(phi / 2); phi > angle]. For pi/2 the near half saves just as much.
    """
    in_range("angle", angle, math.pi / 2, math.pi)
    probability = float(random_angles.chance(angle, dimension))
    x, weight = law(dimension, smallest=angle)
    return probability, probability * float(weight @ -x)
