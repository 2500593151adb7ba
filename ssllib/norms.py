"""Embedding norms and what else one batch of embeddings tells."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def norm_statistics(z: Tensor) -> dict[str, float]:
    """Mean, standard deviation, minimum and maximum of the norms of embeddings (n, d)."""
    n = torch.linalg.vector_norm(z.float(), dim=-1)
    return {"mean": float(n.mean()), "std": float(n.std()), "min": float(n.min()), "max": float(n.max())}


def pair_cosines(z1: Tensor, z2: Tensor) -> Tensor:
    """Cosines (n,) between the rows of two (n, d) tensors."""
    return (F.normalize(z1.float(), dim=1) * F.normalize(z2.float(), dim=1)).sum(dim=1)


def effective_rank(z: Tensor) -> float:
    """exp of the entropy of the normalised singular values of embeddings (n, d) (Roy and Vetterli 2007)."""
    s = torch.linalg.svdvals(z.float() - z.float().mean(dim=0))
    p = s / s.sum().clamp_min(1e-30)
    return float(torch.exp(-(p * torch.log(p.clamp_min(1e-30))).sum()))


class NormMonitor:
    """Watch the norms of a module's output in anybody's training.

    >>> monitor = NormMonitor(model.projector)
    >>> ...  # train
    >>> monitor.means  # one number per forward pass
    >>> monitor.remove()

    The hook keeps one scalar per pass on the device and never synchronises; `means` copies them to the host.
    """

    def __init__(self, module: nn.Module) -> None:
        self._seen: list[Tensor] = []
        self._handle = module.register_forward_hook(self._hook)

    def _hook(self, module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        with torch.no_grad():
            self._seen.append(torch.linalg.vector_norm(output.detach().float(), dim=-1).mean())

    @property
    def means(self) -> list[float]:
        """Mean norm of the output, one number per forward pass so far."""
        return [] if not self._seen else torch.stack(self._seen).tolist()

    def remove(self) -> None:
        """Take the hook off the module."""
        self._handle.remove()
