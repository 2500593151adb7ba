"""The grids of runs, one short declaration per table or figure of the papers, at each scale."""

from __future__ import annotations

from ssllib.runs.experiments import orthonormal_anchors, reading_norms, controls, planes, other_methods, machine_checks, regimes, simulated, interventions
from ssllib.runs.experiments.grid import EXPERIMENTS, Cell, Experiment, declare, get

__all__ = [
    "EXPERIMENTS", "Cell", "Experiment", "anchors", "confidence", "controls", "declare", "get", "latents",
    "other_methods", "proofs", "regimes", "simulations", "training",
]  # fmt: skip
