"""Simulations."""

from __future__ import annotations

from typing import Any

from ssllib.engine.simulations.latent_classes import LatentClassesConfig
from ssllib.engine.simulations.norm_and_angle import PRINTED_ALPHAS, NormAndAngleConfig
from ssllib.engine.simulations.three_lines import ThreeLinesConfig
from ssllib.runs.experiments.grid import Cell, Experiment, declare

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
        Cell("sphere", ends.replace(first_step="dot", dim=21), seeds),  # S^20, as the text has it, lies in R^21
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

# --- norms against density and frequency (2502.09252 section 4.2, Fig. 2b, 2c, S2) --------------------------

_TEXT = LatentClassesConfig()
_RELEASED = _TEXT.replace(
    dim=10, per_class=500, weights=(1.0,) * 4, noise=0.1, other_noise=0.1, symmetric=True, epochs=100
)
_HALVING = (8.0, 4.0, 2.0, 1.0)  # 1/2, 1/4, 1/8, 1/16 up to a factor
_IMBALANCED = _RELEASED.replace(weights=_HALVING, noise=1.0)
_IN_3D = {"classes": 8, "dim": 3, "correlation": "within"}
_NARROW = {"noise": 0.1, "other_noise": 0.1}  # N(c, 0.1 I) with 0.1 as the standard deviation


def _latent_classes(name: str, title: str, seeds: int, cells: dict[str, LatentClassesConfig]) -> None:
    """Declare an experiment at `paper` scale and, with a quarter of the points and 15 epochs, at `smoke`."""
    declare(
        Experiment(
            name,
            title,
            {
                "smoke": [
                    Cell(cell, c.replace(per_class=c.per_class // 4, epochs=15), (0,)) for cell, c in cells.items()
                ],
                "paper": [Cell(cell, c, tuple(range(seeds))) for cell, c in cells.items()],
            },
        )
    )


_latent_classes(
    "density",
    "Embedding norms against the distance to the 10th neighbour",
    10,
    {
        "text": _TEXT,
        "text-narrow": _TEXT.replace(**_NARROW),
        "released": _IMBALANCED.replace(plotted="other"),  # trained on one data set, plotted on another
        "released-own": _RELEASED,  # trained on the data set that is plotted
    },
)
_latent_classes(
    "frequency",
    "Mean embedding norms of classes by their frequency",
    20,
    {
        "text": _TEXT.replace(weights=_HALVING),
        "text-narrow": _TEXT.replace(weights=_HALVING, **_NARROW),
        "released": _IMBALANCED,
    },
)
_latent_classes(
    "latents-3d",
    "Eight latent classes in three dimensions",
    10,
    {
        "text": _TEXT.replace(**_IN_3D, rate=0.005),  # the rate that the notebook has for this figure
        "text-narrow": _TEXT.replace(**_IN_3D, rate=0.005, **_NARROW),
        "released": _RELEASED.replace(**_IN_3D, rate=0.005, weights=(1.0,) * 8),
    },
)

# --- three lines in 3-D (2403.18699 Table 2) --------------------------------------------------------------

THREE_LINES_GRID = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1, 1.0)
THREE_LINES_RATES = {  # by `three_lines.best_rate` from the records of `three_lines_grid`
    "infonce": 0.01,
    "dcl": 0.01,
    "vicreg": 0.0003,
    "barlow-twins": 0.1,
    "cloa": 0.003,
}
_LINES = ThreeLinesConfig()
_LINES_ARMS = {
    name: config.replace(rate=THREE_LINES_RATES[name])
    for name, config in {
        "infonce": _LINES,
        "dcl": _LINES.replace(loss="dcl"),
        "vicreg": _LINES.replace(loss="vicreg"),
        "barlow-twins": _LINES.replace(loss="barlow-twins"),
        "cloa": _LINES.replace(anchors="mean"),
    }.items()
}


def three_lines_grid() -> list[Cell]:
    """Every arm at every learning rate, on seeds that the arms themselves do not use."""
    return [
        Cell(f"{arm}-lr-{rate:g}", config.replace(rate=rate), (100, 101, 102))
        for arm, config in _LINES_ARMS.items()
        for rate in THREE_LINES_GRID
    ]


def three_lines_readings() -> list[Cell]:
    """InfoNCE (and DCL at its own paper's temperature) with one unstated choice made otherwise; a long run."""
    changes: dict[str, dict[str, Any]] = {
        "infonce-no-bn": {"batch_norm": "none"},
        "infonce-bn-all": {"batch_norm": "all"},
        "infonce-tau-0.1": {"temperature": 0.1},
        "infonce-signs": {"views": "signs"},
        "infonce-once": {"views": "once"},
        "dcl-tau-0.1": {"temperature": 0.1},
    }
    long = Cell("barlow-twins-long", _LINES_ARMS["barlow-twins"].replace(steps=15_000))
    return [long] + [
        Cell(name, _LINES_ARMS[name.split("-")[0]].replace(**change)) for name, change in changes.items()
    ]


def three_lines_labels() -> list[Cell]:
    """CLOA with more and fewer labels, the anchor term alone, and CLOA's two terms as sums (as printed)."""
    cloa = _LINES_ARMS["cloa"]
    return [
        Cell("cloa-printed", cloa.replace(anchors="printed")),
        Cell("cloa-labels-100", cloa.replace(labels=100)),
        *(Cell(f"anchors-labels-{n}", cloa.replace(loss="none", labels=n)) for n in (10, 100)),
    ]


declare(
    Experiment(
        "three-lines",
        "Three noisy rank-1 clusters in 3-D, embedded with five losses",
        {
            "smoke": [Cell(name, config.replace(steps=600), (0,)) for name, config in _LINES_ARMS.items()],
            "paper": [
                *(Cell(name, config, tuple(range(6))) for name, config in _LINES_ARMS.items()),
                *three_lines_grid(),
                *three_lines_readings(),
                *three_lines_labels(),
            ],
        },
    )
)
