"""The grids of runs, one short declaration per table or figure of the papers, at each scale."""

from __future__ import annotations

from ssllib.experiments import anchors, confidence, latents, proofs, regimes, simulations, training
from ssllib.experiments.grid import EXPERIMENTS, Cell, Experiment, declare, get

__all__ = [
    "EXPERIMENTS", "Cell", "Experiment", "anchors", "confidence", "declare", "get", "latents", "proofs", "regimes",
    "simulations", "training",
]  # fmt: skip
