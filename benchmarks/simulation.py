"""The map of steps over norm and angle against gradient descent one setting at a time, as in the released notebook.

The notebook (2502.09252) draws a setting's pairs in R^20, lets `torch.optim.SGD` move both points on the mean of
-cos by autograd, and counts the steps. Its step takes equally long at every setting, so the loop is timed on
settings drawn at random, for a number of steps each, and the time of all is that of a step times the number of
steps that ssllib counts. Both sides use one core.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from benchmarks.timing import Options, Report, functions, take_turns
from ssllib.engine.simulations.norm_and_angle import NormAndAngleConfig, run_norm_and_angle
from ssllib.runs import experiments


def pairs_at(c: NormAndAngleConfig, norm: float, alpha: float, seed: int) -> tuple[Tensor, Tensor]:
    """The two points (pairs, dim) of every pair, from the numbers that ssllib draws."""
    rng = np.random.default_rng(seed)
    x1, x2 = (torch.from_numpy(rng.standard_normal((c.pairs, c.dim))).float() for _ in range(2))
    x1, x2 = (x / x.norm(dim=1, keepdim=True) for x in (x1, x2))
    x2 = x2 * (1 - abs(alpha)) + x1 * alpha
    return x1 * norm, x2 / x2.norm(dim=1, keepdim=True) * norm


def descend_one(c: NormAndAngleConfig, norm: float, alpha: float, seed: int, limit: int) -> int:
    """Steps of autograd until the mean cosine exceeds the threshold, at most `limit`.

    The first step follows the dot product over the norms at the start, as the notebook's does.
    """
    z1, z2 = pairs_at(c, norm, alpha, seed)
    z1.requires_grad_(True)
    z2.requires_grad_(True)
    optimizer = torch.optim.SGD([z1, z2], lr=c.rate)
    loss = -((z1 * z2).sum(dim=1) / norm**2).mean()
    steps = 0
    while -loss < c.threshold and steps < limit:
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        loss = -((z1 * z2).sum(dim=1) / z1.norm(dim=1) / z2.norm(dim=1)).mean()
        steps += 1
    return steps


def measure(options: Options) -> Report:
    config: NormAndAngleConfig = experiments.get("norm-and-angle").cell("paper", "released").config  # type: ignore[assignment]
    if options.tiny:
        config = config.replace(pairs=50, norms=(0.25, 0.5, 1.0), alphas=(-0.5, 0.0, 0.5))
    sample, limit, repeats = (2, 20, 1) if options.tiny else (12, 1000, options.repeats or 3)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    counted: list[np.ndarray] = []
    rng = np.random.default_rng(0)

    def ours() -> float:
        counted[:] = [run_norm_and_angle(config).arrays["steps"]]
        return float(counted[0].sum())

    def loop() -> float:
        return float(
            sum(
                descend_one(config, rng.choice(config.norms), rng.choice(config.alphas), 0, limit)
                for _ in range(sample)
            )
        )

    descend_one(config, 1.0, 0.0, 0, 5)  # loads what autograd loads
    sides = {"ssllib": ours, "a loop for each setting": loop}
    rates = take_turns(sides, repeats, warmup=0, processor_time=options.processor_time)
    norm, alpha = config.norms.index(1.0), config.alphas.index(0.0)
    check = descend_one(config, 1.0, 0.0, config.seed, 10_000)
    mean = float(np.median(rates["a loop for each setting"]))
    profile = functions(lambda: run_norm_and_angle(config))
    torch.set_num_threads(threads)
    return Report(
        title="Norm-and-angle simulation",
        unit="setting-steps/s",
        ours="ssllib",
        rates=rates,
        goal=("ssllib / a loop for each setting", 1000),
        settings={
            "threads": 1, "settings": counted[0].size, "steps of all": int(counted[0].sum()), "pairs": config.pairs,
            "dim": config.dim, "settings sampled a turn": sample, "steps of each at most": limit, "turns": repeats,
        },
        notes=[
            f"The loop is extrapolated from {sample} settings a turn, drawn at random, at most {limit} steps each: "
            f"all {counted[0].size} would take it {counted[0].sum() / mean / 60:.0f} minutes.",
            f"At norm 1 and alpha 0 the loop takes {check} steps, ssllib {counted[0][norm, alpha]:.0f}.",
        ],
        profile=profile,
    )  # fmt: skip
