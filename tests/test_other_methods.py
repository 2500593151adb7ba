"""The experiment of MoCo v2, MoCo v3 and DINO: what is declared, and that each learns at smoke scale."""

import pytest
import torch

from ssllib.augment import to_float
from ssllib.engine import data as datasets
from ssllib.engine import loop, methods
from ssllib.engine.evaluation import knn
from ssllib.engine.step import forward_backward
from ssllib.engine.train_config import TrainConfig
from ssllib.engine.views import Generators
from ssllib.runs import experiments
from ssllib.runs.experiments.other_methods import SMALL

EXPERIMENT = experiments.get("other-methods")


def config(scale: str, name: str) -> TrainConfig:
    return EXPERIMENT.cell(scale, name).config


@pytest.mark.parametrize("method", SMALL)
def test_each_method_learns_at_smoke_scale(method: str) -> None:
    """At least 10 k-NN points over its untrained self (held-out images) and over raw pixels (test set)."""
    run = config("smoke", f"{method}-default")
    result = loop.train(run)
    splits = datasets.load(run)
    bank, asked = (to_float(s.images).flatten(1) for s in (splits.train, splits.test))
    ways = ((run.knn_k, run.knn_temperature), (10, None), (1, None))  # whichever suits raw pixels best
    pairs = ((bank, asked), (bank - bank.mean(dim=0), asked - bank.mean(dim=0)))  # with and without the mean image
    found = [knn.knn_predict(b, splits.train.labels, a, *way) for b, a in pairs for way in ways]
    raw = max(knn.accuracy(f, splits.test.labels) for f in found)
    assert raw > 40  # pixels are no easy baseline
    assert result.final["knn_test"] >= raw + 10
    assert result.history[-1]["knn_val"] >= result.history[0]["knn_val"] + 10


@pytest.mark.parametrize("scale", ["smoke", "gpu", "paper"])
def test_a_cut_changes_nothing_else(scale: str) -> None:
    for method in SMALL:
        default = config(scale, f"{method}-default")
        assert config(scale, f"{method}-cut") == default.replace(cut=3.0) and default.method == method


def test_published_settings() -> None:
    v2, v3, dino = (config("paper", f"{m}-default") for m in ("moco-v2", "moco-v3", "dino"))
    assert {c.dataset for c in (v2, v3, dino)} == {"imagenet100"} and {c.epochs for c in (v2, v3, dino)} == {100}
    assert (v2.backbone, v2.queue, v2.target_momentum) == ("resnet50-large", 65536, 0.999)
    assert (v2.lr, v2.temperature) == (0.03, 0.2)
    assert (v3.backbone, v3.optimizer, v3.lr, v3.weight_decay) == ("vit-small", "adamw", 1.5e-4, 0.1)
    assert (dino.backbone, dino.prototypes, dino.local_crops, dino.local_max) == ("vit-small", 65536, 8, 0.4)
    for c in (v3, dino):
        assert c.patch == 16 and not c.local_size % c.patch  # of 128 x 128 pixels
    for c in (config("gpu", f"{m}-default") for m in ("moco-v3", "dino")):
        assert c.dataset == "cifar10" and not 32 % c.patch and not c.local_size % c.patch


def test_a_batch_of_the_gpu_scale_goes_through() -> None:
    """The declared networks with four images: shapes fit and the loss is finite."""
    for method in SMALL:
        run = config("gpu", f"{method}-default").replace(batch_size=4, precision="fp32", prototypes=64, queue=64)
        model = methods.build(run)
        model.begin()
        noise = torch.randint(0, 256, (4, 3, 32, 32), dtype=torch.uint8)
        data = datasets.ImageSet(noise, torch.zeros(4, dtype=torch.int64), 10)
        g = Generators(run, 0, torch.device("cpu"))
        row = forward_backward(model, data, torch.arange(4), run, g)
        assert torch.isfinite(row["loss"]) and torch.isfinite(row["grad_norm"])
