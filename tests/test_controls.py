"""The settings that take the cut apart: which parameters it divides, and the rate of weights before a batch norm."""

import pytest
import torch
from test_training import OTHERS, TINY
from torch import nn

from ssllib.engine import data, loop, methods
from ssllib.engine.config import kind
from ssllib.engine.methods.method import feeding_batch_norm
from ssllib.engine.train_config import TrainConfig
from ssllib.errors import InputError
from ssllib.runs import experiments

EACH = {"simclr": TINY.replace(proj_norm=True)} | {name: c for name, c in OTHERS.items() if name != "vit"}


def built(config: TrainConfig) -> methods.Method:
    torch.manual_seed(0)
    model = methods.build(config)
    model.begin()
    return model


@pytest.mark.parametrize("name", EACH)
def test_weights_before_a_batch_norm_work_by_their_direction_and_no_others_do(name: str) -> None:
    """Multiplied by three they leave the loss as it is; any other matrix so multiplied changes it."""
    config = EACH[name]
    model = built(config).double()
    for m in model.modules():
        if isinstance(m, nn.modules.batchnorm._BatchNorm):
            m.eps = 1e-12
    # `zero_init_residual` would hide a block's weights
    with torch.no_grad():
        for p in model.parameters():
            if p.ndim == 1:
                p.uniform_(0.5, 1)
    model.begin()
    x = torch.rand(2, 16, 3, 32, 32, dtype=torch.float64, generator=torch.Generator().manual_seed(1))

    def outputs() -> dict[str, torch.Tensor]:
        with torch.no_grad():
            model.train()
            return {k: v.clone() for k, v in model(*x)[1].items() if k != "target"}

    before = feeding_batch_norm(model.float())
    model.double()
    assert model.training and len(before) == len(set(map(id, before)))
    first = outputs()
    with torch.no_grad():
        for p in before:
            p.mul_(3)
    for place, z in outputs().items():
        torch.testing.assert_close(z, first[place], rtol=1e-6, atol=1e-8)
    chosen = set(map(id, before))
    for key, p in model.named_parameters():
        if p.ndim < 2 or id(p) in chosen or key.startswith(("target", "prototypes")):
            continue
        with torch.no_grad():
            p.mul_(3)
            assert any(not torch.allclose(z, first[k], rtol=1e-3) for k, z in outputs().items()), key
            p.div_(3)


def test_rate_and_decay_of_weights_before_a_batch_norm() -> None:
    config = EACH["simsiam"].replace(rate_before_norm=81.0, weight_decay=5e-4, lr=0.2, schedule_epochs=500)
    model = built(config)
    optimizer = loop._optimizer(model, config)
    before = set(map(id, feeding_batch_norm(model)))
    trained = {id(p) for p in model.parameters() if p.requires_grad}
    assert {id(p) for g in optimizer.param_groups for p in g["params"]} == trained
    assert sum(len(g["params"]) for g in optimizer.param_groups) == len(trained)
    loop._one_epoch(model, optimizer, data.load(config).train, config, 3)
    rate = loop._rate(config, 11, 4)
    predictor = set(map(id, model.predictor.parameters()))
    for group in optimizer.param_groups:
        for p in group["params"]:
            base = config.lr if id(p) in predictor else rate
            times = 81.0 if id(p) in before else 1.0
            assert group["lr"] == pytest.approx(base * times)
            assert group["lr"] * group["weight_decay"] == pytest.approx(base * 5e-4)  # decay per step


