"""Two-dimensional latents, drawn as lines between positive pairs (2406.16468 Figure 4).

The figure names neither data set nor backbone: CIFAR-10 here, with the backbone of each scale.
"""

from __future__ import annotations

from ssllib.engine.train_config import TrainConfig
from ssllib.runs.experiments.grid import Cell, Experiment, declare
from ssllib.runs.experiments.interventions import CPU, SMOKE, default_of, non_contrastive


def planes(simclr: TrainConfig, byol: TrainConfig, seeds: tuple[int, ...] = (0, 1, 2), **changes: object) -> list[Cell]:
    """SimCLR, and BYOL with and without batch norm in its heads."""
    plane = {"proj_dim": 2, "measures": ("plane",), "evaluate_at": "powers of two"} | changes
    byol = byol.replace(**plane)
    return [
        Cell("simclr", simclr.replace(**plane), seeds),
        Cell("byol", byol, seeds),
        Cell("byol-no-bn", byol.replace(proj_norm=False), seeds),
    ]


_BYOL = non_contrastive("byol")

declare(
    Experiment(
        "latents-2d",
        "Positive pairs in a plane, during training",
        {
            "smoke": planes(SMOKE, _BYOL["smoke"], (0,), epochs=6, schedule_epochs=8, warmup_epochs=0.16),
            "cpu": planes(CPU, _BYOL["cpu"]),
            "gpu": planes(default_of("simclr", "gpu"), default_of("byol", "gpu"), epochs=128),
            "paper": planes(default_of("simclr", "paper"), default_of("byol", "paper"), epochs=128),
        },
    )
)
