"""Norms as a sign of confidence: other data, wrong answers, people's doubts (2502.09252, section 5)."""

from __future__ import annotations

from ssllib.experiments.grid import Cell, Experiment, declare
from ssllib.experiments.training import default_of
from ssllib.train_config import TrainConfig

METHODS = ("simclr", "simsiam")
AT_CPU_SCALE = ("knn", "spread", "confidence", "people", "samples")


def _default(method: str, scale: str, data: str = "cifar10") -> TrainConfig:
    base = default_of(method, scale, data)
    return base.replace(measures=AT_CPU_SCALE) if scale == "cpu" else base


def confidence(scale: str) -> list[Cell]:
    """SimCLR and SimSiam on each data set (ImageNet-100 from gpu scale on); BYOL and a triplet loss beside them."""
    sets = ("cifar10", "cifar100") if scale == "cpu" else ("cifar10", "cifar100", "imagenet100")
    cells = [Cell(f"{method}-{data}", _default(method, scale, data)) for method in METHODS for data in sets]
    triplet = _default("simclr", scale).replace(loss="triplet")
    return [*cells, Cell("byol-cifar10", _default("byol", scale)), Cell("triplet-cifar10", triplet)]


def people(scale: str) -> list[Cell]:
    """The same runs, where people have labelled the images."""
    return [c for c in confidence(scale) if c.name.startswith("sim") and not c.name.endswith("imagenet100")]


for _name, _title, _cells in (
    ("confidence", "Norms of known, other and misclassified images", confidence),
    ("human-labels", "Norms and what people say about the images", people),
):
    declare(Experiment(_name, _title, {scale: _cells(scale) for scale in ("cpu", "gpu", "paper")}))
