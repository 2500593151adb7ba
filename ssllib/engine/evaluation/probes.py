"""What labels make of a representation: a linear probe on frozen features, and fine-tuning with an MLP."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ssllib.augment import to_float
from ssllib.engine.data import ImageSet, batches, labelled
from ssllib.engine.evaluation.knn import accuracy, crop_and_flip, features, top_accuracy
from ssllib.engine.schedules import warmup_cosine
from ssllib.errors import InputError, in_range, one_of, truth, whole

Labelled = tuple[Tensor, Tensor]
"""Features (n, d) and their labels (n,)."""

DECAYS = (1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0)


def fit_linear(x: Tensor, y: Tensor, classes: int, decay: float = 1e-4, iterations: int = 200) -> nn.Linear:
    """Logistic regression on features (n, d) with labels (n,) by full-batch L-BFGS with a Wolfe line search.

    Minimises mean cross-entropy + decay / 2 * ||W||^2 on standardised features (scikit-learn's
    `LogisticRegression` on them with C = 1 / (decay * n)); the returned layer takes the features as they are.
    The line search reads one number a step from the device, about `iterations` in all.

    Raises:
        InputError: if features are not finite, labels are not whole numbers from 0 to classes - 1, or sizes do not fit.
    """
    in_range("decay of the linear probe", decay, 0, 1e6)
    classes, iterations = whole("classes", classes, 1, 2**31), whole("iterations", iterations, 1, 10**6)
    if x.ndim != 2 or x.shape[:1] != y.shape or not x.numel():
        raise InputError(f"features {tuple(x.shape)} and labels {tuple(y.shape)} do not fit; allowed: (n, d) and (n,)")
    if y.is_floating_point() or y.is_complex() or not 0 <= int(y.min()) <= int(y.max()) < classes:
        raise InputError(f"labels are {y.dtype} from {y.min()} to {y.max()}; allowed: whole, from 0 to {classes - 1}")
    x, y = x.detach().float(), y.long()
    mean, spread = x.mean(dim=0), x.std(dim=0, correction=0)
    if not bool(spread.isfinite().all()):
        raise InputError("features are not finite, or too large for a variance in float32; allowed: up to 1e18")
    scale = torch.where(_varies(x, spread), 1 / spread, torch.zeros_like(spread))  # (d,); constants drop out
    x = (x - mean) * scale
    weight = torch.zeros(classes, x.shape[1], device=x.device, requires_grad=True)
    bias = torch.zeros(classes, device=x.device, requires_grad=True)
    optimizer = torch.optim.LBFGS(
        [weight, bias], max_iter=iterations, tolerance_grad=1e-6, tolerance_change=1e-10,
        history_size=20, line_search_fn="strong_wolfe",
    )  # fmt: skip

    def objective() -> Tensor:
        optimizer.zero_grad()
        loss = F.cross_entropy(x @ weight.T + bias, y) + decay / 2 * weight.square().sum()
        loss.backward()
        return loss

    optimizer.step(objective)
    layer = nn.Linear(x.shape[1], classes, device=x.device)
    with torch.no_grad():
        layer.weight.copy_(weight * scale)
        layer.bias.copy_(bias - layer.weight @ mean)
    return layer


def _varies(x: Tensor, spread: Tensor) -> Tensor:
    """Which dimensions (d,) of features (n, d) are no constants up to rounding, by the deviations (d,)."""
    some = spread[spread > 0]
    if len(some) and float(spread.max()) > 1e3 * float(some.median()):  # of different scales: each by its own
        return spread > 1e-6 * x.abs().amax(dim=0)
    return spread > 1e-6 * spread.max()


@torch.no_grad()
def _accuracies(scores: Tensor, labels: Tensor) -> tuple[float, float]:
    return accuracy(scores.argmax(dim=1), labels), top_accuracy(scores, labels, 5)


@torch.no_grad()
def linear_probe(
    known: Labelled, held_out: Labelled, asked: Labelled, classes: int, decays: Sequence[float] = DECAYS
) -> dict[str, float]:
    """Accuracy of a linear probe in percent, its weight decay chosen on held-out training images.

    Returns:
        `linear_test` and `linear_test_top5` on `asked`; `linear_val` and `linear_decay`, the choice (of equal
        ones the strongest decay).
    """
    best: tuple[float, float, nn.Linear] | None = None
    for decay in sorted(decays, reverse=True):
        with torch.enable_grad():
            layer = fit_linear(*known, classes, decay)
        found = accuracy(layer(held_out[0].float()).argmax(dim=1), held_out[1])
        if best is None or found > best[0]:
            best = (found, decay, layer)
    if best is None:
        raise InputError("no decay to choose from; allowed: at least one")
    top1, top5 = _accuracies(best[2](asked[0].float()), asked[1])
    return {"linear_test": top1, "linear_test_top5": top5, "linear_val": best[0], "linear_decay": best[1]}


HEADS = {"cifar10": (256, 128, 64), "cifar100": (512, 1024, 1024)}
"""Hidden layers of the classifier by data set (2403.18699, section 5)."""


@dataclass(frozen=True)
class FineTune:
    """How labels are used (defaults: 2403.18699, section 5; what it does not state says so)."""

    hidden: tuple[int, ...] = HEADS["cifar10"]
    frozen: bool = False  # train the classifier alone, on features of clean images; not stated
    epochs: int = 100
    batch_size: int = 32
    lr: float = 0.01  # not stated; `best_rate` chooses
    momentum: float = 0.9  # not stated
    weight_decay: float = 0.0  # not stated
    anneal: bool = False  # cosine to zero instead of a constant rate; not stated
    augmented: bool = False  # random crop and flip; not stated
    precision: str = "fp32"
    seed: int = 0

    def __post_init__(self) -> None:
        one_of("precision", self.precision, ("fp32", "bf16"))
        whole("epochs of fine-tuning", self.epochs, 1, 10**5)
        whole("batch_size of fine-tuning", self.batch_size, 1, 2**16)
        whole("seed of fine-tuning", self.seed, 0, 2**63 - 1)
        for name in ("frozen", "anneal", "augmented"):
            truth(name, getattr(self, name))
        in_range("lr of fine-tuning", self.lr, 0, 1e4, open_low=True)
        in_range("momentum", self.momentum, 0, 0.9999)
        in_range("weight_decay", self.weight_decay, 0, 10)
        if not isinstance(self.hidden, (tuple, list)):
            raise InputError(f"hidden is {self.hidden!r}; allowed: a tuple of layers' widths")
        for width in self.hidden:
            whole("hidden layer", width, 1, 2**16)
        if self.frozen and self.augmented:
            raise InputError("a frozen backbone is read once, on clean images; allowed: augmented with frozen=False")


def classifier(inputs: int, hidden: Sequence[int], classes: int, seed: int = 0) -> nn.Sequential:
    """Linear and ReLU for each hidden size, then linear: (n, inputs) to (n, classes); drawn by `seed` alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        sizes = (inputs, *hidden)
        layers: list[nn.Module] = []
        for a, b in zip(sizes, sizes[1:], strict=False):
            layers += [nn.Linear(a, b), nn.ReLU()]
        return nn.Sequential(*layers, nn.Linear(sizes[-1], classes))


