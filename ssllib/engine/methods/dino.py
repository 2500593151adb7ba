"""DINO: a student that predicts its moving average's centred, sharpened output (Caron et al. 2021)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ssllib.engine.methods.backbones import backbone_of
from ssllib.engine.methods.heads import mlp
from ssllib.engine.methods.method import Method, follow, rising, twin
from ssllib.engine.train_config import TrainConfig
from ssllib.gradscale import scale_grad
from ssllib.losses import dino


class Prototypes(nn.Module):
    """Cosines (n, k) of embeddings (n, d) with `k` directions.

    The paper's weight-normalised linear layer behind an l2-normalised bottleneck, its gains fixed to 1; they
    are no parameters here, so a cut of "all parameters" leaves the temperature of the softmax alone.

    Only directions count, but a row of length l turns at 1 / l² times the learning rate. The rows therefore start
    with the length that they have in the paper, 0.02 sqrt(256), at any number of inputs (there: 256).
    """

    def __init__(self, inputs: int, k: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(nn.init.trunc_normal_(torch.empty(k, inputs), std=0.32 / math.sqrt(inputs)))

    def forward(self, z: Tensor) -> Tensor:
        return F.linear(F.normalize(z, dim=1), F.normalize(self.weight, dim=1))


class DINO(Method):
    """Backbone, projector (its output is the bottleneck) and prototypes, a teacher of all three, a centre.

    The network's own scale enters the loss where the bottleneck is normalised: there stands `gradscale`.
    Two global views for both, and as many small local crops for the student alone as the configuration says
    (multi-crop; section 3.1 of the paper). Teacher temperature and weight decay are constant.
    """

    center: Tensor

    def __init__(
        self,
        backbone: nn.Module,
        projector: nn.Module,
        prototypes: Prototypes,
        temperature: float = 0.1,
        teacher_temperature: float = 0.04,
        momentum: float = 0.996,
        center_momentum: float = 0.9,
        gradscale: float = 0.0,
    ) -> None:
        super().__init__()
        self.target = twin(backbone, projector, prototypes)
        self.backbone = backbone
        self.projector = projector
        self.prototypes = prototypes
        self.register_buffer("center", torch.zeros(len(prototypes.weight)))
        self.means: list[Tensor] = []  # of the teacher's outputs in this step
        self.temperature, self.teacher_temperature = temperature, teacher_temperature
        self.momentum, self.center_momentum = momentum, center_momentum
        self.gradscale = gradscale

    @classmethod
    def from_config(cls, c: TrainConfig) -> DINO:
        backbone = backbone_of(c)
        projector = mlp(backbone.features, c.proj_hidden, c.proj_dim, norm=c.proj_norm, layers=c.proj_layers)
        return cls(
            backbone, projector, Prototypes(c.proj_dim, c.prototypes), c.temperature, c.teacher_temperature,
            c.target_momentum, c.center_momentum, c.gradscale,
        )  # fmt: skip

    def embed(self, images: Tensor) -> dict[str, Tensor]:
        """Images (n, 3, h, w) to `backbone` features (n, f) and the bottleneck, `projector` (n, d)."""
        h = self.backbone(images)
        return {"backbone": h, "projector": self.projector(h)}

    def forward(self, view1: Tensor, view2: Tensor, *local: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Eq. 3 of the paper: each view's student against the teacher's output of the global views but its own.

        The mean over the 2 + 2 l pairs of views, with `local` l small crops (n, 3, s, s). What is reported are the
        two global views.
        """
        small = self._outputs(self._embed_small(local)).chunk(len(local)) if local else ()
        out = self.embed_both(view1, view2)
        s1, s2 = self._outputs(out["projector"]).chunk(2)  # (n, k) each
        with torch.no_grad():
            z1, z2 = self.target[:2](view1), self.target[:2](view2)
            t1, t2 = self.target[2](z1), self.target[2](z2)
        if self.training:
            self.means.append(torch.cat([t1, t2]).float().mean(dim=0))
        pairs = [(s1, t2), (s2, t1)] + [(s, t) for s in small for t in (t1, t2)]
        losses = [dino(s, t, self.center, self.temperature, self.teacher_temperature) for s, t in pairs]
        return torch.stack(losses).mean(), out | {"target": torch.cat([z2, z1])}

    def _outputs(self, z: Tensor) -> Tensor:
        return self.prototypes(scale_grad(z, self.gradscale))

    def _embed_small(self, local: Sequence[Tensor]) -> Tensor:
        """The bottleneck (l n, d) of small crops in one pass, which leaves batch norm's running statistics alone.

        Those are for images of full size, and evaluation uses them.
        """
        tracking = [m for m in self.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm) and m.training]
        for m in tracking:
            m.track_running_stats = False
        try:
            return self.embed(torch.cat(list(local)))["projector"]
        finally:
            for m in tracking:
                m.track_running_stats = True

    def begin(self) -> None:
        follow(self.target, self.backbone, self.projector, self.prototypes, keep=0.0)

    @torch.no_grad()
    def after_step(self, progress: float) -> None:
        keep = rising(self.momentum, progress)
        follow(self.target, self.backbone, self.projector, self.prototypes, keep=keep)
        self.center.lerp_(torch.stack(self.means).mean(dim=0), 1 - self.center_momentum)  # Eq. 4
        self.means.clear()
