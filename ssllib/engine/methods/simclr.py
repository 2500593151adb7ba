"""SimCLR: two views, one encoder, InfoNCE between their projections (Chen et al. 2020).

The same two branches with another loss are DCL, VICReg, Barlow Twins and the triplet loss, and with CLOA's
anchors added (2403.18699) its semi-supervised training.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from ssllib import losses
from ssllib.engine.data import CLASSES
from ssllib.engine.methods.backbones import backbone_of
from ssllib.engine.methods.heads import mlp
from ssllib.engine.methods.method import Method
from ssllib.engine.train_config import TrainConfig
from ssllib.errors import one_of
from ssllib.gradscale import scale_grad

Loss = Callable[[Tensor, Tensor, float], Tensor]

LOSSES: dict[str, Loss] = {
    "info-nce": losses.info_nce,
    "released": losses.info_nce_released,
    "attraction": losses.info_nce_attraction,
    "repulsion": losses.info_nce_repulsion,
    "dcl": losses.dcl,
    "vicreg": lambda z1, z2, _: losses.vicreg(z1, z2),
    "barlow-twins": lambda z1, z2, _: losses.barlow_twins(z1, z2),
    "triplet": lambda z1, z2, _: losses.triplet(z1, z2, z2.roll(1, 0)),  # the next sample is the negative
    "none": lambda z1, z2, _: (0 * z1).sum(),  # the anchors alone
}
"""Two views' embeddings (n, d) and the temperature to a scalar."""


class SimCLR(Method):
    """Backbone and projector; `gradscale` is the power p at the projector's output (0: none).

    Args:
        loss: a key of `LOSSES`.
        apart: each view has a pass of its own through batch norm, as in the released code of 2502.09252.
        anchors: (k, d) as `losses.orthonormal_anchors`; `forward` then needs labels, -1 where unknown.
        anchor_weight: of `losses.cloa_anchor` beside the loss.
    """

    def __init__(
        self,
        backbone: nn.Module,
        projector: nn.Module,
        temperature: float = 0.5,
        gradscale: float = 0.0,
        *,
        loss: str = "info-nce",
        apart: bool = False,
        anchors: Tensor | None = None,
        anchor_weight: float = 1.0,
    ) -> None:
        super().__init__()
        one_of("loss", loss, LOSSES)
        self.backbone = backbone
        self.projector = projector
        self.temperature = temperature
        self.gradscale = gradscale
        self.loss = LOSSES[loss]
        self.apart = apart
        self.register_buffer("anchors", anchors)
        self.anchor_weight = anchor_weight
        self.wants_labels = anchors is not None

    @classmethod
    def from_config(cls, c: TrainConfig) -> SimCLR:
        backbone = backbone_of(c)
        size = c.proj_dim if c.proj_layers else backbone.features
        projector: nn.Module = nn.Identity()
        if c.proj_layers:
            projector = mlp(backbone.features, c.proj_hidden, size, norm=c.proj_norm, layers=c.proj_layers)
        anchors = None
        if c.anchor_weight:
            one_of("data set with anchors", c.dataset, CLASSES)
            anchors = losses.orthonormal_anchors(CLASSES[c.dataset], size, c.seed)
        released = c.released("loss") and c.loss == "info-nce"
        return cls(
            backbone, projector, c.temperature, c.gradscale, loss="released" if released else c.loss,
            apart=c.released("loss"), anchors=anchors, anchor_weight=c.anchor_weight,
        )  # fmt: skip

    def embed(self, images: Tensor) -> dict[str, Tensor]:
        """Images (n, 3, h, w) to `backbone` features (n, f) and `projector` embeddings (n, d)."""
        h = self.backbone(images)
        return {"backbone": h, "projector": self.projector(h)}

    def forward(
        self, view1: Tensor, view2: Tensor, labels: Tensor | None = None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss of a batch of view pairs, and the embeddings of both views, one after the other."""
        if self.apart:
            out = self.embed_both(view1, view2)
        else:
            out = self.embed(torch.cat([view1, view2]))  # one pass: batch norm sees both views
        z = scale_grad(out["projector"], self.gradscale)
        z1, z2 = z.chunk(2)
        loss = self.loss(z1, z2, self.temperature)
        if isinstance(self.anchors, Tensor) and labels is not None:
            y = labels.repeat(2)
            known = y >= 0
            anchored = losses.cloa_anchor(z[known], y[known], self.anchors)
            loss = loss + self.anchor_weight * anchored
        return loss, out
