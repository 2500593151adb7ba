"""MoCo v2, MoCo v3 and DINO with and without the cut (2406.16468 Table 4).

The paper names ImageNet-100, epoch 100 and ViT-S for MoCo v3, nothing else: batches of 256 and the schedule of the
book's other runs are ours, the rest is each method's own published setting (MoCo v2: He et al. 2020 and Chen et al.
2020b, at gpu scale their CIFAR-10 demonstration; Chen et al. 2021b; Caron et al. 2021), with one size of weight
decay and one teacher temperature in DINO, no blur and no solarization. At cpu scale the small ResNet of the other
runs stands in place of ViT-S.

At smoke scale (a thousand images, some hundred steps) the published settings are not meant to work: they are for
long training on large images. Declared instead, so that a few minutes show the machinery at work: the tiny ResNet for
all three in place of ViT-S, which is made for large sets of large images; batch norm in the head; outputs as wide as at
larger scales (128, not SimCLR's 32); targets of lower momentum, since one of 0.999 hardly moves in some hundred steps;
a short queue for MoCo v2, in which 4,096 keys would be four epochs old; batches of 16 or 32, for more steps; and no
local crops in DINO, which would make each step dearer. They were chosen on held-out images with the default arm
alone, and say nothing about what the methods do at other scales.
"""

from __future__ import annotations

from typing import Any

from ssllib.engine.train_config import TrainConfig
from ssllib.runs.experiments.grid import Cell, Experiment, declare
from ssllib.runs.experiments.interventions import CPU, GPU, OTHER_DATA, PAPER, SMOKE

CUT = 3.0  # 2406.16468 Table 4

SMALL: dict[str, dict[str, Any]] = {
    "moco-v2": {
        "batch_size": 32, "epochs": 8, "lr": 0.1, "weight_decay": 5e-4, "temperature": 0.1,
        "proj_hidden": 128, "proj_dim": 128, "queue": 128, "target_momentum": 0.8,
    },
    "moco-v3": {
        "batch_size": 32, "epochs": 10, "lr": 0.1, "weight_decay": 5e-4, "temperature": 0.2,
        "proj_hidden": 128, "proj_dim": 128, "pred_hidden": 128, "target_momentum": 0.8,
    },
    "dino": {
        "batch_size": 16, "epochs": 10, "lr": 0.1, "weight_decay": 5e-4, "temperature": 0.1,
        "proj_hidden": 256, "proj_dim": 128, "prototypes": 256, "target_momentum": 0.97,
    },
}  # fmt: skip

VIT = {"backbone": "vit-small", "optimizer": "adamw"}
PUBLISHED: dict[str, dict[str, Any]] = {
    "moco-v2": {
        "lr": 0.03, "weight_decay": 1e-4, "temperature": 0.2, "crop_min": 0.2,
        "proj_norm": False, "proj_hidden": 2048, "proj_dim": 128, "queue": 65536, "target_momentum": 0.999,
    },
    "moco-v3": VIT | {
        "lr": 1.5e-4, "weight_decay": 0.1, "temperature": 0.2, "warmup_epochs": 40,
        "proj_layers": 3, "proj_hidden": 4096, "proj_dim": 256, "pred_hidden": 4096, "target_momentum": 0.99,
    },
    "dino": VIT | {
        "lr": 5e-4, "weight_decay": 0.04, "temperature": 0.1, "crop_min": 0.4,
        "proj_norm": False, "proj_layers": 3, "proj_hidden": 2048, "proj_dim": 256, "prototypes": 65536,
        "target_momentum": 0.996, "local_crops": 8,
    },
}  # fmt: skip
"""On ImageNet, at a batch of 256; ViT-S."""

CIFAR: dict[str, dict[str, Any]] = {
    "moco-v2": {"weight_decay": 5e-4, "temperature": 0.1, "proj_hidden": 512, "queue": 4096, "target_momentum": 0.99},
    "moco-v3": {},
    "dino": {"prototypes": 4096, "local_crops": 6},  # for fewer images; the published count of crops is 8
}
"""What changes for 32 x 32 images."""


def default_of(method: str, scale: str) -> TrainConfig:
    """The default configuration of one of the three methods at a scale.

    At paper scale ImageNet-100 is 128 x 128, as the papers' released code has it: with patches of 16 pixels, and
    local crops of 48 (the published 96 of 224).
    """
    if scale == "smoke":
        small = SMALL[method]
        epochs = small.get("epochs", SMOKE.epochs)
        return SMOKE.replace(
            method=method, measures=("knn",), schedule_epochs=epochs, **{"warmup_epochs": epochs / 50} | small
        )
    if scale in ("cpu", "gpu"):
        large = GPU.replace(method=method, **PUBLISHED[method] | CIFAR[method])
        return large if scale == "gpu" else large.replace(backbone=CPU.backbone, epochs=CPU.epochs)
    image = {"patch": 16} | ({"local_size": 48} if method == "dino" else {})
    paper = {"backbone": "resnet50-large", "epochs": 100} | PUBLISHED[method] | image
    return PAPER.replace(method=method, **OTHER_DATA["imagenet100"], **paper)


def arms(scale: str) -> list[Cell]:
    """Each method, and each method cut."""
    cells = []
    for method in SMALL:
        base = default_of(method, scale)
        seeds = (0,) if scale == "smoke" else (0, 1, 2)
        cells += [Cell(f"{method}-default", base, seeds), Cell(f"{method}-cut", base.replace(cut=CUT), seeds)]
    return cells


declare(
    Experiment(
        "other-methods",
        "MoCo v2, MoCo v3 and DINO with cut-initialization",
        {scale: arms(scale) for scale in ("smoke", "cpu", "gpu", "paper")},
    )
)
