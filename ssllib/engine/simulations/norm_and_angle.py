r"""Simulation of norm and angle: how many steps of gradient descent align pairs of points.

Source: 2406.16468 section 3, Fig. 2; 2502.09252 section 4.1, appendix B.1, Fig. 2a; and the notebook
released with the latter. Pairs of points are drawn at random in R^d, given a norm and an angle, and moved by
gradient descent on the mean of -cos(z_1, z_2) until the mean cosine exceeds a threshold.

The gradient of the cosine lies in the plane of its pair, so a pair never leaves its plane and its state is
three numbers: both norms and the cosine. With k_i = eta |z_i|^(p-2), s = sin(phi), one step turns z_i towards
its partner by atan(k_i s) and multiplies its norm by sqrt(1 + k_i^2 s^2). Iterating that is exact for any d,
and all settings of norm and angle are iterated at once.

Two things make it fast. A pair's cosine after some steps is an analytic function of the cosine x of the two
random directions it started from, except at x = -1 and 1, so the mean over the pairs is that over a few of
Gauss's nodes for them (`quadrature`). And where steps are small, many are taken at once: they are the flow, for
as long a time, of the vector field whose flow for the time 1 is a step (`leap`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ssllib.engine import config as configs
from ssllib.engine.config import Result
from ssllib.errors import InputError, in_range, one_of

Array = NDArray[np.float64]

NOT_WITHIN_CAP = "not within the cap"
PRINTED_NORMS = (0.25, 0.5, 0.75, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0)
PRINTED_ALPHAS = tuple(i / 25 for i in range(-24, 25))
_BLOCK = 32  # settings iterated together: 32 x 500 numbers stay in a core's cache
_SMOOTH = 0.25  # largest step over norm for which nodes stand for the pairs
_SMALL = 0.006  # largest sum of both for which steps are taken many at once
_LEAP = 0.1  # by how much log tan(phi / 2) then falls


@configs.register("simulation:norm-and-angle")
@dataclass(frozen=True)
class NormAndAngleConfig(configs.RunConfig):
    """Settings of the simulation; the defaults are the ones of the released notebook.

    `rate` acts on the mean over the pairs, so each pair moves with `rate / pairs`. An `alpha` of 1 puts the
    second point on the first, 0 leaves it random, -1 puts it opposite (the sign of 2502.09252 B.1; the
    released notebook flips it).
    """

    runner: ClassVar[str] = "ssllib.engine.simulations.norm_and_angle:run_norm_and_angle"

    pairs: int = 500
    dim: int = 20
    rate: float = 10.0
    threshold: float = 0.999  # on the mean cosine
    cap: int = 100_000  # steps after which a setting is given up
    moving: str = "both"  # which points descend: "both", or "one" (the second)
    scaled: str = "both"  # which points are given the norm: "both", or "one" (the second)
    renormalise: bool = True  # give the interpolated point unit norm before scaling it
    first_step: str = "cosine"  # "dot": the first step follows the dot product over the product of norms
    power: float = 0.0  # p of GradScale: the gradient of z is multiplied by |z|^p
    norms: tuple[float, ...] = PRINTED_NORMS
    alphas: tuple[float, ...] = PRINTED_ALPHAS

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, high in (("pairs", 10**6), ("dim", 10**5), ("cap", 10**8)):
            value = getattr(self, name)
            if not isinstance(value, int):
                raise InputError(f"{name} is {value!r}; allowed: a whole number")
            in_range(name, value, 2 if name == "dim" else 1, high)
        in_range("rate", self.rate, 0, 1e9, open_low=True)
        in_range("threshold", self.threshold, -0.999999, 0.999999)
        in_range("power", self.power, 0, 4)
        one_of("moving", self.moving, ("both", "one"))
        one_of("scaled", self.scaled, ("both", "one"))
        one_of("first_step", self.first_step, ("cosine", "dot"))
        object.__setattr__(self, "norms", _grid("norms", self.norms, 1e-3, 1e6))
        object.__setattr__(self, "alphas", _grid("alphas", self.alphas, -1, 1))


def _grid(what: str, values: Sequence[float], low: float, high: float) -> tuple[float, ...]:
    """`values` as a tuple of floats, checked."""
    if not isinstance(values, tuple | list) or not values:
        raise InputError(f"{what} is {values!r}; allowed: at least one number, in a tuple")
    for value in values:
        in_range(f"one of {what}", value, low, high)
    if any(b <= a for a, b in zip(values, values[1:], strict=False)):
        raise InputError(f"{what} is {values!r}; allowed: increasing numbers, each once")
    return tuple(float(value) + 0.0 for value in values)  # + 0.0 turns -0.0 into 0.0


@dataclass
class State:
    """Pairs of one or many settings: cosines and squared norms, each of shape (settings, pairs)."""

    cosine: Array
    square1: Array
    square2: Array  # the same object as square1 where both points always have equal norms

    def rows(self, keep: NDArray[np.intp]) -> State:
        """The settings numbered in `keep`."""
        square1 = self.square1[keep]
        return State(
            self.cosine[keep], square1, square1 if self.square2 is self.square1 else self.square2[keep]
        )


def random_cosines(pairs: int, dim: int, seed: int) -> Array:
    """Cosines of `pairs` independent pairs of uniform directions in R^dim, shape (pairs,)."""
    rng = np.random.default_rng(seed)
    x1 = rng.standard_normal((pairs, dim))
    x2 = rng.standard_normal((pairs, dim))
    return np.asarray((x1 * x2).sum(1) / np.sqrt((x1**2).sum(1) * (x2**2).sum(1)))


def quadrature(x: Array) -> tuple[Array, Array] | None:
    """Nodes and weights, both (m,), that stand for the points `x` (n,) in (-1, 1) in the mean of a function.

    Gauss's rule for the points themselves (Golub and Welsch 1969): the mean of f(x) is the weighted sum of f
    at the nodes, for polynomials of degree below 2m and, to an error of about rho^-2m, for functions that are
    analytic but for -1 and 1; rho is the sum of the half axes, relative to half the points' range, of the
    ellipse with foci at its ends through -1 or 1. m is the smallest with rho^-2m < 1e-17; None where that is
    more than half of the points.
    """
    low, high = float(x.min()), float(x.max())
    if len(x) < 20 or not -1 < low < high < 1:
        return None
    middle, half = (low + high) / 2, (high - low) / 2
    axis = (1 - abs(middle)) / half
    m = math.ceil(17 * math.log(10) / (2 * math.log(axis + math.sqrt(axis**2 - 1))))
    if 2 * m > len(x):
        return None
    y, basis = (x - middle) / half, np.full((1, len(x)), len(x) ** -0.5)
    diagonal, beside = [], []
    for _ in range(m):  # Lanczos: polynomials that are orthonormal on the points
        v = y * basis[-1]
        diagonal.append(float(basis[-1] @ v))
        for _ in range(2):
            v = v - (basis @ v) @ basis
        beside.append(float(np.sqrt(v @ v)))
        basis = np.vstack([basis, v / beside[-1]])
    values, vectors = np.linalg.eigh(np.diag(diagonal) + np.diag(beside[:-1], 1) + np.diag(beside[:-1], -1))
    return middle + half * values, vectors[0] ** 2


def start(config: NormAndAngleConfig, cosines: Array | None = None) -> State:
    """Every setting before the first step; settings run over norms (slow) and alphas (fast).

    `cosines` (pairs,) of x_1 and x_2 are those of `random_cosines` if not given.
    Source: 2502.09252 B.1: x_2' = (1 - |alpha|) x_2 + alpha x_1 for unit x_1, x_2, then scaled.
    """
    if cosines is None:
        cosines = random_cosines(config.pairs, config.dim, config.seed)
    c = cosines[None]  # (1, pairs)
    alpha = np.asarray(config.alphas)[:, None]  # (alphas, 1)
    rest = 1 - np.abs(alpha)
    mixed = rest**2 + alpha**2 + 2 * alpha * rest * c  # |x_2'|^2, (alphas, pairs)
    cosine = np.clip((rest * c + alpha) / np.sqrt(mixed), -1, 1)
    norm = np.repeat(np.asarray(config.norms), len(config.alphas))[:, None]  # (settings, 1)
    shape = (len(norm), len(cosines))
    square2 = np.tile(np.ones_like(mixed) if config.renormalise else mixed, (len(config.norms), 1)) * norm**2
    equal = config.renormalise and config.scaled == config.moving == "both"
    square1 = square2 if equal else np.ones(shape) * (norm**2 if config.scaled == "both" else 1.0)
    return State(np.tile(cosine, (len(config.norms), 1)), square1, square2)


def step(state: State, config: NormAndAngleConfig, *, dot: bool = False) -> State:
    """One step of gradient descent for all pairs (`dot`: without projecting out the radial part)."""
    eta, c = config.rate / config.pairs, state.cosine
    k2 = relative_step(state.square2, eta, config.power)
    if state.square1 is state.square2:
        k1 = k2
    elif config.moving == "both":
        k1 = relative_step(state.square1, eta, config.power)
    else:
        k1 = np.zeros(1)
    if dot:  # z_i' / |z_i| = u_i + k_i u_j
        grow1, grow2 = 1 + (2 * c + k1) * k1, 1 + (2 * c + k2) * k2
        overlap = c + k1 + k2 + k1 * k2 * c
        collinear = np.abs(c) == 1  # stays so, also after rounding
        overlap = np.where(collinear, np.sign(overlap) * np.sqrt(grow1 * grow2), overlap)
    else:  # z_i' / |z_i| = u_i + k_i (u_j - c u_i)
        s2 = 1 - c * c
        grow2 = 1 + k2 * k2 * s2
        grow1 = grow2 if k1 is k2 else 1 + k1 * k1 * s2
        overlap = c + (k1 + k2 - k1 * k2 * c) * s2
    square2 = state.square2 * grow2
    if k1 is k2:
        return State(overlap / grow2, square2, square2)
    return State(overlap / np.sqrt(grow1 * grow2), state.square1 * grow1, square2)


def relative_step(square: Array, eta: float, power: float) -> Array:
    """eta |z|^(p-2): the step over the norm, for a unit sine."""
    if power == 2:
        return np.full(1, eta)
    if power == 1:
        return eta / np.sqrt(square)
    return eta / square if power == 0 else eta * square ** (power / 2 - 1)


def descend(
    state: State, config: NormAndAngleConfig, weights: Array | None = None, first: Array | None = None,
    taken: NDArray[np.int64] | None = None,
) -> tuple[Array, Array]:  # fmt: skip
    """Iterate until the mean cosine exceeds the threshold, or the cap.

    Args:
        weights: (pairs,), of the pairs in each mean; default equal.
        first, taken: where `state` is not the start: the moved point's squared norms there (settings, pairs),
            and the steps since, (settings,).

    Returns:
        steps, growth: shape (settings,); the steps taken, and the mean over the pairs of the moved point's
        last norm over its first. Both are NaN for a setting that does not get there within the cap.
    """
    steps = np.full(len(state.cosine), np.nan)
    growth = np.full(len(state.cosine), np.nan)
    if first is None:
        first = state.square2
    if taken is None:
        taken = np.zeros(len(steps), dtype=np.int64)
    left, moved = np.arange(len(steps)), 0
    while len(left):
        done = _mean(state.cosine, weights) > config.threshold
        given_up = taken + moved >= config.cap
        if moved == 1:
            given_up = given_up | (np.abs(state.cosine) == 1).all(1)  # all opposite: no gradient, for ever
        if done.any() or given_up.any():
            steps[left[done]] = taken[done] + moved
            growth[left[done]] = _mean(np.sqrt(state.square2[done] / first[left[done]]), weights)
            keep = np.flatnonzero(~(done | given_up))
            left, taken, state = left[keep], taken[keep], state.rows(keep)
            if not len(left):
                break
        dot = moved == 0 and config.first_step == "dot" and not taken.any()
        state, moved = step(state, config, dot=dot), moved + 1
    return steps, growth


def _mean(values: Array, weights: Array | None) -> Array:
    return values.mean(1) if weights is None else values @ weights


def _logs(state: State) -> Array:
    """u = log tan(phi / 2), which small steps move evenly, and the logarithms of the squared norms."""
    u = 0.5 * np.log((1 - state.cosine) / (1 + state.cosine))
    squares = [state.square1] if state.square1 is state.square2 else [state.square1, state.square2]
    return np.stack([u, *map(np.log, squares)])


def _state(logs: Array) -> State:
    squares = [np.exp(x) for x in logs[1:]]
    return State(-np.tanh(logs[0]), squares[0], squares[-1])


def _field(logs: Array, config: NormAndAngleConfig) -> Array:
    """The vector field whose flow for the time 1 is a step, from the differences of a few steps.

    With D = F - 1 for the step F it is log(1 + D) = D - D^2/2 + D^3/3 - ...; each difference is smaller than
    the one before by a factor of the order of the step over the norm.
    """
    path, state = [logs], _state(logs)
    for _ in range(4):
        state = step(state, config)
        path.append(_logs(state))
    field, sign = np.zeros_like(logs), 1.0
    for order in range(1, 5):
        path = [b - a for a, b in zip(path, path[1:], strict=False)]
        field += sign / order * path[0]
        sign = -sign
    return field


def leap(state: State, config: NormAndAngleConfig, n: Array) -> State:
    """`n` (settings,) small steps at once: a step of Runge and Kutta's along the field that makes them."""
    y, h = _logs(state), n[None, :, None]
    k1 = _field(y, config)
    k2 = _field(y + h / 2 * k1, config)
    k3 = _field(y + h / 2 * k2, config)
    k4 = _field(y + h * k3, config)
    return _state(y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4))


