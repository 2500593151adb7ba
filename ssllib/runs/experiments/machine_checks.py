"""The machine checks of printed statements (2406.16468, 2502.09252, 2403.18699)."""

from __future__ import annotations

from ssllib.runs.experiments.grid import Cell, Experiment, declare
from ssllib.theory.proofs import CHECKS, ProofConfig

declare(
    Experiment(
        "proofs",
        "Machine checks of the papers' statements",
        {"paper": [Cell(name, ProofConfig(check=name), (0,)) for name in CHECKS]},
    )
)
