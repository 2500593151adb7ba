r"""The simulation of norm and angle in the limit of small steps, where it has a closed form.

A step turns an embedding by k sin(phi) and lengthens it by the second order k^2 sin^2(phi) / 2, with
k = eta |z|^(p-2) (see `norm_and_angle`). Dropping the second order gives the number of steps; dividing the
second by the first gives the growth of the norm.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ssllib.engine.simulations.norm_and_angle import Array, NormAndAngleConfig, relative_step, start
from ssllib.errors import InputError


def steps(config: NormAndAngleConfig) -> Array:
    r"""Steps expected when steps are small and norms constant, shape (norms, alphas); inf where antipodal.

    d phi / dt = -(k_1 + k_2) sin(phi) gives tan(phi/2) = tan(phi_0/2) exp(-(k_1 + k_2) t) for each pair; t is
    where the mean over the pairs of cos(phi) = (1 - tan^2) / (1 + tan^2) meets the threshold.
    """
    state = start(config)
    eta = config.rate / config.pairs
    speed = np.broadcast_to(relative_step(state.square2, eta, config.power), state.cosine.shape)
    if config.moving == "both":
        speed = speed + relative_step(state.square1, eta, config.power)
    with np.errstate(divide="ignore"):
        log_tan2 = np.log1p(-state.cosine) - np.log1p(state.cosine)  # 2 log tan(phi_0 / 2)

    def met(t: Array) -> NDArray[np.bool_]:
        with np.errstate(over="ignore", invalid="ignore"):
            return np.tanh(speed * t[:, None] - log_tan2 / 2).mean(1) >= config.threshold

    low, high = np.zeros(len(speed)), np.full(len(speed), 1.0)
    for _ in range(60):
        high = np.where(met(high), high, 2 * high)
    for _ in range(60):
        middle = (low + high) / 2
        low, high = np.where(met(middle), low, middle), np.where(met(middle), middle, high)
    out = np.where(met(high), high, np.inf)
    return np.where(met(np.zeros(len(speed))), 0, out).reshape(_shape(config))


def growth(config: NormAndAngleConfig) -> Array:
    r"""Last norm over first norm expected when steps are small, shape (norms, alphas).

    With m points moving at equal norms, d|z|^2 / d cos(phi) = (eta / m) |z|^p, whatever the time it takes:
    |z|^(2-p) grows by (1 - p/2) (eta / m) (cos(phi_end) - cos(phi_0)); for p = 2, log |z| by half of it.
    """
    state = start(config)
    if config.moving == "both" and state.square1 is not state.square2:
        raise InputError(
            "no law of growth for unequal norms; allowed: moving 'one', or both points scaled alike"
        )
    rate = config.rate / config.pairs / (2 if config.moving == "both" else 1)  # eta / m
    gain = rate * np.maximum(config.threshold - state.cosine, 0)
    half = 1 - config.power / 2
    relative = gain * state.square2**-half  # d|z|^2 / |z|^(2-p) at the start
    factor = np.exp(relative / 2) if half == 0 else (1 + half * relative) ** (1 / (2 * half))
    return np.asarray(np.broadcast_to(factor, state.cosine.shape).mean(1)).reshape(_shape(config))


def _shape(config: NormAndAngleConfig) -> tuple[int, int]:
    return len(config.norms), len(config.alphas)
