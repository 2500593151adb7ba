"""BYOL: a predictor against a slowly moving copy of the network (Grill et al. 2020)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ssllib.engine.methods.backbones import backbone_of
from ssllib.engine.methods.heads import mlp
from ssllib.engine.methods.method import Method, follow, rising, twin
from ssllib.engine.train_config import TrainConfig
from ssllib.gradscale import scale_grad
from ssllib.losses import negative_cosine


class BYOL(Method):
    """Backbone, projector, predictor, and a target of the first two whose momentum rises to 1.

    The loss is the mean negative cosine, as 2502.09252 writes it: a quarter of the paper's sum of two
    squared distances, less a constant (BYOL's optimizer, LARS, ignores that factor; SGD does not).
    """

    embedding = "predictor"

    def __init__(
        self,
        backbone: nn.Module,
        projector: nn.Module,
        predictor: nn.Module,
        momentum: float = 0.996,
        gradscale: float = 0.0,
    ) -> None:
        super().__init__()
        self.target = twin(backbone, projector)
        self.backbone = backbone
        self.projector = projector
        self.predictor = predictor
        self.momentum = momentum
        self.gradscale = gradscale

    @classmethod
    def from_config(cls, c: TrainConfig) -> BYOL:
        backbone = backbone_of(c)
        projector = mlp(backbone.features, c.proj_hidden, c.proj_dim, norm=c.proj_norm, layers=c.proj_layers)
        predictor = mlp(c.proj_dim, c.pred_hidden, c.proj_dim, norm=c.proj_norm)
        return cls(backbone, projector, predictor, c.target_momentum, c.gradscale)

    def embed(self, images: Tensor) -> dict[str, Tensor]:
        """Images (n, 3, h, w) to `backbone` (n, f), `projector` (n, d) and `predictor` (n, d)."""
        h = self.backbone(images)
        z = self.projector(h)
        return {"backbone": h, "projector": z, "predictor": self.predictor(z)}

    def forward(self, view1: Tensor, view2: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Eq. 2 of the paper, both ways: each view's prediction against the target's other projection."""
        out = self.embed_both(view1, view2)
        p1, p2 = scale_grad(out["predictor"], self.gradscale).chunk(2)
        with torch.no_grad():
            z1, z2 = self.target(view1), self.target(view2)
        loss = negative_cosine(p1, z2) / 2 + negative_cosine(p2, z1) / 2
        return loss, out | {"target": torch.cat([z2, z1])}

    def begin(self) -> None:
        follow(self.target, self.backbone, self.projector, keep=0.0)

    def after_step(self, progress: float) -> None:
        follow(self.target, self.backbone, self.projector, keep=rising(self.momentum, progress))
