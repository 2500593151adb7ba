"""Norms as a sign of confidence: other data, wrong answers, people's doubts (2502.09252, section 5)."""

from __future__ import annotations

from ssllib.runs.experiments.grid import Cell, Experiment, declare
from ssllib.runs.experiments.interventions import SMOKE, default_of, non_contrastive, untrained

METHODS = ("simclr", "simsiam")
SMALL = ("knn", "spread", "confidence", "people", "samples")
"""What is measured at smoke scale; the larger scales' configurations name theirs."""


def confidence(scale: str) -> list[Cell]:
    """SimCLR and SimSiam on each data set (ImageNet-100 from gpu scale on); BYOL and a triplet loss beside them.

    At last each network untrained.
    """
    sets = ("cifar10", "cifar100") if scale == "cpu" else ("cifar10", "cifar100", "imagenet100")
    cells = [Cell(f"{method}-{data}", default_of(method, scale, data)) for method in METHODS for data in sets]
    triplet = default_of("simclr", scale).replace(loss="triplet")
    cells += [Cell("byol-cifar10", default_of("byol", scale)), Cell("triplet-cifar10", triplet)]
    cells += [Cell(f"untrained-{data}", untrained(default_of("simclr", scale, data))) for data in sets]
    cells += [Cell(f"untrained-simsiam-{data}", untrained(default_of("simsiam", scale, data))) for data in sets]
    return [*cells, Cell("untrained-byol-cifar10", untrained(default_of("byol", scale)))]


def on_shapes() -> list[Cell]:
    """SimCLR, the same network untrained, and SimSiam."""
    simclr = SMOKE.replace(measures=SMALL)
    simsiam = non_contrastive("simsiam")["smoke"].replace(measures=SMALL)
    found = {"simclr": simclr, "untrained": untrained(simclr, epochs=2), "simsiam": simsiam}
    return [Cell(f"{name}-shapes", config, (0,)) for name, config in found.items()]


def people(scale: str) -> list[Cell]:
    """The same runs, where people have labelled the images."""
    labelled = ("simclr", "simsiam", "untrained")
    left_out = ("imagenet100", "byol-cifar10")
    return [c for c in confidence(scale) if c.name.startswith(labelled) and not c.name.endswith(left_out)]


for _name, _title, _cells in (
    ("confidence", "Norms of known, other and misclassified images", confidence),
    ("human-labels", "Norms and what people say about the images", people),
):
    _scales = {"smoke": on_shapes()} | {scale: _cells(scale) for scale in ("cpu", "gpu", "paper")}
    declare(Experiment(_name, _title, _scales))