def sizes(state: State, config: NormAndAngleConfig) -> Array:
    """Sum of both points' steps over their norms, for a unit sine: the largest of each setting (settings,)."""
    eta = config.rate / config.pairs
    both = relative_step(state.square2, eta, config.power) + (
        relative_step(state.square1, eta, config.power) if config.moving == "both" else 0.0
    )
    return np.broadcast_to(both, state.cosine.shape).max(1)


def _descend_by_leaps(state: State, config: NormAndAngleConfig, weights: Array) -> tuple[Array, Array]:
    """As `descend`, for settings whose steps are small and whose pairs are neither aligned nor opposite."""
    steps, growth = np.full(len(state.cosine), np.nan), np.full(len(state.cosine), np.nan)
    first, left = state.square2, np.arange(len(steps))
    taken = np.zeros(len(steps), dtype=np.int64)
    if config.first_step == "dot":
        reached = _mean(state.cosine, weights) > config.threshold
        steps[reached], growth[reached] = 0, 1
        left = np.flatnonzero(~reached)
        state, taken = step(state.rows(left), config, dot=True), taken[left] + 1
    n = np.maximum(1, np.floor(_LEAP / sizes(state, config))).astype(np.int64) if len(left) else taken
    near = np.zeros(len(left), dtype=bool)  # whether a leap went too far: they then become shorter
    while len(left):
        n = np.minimum(n, config.cap - taken)
        last = n < 4
        if last.any():
            at = np.flatnonzero(last)
            found = descend(state.rows(at), config, weights, first[left[at]], taken[at])
            steps[left[at]], growth[left[at]] = found
            keep = np.flatnonzero(~last)
            state, left, taken, n, near = state.rows(keep), left[keep], taken[keep], n[keep], near[keep]
            if not len(left):
                break
        after = leap(state, config, n.astype(float))
        beyond = _mean(after.cosine, weights) > config.threshold
        state = _choose(beyond, state, after)
        taken = np.where(beyond, taken, taken + n)
        near |= beyond
        n = np.where(near, n // 2, n)
    return steps, growth


def _choose(rows: NDArray[np.bool_], a: State, b: State) -> State:
    """The settings of `a` where `rows`, else those of `b`."""
    cosine, square1 = (
        np.where(rows[:, None], x, y) for x, y in ((a.cosine, b.cosine), (a.square1, b.square1))
    )
    equal = a.square1 is a.square2 and b.square1 is b.square2
    return State(cosine, square1, square1 if equal else np.where(rows[:, None], a.square2, b.square2))


def run_norm_and_angle(config: NormAndAngleConfig) -> Result:
    """Steps to convergence over the whole grid of norms and angles.

    Returns:
        A finished `Result`. Arrays: `norms`, `alphas`, `angles` (arccos of the mean cosine at the start, per
        alpha), `steps` and `growth` of shape (norms, alphas), NaN where not within the cap. Final numbers:
        see `summary`.
    """
    state = start(config)
    shape = (len(config.norms), len(config.alphas))
    steps, growth = np.full((2, len(state.cosine)), np.nan)
    size = sizes(state, config)
    inside = (np.abs(state.cosine) < 1).all(1)
    rule = quadrature(random_cosines(config.pairs, config.dim, config.seed))
    even = inside & (size <= _SMOOTH) if rule else np.zeros_like(inside)
    if rule:
        nodes, weights = rule
        few = start(config, nodes)
        small = even & (size <= _SMALL)
        for rows, way in ((small, _descend_by_leaps), (even & ~small, descend)):
            at = np.flatnonzero(rows)
            steps[at], growth[at] = way(few.rows(at), config, weights)
    rest = np.flatnonzero(~even)
    for at in (rest[i : i + _BLOCK] for i in range(0, len(rest), _BLOCK)):
        steps[at], growth[at] = descend(state.rows(at), config)
    steps, growth = steps.reshape(shape), growth.reshape(shape)
    arrays = {
        "norms": np.asarray(config.norms, dtype=float),
        "alphas": np.asarray(config.alphas, dtype=float),
        "angles": np.arccos(state.cosine[: shape[1]].mean(1)),
        "steps": steps,
        "growth": growth,
    }
    return Result(status="finished", final=summary(config, arrays["angles"], steps), arrays=arrays)


def summary(config: NormAndAngleConfig, angles: Array, steps: Array) -> dict[str, float | int | str | list]:
    """The final numbers of a map of steps, shape (norms, alphas), for starting angles of shape (alphas,).

    `steps_norm_<norm>` at alpha = 0, `steps_angle_<alpha>` at norm 1 (a number, or `NOT_WITHIN_CAP`);
    `slope_loglog` (least squares, norms from 1), `factor_norm` (largest norm over norm 1), `factor_angle`
    (smallest alpha that gets there over alpha = 0), `slope_angle` (at norm 1, least squares of log steps on
    -log sin of the angles from 3 pi / 4; 2 would be quadratic); each where the grid has what it needs.
    """
    out: dict[str, float | int | str | list] = {}
    norms, alphas = np.asarray(config.norms), np.asarray(config.alphas)
    if 0 in alphas:
        column = steps[:, alphas == 0][:, 0]
        out |= {f"steps_norm_{x:g}": _reached(y) for x, y in zip(norms, column, strict=True)}
        use = (norms >= 1) & (column > 0)
        if use.sum() > 1:
            out["slope_loglog"] = _slope(norms[use], column[use])
        if 1 in norms and np.isfinite(column[-1]) and norms[-1] > 1 and column[norms == 1][0] > 0:
            out["factor_norm"] = float(column[-1] / column[norms == 1][0])
    if 1 in norms:
        row = steps[norms == 1][0]
        out |= {f"steps_angle_{x:g}": _reached(y) for x, y in zip(alphas, row, strict=True)}
        there = row[np.isfinite(row)]
        if 0 in alphas and len(there) and row[alphas == 0][0] > 0 and alphas[0] < 0:
            out["factor_angle"] = float(there[0] / row[alphas == 0][0])
        use = np.isfinite(row) & (row > 0) & (angles >= 0.75 * math.pi)
        if use.sum() > 1:
            out["slope_angle"] = _slope(1 / np.sin(angles[use]), row[use])
    return out


def _slope(x: Array, y: Array) -> float:
    """Least-squares slope in log-log coordinates, without the noise of rounding."""
    return round(float(np.polyfit(np.log(x), np.log(y), 1)[0]), 9) + 0.0


def _reached(steps: float) -> int | str:
    return int(steps) if math.isfinite(steps) else NOT_WITHIN_CAP