def finetune(backbone: nn.Module, data: ImageSet, settings: FineTune) -> tuple[nn.Sequential, float]:
    """Train a classifier on labelled images; with `frozen=False` a copy of the backbone too.

    On a fresh backbone, not frozen, this is supervised training on the same labels.

    Args:
        backbone: images (n, 3, h, w) to features (n, f); it is left as it is.

    Returns:
        Backbone and classifier in one module, in evaluation mode, and the mean loss of the last epoch (not
        finite when the training diverged).
    """
    if not len(data):
        raise InputError("no image to fine-tune on; allowed: at least one")
    s, where = settings, next(backbone.parameters()).device
    body = copy.deepcopy(backbone).eval()
    clean: Tensor | None = None
    with torch.no_grad(), torch.autocast(where.type, torch.bfloat16, enabled=s.precision == "bf16"):
        width = body(to_float(data.images[:1].to(where))).shape[1]
        if s.frozen:
            clean = features(lambda x: {"": body(x)}, data, device=where)[""]  # (n, f)
    head = classifier(width, s.hidden, data.classes, s.seed).to(where)
    model = nn.Sequential(body, head)
    trained = head if s.frozen else model
    trained.train()
    optimizer = torch.optim.SGD(trained.parameters(), s.lr, s.momentum, weight_decay=s.weight_decay)
    g = torch.Generator(where).manual_seed(s.seed)
    labels, size = data.labels.to(where), min(s.batch_size, len(data))
    steps = len(data) // size
    total = torch.zeros((), device=where)
    for epoch in range(s.epochs):
        order = torch.randperm(len(data), generator=g, device=where)[: steps * size]
        total = torch.zeros((), device=where)
        seen = zip(_inputs(data, clean, order, size, s, g), labels[order].split(size), strict=True)
        for i, (x, y) in enumerate(seen):
            if s.anneal:
                rate = warmup_cosine(epoch * steps + i, peak=s.lr, warmup_steps=0, total_steps=s.epochs * steps)
                for group in optimizer.param_groups:
                    group["lr"] = rate
            optimizer.zero_grad(set_to_none=True)
            with torch.autocast(where.type, torch.bfloat16, enabled=s.precision == "bf16"):
                loss = F.cross_entropy(trained(x), y)
            loss.backward()
            optimizer.step()
            total += loss.detach()
    return model.eval(), float(total) / steps


