"""The grids of runs, one short declaration per table or figure of the papers, at each scale."""

from __future__ import annotations

from ssllib.experiments import (
    anchors,
    confidence,
    controls,
    latents,
    other_methods,
    proofs,
    regimes,
    simulations,
    training,
)
from ssllib.experiments.grid import EXPERIMENTS, Cell, Experiment, declare, get

__all__ = [
    "EXPERIMENTS", "Cell", "Experiment", "anchors", "confidence", "controls", "declare", "get", "latents",
    "other_methods", "proofs", "regimes", "simulations", "training",
]  # fmt: skip
