"""Norms as a sign of confidence: other data, wrong answers, people's doubts (2502.09252, section 5)."""

from __future__ import annotations

from ssllib.experiments.grid import Cell, Experiment, declare
from ssllib.experiments.training import default_of


def confidence(scale: str) -> list[Cell]:
    cells = [
        Cell(f"{method}-{data}", default_of(method, scale, data))
        for method in ("simclr", "simsiam")
        for data in ("cifar10", "cifar100", "imagenet100")
    ]
    triplet = default_of("simclr", scale).replace(loss="triplet")
    return [*cells, Cell("byol-cifar10", default_of("byol", scale)), Cell("triplet-cifar10", triplet)]


def people(scale: str) -> list[Cell]:
    return [c for c in confidence(scale) if c.name.startswith("sim") and not c.name.endswith("imagenet100")]


for _name, _title, _cells in (
    ("confidence", "Norms of known, other and misclassified images", confidence),
    ("human-labels", "Norms and what people say about the images", people),
):
    declare(Experiment(_name, _title, {scale: _cells(scale) for scale in ("gpu", "paper")}))
