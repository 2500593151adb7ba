"""Simulations."""

from __future__ import annotations

from ssllib.experiments.grid import Cell, Experiment, declare
from ssllib.simulations.norm_and_angle import PRINTED_ALPHAS, NormAndAngleConfig

# --- steps to convergence against norm and angle (2406.16468 Fig. 2; 2502.09252 Fig. 2a) -------------------


def norm_and_angle_arms(base: NormAndAngleConfig) -> list[Cell]:
    """What the notebook does, what the text says (and its other readings), and GradScale with p = 0, 1, 2."""
    ends = base.replace(alphas=(-0.96, 0.0))
    seeds = tuple(range(10))
    return [
        Cell("released", base.replace(first_step="dot"), seeds),
        Cell(
            "text",
            base.replace(moving="one", scaled="one", renormalise=False, alphas=(-1.0, *base.alphas)),
            seeds,
        ),
        *(Cell(f"p{p}", base.replace(power=float(p)), seeds) for p in (0, 1, 2)),
        Cell("text-both-move", ends.replace(scaled="one", renormalise=False), seeds),
        Cell("rate-per-pair", ends.replace(rate=base.rate * base.pairs), seeds),
    ]


declare(
    Experiment(
        "norm-and-angle",
        "Steps of gradient descent that align pairs of points, by norm and angle",
        {
            "smoke": [
                Cell(c.name, c.config, (0,))
                for c in norm_and_angle_arms(
                    NormAndAngleConfig(norms=(0.25, 0.5, 1.0, 2.0, 3.0, 4.0, 5.0), alphas=PRINTED_ALPHAS[::4])
                )
            ],
            "paper": norm_and_angle_arms(NormAndAngleConfig()),
        },
    )
)
