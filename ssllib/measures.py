"""What is measured of a trained network once, at the end of a run, beyond the numbers of its history.

A configuration names them in `measures`:

knn: every k-NN protocol of `evaluate.PROTOCOLS` that applies, top-1 and top-5.
linear: a linear probe on frozen backbone features.
finetune, finetune-frozen: an MLP on 10, 50 and 100 % of the labels, with the backbone or on its frozen features.
spread: variance, spherical variance, uniformity and alignment of the embeddings.
confidence: norms on all four splits of both CIFARs, as a sign of novelty and of a right answer.
people: norms beside the labels that people gave (CIFAR-N, CIFAR-10-H).
samples: each test image's norms, and whether k-NN names it rightly, as arrays.
plane: two-dimensional embeddings of positive pairs, at every evaluated epoch.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ssllib import datasets, evaluate, norms, probes
from ssllib.augment import augment
from ssllib.datasets import ImageSet, Splits
from ssllib.errors import InputError
from ssllib.models.method import Method
from ssllib.train_config import TrainConfig

Numbers = dict[str, Any]
Arrays = dict[str, np.ndarray]

PLANE_PAIRS = 512


@dataclass
class Trained:
    """A trained model in evaluation mode with its data; features are computed once for each set."""

    model: Method
    splits: Splits
    config: TrainConfig
    root: str | None
    device: torch.device
    _features: dict[str, dict[str, Tensor]] = field(default_factory=dict)

    def features(self, name: str, data: ImageSet) -> dict[str, Tensor]:
        """Clean features of `data` at each place, on the device; `name` says which set it is."""
        if name not in self._features:
            self._features[name] = evaluate.features(self.model.embed, data, device=self.device)
        return self._features[name]

    @property
    def train(self) -> dict[str, Tensor]:
        return self.features("train", self.splits.train)

    @property
    def test(self) -> dict[str, Tensor]:
        return self.features("test", self.splits.test)

    @property
    def place(self) -> str:
        """Where the loss acts: norms are the papers' there."""
        return self.model.embedding


def check(config: TrainConfig, root: str | None = None) -> None:
    """Raise `InputError` before any work where a measure needs data that are not there."""
    if "confidence" in config.measures:
        datasets.load(_other(config), root)
    if "people" in config.measures:
        people_labels(config, root)


def measure(
    model: Method, splits: Splits, config: TrainConfig, root: str | None, device: torch.device
) -> tuple[Numbers, Arrays]:
    """The numbers and arrays of all measures of the configuration; the model is left in evaluation mode."""
    model.eval()
    trained = Trained(model, splits, config, root, device)
    numbers: Numbers = {}
    arrays: Arrays = {}
    for name in config.measures:
        if name in MEASURES:
            more, further = MEASURES[name](trained)
            numbers |= more
            arrays |= further
    return numbers, arrays


def _knn(t: Trained) -> tuple[Numbers, Arrays]:
    found: Numbers = {}
    labels, truth, classes = t.splits.train.labels, t.splits.test.labels, t.splits.train.classes
    for place in dict.fromkeys(("backbone", t.place)):
        label = "" if place == "backbone" else f"_{place}"
        for name, protocol in evaluate.PROTOCOLS.items():
            if protocol.temperature is not None:  # k and temperature are settings of the run
                protocol = dataclasses.replace(protocol, k=t.config.knn_k, temperature=t.config.knn_temperature)
            if protocol.bank == "train":
                bank, own = t.train[place], labels
            elif t.config.imbalance and protocol.bank in ("full", "balanced"):
                data = _bank(t, protocol.bank)
                bank, own = t.features(protocol.bank, data)[place], data.labels
            else:
                continue
            top1, top5 = evaluate.knn_accuracies(bank, own, t.test[place], truth, protocol, classes=classes)
            found |= {f"{name}{label}_test": top1, f"{name}{label}_test_top5": top5}
    return found, {}


def _bank(t: Trained, kind: str) -> ImageSet:
    """The bank of an imbalanced run: without its prior, or all clean images of the balanced set."""
    if kind == "balanced":
        return evaluate.knn_bank("balanced", t.splits.train)
    whole = datasets.load(t.config.replace(imbalance=0.0, batch_size=2, micro_batch=0), t.root).train
    return datasets.place(whole, t.device)


def augmented_knn(model: Method, bank: ImageSet, asked: Tensor, truth: Tensor, config: TrainConfig) -> float:
    """k-NN accuracy (percent) of backbone features with one augmented view of each training image as the bank."""
    data = evaluate.knn_bank("augmented", bank, seed=config.seed, batch=min(256, len(bank)))
    known = evaluate.features(model.embed, data, device=bank.labels.device)["backbone"]
    protocol = evaluate.PROTOCOLS["knn_augmented"]
    return evaluate.knn_accuracies(known, data.labels, asked, truth, protocol, classes=bank.classes)[0]


def _linear(t: Trained) -> tuple[Numbers, Arrays]:
    held_out = t.features("held_out", t.splits.held_out)["backbone"].float()
    train, test = t.train["backbone"].float(), t.test["backbone"].float()
    s = t.splits
    with torch.autocast(t.device.type, enabled=False):
        found = probes.linear_probe(
            (train, s.train.labels), (held_out, s.held_out.labels), (test, s.test.labels), s.train.classes
        )
    return dict(found), {}


RATES = (0.003, 0.01, 0.03, 0.1)
"""Rates of fine-tuning, of which the best on held-out images with 10 % of the labels is taken."""


