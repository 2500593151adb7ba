"""SimSiam: a predictor on one side, no gradient on the other (Chen and He 2021)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ssllib.engine.methods.backbones import backbone_of
from ssllib.engine.methods.heads import mlp
from ssllib.engine.methods.method import Method
from ssllib.engine.train_config import TrainConfig
from ssllib.gradscale import scale_grad
from ssllib.losses import negative_cosine


class SimSiam(Method):
    """Backbone, projector (batch norm also behind its last layer) and predictor at a constant rate.

    The loss acts at the predictor's output, where `gradscale` (the power p) stands.
    """

    embedding = "predictor"
    constant_rate = ("predictor",)

    def __init__(
        self, backbone: nn.Module, projector: nn.Module, predictor: nn.Module, gradscale: float = 0.0
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.projector = projector
        self.predictor = predictor
        self.gradscale = gradscale

    @classmethod
    def from_config(cls, c: TrainConfig) -> SimSiam:
        backbone = backbone_of(c)
        projector = mlp(
            backbone.features, c.proj_hidden, c.proj_dim, norm=c.proj_norm, layers=c.proj_layers, last_norm=True
        )
        predictor = mlp(c.proj_dim, c.pred_hidden, c.proj_dim, norm=c.proj_norm)
        return cls(backbone, projector, predictor, c.gradscale)

    def embed(self, images: Tensor) -> dict[str, Tensor]:
        """Images (n, 3, h, w) to `backbone` (n, f), `projector` (n, d) and `predictor` (n, d)."""
        h = self.backbone(images)
        z = self.projector(h)
        return {"backbone": h, "projector": z, "predictor": self.predictor(z)}

    def forward(self, view1: Tensor, view2: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Eq. 1 and 2 of the paper: each view's prediction against the other's projection."""
        out = self.embed_both(view1, view2)
        p1, p2 = scale_grad(out["predictor"], self.gradscale).chunk(2)
        z1, z2 = out["projector"].detach().chunk(2)
        loss = negative_cosine(p1, z2) / 2 + negative_cosine(p2, z1) / 2
        return loss, out | {"target": torch.cat([z2, z1])}
