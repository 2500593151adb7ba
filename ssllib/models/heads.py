"""The multi-layer heads behind a backbone."""

from __future__ import annotations

from torch import nn


def mlp(inputs: int, hidden: int, outputs: int, *, norm: bool) -> nn.Sequential:
    """Linear, (batch norm), ReLU, linear: (n, inputs) to (n, outputs)."""
    layers: list[nn.Module] = [nn.Linear(inputs, hidden, bias=not norm)]
    if norm:
        layers.append(nn.BatchNorm1d(hidden))
    layers += [nn.ReLU(), nn.Linear(hidden, outputs)]
    return nn.Sequential(*layers)
