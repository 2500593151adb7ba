"""The cpu scale: the gpu scale with a small backbone, and networks that start as the large ones do."""

import dataclasses

import pytest
import torch

from ssllib.cut_init import cut_init_
from ssllib.engine import methods
from ssllib.engine.data.shapes import shapes
from ssllib.engine.train_config import TrainConfig
from ssllib.engine.views import view
from ssllib.runs import experiments
from ssllib.runs.experiments.interventions import CPU, GPU, default_of

ALLOWED = {"backbone", "epochs"}
"""Settings that may differ from the gpu scale's."""
MORE = {
    "flowers": {"image_size"},  # 64 x 64
    "over-fusion": {"finetune_epochs"},
    "over-fusion-views": {"finetune_epochs"},
    "anchors-cifar10": {"finetune_epochs"},
    "anchors-cifar100": {"finetune_epochs"},
    "transfer": {"finetune_epochs"},
}
BOTH = [name for name, e in experiments.EXPERIMENTS.items() if {"cpu", "gpu"} <= e.scales.keys()]


def differences(a: TrainConfig, b: TrainConfig) -> set[str]:
    return {f.name for f in dataclasses.fields(a) if getattr(a, f.name) != getattr(b, f.name)}


@pytest.mark.parametrize("name", BOTH)
def test_every_arm_is_that_of_the_gpu_scale_with_a_small_backbone(name: str) -> None:
    e = experiments.get(name)
    large = {c.name: c for c in e.cells("gpu")}
    allowed = ALLOWED | MORE.get(name.rpartition("-")[2], set()) | MORE.get(name, set())
    for small in e.cells("cpu"):
        if name == "best-cut":  # its arms are networks
            continue
        gpu = large[small.name]
        assert differences(small.config, gpu.config) <= allowed, small.name
        assert small.seeds == gpu.seeds
        assert small.config.backbone == "small" and small.config.epochs <= 16
        assert small.config.schedule_epochs == gpu.config.schedule_epochs >= 100
        assert set(small.longer) <= {100}
    missing = {n for n in large if n not in {c.name for c in e.cells("cpu")}}
    if name in ("over-fusion", "over-fusion-views"):
        assert all(n.endswith(("1e-1", "1e-4", "1e-5", "1e-6", "1e-7")) for n in missing)
    else:
        assert all("imagenet100" in n for n in missing) or name == "best-cut"


def test_the_two_bases_differ_in_backbone_and_end_alone() -> None:
    assert CPU == GPU.replace(backbone="small", epochs=16) and CPU.width == 64 and CPU.precision == "bf16"


def test_headline_arms_have_two_ends() -> None:
    for name, arms in (
        ("simclr-arms", {"default", "cut", "weight-decay", "gradscale"}),
        ("simsiam-arms", {"default", "cut"}),
        ("byol-arms", {"default", "cut"}),
    ):
        cells = experiments.get(name).cells("cpu")
        assert {c.name for c in cells if c.longer == (100,)} == arms
        for c in cells:
            found = [(x.epochs, x.seed) for x in c.configs()]
            assert found == [(e, s) for e in (16, *c.longer) for s in (0, 1, 2)]
            assert all(c.declares(x) for x in c.configs())
            assert not c.declares(c.config.replace(epochs=17)) and c.declares(c.config.replace(seed=77))


@pytest.mark.parametrize("method", ["simclr", "simsiam", "byol"])
@pytest.mark.parametrize("cut", [1.0, 3.0, 9.0])
def test_norms_at_the_start_are_those_of_the_gpu_scale(method: str, cut: float) -> None:
    """Within 10 %, where the loss acts, before the first update; the networks of three seeds against ResNet-18."""
    images = shapes(64, seed=1).images

    def start(scale: str, seed: int) -> float:
        config = default_of(method, scale)
        torch.manual_seed(seed)
        model = methods.build(config)
        if cut != 1:
            cut_init_(model, cut)
        with torch.no_grad():
            out = model.train().embed(view(images, config, torch.Generator().manual_seed(0)))
        return float(torch.linalg.vector_norm(out[model.embedding], dim=1).mean())

    small = sum(start("cpu", seed) for seed in (0, 1, 2)) / 3
    assert small == pytest.approx(start("gpu", 0), rel=0.1)


def test_the_small_network_has_its_stated_size() -> None:
    backbone = methods.build(CPU).backbone
    assert sum(p.numel() for p in backbone.parameters()) == pytest.approx(1.23e6, rel=0.01)
    with torch.no_grad():
        assert backbone.eval()(torch.zeros(2, 3, 32, 32)).shape == (2, 256)
        assert backbone.conv(torch.zeros(1, 3, 32, 32)).shape == (1, 64, 8, 8)
        assert backbone.conv(torch.zeros(1, 3, 64, 64)).shape == (1, 64, 16, 16)
