import copy
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from torch import nn

from ssllib.augment import to_float
from ssllib.engine.data import ImageSet, labelled
from ssllib.engine.data.shapes import shapes
from ssllib.engine.evaluation.knn import accuracy
from ssllib.engine.evaluation.probes import (
    HEADS,
    FineTune,
    best_rate,
    classifier,
    finetune,
    finetune_accuracies,
    fit_linear,
    linear_probe,
    predict,
)
from ssllib.engine.methods.backbones import ResNet
from ssllib.errors import InputError


def _features(n: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Four overlapping classes in 12 dimensions of very different scale, one dimension constant."""
    g = torch.Generator().manual_seed(seed)
    centres = torch.randn(4, 12, generator=torch.Generator().manual_seed(9))
    y = torch.randint(0, 4, (n,), generator=g)
    x = (centres[y] + 1.5 * torch.randn(n, 12, generator=g)) * torch.logspace(-2, 2, 12) + 5
    x[:, 3] = 7.0
    return x, y


@pytest.mark.parametrize("decay", [1e-4, 1e-2, 1.0])
def test_linear_probe_against_scikit_learn(decay: float) -> None:
    (x, y), (asked, _) = _features(800, 0), _features(400, 1)
    layer = fit_linear(x, y, 4, decay, iterations=500)
    scaler = StandardScaler().fit(x.double().numpy())
    theirs = LogisticRegression(C=1 / (decay * len(x)), tol=1e-8, max_iter=5000).fit(
        scaler.transform(x.double().numpy()), y.numpy()
    )
    ours = F.softmax(layer(asked), dim=1).detach().numpy()
    np.testing.assert_allclose(ours, theirs.predict_proba(scaler.transform(asked.double().numpy())), atol=2e-3)
    assert (layer.weight[:, 3] == 0).all()


def test_linear_probe_has_no_gradient_left() -> None:
    x, y = _features(500, 0)
    layer = fit_linear(x, y, 4, 1e-3)
    z = ((x - x.mean(0)) / x.std(0, correction=0).clamp_min(1e-9)).double()
    w = (layer.weight * x.std(0, correction=0)).detach().double().requires_grad_()
    b = (layer.bias + layer.weight @ x.mean(0)).detach().double().requires_grad_()
    (F.cross_entropy(z @ w.T + b, y) + 1e-3 / 2 * w.square().sum()).backward()
    assert w.grad is not None and b.grad is not None
    assert float(w.grad.norm()) < 1e-4 and float(b.grad.norm()) < 1e-4


def test_decay_is_chosen_on_the_held_out_part() -> None:
    known, held_out, asked = _features(60, 0), _features(400, 1), _features(400, 2)
    decays = (1e-6, 1e-2, 1e-1, 1e6)
    row = linear_probe(known, held_out, asked, 4, decays)
    tried = {d: accuracy(fit_linear(*known, 4, d)(held_out[0]).argmax(1), held_out[1]) for d in decays}
    assert row["linear_val"] == max(tried.values()) == tried[row["linear_decay"]]
    layer = fit_linear(*known, 4, row["linear_decay"])
    assert row["linear_test"] == accuracy(layer(asked[0]).argmax(1), asked[1]) > 50
    assert row["linear_test_top5"] == 100  # of four classes
    assert linear_probe(known, held_out, asked, 4, (1e4, 1e6, 1e5))["linear_decay"] == 1e6  # all equal: the majority
    with pytest.raises(InputError, match="no decay"):
        linear_probe(known, held_out, asked, 4, ())
    with pytest.raises(InputError, match="do not fit"):
        fit_linear(known[0], known[1][:5], 4)


def test_heads_of_the_paper_are_drawn_by_the_seed_alone() -> None:
    for name, classes, inputs in (("cifar10", 10, 512), ("cifar100", 100, 2048)):
        head = classifier(inputs, HEADS[name], classes)
        assert [m.out_features for m in head if isinstance(m, nn.Linear)] == [*HEADS[name], classes]
        assert sum(isinstance(m, nn.ReLU) for m in head) == 3
    state = torch.get_rng_state()
    a, b, c = (classifier(6, (5,), 3, seed=s)[0].weight for s in (0, 0, 1))
    assert torch.equal(a, b) and not torch.equal(a, c) and torch.equal(state, torch.get_rng_state())


class _Pooled(nn.Module):
    """A frozen toy backbone: means over a 4 x 4 grid, and one weight that training could move."""

    def __init__(self) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(()))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.gain * F.adaptive_avg_pool2d(x - 0.5, 4).flatten(1)


def _colours(n: int, seed: int) -> ImageSet:
    """Images whose class is their brightest channel."""
    g = torch.Generator().manual_seed(seed)
    y = torch.arange(n) % 3
    images = torch.rand(n, 3, 8, 8, generator=g) * 120
    images[torch.arange(n), y] += 90
    return ImageSet(images.to(torch.uint8), y, 3)


def test_frozen_equals_plain_sgd_on_the_features() -> None:
    """The loop against one written out: same order, same head, same steps."""
    data, s = _colours(70, 0), FineTune(hidden=(9, 7), frozen=True, epochs=3, batch_size=16, lr=0.1, weight_decay=1e-3)
    backbone = _Pooled()
    model, loss = finetune(backbone, data, s)
    x = backbone(to_float(data.images)).detach()
    head = classifier(48, (9, 7), 3, seed=0)
    optimizer = torch.optim.SGD(head.parameters(), 0.1, 0.9, weight_decay=1e-3)
    g = torch.Generator().manual_seed(0)
    for _ in range(3):
        losses = []
        for index in torch.randperm(70, generator=g)[:64].split(16):
            optimizer.zero_grad()
            loss_here = F.cross_entropy(head(x[index]), data.labels[index])
            loss_here.backward()
            losses.append(loss_here.detach())
            optimizer.step()
    assert loss == pytest.approx(float(torch.stack(losses).mean()), rel=1e-5)
    for ours, theirs in zip(model[1].parameters(), head.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs)
    assert not model.training and float(model[0].gain.detach()) == 1


def test_unfrozen_moves_a_copy_of_the_backbone() -> None:
    backbone = ResNet("mini", 8)
    before = copy.deepcopy(backbone.state_dict())
    s = FineTune(hidden=(16,), epochs=2, batch_size=16, lr=0.05, anneal=True, augmented=True)
    model, loss = finetune(backbone, shapes(64), s)
    assert all(torch.equal(a, b) for a, b in zip(before.values(), backbone.state_dict().values(), strict=True))
    assert not torch.equal(model[0].conv.weight, backbone.conv.weight) and math.isfinite(loss)
    again, same = finetune(backbone, shapes(64), s)
    assert same == loss and torch.equal(predict(model, shapes(8)), predict(again, shapes(8)))
    frozen, _ = finetune(backbone, shapes(64), FineTune(hidden=(16,), frozen=True, epochs=1))
    for a, b in zip(frozen[0].state_dict().values(), before.values(), strict=True):
        assert torch.equal(a, b)  # batch norm's statistics, too


def test_shares_of_labels() -> None:
    train, test = _colours(300, 0), _colours(90, 1)
    s = FineTune(hidden=(32,), frozen=True, epochs=30, batch_size=10, lr=0.1)
    row = finetune_accuracies(_Pooled(), train, test, s)
    assert set(row) == {f"finetune_{p}{end}" for p in (10, 50, 100) for end in ("", "_top5", "_loss")}
    assert row["finetune_100"] > 90 and row["finetune_100_top5"] == 100
    few = train.take(labelled(train.labels, 0.1, 3, seed=0))
    assert torch.bincount(few.labels).tolist() == [10, 10, 10]
    model, loss = finetune(_Pooled(), few, s)
    assert row["finetune_10"] == accuracy(predict(model, test).argmax(1), test.labels)
    assert row["finetune_10_loss"] == loss


def test_rate_is_chosen_on_the_held_out_part_and_divergence_is_seen() -> None:
    train, held_out = _colours(120, 0), _colours(90, 1)
    s = FineTune(hidden=(32,), frozen=True, epochs=10, batch_size=10)
    assert best_rate(_Pooled(), train, held_out, s, (1e-7, 0.05, 1e4))[0] == 0.05
    _, loss = finetune(_Pooled(), train, FineTune(hidden=(32, 32), frozen=True, epochs=10, lr=1e4))
    assert not math.isfinite(loss)
    with pytest.raises(InputError, match="no rate"):
        best_rate(_Pooled(), train, held_out, s, ())


def test_bf16() -> None:
    train = _colours(120, 0)
    model, loss = finetune(_Pooled(), train, FineTune(hidden=(32,), epochs=20, batch_size=20, lr=0.1, precision="bf16"))
    assert math.isfinite(loss) and accuracy(predict(model, train).argmax(1), train.labels) > 90


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"frozen": True, "augmented": True}, "augmented with frozen=False"),
        ({"lr": 0.0}, "lr of fine-tuning"),
        ({"hidden": (0,)}, "hidden layer"),
        ({"precision": "fp8"}, "unknown precision 'fp8'"),
        ({"epochs": 0}, "epochs of fine-tuning"),
    ],
)
def test_bad_settings(bad: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        FineTune(**bad)


# --- numbers and sizes out of the ordinary ------------------------------------------------------------------


def test_a_dimension_of_another_scale_does_not_hide_the_rest() -> None:
    """Labels are in the small dimensions; the large one is noise, and so is the rounding of the constant one."""
    g = torch.Generator().manual_seed(0)
    y = torch.arange(300) % 3
    x = torch.nn.functional.one_hot(y, 3).float() + 0.1 * torch.randn(300, 3, generator=g)
    constant = 5 + 1e-7 * torch.randn(300, 1, generator=g)
    wide = torch.cat([x, 1e8 * torch.randn(300, 1, generator=g), constant], dim=1)
    layer = fit_linear(wide, y, 3)
    assert accuracy(layer(wide).argmax(1), y) > 99 and not layer.weight[:, 4].any()
    assert not fit_linear(torch.cat([x, constant], dim=1), y, 3).weight[:, 3].any()


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (torch.full((4, 2), float("nan")), torch.arange(4), "not finite"),
        (torch.ones(4, 2), torch.arange(4) + 1, "from 1 to 4; allowed: whole, from 0 to 3"),
        (torch.ones(4, 2), torch.arange(4) - 1, "from -1 to 2"),
        (torch.ones(4, 2), torch.arange(4.0), "labels are torch.float32"),
        (torch.ones(4, 0), torch.arange(4), "do not fit"),
    ],
)
def test_features_and_labels_that_are_refused(x: torch.Tensor, y: torch.Tensor, message: str) -> None:
    with pytest.raises(InputError, match=message):
        fit_linear(x, y, 4)


def test_labels_of_bytes_and_a_single_image() -> None:
    x, y = torch.randn(30, 4, generator=torch.Generator().manual_seed(0)), torch.arange(30) % 3
    assert torch.equal(fit_linear(x, y.byte(), 3).weight, fit_linear(x, y, 3).weight)
    assert bool(fit_linear(x[:1], y[:1], 3).bias.isfinite().all())


def test_shares_below_one_percent_have_names_of_their_own() -> None:
    train = _colours(600, 0)
    s = FineTune(hidden=(4,), frozen=True, epochs=1, batch_size=10)
    row = finetune_accuracies(_Pooled(), train, train, s, shares=(0.01, 0.005, 0.07, 1.0))
    assert {k for k in row if "top5" not in k and "loss" not in k} == {
        "finetune_1", "finetune_0.5", "finetune_7", "finetune_100",
    }  # fmt: skip
    with pytest.raises(InputError, match="no image to fine-tune on"):
        finetune(_Pooled(), train.take(torch.arange(0)), s)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"epochs": 2.5}, "epochs of fine-tuning is 2.5; allowed: a whole number"),
        ({"batch_size": 16.0}, "batch_size of fine-tuning is 16.0"),
        ({"hidden": 16}, "hidden is 16; allowed: a tuple"),
        ({"hidden": (16.0,)}, "hidden layer is 16.0"),
        ({"frozen": "false"}, "frozen is 'false'; allowed: True or False"),
        ({"seed": -1}, "seed of fine-tuning is -1"),
    ],
)
def test_types_of_settings(bad: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        FineTune(**bad)
