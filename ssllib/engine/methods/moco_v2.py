"""MoCo v2: InfoNCE against a queue of past keys (He et al. 2020; Chen et al. 2020b)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ssllib.engine.methods.backbones import backbone_of
from ssllib.engine.methods.heads import mlp
from ssllib.engine.methods.method import Method, follow, twin
from ssllib.engine.train_config import TrainConfig
from ssllib.errors import InputError
from ssllib.gradscale import scale_grad


def queue_nce(q: Tensor, k: Tensor, queue: Tensor, temperature: float = 0.2) -> Tensor:
    r"""$\frac{1}{n}\sum_i -\log \frac{\exp(\hat q_i^\top \hat k_i / \tau)}
    {\exp(\hat q_i^\top \hat k_i / \tau) + \sum_j \exp(\hat q_i^\top \hat u_j / \tau)}$

    Args:
        q, k: queries and their keys, shape (n, d); keys take no gradient.
        queue: past keys u, shape (K, d).

    Source: He et al. 2020, Eq. 1.
    """
    q, k, u = (F.normalize(x.float(), dim=1) for x in (q, k.detach(), queue))
    logits = torch.cat([(q * k).sum(dim=1, keepdim=True), q @ u.T], dim=1) / temperature  # (n, 1 + K)
    return F.cross_entropy(logits, torch.zeros(len(q), dtype=torch.int64, device=q.device))


class MoCoV2(Method):
    """Backbone and projector, their target at a constant momentum, and a queue of its embeddings.

    The first view asks, the second view is the key, as published; so only the first view's features are
    reported. Batch norm sees whole batches, so queries and their keys come from the same images; the published
    shuffling (He et al. 2020, section 3.3) mixes the parts of a batch between several devices.
    """

    queue: Tensor
    pointer: Tensor

    def __init__(
        self,
        backbone: nn.Module,
        projector: nn.Module,
        queue: Tensor,
        temperature: float = 0.2,
        momentum: float = 0.999,
        gradscale: float = 0.0,
    ) -> None:
        super().__init__()
        self.target = twin(backbone, projector)
        self.backbone = backbone
        self.projector = projector
        self.register_buffer("queue", queue)  # (K, d), of unit length
        self.register_buffer("pointer", torch.zeros((), dtype=torch.int64))  # where the oldest key is
        self.keys: list[Tensor] = []  # of this step, not yet in the queue
        self.temperature = temperature
        self.momentum = momentum
        self.gradscale = gradscale

    @classmethod
    def from_config(cls, c: TrainConfig) -> MoCoV2:
        if c.queue < c.batch_size:
            raise InputError(f"queue is {c.queue}; allowed: at least batch_size = {c.batch_size}")
        backbone = backbone_of(c)
        projector = mlp(backbone.features, c.proj_hidden, c.proj_dim, norm=c.proj_norm, layers=c.proj_layers)
        queue = F.normalize(torch.randn(c.queue, c.proj_dim), dim=1)
        return cls(backbone, projector, queue, c.temperature, c.target_momentum, c.gradscale)

    def embed(self, images: Tensor) -> dict[str, Tensor]:
        """Images (n, 3, h, w) to `backbone` features (n, f) and `projector` embeddings (n, d)."""
        h = self.backbone(images)
        return {"backbone": h, "projector": self.projector(h)}

    def forward(self, view1: Tensor, view2: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        out = self.embed(view1)
        with torch.no_grad():
            k = self.target(view2)
        if self.training:
            self.keys.append(F.normalize(k.float(), dim=1))
        q = scale_grad(out["projector"], self.gradscale)
        return queue_nce(q, k, self.queue, self.temperature), out | {"target": k}

    def begin(self) -> None:
        follow(self.target, self.backbone, self.projector, keep=0.0)

    @torch.no_grad()
    def after_step(self, progress: float) -> None:
        follow(self.target, self.backbone, self.projector, keep=self.momentum)
        k = torch.cat(self.keys)
        self.keys.clear()
        place = (self.pointer + torch.arange(len(k), device=k.device)) % len(self.queue)
        self.queue[place] = k
        self.pointer.add_(len(k)).remainder_(len(self.queue))
