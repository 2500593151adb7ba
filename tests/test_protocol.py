"""Where the released code departs from the text of 2502.09252: each difference pinned."""

import pytest
import torch

from ssllib import losses
from ssllib.augment import draw
from ssllib.engine import data as datasets
from ssllib.engine import loop, methods
from ssllib.engine.schedules import released_rate, warmup_cosine
from ssllib.engine.step import forward_backward
from ssllib.engine.train_config import DIFFERENCES, PROTOCOLS, TrainConfig
from ssllib.engine.views import Generators
from ssllib.errors import InputError

TINY = TrainConfig(
    dataset="shapes", train_images=128, held_out=64, test_images=64, backbone="mini", width=4, proj_hidden=8,
    proj_dim=8, proj_norm=False, batch_size=32, epochs=1, schedule_epochs=4, warmup_epochs=0.5, crop_min=0.3,
    knn_k=10,
)  # fmt: skip


def rates(config: TrainConfig, epochs: int, steps: int) -> list[float]:
    return [loop._rate(config, i, steps) for i in range(epochs * steps)]


@pytest.mark.parametrize("lr,warmup,peak", [(0.6, 10.0, 0.36), (0.2, 10.0, 0.04), (0.1, 100.0, 0.01)])
def test_the_applied_peak_is_the_square_of_the_rate(lr: float, warmup: float, peak: float) -> None:
    config = TINY.replace(lr=lr, warmup_epochs=warmup, schedule_epochs=512, protocol="released-rate")
    assert max(rates(config, 512, 8)) == pytest.approx(peak, rel=1e-9)
    text = config.replace(protocol="text")
    assert max(rates(text, 512, 8)) == pytest.approx(lr, rel=1e-9)


def test_released_rate_is_the_schedule_of_the_released_code_times_the_rate() -> None:
    def get_lr(step: int, total: int, peak: float, warmup: int) -> float:  # as in CLA/utils/utils.py
        if step > warmup:
            return 1e-3 + (peak - 1e-3) * 0.5 * (1 + float(torch.cos(torch.tensor(step / total * torch.pi))))
        return peak * step / warmup

    for step in (0, 1, 50, 100, 101, 300, 512):
        ours = released_rate(step, peak=0.1, warmup_steps=100, total_steps=512)
        assert ours == pytest.approx(0.1 * get_lr(step, 512, 0.1, 100), rel=1e-5, abs=1e-12)
    before, after = (released_rate(s, peak=0.1, warmup_steps=100, total_steps=512) for s in (100, 101))
    assert 1 - after / before == pytest.approx(0.09, abs=0.01)  # GradScale's drop at the end of its warm-up


def test_epoch_100_of_500_is_a_snapshot_not_an_end() -> None:
    at_100 = warmup_cosine(100, peak=1.0, warmup_steps=10, total_steps=500)
    assert at_100 > 0.9
    assert warmup_cosine(100, peak=1.0, warmup_steps=10, total_steps=100) == pytest.approx(0.0, abs=1e-9)


def test_accumulation_adds_up_and_stretches_the_schedule() -> None:
    config = TINY.replace(method="simsiam", micro_batch=8, proj_norm=True, pred_hidden=8)
    model = methods.build(config).eval()  # without batch statistics, parts and whole have one gradient
    data = datasets.load(config).train
    norms = []
    for protocol in ("text", "released-accumulation"):
        g = Generators(config, 0, torch.device("cpu"))
        model.zero_grad()
        values = forward_backward(model, data, torch.arange(32), config.replace(protocol=protocol), g)
        norms.append([float(values["grad_norm"]), float(values["grad_norm_embedding"])])
    assert norms[1][0] == pytest.approx(4 * norms[0][0], rel=1e-5)  # 32 / 8 micro-batches
    assert norms[1][1] == pytest.approx(norms[0][1], rel=1e-5)  # a sample's own gradient is as it was

    paper = TrainConfig(method="simsiam", batch_size=1024, micro_batch=128, lr=0.2, schedule_epochs=512)
    steps = 48
    text = rates(paper, 512, steps)
    stretched = rates(paper.replace(protocol="released-accumulation"), 512, steps)
    assert text.index(max(text)) == 10 * steps
    assert stretched.index(max(stretched)) == 80 * steps  # ten epochs of warm-up last eighty
    assert text[-1] < 1e-5 and stretched[-1] > 0.95 * 0.2  # an eighth of the cosine


