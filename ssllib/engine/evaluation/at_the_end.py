"""What is measured of a trained network once, at the end of a run, beyond the numbers of its history.

A configuration names them in `measures`:

knn: every k-NN protocol of `evaluate.PROTOCOLS` that applies, top-1 and top-5; class by class where sizes differ.
linear: a linear probe on frozen backbone features.
finetune, finetune-frozen: an MLP on 10, 50 and 100 % of the labels, with the backbone or on its frozen features.
spread: variance, spherical variance, uniformity and alignment of the embeddings.
confidence: norms on all four splits of both CIFARs, as a sign of novelty and of a right answer.
people: norms beside the labels that people gave (CIFAR-N, CIFAR-10-H); simulated annotators for `shapes`.
transfer: k-NN and a linear probe on the other CIFAR's labels.
samples: each test image's norms, and whether k-NN names it rightly, as arrays.
plane: two-dimensional embeddings of positive pairs, at every evaluated epoch.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from ssllib import norms
from ssllib.engine import data as datasets
from ssllib.engine.data import ImageSet
from ssllib.engine.evaluation import confidence, knn, probes
from ssllib.engine.evaluation.trained import Trained, length, two_views
from ssllib.engine.train_config import TrainConfig
from ssllib.errors import InputError

Numbers = dict[str, Any]
Arrays = dict[str, np.ndarray]

def check(config: TrainConfig, root: str | None = None) -> None:
    """Raise `InputError` before any work where a measure needs data that are not there."""
    chosen = [name for name in config.measures if name in ("linear", "finetune", "finetune-frozen", "transfer")]
    if chosen and not config.held_out:
        raise InputError(f"measure {chosen[0]!r} chooses on held-out images, and held_out is 0; allowed: at least 1")
    if config.dataset == "shapes":
        return
    if {"confidence", "transfer"} & set(config.measures):
        datasets.load(confidence.other_set(config), root)
    if "people" in config.measures:
        confidence.people_labels(config, root)


def measure(trained: Trained) -> tuple[Numbers, Arrays]:
    """The numbers and arrays of all measures of the configuration; the model is in evaluation mode."""
    numbers: Numbers = {}
    arrays: Arrays = {}
    for name in trained.config.measures:
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
        for name, protocol in knn.PROTOCOLS.items():
            if protocol.temperature is not None:  # k and temperature are settings of the run
                protocol = dataclasses.replace(protocol, k=t.config.knn_k, temperature=t.config.knn_temperature)
            if protocol.bank == "train":
                bank, own = t.train[place], labels
            elif t.config.imbalance and protocol.bank in ("full", "balanced"):
                data = _bank(t, protocol.bank)
                bank, own = t.features(protocol.bank, data)[place], data.labels
            else:
                continue
            top1, top5 = knn.knn_accuracies(bank, own, t.test[place], truth, protocol, classes=classes)
            found |= {f"{name}{label}_test": top1, f"{name}{label}_test_top5": top5}
    more, arrays = _by_class(t)
    return found | more, arrays


def _by_class(t: Trained) -> tuple[Numbers, Arrays]:
    """Of a run on classes of different sizes: each class's images and accuracy, and that of either half of the classes.

    Each bank of an imbalanced run has its array, so that what a class lost is seen with and without the bank's prior.
    """
    sizes, truth = torch.bincount(t.splits.train.labels, minlength=t.splits.train.classes), t.splits.test.labels
    if sizes.min() == sizes.max():
        return {}, {}
    classes, right = len(sizes), {"knn": t.right}
    for kind in ("full", "balanced") if t.config.imbalance else ():
        data = _bank(t, kind)
        bank, k = t.features(kind, data)["backbone"], min(t.config.knn_k, len(data))
        votes = knn.knn_scores(bank, data.labels, t.test["backbone"], k, t.config.knn_temperature, classes=classes)
        right[f"knn_{kind}"] = knn.named(votes) == truth
    arrays = {"class_size": sizes.cpu().numpy()}
    for name, hits in right.items():
        each = [100 * hits[truth == c].double().mean() for c in range(classes)]
        arrays[f"class_{name}"] = torch.stack(each).float().cpu().numpy()
    order = torch.argsort(sizes, descending=True, stable=True)
    halves = {"head_knn_test": order[: classes // 2], "tail_knn_test": order[classes // 2 :]}
    return {n: 100 * float(t.right[torch.isin(truth, half)].double().mean()) for n, half in halves.items()}, arrays


def _bank(t: Trained, kind: str) -> ImageSet:
    """The bank of an imbalanced run: without its prior, or all clean images of the balanced set."""
    if kind == "balanced":
        return knn.knn_bank("balanced", t.splits.train)
    whole = datasets.load(t.config.replace(imbalance=0.0, batch_size=2, micro_batch=0), t.root).train
    return datasets.place(whole, t.device)


def _linear(t: Trained) -> tuple[Numbers, Arrays]:
    held_out = t.features("held_out", t.splits.held_out)["backbone"]
    s = t.splits
    known, asked = (t.train["backbone"], s.train.labels), (t.test["backbone"], s.test.labels)
    return dict(probes.linear_probe(known, (held_out, s.held_out.labels), asked, s.train.classes)), {}


def _transfer(t: Trained) -> tuple[Numbers, Arrays]:
    """What the backbone's features are worth on the other CIFAR, its own training images known.

    `transfer_knn_<set>` as the run's own k-NN, `transfer_linear_<set>` as the linear probe; percent.
    """
    config = confidence.other_set(t.config).replace(held_out=t.config.held_out)
    splits = datasets.load(config, t.root)
    parts = {"train": splits.train, "held_out": splits.held_out, "test": splits.test}
    known, held_out, asked = (
        (t.features(f"transfer-{name}", datasets.place(part, t.device))["backbone"], part.labels.to(t.device))
        for name, part in parts.items()
    )
    named = knn.knn_predict(*known, asked[0], t.config.knn_k, t.config.knn_temperature)
    return {
        f"transfer_knn_{config.dataset}": knn.accuracy(named, asked[1]),
        f"transfer_linear_{config.dataset}": probes.linear_probe(
            known, held_out, asked, splits.train.classes
        )["linear_test"],
    }, {}


RATES = (0.003, 0.01, 0.03, 0.1)
"""Rates of fine-tuning, of which the best on held-out images with 10 % of the labels is taken (`finetune_10_val`)."""


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
    rate, held_out = probes.best_rate(backbone, few, s.held_out, settings, RATES)
    chosen = dataclasses.replace(settings, lr=rate)
    shares = t.config.finetune_shares
    found: Numbers = dict(probes.finetune_accuracies(backbone, s.train, s.test, chosen, shares, name))
    return found | {f"{name}_rate": rate, f"{name}_10_val": held_out}, {}


def _spread(t: Trained) -> tuple[Numbers, Arrays]:
    z = t.test[t.place]
    g = torch.Generator(t.device).manual_seed(t.config.seed)
    one, two = two_views(t.model, t.splits.test, t.config, g)
    return {
        "variance": norms.variance(z),
        "spherical_variance": norms.spherical_variance(z),
        "uniformity": norms.uniformity(z),
        "alignment_test": norms.alignment(one[t.place], two[t.place]),
        "effective_rank_embedding": norms.effective_rank(z),
    }, {}


def _samples(t: Trained) -> tuple[Numbers, Arrays]:
    arrays = {f"norm_{place}": length(z).half().cpu().numpy() for place, z in t.test.items()}
    return {}, arrays | {"right": t.right.cpu().numpy()}


MEASURES: dict[str, Callable[[Trained], tuple[Numbers, Arrays]]] = {
    "knn": _knn,
    "linear": _linear,
    "finetune": lambda t: _finetune(t, False),
    "finetune-frozen": lambda t: _finetune(t, True),
    "spread": _spread,
    "confidence": confidence.confidence,
    "people": confidence.people,
    "samples": _samples,
    "transfer": _transfer,
}
