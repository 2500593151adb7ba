"""Two-dimensional embeddings of positive pairs, and how they lie on the circle (2406.16468 Figure 4)."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from ssllib.engine.data import ImageSet
from ssllib.engine.evaluation.trained import two_views
from ssllib.engine.methods.method import Method
from ssllib.engine.train_config import TrainConfig

PAIRS = 512


def plane(model: Method, data: ImageSet, config: TrainConfig) -> tuple[dict[str, float], np.ndarray]:
    """Two views of the first training images where the loss acts, and how they lie on the circle.

    Returns:
        `angle_entropy` and `antipodal_share` (below) of all embeddings, and the embeddings (2, n, 2), float16.
    """
    model.eval()
    some = data.take(torch.arange(min(PAIRS, len(data))))
    g = torch.Generator(data.labels.device).manual_seed(config.seed)
    one, two = two_views(model, some, config, g)
    pairs = torch.stack([one[model.embedding], two[model.embedding]])  # (2, n, 2)
    angles = torch.atan2(pairs[..., 1], pairs[..., 0]).flatten()
    row = {"angle_entropy": angle_entropy(angles), "antipodal_share": antipodal_share(angles)}
    return row, pairs.half().cpu().numpy()


def angle_entropy(angles: Tensor, bins: int = 36) -> float:
    """Entropy of the histogram of angles (n,), in radians, over that of a uniform one: 1 when spread evenly."""
    share = torch.remainder(angles / (2 * math.pi), 1)
    count = torch.bincount((share * bins).long().clamp_max(bins - 1), minlength=bins).double()
    return float(torch.special.entr(count / count.sum()).sum() / math.log(bins))


def antipodal_share(angles: Tensor, within: float = math.pi / 8) -> float:
    """Percent of angles (n,) within `within` of either end of their principal axis; 25 when spread evenly.

    The axis is the direction of the mean of exp(2 i angle).
    """
    double = 2 * angles.double()
    axis = torch.atan2(double.sin().mean(), double.cos().mean())
    off = torch.remainder(double - axis + math.pi, 2 * math.pi) - math.pi  # twice the angle to the axis
    return 100 * float((off.abs() <= 2 * within).double().mean())
