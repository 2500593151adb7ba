"""Backbones, heads and one short file per method."""

from __future__ import annotations

from ssllib.engine.methods.byol import BYOL
from ssllib.engine.methods.dino import DINO
from ssllib.engine.methods.method import Method
from ssllib.engine.methods.moco_v2 import MoCoV2
from ssllib.engine.methods.moco_v3 import MoCoV3
from ssllib.engine.methods.simclr import SimCLR
from ssllib.engine.methods.simsiam import SimSiam
from ssllib.engine.train_config import TrainConfig

METHODS: dict[str, type[Method]] = {
    "simclr": SimCLR,
    "simsiam": SimSiam,
    "byol": BYOL,
    "moco-v2": MoCoV2,
    "moco-v3": MoCoV3,
    "dino": DINO,
}


def build(config: TrainConfig) -> Method:
    """The untrained model of a configuration (the cut is applied by the training loop)."""
    return METHODS[config.method].from_config(config)
