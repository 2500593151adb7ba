"""Norms as a sign of confidence: other data, wrong answers, people's doubts (2502.09252, section 5)."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from ssllib import datasets, norms
from ssllib.errors import InputError
from ssllib.train_config import TrainConfig
from ssllib.trained import Trained, length, right

Numbers = dict[str, Any]
Arrays = dict[str, np.ndarray]


def other_set(config: TrainConfig) -> TrainConfig:
    """The other CIFAR, whole."""
    other = "cifar100" if config.dataset == "cifar10" else "cifar10"
    return config.replace(dataset=other, imbalance=0.0, train_images=0, held_out=0, test_images=0)


def confidence(t: Trained) -> tuple[Numbers, Arrays]:
    """Norms where the loss acts, on clean images of both CIFARs (2502.09252, section 5, Figures 3 and 4).

    `norm_ratio_<set>_<split>`: mean norm over that of the training images. `auroc_ood_<set>_test`: the norm as a
    sign of novelty. `spearman_norm_correct` and `spearman_bins_knn`: the norm as a sign of a right answer, image
    by image and over bins (test images).
    """
    own, other = t.config.dataset, other_set(t.config)
    foreign = datasets.load(other, t.root)
    known, asked = length(t.train[t.place]), length(t.test[t.place])
    found: Numbers = {f"norm_ratio_{own}_test": float(asked.mean() / known.mean())}
    for split, data in (("train", foreign.train), ("test", foreign.test)):
        n = length(t.features(f"other-{split}", datasets.place(data, t.device))[t.place])
        found[f"norm_ratio_{other.dataset}_{split}"] = float(n.mean() / known.mean())
        if split == "test":
            found[f"auroc_ood_{other.dataset}_test"] = norms.auroc(asked, n)
    named = right(t)
    bins = norms.norm_bins(asked, 100 * named.double())
    return found | {
        "spearman_norm_correct": norms.spearman(asked, named.double()),
        "spearman_bins_knn": bins.trend,
    }, {"bins_knn": _rows(bins)}


def _rows(bins: norms.NormBins) -> np.ndarray:
    """Centre, count and mean of each bin, shape (b, 3)."""
    return torch.stack([bins.centre, bins.count.double(), bins.mean.double()], dim=1).cpu().numpy()


def people_labels(config: TrainConfig, root: str | None) -> dict[str, Tensor]:
    """What people said: `cifar10n` or `cifar100n` labels of all training images, and CIFAR-10-H `votes`."""
    from ssllib.datasets.cifar import cifar
    from ssllib.datasets.human_labels import cifar10_h, cifar_n

    train, test = cifar(config.dataset, root)
    kind = "aggre_label" if config.dataset == "cifar10" else "noisy_label"
    found = {"clean": train.labels, "noisy": cifar_n(config.dataset, kind, train.labels, root)}
    if config.dataset == "cifar10":
        if config.test_images:
            raise InputError("measure 'people' needs the whole test set of cifar10; allowed: test_images = 0")
        found["votes"] = cifar10_h(test.labels, root)
    return found


def people(t: Trained) -> tuple[Numbers, Arrays]:
    """Norms beside people's labels: CIFAR-N on all training images, CIFAR-10-H on the test images.

    Source: 2502.09252, Figure 4 (middle, right) and Figure S6 (`entropy_lowest10`, `entropy_highest10`).
    """
    from ssllib.datasets.cifar import cifar
    from ssllib.datasets.human_labels import entropy

    said = people_labels(t.config, t.root)
    everyone = datasets.place(cifar(t.config.dataset, t.root)[0], t.device)
    n = length(t.features("everyone", everyone)[t.place]).cpu()
    agree = 100 * (said["noisy"] == said["clean"]).double()
    bins = norms.norm_bins(n, agree)
    key = f"{t.config.dataset}n"
    found: Numbers = {f"spearman_bins_{key}": bins.trend, f"spearman_norm_{key}": norms.spearman(n, agree)}
    arrays = {f"bins_{key}": _rows(bins)}
    if "votes" in said:
        doubt, asked = entropy(said["votes"]).cpu(), length(t.test[t.place]).cpu()
        bins = norms.norm_bins(asked, doubt)
        low, high = norms.extremes(asked, t.splits.test.labels.cpu(), 10)
        found |= {
            "spearman_bins_entropy": bins.trend,
            "spearman_norm_entropy": norms.spearman(asked, doubt),
            "entropy_lowest10": float(doubt[low].mean()),
            "entropy_highest10": float(doubt[high].mean()),
        }
        arrays["bins_entropy"] = _rows(bins)
    return found, arrays
