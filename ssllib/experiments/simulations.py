"""Simulations."""

from __future__ import annotations

from typing import Any

from ssllib.experiments.grid import Cell, Experiment, declare
from ssllib.simulations.norm_and_angle import PRINTED_ALPHAS, NormAndAngleConfig
from ssllib.simulations.three_lines import ThreeLinesConfig

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
