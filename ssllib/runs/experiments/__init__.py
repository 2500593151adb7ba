"""The grids of runs, one short declaration per table or figure of the papers, at each scale."""

from __future__ import annotations

from ssllib.runs.experiments import (
    controls,
    interventions,
    machine_checks,
    orthonormal_anchors,
    other_methods,
    planes,
    reading_norms,
    regimes,
    simulated,
)
from ssllib.runs.experiments.grid import EXPERIMENTS, Cell, Experiment, declare, get

__all__ = [
    "EXPERIMENTS", "Cell", "Experiment", "controls", "declare", "get", "interventions", "machine_checks",
    "orthonormal_anchors", "other_methods", "planes", "reading_norms", "regimes", "simulated",
]  # fmt: skip
