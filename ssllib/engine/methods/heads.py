"""The multi-layer heads behind a backbone."""

from __future__ import annotations

from torch import nn


def mlp(
    inputs: int, hidden: int, outputs: int, *, norm: bool, layers: int = 2, last_norm: bool = False
) -> nn.Sequential:
    """`layers` linear layers, (n, inputs) to (n, outputs), with ReLU and, if `norm`, batch norm between them.

    `last_norm` adds a batch norm without scale and shift behind the last layer (if `norm`), as SimSiam and
    MoCo v3 do.
    """
    modules: list[nn.Module] = []
    for _ in range(layers - 1):
        modules.append(nn.Linear(inputs, hidden, bias=not norm))
        if norm:
            modules.append(nn.BatchNorm1d(hidden))
        modules.append(nn.ReLU())
        inputs = hidden
    last_norm = last_norm and norm
    modules.append(nn.Linear(inputs, outputs, bias=not last_norm))
    if last_norm:
        modules.append(nn.BatchNorm1d(outputs, affine=False))
    return nn.Sequential(*modules)