def test_fast_weights_step_as_cut_ones_do() -> None:
    """One step of a cut network, its weights multiplied by c again, is the step of the uncut one at c^2."""
    c, config = 3.0, EACH["simclr"].replace(width=8, epochs=1, weight_decay=0.0, warmup_epochs=0.0)

    def step(cut: float, times: float) -> dict[str, torch.Tensor]:
        own = config.replace(rate_before_norm=times)
        model = built(own).double()
        before = {id(p) for p in feeding_batch_norm(model.float())}
        model.double()
        for m in model.modules():
            if isinstance(m, nn.modules.batchnorm._BatchNorm):
                m.eps = 1e-12
        names = [n for n, p in model.named_parameters() if id(p) in before]
        weights = dict(model.named_parameters())
        with torch.no_grad():
            for n in names:
                weights[n].div_(cut)
        if times == 1:
            optimizer = loop._optimizer(model, own)
        else:
            groups = loop._apart(model.groups(), [weights[n] for n in names], own)
            optimizer = torch.optim.SGD(groups, own.lr, own.momentum)
            for group in optimizer.param_groups:
                group["lr"] = own.lr * group.get("times", 1.0)
        x = torch.rand(2, 16, 3, 32, 32, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
        model.train()(*x)[0].backward()
        optimizer.step()
        return {n: weights[n].detach() * cut for n in names}

    slow, fast = step(c, 1.0), step(1.0, c**2)
    for n in slow:
        torch.testing.assert_close(slow[n], fast[n], rtol=1e-4, atol=1e-8)


def test_no_weight_before_a_batch_norm_is_said() -> None:
    config = OTHERS["vit"].replace(proj_norm=False, rate_before_norm=9.0)
    with pytest.raises(InputError, match="no weight feeds a batch norm"):
        loop._optimizer(built(config), config)


def test_new_settings_leave_identities_and_results_as_they_were() -> None:
    assert TINY.replace(rate_before_norm=1.0).identity() == TINY.identity()
    assert TINY.replace(rate_before_norm=2.0).identity() != TINY.identity()
    assert {k: kind(k).revision for k in ("training", "proof", "simulation:norm-and-angle")} == {
        "training": 2, "proof": 1, "simulation:norm-and-angle": 1,
    }  # fmt: skip


@pytest.mark.parametrize("scale", ["cpu", "gpu", "paper"])
def test_the_controls_are_what_their_names_say(scale: str) -> None:
    cells = {c.name: c.config for c in experiments.get("cut-controls").cells(scale)}
    for method, c in (("simclr", 3.0), ("simsiam", 9.0), ("byol", 9.0)):
        base = cells[f"{method}-default"]
        assert base == experiments.get(f"{method}-arms").cell(scale, "default").config
        assert cells[f"{method}-cut"] == experiments.get(f"{method}-arms").cell(scale, "cut").config
        parts = {name: cells[f"{method}-{name}"] for name in ("cut-last", "cut-all-but-last", "cut-weights")}
        for name, config in parts.items():
            assert config == base.replace(cut=c, cut_which=name.removeprefix("cut-"))
        assert cells[f"{method}-rate-c"].lr == pytest.approx(base.lr * c)
        assert cells[f"{method}-rate-c2"].lr == pytest.approx(base.lr * c * c)
        assert cells[f"{method}-rate-c2-before-bn"] == base.replace(rate_before_norm=c * c)
    scaled = {c.name: c.config for c in experiments.get("gradscale").cells(scale)}
    for method in ("simclr", "simsiam"):
        default, p1 = scaled[f"{method}-default"], scaled[f"{method}-p1"]
        assert p1.lr == pytest.approx(default.lr / 6) and (p1.warmup_epochs, p1.gradscale) == (100, 1.0)
        assert scaled[f"{method}-p0-schedule"] == p1.replace(gradscale=0.0)
        assert scaled[f"{method}-p2"] == p1.replace(gradscale=2.0)
        assert scaled[f"{method}-p1-full"] == p1.replace(lr=default.lr)
        assert scaled[f"{method}-p1-short"] == p1.replace(warmup_epochs=10.0)


def test_rates_are_read_on_a_seed_of_their_own() -> None:
    used = {
        c.seed
        for name, e in experiments.EXPERIMENTS.items()
        if name != "rates"
        for cell in e.scales.get("cpu", [])
        for c in cell.configs()
    }
    cells = experiments.get("rates").cells("cpu")
    assert used == {0, 1, 2} and {s for c in cells for s in c.seeds} == {100}
    for method in ("simclr", "simsiam", "byol"):
        base = experiments.get(f"{method}-arms").cell("cpu", "default").config.replace(measures=())
        times = {c.name: c.config.lr / base.lr for c in cells if c.name.startswith(method)}
        assert times[f"{method}-quarter"] == pytest.approx(0.25) and times[f"{method}-four"] == pytest.approx(4)
        assert all(c.config.replace(lr=base.lr) == base for c in cells if c.name.startswith(method))
