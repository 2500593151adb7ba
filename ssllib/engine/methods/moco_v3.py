"""MoCo v3: BYOL's networks with InfoNCE between the batch's queries and keys (Chen et al. 2021b)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ssllib.engine.methods.backbones import backbone_of
from ssllib.engine.methods.byol import BYOL
from ssllib.engine.methods.heads import mlp
from ssllib.engine.methods.vit import ViT
from ssllib.engine.train_config import TrainConfig
from ssllib.gradscale import scale_grad


def batch_nce(q: Tensor, k: Tensor, temperature: float = 0.2) -> Tensor:
    r"""$\frac{2\tau}{n}\sum_i -\log \frac{\exp(\hat q_i^\top \hat k_i / \tau)}
    {\sum_j \exp(\hat q_i^\top \hat k_j / \tau)}$ for queries and keys (n, d); keys take no gradient.

    Source: Chen et al. 2021b, Eq. 1 and Algorithm 1 (the factor).
    """
    q, k = F.normalize(q.float(), dim=1), F.normalize(k.detach().float(), dim=1)
    positive = torch.arange(len(q), device=q.device)
    return 2 * temperature * F.cross_entropy(q @ k.T / temperature, positive)


class MoCoV3(BYOL):
    """Backbone, projector and predictor (batch norm also behind the last layer of both) and a target.

    A vision transformer keeps its random patch projection, as the paper found stable.
    """

    temperature = 0.2

    @classmethod
    def from_config(cls, c: TrainConfig) -> MoCoV3:
        backbone = backbone_of(c)
        if isinstance(backbone, ViT):
            backbone.patches.requires_grad_(False)
        projector = mlp(
            backbone.features, c.proj_hidden, c.proj_dim, norm=c.proj_norm, layers=c.proj_layers, last_norm=True
        )
        predictor = mlp(c.proj_dim, c.pred_hidden, c.proj_dim, norm=c.proj_norm, last_norm=True)
        model = cls(backbone, projector, predictor, c.target_momentum, c.gradscale)
        model.temperature = c.temperature
        return model

    def forward(self, view1: Tensor, view2: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Algorithm 1 of the paper: each view's queries against the target's keys of the other view."""
        out = self.embed_both(view1, view2)
        q1, q2 = scale_grad(out["predictor"], self.gradscale).chunk(2)
        with torch.no_grad():
            k1, k2 = self.target(view1), self.target(view2)
        loss = batch_nce(q1, k2, self.temperature) + batch_nce(q2, k1, self.temperature)
        return loss, out | {"target": torch.cat([k2, k1])}
