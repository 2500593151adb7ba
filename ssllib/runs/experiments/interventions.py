"""Trainings: SimCLR, SimSiam and BYOL with the interventions on norms."""

from __future__ import annotations

import dataclasses
from typing import Any

from ssllib.engine.train_config import TrainConfig
from ssllib.runs.experiments.grid import Cell, Experiment, declare

# --- SimCLR with the three interventions (2406.16468 Tables 1 and 3; 2502.09252 Table 2, Fig. 5) -----------

SMOKE = TrainConfig(
    dataset="shapes", train_images=1024, held_out=512, test_images=512, backbone="mini", width=16,
    proj_hidden=64, proj_dim=32, temperature=0.2, batch_size=64, epochs=6, schedule_epochs=6,
    warmup_epochs=0.12, lr=0.6, crop_min=0.5, jitter=0.6, gray=1.0, knn_k=50,
)  # fmt: skip

FULL = TrainConfig(
    dataset="cifar10", width=64, schedule_epochs=500, evaluate_at="powers of two",
    measures=("knn", "linear", "spread", "confidence", "people", "samples"),
)  # fmt: skip

GPU = FULL.replace(backbone="resnet18", epochs=100, precision="bf16")

CPU = GPU.replace(backbone="small", epochs=16)
"""The gpu scale with a small backbone, stopped sooner on the same schedule; nothing else differs.

What makes a small run similar is the head, the batch, the rate, the warm-up in steps and the schedule.
"""

LONG = 100
"""Where the headline arms of the cpu scale are stopped, too: the epoch of the gpu scale."""

PAPER = FULL.replace(backbone="resnet50", epochs=500)


def with_gradscale(base: TrainConfig) -> TrainConfig:
    """GradScale with the paper's schedule: a sixth of the rate, a fifth of the schedule (100 of 500) as warm-up.

    The other arms warm up over a fiftieth (10 of 500).
    """
    return base.replace(gradscale=1.0, lr=base.lr / 6, warmup_epochs=0.2 * base.schedule_epochs)


def untrained(config: TrainConfig, epochs: int = 1) -> TrainConfig:
    """The network before it has learned anything: a rate of 1e-9 leaves the weights as they are.

    An epoch (more, where it has few steps) settles batch norm's running statistics, which a start does not have.
    """
    return config.replace(epochs=epochs, lr=1e-9)


def also_long(cells: list[Cell], *names: str) -> list[Cell]:
    """The cells, of which those named are run to epoch 100 as well."""
    return [dataclasses.replace(c, longer=(LONG,)) if c.name in names else c for c in cells]


def simclr_arms(base: TrainConfig) -> list[Cell]:
    """The default and the three ways of managing norms."""
    return [
        Cell("default", base),
        Cell("weight-decay", base.replace(weight_decay=5e-4)),
        Cell("cut", base.replace(cut=3.0)),
        Cell("gradscale", with_gradscale(base)),
    ]


declare(
    Experiment(
        "simclr-arms",
        "SimCLR with weight decay, cut-initialization and GradScale",
        {
            "smoke": [Cell(c.name, c.config, (0,)) for c in simclr_arms(SMOKE)],
            "cpu": also_long(simclr_arms(CPU), "default", "cut", "weight-decay", "gradscale"),
            "gpu": simclr_arms(GPU),
            "paper": simclr_arms(PAPER),
        },
    )
)

# --- SimSiam and BYOL (2406.16468 Tables 1 and 3; 2502.09252 Table 2, Fig. 5, S4) ---------------------------
# Batch, rate and weight decay of both are 2502.09252's for SimSiam (C.1: 1024 images, 256 at a time; the rate is
# 0.05 x batch / 256), the heads each method's own. The smoke scale needs more steps than SimCLR: smaller batches.

NON_CONTRASTIVE: dict[str, dict[str, Any]] = {
    "large": {"batch_size": 1024, "micro_batch": 256, "lr": 0.2, "weight_decay": 5e-4},
    "small": {"proj_norm": True, "proj_dim": 128, "weight_decay": 5e-4},
    "simsiam": {"proj_layers": 3, "proj_hidden": 2048, "proj_dim": 2048, "pred_hidden": 512},
    "byol": {"proj_hidden": 4096, "proj_dim": 256, "pred_hidden": 4096},
    "simsiam-small": {"proj_hidden": 128, "pred_hidden": 64, "lr": 0.1},
    "byol-small": {"proj_hidden": 256, "pred_hidden": 256, "lr": 0.2, "target_momentum": 0.95},
}


