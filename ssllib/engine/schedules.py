"""The learning rate as a pure function of the step."""

from __future__ import annotations

import math

from ssllib.errors import InputError


def warmup_cosine(step: int, *, peak: float, warmup_steps: int, total_steps: int) -> float:
    """Linear warm-up to `peak`, then half a cosine to zero.

    Step `warmup_steps` has exactly `peak`; step `total_steps` (one past the last) has zero; step 0 of a
    schedule with warm-up has `peak / (warmup_steps + 1)`, so no step is taken with rate zero.

    Source: Chen et al. 2020 (SimCLR); 2502.09252 section 6 ("10 epochs of linear warmup followed by a
    cosine-annealing schedule").

    Raises:
        InputError: on a negative step or number of steps, or none at all.
    """
    _check(step, peak, warmup_steps, total_steps)
    if step < warmup_steps:
        return peak * (step + 1) / (warmup_steps + 1)
    span = max(1, total_steps - warmup_steps)
    return peak * 0.5 * (1 + math.cos(math.pi * min(1.0, (step - warmup_steps) / span)))


def released_rate(step: int, *, peak: float, warmup_steps: int, total_steps: int) -> float:
    """The rate that the released code of 2502.09252 applies at a step: `peak` times its schedule's value.

    Its schedule returns an absolute rate (linear from 0 to `peak` up to step `warmup_steps`, then a cosine from
    `peak` at step 0 to 1e-3 at `total_steps`), which `LambdaLR` multiplies with the rate once more. So the
    largest applied rate is peak^2, and after the warm-up it drops to where the cosine already is.

    Source: `get_lr` in `CLA/utils/utils.py` of Andrew-Draganov/SSLEmbeddingNorms.
    """
    _check(step, peak, warmup_steps, total_steps)
    if step <= warmup_steps:
        return peak * (peak * step / warmup_steps if warmup_steps else peak)
    low = 1e-3
    return peak * (low + (peak - low) * 0.5 * (1 + math.cos(math.pi * min(1.0, step / total_steps))))


def _check(step: float, peak: float, warmup_steps: float, total_steps: float) -> None:
    if not (step >= 0 and warmup_steps >= 0 and total_steps >= 1 and math.isfinite(peak)):
        raise InputError(
            f"step {step}, peak {peak}, warmup_steps {warmup_steps}, total_steps {total_steps}; "
            "allowed: a finite peak, steps from 0 and at least one in all"
        )