def test_simclr_has_the_released_loss_and_a_pass_for_each_view() -> None:
    config = TINY.replace(protocol="released-loss")
    model = methods.build(config).train()
    a, b = torch.rand(2, 16, 3, 32, 32, generator=torch.Generator().manual_seed(0)).unbind()
    loss, out = model(a, b)
    z1, z2 = model.embed(a)["projector"], model.embed(b)["projector"]
    torch.testing.assert_close(loss, losses.info_nce_released(z1, z2, config.temperature))
    torch.testing.assert_close(out["projector"], torch.cat([z1, z2]))
    text, _ = methods.build(TINY).train()(a, b)
    assert abs(float((text - loss).detach())) > 0.01


def test_each_colour_operation_has_a_coin_of_its_own() -> None:
    def on(apart: bool) -> torch.Tensor:
        g = torch.Generator().manual_seed(0)
        p = draw(20_000, (32, 32), g, crop_min=0.2, jitter=0.5, gray=0.2, apart=apart)
        assert not apart or p.order == [0, 1, 2, 3]
        return torch.stack([p.brightness != 1, p.contrast != 1, p.saturation != 1, p.hue != 0])

    for apart, all_four in ((False, 0.8), (True, 0.8**4)):
        coins = on(apart).float()
        assert coins.mean(dim=1).tolist() == pytest.approx([0.8] * 4, abs=0.01)
        assert float(coins.prod(dim=0).mean()) == pytest.approx(all_four, abs=0.01)


def test_the_bank_is_augmented_and_the_run_says_so() -> None:
    result = loop.train(TINY.replace(protocol="released-bank"))
    assert "knn_augmented_val" in result.history[-1] and "knn_augmented_test" in result.final
    plain = loop.train(TINY)
    assert plain.final.items() <= result.final.items()  # nothing else differs


def test_released_is_all_of_them() -> None:
    assert PROTOCOLS["released"] == set(DIFFERENCES) and PROTOCOLS["text"] == set()
    result = loop.train(TINY.replace(protocol="released", lr=0.6))
    assert result.status == "finished"
    assert result.history != loop.train(TINY.replace(lr=0.6)).history


@pytest.mark.parametrize(
    "change,says",
    [
        ({"method": "byol", "protocol": "released"}, "its BYOL crashes"),
        ({"protocol": "published"}, "unknown protocol 'published'; allowed: text, released, released-rate"),
        ({"method": "byol", "loss": "vicreg"}, "allowed: method 'simclr'"),
        ({"loss": "none"}, "leaves nothing to learn from"),
        ({"dataset": "flowers102", "imbalance": 1.5, "train_images": 0}, "imbalance with flowers102"),
        ({"imbalance": 1.5}, "allowed: train_images = 0"),
        ({"image_size": 64}, "image_size with shapes"),
        ({"dataset": "imagenette", "measures": ("people",)}, "'people' with imagenette; allowed: with cifar"),
        ({"measures": ("plane",)}, "allowed: 2"),
        ({"measures": "knn"}, "measures is 'knn'; allowed: a tuple"),
        ({"measures": ("probe",)}, "unknown measure 'probe'"),
        ({"evaluate_at": "never"}, "unknown evaluate_at"),
    ],
)
def test_settings_that_do_not_go_together_are_named(change: dict, says: str) -> None:
    with pytest.raises(InputError, match=says):
        TINY.replace(**change)