def _finetune(t: Trained, frozen: bool) -> tuple[Numbers, Arrays]:
    hidden = probes.HEADS.get(t.config.dataset, probes.HEADS["cifar10"])
    settings = probes.FineTune(
        hidden=hidden, frozen=frozen, epochs=t.config.finetune_epochs, precision=t.config.precision,
        seed=t.config.seed,
    )  # fmt: skip
    backbone = t.model.get_submodule("backbone")
    s = t.splits
    few = s.train.take(datasets.labelled(s.train.labels, 0.1, s.train.classes, settings.seed))
    name = "finetune_frozen" if frozen else "finetune"
    with torch.enable_grad(), torch.autocast(t.device.type, enabled=False):
        rate = probes.best_rate(backbone, few, s.held_out, settings, RATES)
        chosen = dataclasses.replace(settings, lr=rate)
        shares = t.config.finetune_shares
        found: Numbers = dict(probes.finetune_accuracies(backbone, s.train, s.test, chosen, shares, name))
    return found | {f"{name}_rate": rate}, {}


def _spread(t: Trained) -> tuple[Numbers, Arrays]:
    z = t.test[t.place]
    g = torch.Generator(t.device).manual_seed(t.config.seed)
    one, two = _two_views(t.model, t.splits.test, t.config, g)
    return {
        "variance": norms.variance(z),
        "spherical_variance": norms.spherical_variance(z),
        "uniformity": norms.uniformity(z),
        "alignment_test": norms.alignment(one[t.place], two[t.place]),
        "effective_rank_embedding": norms.effective_rank(z),
    }, {}


@torch.no_grad()
def _two_views(
    model: Method, data: ImageSet, config: TrainConfig, g: torch.Generator
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Features, at each place, of two random views of each image."""
    found: list[list[dict[str, Tensor]]] = [[], []]
    order = torch.arange(len(data), device=data.images.device)
    for images in datasets.batches(data, order, 512, g.device):
        for parts in found:
            view = augment(
                images, g, crop_min=config.crop_min, jitter=config.jitter, gray=config.gray,
                apart=config.released("augmentation"),
            )  # fmt: skip
            parts.append(model.embed(view.contiguous(memory_format=torch.channels_last)))
    one, two = ({place: torch.cat([p[place].float() for p in parts]) for place in parts[0]} for parts in found)
    return one, two


def length(z: Tensor) -> Tensor:
    """Norms (n,) of embeddings (n, d)."""
    return torch.linalg.vector_norm(z.float(), dim=1)


def _right(t: Trained) -> Tensor:
    """Whether k-NN (the configuration's own) names each test image rightly, (n,) bool."""
    k = min(t.config.knn_k, len(t.splits.train))
    found = evaluate.knn_predict(
        t.train["backbone"], t.splits.train.labels, t.test["backbone"], k, t.config.knn_temperature
    )
    return found == t.splits.test.labels


def _other(config: TrainConfig) -> TrainConfig:
    """The other CIFAR, whole."""
    other = "cifar100" if config.dataset == "cifar10" else "cifar10"
    return config.replace(dataset=other, imbalance=0.0, train_images=0, held_out=0, test_images=0)


def _confidence(t: Trained) -> tuple[Numbers, Arrays]:
    """Norms where the loss acts, on clean images of both CIFARs (2502.09252, section 5, Figures 3 and 4).

    `norm_ratio_<set>_<split>`: mean norm over that of the training images. `auroc_ood_<set>_test`: the norm as a
    sign of novelty. `spearman_norm_correct` and `spearman_bins_knn`: the norm as a sign of a right answer, image
    by image and over bins (test images).
    """
    own, other = t.config.dataset, _other(t.config)
    foreign = datasets.load(other, t.root)
    known, asked = length(t.train[t.place]), length(t.test[t.place])
    found: Numbers = {f"norm_ratio_{own}_test": float(asked.mean() / known.mean())}
    for split, data in (("train", foreign.train), ("test", foreign.test)):
        n = length(t.features(f"other-{split}", datasets.place(data, t.device))[t.place])
        found[f"norm_ratio_{other.dataset}_{split}"] = float(n.mean() / known.mean())
        if split == "test":
            found[f"auroc_ood_{other.dataset}_test"] = norms.auroc(asked, n)
    right = _right(t)
    bins = norms.norm_bins(asked, 100 * right.double())
    return found | {
        "spearman_norm_correct": norms.spearman(asked, right.double()),
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


def _people(t: Trained) -> tuple[Numbers, Arrays]:
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


def _samples(t: Trained) -> tuple[Numbers, Arrays]:
    arrays = {f"norm_{place}": length(z).half().cpu().numpy() for place, z in t.test.items()}
    return {}, arrays | {"right": _right(t).cpu().numpy()}


MEASURES: dict[str, Callable[[Trained], tuple[Numbers, Arrays]]] = {
    "knn": _knn,
    "linear": _linear,
    "finetune": lambda t: _finetune(t, False),
    "finetune-frozen": lambda t: _finetune(t, True),
    "spread": _spread,
    "confidence": _confidence,
    "people": _people,
    "samples": _samples,
}


# --- embeddings in the plane (2406.16468 Figure 4) ---------------------------------------------------------


def plane(model: Method, data: ImageSet, config: TrainConfig) -> tuple[dict[str, float], np.ndarray]:
    """Two views of the first training images where the loss acts, and how they lie on the circle.

    Returns:
        `angle_entropy` and `antipodal_share` (below) of all embeddings, and the embeddings (2, n, 2), float16.
    """
    model.eval()
    some = data.take(torch.arange(min(PLANE_PAIRS, len(data))))
    g = torch.Generator(data.labels.device).manual_seed(config.seed)
    one, two = _two_views(model, some, config, g)
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
