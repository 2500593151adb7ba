"""One step's forward and backward pass, and what is measured of it without waiting for the device."""

from __future__ import annotations

import contextlib
from typing import Any

import torch
from torch import Tensor

from ssllib import norms
from ssllib.engine.data import ImageSet
from ssllib.engine.methods.method import Method
from ssllib.engine.train_config import TrainConfig
from ssllib.engine.views import Generators, views


def autocast(config: TrainConfig, device: torch.device) -> contextlib.AbstractContextManager[Any]:
    return torch.autocast(device.type, torch.bfloat16, enabled=config.precision == "bf16")


def _measure(out: dict[str, Tensor], embedding: str) -> dict[str, Tensor]:
    """Norms at each place, and how the embeddings lie to their targets (by default the other view's)."""
    values: dict[str, Tensor] = {}
    with torch.no_grad():
        for place, z in out.items():
            n = torch.linalg.vector_norm(z.float(), dim=1)
            values[f"norm_{place}"], values[f"norm_{place}_cv"] = n.mean(), n.std() / n.mean().clamp_min(1e-30)
        z1, z2 = (out[embedding], out["target"]) if "target" in out else out[embedding].chunk(2)
        cosine = norms.pair_cosines(z1, z2)
        values["alignment"] = cosine.mean()
        values["opposite"] = 100 * (cosine < 0).float().mean()
        values["opposite_78"] = 100 * (cosine < -0.9238795).float().mean()  # cos(7 pi / 8)
        if embedding == "predictor":  # the two views themselves, which such a loss never compares
            between = norms.pair_cosines(*out["projector"].chunk(2))
            values["opposite_views"] = 100 * (between < 0).float().mean()
    return values


def _gradients(model: torch.nn.Module, own: Tensor) -> dict[str, Tensor]:
    """Norm of the gradient of all parameters, and the mean norm of a sample's own gradient at the embedding."""
    grads = [p.grad for p in model.parameters() if p.grad is not None]
    with torch.no_grad():
        total = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(grads)))
    return {"grad_norm": total, "grad_norm_embedding": own}


def _own_gradient(z: Tensor) -> Tensor:
    """Mean norm of the rows' gradients of a loss that is a mean over the rows, as if each row were alone."""
    assert z.grad is not None
    return torch.linalg.vector_norm(z.grad.float(), dim=1).mean() * len(z)


def forward_backward(
    model: Method, data: ImageSet, index: Tensor, config: TrainConfig, g: Generators
) -> dict[str, Tensor]:
    """Forward and backward of one batch, in micro-batches if so set; gradients of the mean are left in place.

    The released code's accumulation leaves those of the sum over the micro-batches.
    """
    parts = index.split(config.micro_batch or len(index))
    share = 1 if config.released("accumulation") else len(parts)
    rows, own = [], []
    for part in parts:
        seen = list(views(data, part, config, g))
        labels = [data.labels[part]] if model.wants_labels else []
        with autocast(config, seen[0].device):
            loss, out = model(*seen, *labels)
        z = out[model.embedding]
        z.retain_grad()
        (loss / share).backward()
        rows.append({"loss": loss.detach()} | _measure(out, model.embedding))
        own.append(_own_gradient(z) * share)
    means = {name: torch.stack([row[name] for row in rows]).mean() for name in rows[0]}
    return means | _gradients(model, torch.stack(own).mean())


class Means:
    """Running means of scalars that stay on the device until the epoch ends."""

    def __init__(self) -> None:
        self.sums: dict[str, Tensor] = {}
        self.count = 0

    def add(self, **values: Tensor) -> None:
        for name, value in values.items():
            value = value.detach().double()
            self.sums[name] = self.sums[name] + value if name in self.sums else value
        self.count += 1

    def read(self) -> dict[str, float]:
        stacked = torch.stack(list(self.sums.values())) / max(1, self.count)
        return dict(zip(self.sums, stacked.tolist(), strict=True))
