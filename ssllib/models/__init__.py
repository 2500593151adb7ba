"""Backbones, heads and one short file per method."""

from __future__ import annotations

from ssllib.config import TrainConfig
from ssllib.models.simclr import SimCLR

METHODS = {"simclr": SimCLR}


def build(config: TrainConfig) -> SimCLR:
    """The untrained model of a configuration (the cut is applied by the training loop)."""
    return METHODS[config.method].from_config(config)