def non_contrastive(method: str) -> dict[str, TrainConfig]:
    """The default of `simsiam` or `byol` at each scale, on the data and with the backbone of SimCLR's."""
    small = NON_CONTRASTIVE["small"] | NON_CONTRASTIVE[f"{method}-small"] | {"method": method}
    large = NON_CONTRASTIVE["large"] | NON_CONTRASTIVE[method] | {"method": method}
    epochs = 10 if method == "simsiam" else 14
    smoke = SMOKE.replace(**small, batch_size=16, epochs=epochs, schedule_epochs=epochs)
    return {
        "smoke": smoke.replace(warmup_epochs=epochs / 50),
        "cpu": CPU.replace(**large),
        "gpu": GPU.replace(**large),
        "paper": PAPER.replace(**large),
    }


def non_contrastive_arms(base: TrainConfig) -> list[Cell]:
    """The default, the cut with c = 9, GradScale, and the weight decays below and above the default (5e-4)."""
    return [
        Cell("default", base),
        Cell("cut", base.replace(cut=9.0)),
        Cell("gradscale", with_gradscale(base)),
        Cell("weight-decay", base.replace(weight_decay=5e-3)),
        Cell("no-weight-decay", base.replace(weight_decay=0.0)),
    ]


for _method, _name in (("simsiam", "SimSiam"), ("byol", "BYOL")):
    _bases = non_contrastive(_method)
    declare(
        Experiment(
            f"{_method}-arms",
            f"{_name} with cut-initialization and other weight decays",
            {
                scale: [Cell(c.name, c.config, (0,) if scale == "smoke" else c.seeds) for c in non_contrastive_arms(b)]
                for scale, b in _bases.items()
            }
            | {"cpu": also_long(non_contrastive_arms(_bases["cpu"]), "default", "cut")},
        )
    )

# --- the same arms on other data sets (2406.16468 Table 3; 2502.09252 Tables 2 and 3) -----------------------
# Imagenette is not among the papers': ten classes of ImageNet, at 64 x 64 a second kind of photographs for small
# machines, which ImageNet-100 is too large for.

OTHER_DATA: dict[str, dict[str, Any]] = {
    "cifar100": {"dataset": "cifar100"},
    "imagenet100": {"dataset": "imagenet100", "measures": ("knn", "linear", "spread")},
    "flowers": {"dataset": "flowers102", "held_out": 612, "measures": ("knn", "linear", "spread")},
    "imagenette": {
        "dataset": "folder:imagenette-64", "held_out": 947, "image_size": 64, "measures": ("knn", "linear", "spread"),
    },
}  # fmt: skip
SCALES_OF = {"imagenet100": ("gpu", "paper"), "imagenette": ("cpu", "gpu")}
"""Where a data set is not declared at each of cpu, gpu and paper scale."""


def default_of(method: str, scale: str, data: str = "cifar10") -> TrainConfig:
    """The default configuration of a method at cpu, gpu or paper scale on one of the data sets."""
    base = {"cpu": CPU, "gpu": GPU, "paper": PAPER}[scale] if method == "simclr" else non_contrastive(method)[scale]
    if data == "cifar10":
        return base
    large: dict[str, Any] = {}
    if data != "cifar100":  # 128 x 128, as released; 64 x 64 for a CPU
        large = {"image_size": 64} if scale == "cpu" else {"backbone": f"{base.backbone}-large"}
    return base.replace(**OTHER_DATA[data] | large)


for _method, _name in (("simclr", "SimCLR"), ("simsiam", "SimSiam"), ("byol", "BYOL")):
    for _data in OTHER_DATA:
        if (_method, _data) == ("byol", "imagenette"):
            continue
        _arms = simclr_arms if _method == "simclr" else non_contrastive_arms
        declare(
            Experiment(
                f"{_method}-arms-{_data}",
                f"{_name} with the interventions on norms, on {_data}",
                {
                    scale: _arms(default_of(_method, scale, _data))
                    for scale in SCALES_OF.get(_data, ("cpu", "gpu", "paper"))
                },
            )
        )