def _inputs(
    data: ImageSet, clean: Tensor | None, order: Tensor, size: int, s: FineTune, g: torch.Generator
) -> Iterator[Tensor]:
    """What the trained part sees, batch by batch: clean features, or images (augmented or not)."""
    if clean is not None:
        yield from clean[order].split(size)
        return
    for images in batches(data, order, size, order.device):
        x = crop_and_flip(images, g) if s.augmented else to_float(images)
        yield x.contiguous(memory_format=torch.channels_last)


def finetune_accuracies(
    backbone: nn.Module,
    train: ImageSet,
    test: ImageSet,
    settings: FineTune,
    shares: Sequence[float] = (0.1, 0.5, 1.0),
    name: str = "finetune",
) -> dict[str, float]:
    """Fine-tune on each share of the labels (balanced, drawn by the seed, nested) and test on clean images.

    Returns:
        For each share, in percent (`0.5` where it is no whole number), `finetune_10`, `finetune_10_top5`; and
        `finetune_10_loss`, as `finetune`.
    """
    found: dict[str, float] = {}
    for share in shares:
        chosen = train.take(labelled(train.labels, share, train.classes, settings.seed))
        model, loss = finetune(backbone, chosen, settings)
        key = f"{name}_{100 * share:.10g}"
        found[key], found[f"{key}_top5"] = _accuracies(predict(model, test), test.labels)
        found[f"{key}_loss"] = loss
    return found


def predict(model: nn.Module, data: ImageSet) -> Tensor:
    """Scores (n, classes) of clean images, on the device of their labels."""
    where = next(model.parameters()).device
    return features(lambda x: {"": model(x)}, data, device=where)[""].to(data.labels.device)


def best_rate(
    backbone: nn.Module, train: ImageSet, held_out: ImageSet, settings: FineTune, rates: Sequence[float]
) -> tuple[float, float]:
    """The rate with the highest accuracy, in percent, on held-out training images (of equal ones the smallest)."""
    scores = {}
    for rate in sorted(rates):
        model, _ = finetune(backbone, train, replace(settings, lr=rate))
        scores[rate] = accuracy(predict(model, held_out).argmax(dim=1), held_out.labels)
    if not scores:
        raise InputError("no rate to choose from; allowed: at least one")
    best = max(scores, key=lambda rate: scores[rate])
    return best, scores[best]
