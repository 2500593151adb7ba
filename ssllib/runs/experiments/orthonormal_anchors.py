"""Orthonormal anchors and over-fusion (2403.18699, Figure 2, Tables 3 and 4).

What the paper does not state is ours: temperature 0.5, momentum 0.9 and no weight decay, a cosine to zero
without warm-up over the 100 epochs, an anchor weight of 1. There is no projector: the loss acts on the
backbone's 512 features. At gpu scale the images keep their 32 x 32 pixels; the flip stays in.

`over-fusion-views` is a control that the paper does not have: its augmentations hardly change an image, and a loss
that is brought far down on such views may leave a poor representation at a high rate without any collapse. It is the
same grid without anchors, at some of its rates, with SimCLR's crops, colours and grays and nothing else changed.
"""

from __future__ import annotations

from typing import Any

from ssllib.engine.train_config import TrainConfig
from ssllib.runs.experiments import interventions
from ssllib.runs.experiments.grid import Cell, Experiment, declare

LOSSES = {"infonce": "info-nce", "dcl": "dcl", "bt": "barlow-twins", "vicreg": "vicreg"}

CLOA = TrainConfig(
    backbone="resnet18", proj_layers=0, batch_size=128, epochs=100, schedule_epochs=100, warmup_epochs=0.0,
    weight_decay=0.0, crop_min=0.8, jitter=0.25, gray=0.0, evaluate_at="powers of two",
    measures=("knn", "spread", "finetune"), finetune_shares=(0.1,),
)  # fmt: skip

SCALES: dict[str, dict[str, Any]] = {
    "cpu": {"precision": "bf16", "backbone": "small", "epochs": 16, "finetune_epochs": 20},
    "gpu": {"precision": "bf16"},
    "paper": {"image_size": 224, "backbone": "resnet18-large"},
}
"""What changes: at cpu scale the backbone, where a run stops on the schedule, and how long it is fine-tuned."""

SMOKE = CLOA.replace(
    dataset="shapes", train_images=1024, held_out=512, test_images=512, backbone="mini", width=16, batch_size=64,
    epochs=6, schedule_epochs=6, knn_k=50, measures=("knn", "spread"),
)  # fmt: skip

VIEWS = {
    "smoke": {name: getattr(interventions.SMOKE, name) for name in ("crop_min", "jitter", "gray")},
    "cifar10": {name: getattr(interventions.CPU, name) for name in ("crop_min", "jitter", "gray")},
}
"""The augmentations of the book's SimCLR runs, on `shapes` and on CIFAR-10."""

RATES = ("1", "1e-1", "1e-2", "1e-3", "1e-4", "1e-5", "1e-6", "1e-7")
PLAIN_RATES, ANCHORED_RATES = ("1e-4", "1e-3", "1e-2"), ("1e-2", "1e-1", "1")
"""Those of the tables, without and with anchors."""
FEW_RATES = ("1", "1e-2", "1e-3", "1e-6")
"""Those that the claims about anchors read."""
PHASES = ("1", "1e-1", "1e-2", "1e-3", "1e-4", "1e-6")
"""At cpu scale without anchors: the paper's three phases, and where one becomes the next."""


def over_fusion(
    base: TrainConfig, anchored: tuple[str, ...] = RATES, plain: tuple[str, ...] = RATES
) -> list[Cell]:
    """Each loss without anchors at the rates `plain`, and with anchors at the rates `anchored`."""
    return [
        Cell(f"{prefix}{name}-{rate}", base.replace(loss=loss, lr=float(rate), anchor_weight=weight))
        for name, loss in LOSSES.items()
        for prefix, weight, rates in (("", 0.0, plain), ("cloa-", 1.0, anchored))
        for rate in rates
    ]


def _one_seed(cells: list[Cell]) -> list[Cell]:
    return [Cell(c.name, c.config, (0,)) for c in cells]


def tables(base: TrainConfig) -> list[Cell]:
    """Each loss with and without anchors at its rates, fine-tuned on all shares of the labels; and controls.

    Which rate is a loss's best is read on held-out images (`finetune_10_val`). The controls: the anchors alone at
    three rates; no epoch of pretraining, so that fine-tuning is supervised training on the same labels; and the same
    network frozen as it was drawn, under a classifier.
    """
    base = base.replace(finetune_shares=(0.1, 0.5, 1.0))
    cells = over_fusion(base, ANCHORED_RATES, PLAIN_RATES)
    alone = base.replace(loss="none", anchor_weight=1.0)
    start = base.replace(epochs=0)
    frozen = start.replace(measures=("knn", "spread", "finetune-frozen"))
    rates = {"anchors-only-1e-2": 0.01, "anchors-only-1e-1": 0.1, "anchors-only": 1.0}
    cells += [Cell(name, alone.replace(lr=rate)) for name, rate in rates.items()]
    return [*cells, Cell("supervised", start), Cell("random-frozen", frozen)]


declare(
    Experiment(
        "over-fusion",
        "Losses with and without anchors over learning rates",
        {
            "smoke": _one_seed(over_fusion(SMOKE, FEW_RATES, FEW_RATES)),
            "cpu": over_fusion(CLOA.replace(**SCALES["cpu"]), FEW_RATES, PHASES),
        }
        | {scale: over_fusion(CLOA.replace(**SCALES[scale])) for scale in ("gpu", "paper")},
    )
)

declare(
    Experiment(
        "over-fusion-views",
        "The losses over learning rates with SimCLR's augmentations",
        {
            "smoke": _one_seed(over_fusion(SMOKE.replace(**VIEWS["smoke"]), (), FEW_RATES)),
        }
        | {
            scale: over_fusion(CLOA.replace(**SCALES[scale] | VIEWS["cifar10"]), (), FEW_RATES)
            for scale in ("cpu", "gpu")
        },
    )
)

# The paper takes 1e-2, and 1 with anchors, for CIFAR-100 (section 5.2), and for CIFAR-10 each loss's best.
declare(
    Experiment(
        "anchors-cifar10",
        "Fine-tuned accuracy with and without anchors, CIFAR-10",
        {scale: tables(CLOA.replace(**changes)) for scale, changes in SCALES.items()},
    )
)
declare(
    Experiment(
        "anchors-cifar100",
        "Fine-tuned accuracy with and without anchors, CIFAR-100",
        {
            scale: tables(CLOA.replace(**changes | {"dataset": "cifar100", "backbone": backbone}))
            for (scale, changes), backbone in zip(SCALES.items(), ("small", "resnet50", "resnet50-large"), strict=True)
        },
    )
)
