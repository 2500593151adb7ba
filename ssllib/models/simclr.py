"""SimCLR: two views, one encoder, InfoNCE between their projections (Chen et al. 2020)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ssllib.config import TrainConfig
from ssllib.gradscale import scale_grad
from ssllib.losses import info_nce
from ssllib.models.backbones import backbone_of
from ssllib.models.heads import mlp
from ssllib.models.method import Method


class SimCLR(Method):
    """Backbone and projector; `gradscale` is the power p at the projector's output (0: none)."""

    def __init__(
        self, backbone: nn.Module, projector: nn.Module, temperature: float = 0.5, gradscale: float = 0.0
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.projector = projector
        self.temperature = temperature
        self.gradscale = gradscale

    @classmethod
    def from_config(cls, c: TrainConfig) -> SimCLR:
        backbone = backbone_of(c)
        projector = mlp(backbone.features, c.proj_hidden, c.proj_dim, norm=c.proj_norm, layers=c.proj_layers)
        return cls(backbone, projector, c.temperature, c.gradscale)

    def embed(self, images: Tensor) -> dict[str, Tensor]:
        """Images (n, 3, h, w) to `backbone` features (n, f) and `projector` embeddings (n, d)."""
        h = self.backbone(images)
        return {"backbone": h, "projector": self.projector(h)}

    def forward(self, view1: Tensor, view2: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss of a batch of view pairs, and the embeddings of both views, one after the other."""
        out = self.embed(torch.cat([view1, view2]))  # one pass: batch norm sees both views
        z1, z2 = scale_grad(out["projector"], self.gradscale).chunk(2)
        return info_nce(z1, z2, self.temperature), out
