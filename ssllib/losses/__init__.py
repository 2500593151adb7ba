"""Losses of self-supervised learning as pure functions: embeddings in, a scalar out.

All of them compute in float32 or better, also for half-precision embeddings and under autocast.
"""

from __future__ import annotations

from ssllib.losses.anchors import cloa_anchor, orthonormal_anchors
from ssllib.losses.contrastive import (
    dcl,
    info_nce,
    info_nce_attraction,
    info_nce_released,
    info_nce_repulsion,
    triplet,
)
from ssllib.losses.predictive import dino, negative_cosine
from ssllib.losses.redundancy import barlow_twins, vicreg
from ssllib.losses.supervised import sup_con, supervised_info_nce

__all__ = [
    "barlow_twins",
    "cloa_anchor",
    "dcl",
    "dino",
    "info_nce",
    "info_nce_attraction",
    "info_nce_released",
    "info_nce_repulsion",
    "negative_cosine",
    "orthonormal_anchors",
    "sup_con",
    "supervised_info_nce",
    "triplet",
    "vicreg",
]
