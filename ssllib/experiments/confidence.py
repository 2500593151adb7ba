"""Norms as a sign of confidence: other data, wrong answers, people's doubts (2502.09252, section 5)."""

from __future__ import annotations

from ssllib.experiments.grid import Cell, Experiment, declare
from ssllib.experiments.training import SMOKE, default_of, non_contrastive
from ssllib.train_config import TrainConfig

METHODS = ("simclr", "simsiam")
SMALL = ("knn", "spread", "confidence", "people", "samples")
"""What is measured at smoke and cpu scale; the larger scales' configurations name theirs."""


def _default(method: str, scale: str, data: str = "cifar10") -> TrainConfig:
    base = default_of(method, scale, data)
    return base.replace(measures=SMALL) if scale == "cpu" else base


def untrained(config: TrainConfig, epochs: int = 1) -> TrainConfig:
    """The network before it has learned anything: a rate of 1e-9 leaves the weights as they are.

    An epoch (more, where it has few steps) settles batch norm's running statistics, which a start does not have.
    """
    return config.replace(epochs=epochs, lr=1e-9)


def confidence(scale: str) -> list[Cell]:
    """SimCLR and SimSiam on each data set (ImageNet-100 from gpu scale on); BYOL and a triplet loss beside them.

    At last SimCLR's network untrained.
    """
    sets = ("cifar10", "cifar100") if scale == "cpu" else ("cifar10", "cifar100", "imagenet100")
    cells = [Cell(f"{method}-{data}", _default(method, scale, data)) for method in METHODS for data in sets]
    triplet = _default("simclr", scale).replace(loss="triplet")
    cells += [Cell("byol-cifar10", _default("byol", scale)), Cell("triplet-cifar10", triplet)]
    starts = [Cell(f"untrained-{data}", untrained(_default("simclr", scale, data))) for data in sets[:2]]
    return [*cells, *starts]


def on_shapes() -> list[Cell]:
    """SimCLR, the same network untrained, and SimSiam."""
    simclr = SMOKE.replace(measures=SMALL)
    simsiam = non_contrastive("simsiam")["smoke"].replace(measures=SMALL)
    found = {"simclr": simclr, "untrained": untrained(simclr, epochs=2), "simsiam": simsiam}
    return [Cell(f"{name}-shapes", config, (0,)) for name, config in found.items()]


def people(scale: str) -> list[Cell]:
    """The same runs, where people have labelled the images."""
    labelled = ("simclr", "simsiam", "untrained")
    return [c for c in confidence(scale) if c.name.startswith(labelled) and not c.name.endswith("imagenet100")]


for _name, _title, _cells in (
    ("confidence", "Norms of known, other and misclassified images", confidence),
    ("human-labels", "Norms and what people say about the images", people),
):
    _scales = {"smoke": on_shapes()} | {scale: _cells(scale) for scale in ("cpu", "gpu", "paper")}
    declare(Experiment(_name, _title, _scales))
