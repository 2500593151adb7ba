"""The loop on tiny runs: repeatable, resumable, divergence recorded, settings checked."""

import multiprocessing
import signal
import time
from pathlib import Path

import killed
import pytest
import torch
import torchvision

from ssllib.engine import data as datasets
from ssllib.engine import loop, methods, step, views
from ssllib.engine.loop import train
from ssllib.engine.methods.backbones import ResNet
from ssllib.engine.train_config import METHODS, TrainConfig
from ssllib.engine.views import Generators
from ssllib.errors import InputError

TINY = TrainConfig(
    dataset="shapes", train_images=128, held_out=64, test_images=64, backbone="mini", width=4, proj_hidden=8,
    proj_dim=8, proj_norm=False, batch_size=32, epochs=3, schedule_epochs=4, warmup_epochs=0.5, crop_min=0.3,
    knn_k=10,
)  # fmt: skip
OTHERS = {
    method: TINY.replace(
        method=method, proj_norm=True, pred_hidden=8, queue=48, prototypes=16, temperature=0.2, target_momentum=0.9
    )
    for method in METHODS[1:]
}
OTHERS["dino"] = OTHERS["dino"].replace(local_crops=2)
OTHERS |= {"vit": TINY.replace(method="dino", backbone="vit-mini", patch=8, prototypes=16, optimizer="adamw", lr=1e-3)}


def test_a_run_is_repeatable_and_its_record_complete() -> None:
    a, b = train(TINY), train(TINY)
    assert a.history == b.history and a.final == b.final and a.status == "finished"
    assert [row["epoch"] for row in a.history] == [0, 1, 2, 3]
    for name in ("norm_backbone", "norm_projector", "grad_norm", "grad_norm_embedding", "eff_lr", "eff_lr2",
                 "knn_val", "opposite", "alignment"):  # fmt: skip
        assert all(name in row for row in a.history[1:]), name
    assert {"knn_test", "knn10_test", "knn_projector_test"} <= a.final.keys()
    assert train(TINY.replace(seed=1)).history != a.history


def test_an_interrupted_run_continues_to_the_same_result(tmp_path: Path) -> None:
    whole = train(TINY)
    first = train(TINY, checkpoints=tmp_path, deadline=time.monotonic() - 1)
    assert first.status == "interrupted" and len(first.history) == 1

    class Stop(Exception):
        pass

    def stop_after_two(line: str) -> None:
        if line.startswith("epoch   2"):
            raise Stop

    with pytest.raises(Stop):
        train(TINY, checkpoints=tmp_path, progress=stop_after_two)
    assert list(tmp_path.glob("*.pt"))
    rest = train(TINY, checkpoints=tmp_path)
    assert rest.history == whole.history and rest.final == whole.final


@pytest.mark.parametrize("name", OTHERS)
def test_every_method_is_repeatable_and_resumes_to_the_same_result(name: str, tmp_path: Path) -> None:
    config = OTHERS[name].replace(epochs=2, knn_k=5)
    whole = train(config)
    place = methods.METHODS[config.method].embedding
    assert whole.status == "finished" and f"norm_{place}" in whole.history[0]
    last = whole.history[-1]
    assert last["eff_lr"] == pytest.approx(last["lr"] / last[f"norm_{place}"], rel=0.5)

    class Stop(Exception):
        pass

    def stop_at_two(line: str) -> None:
        if line.startswith("epoch   2"):
            raise Stop

    with pytest.raises(Stop):  # before the second epoch's checkpoint
        train(config, checkpoints=tmp_path, progress=stop_at_two)
    assert list(tmp_path.glob("*.pt"))
    rest = train(config, checkpoints=tmp_path)
    assert rest.history == whole.history and rest.final == whole.final


FORKS = multiprocessing.get_context("forkserver")  # real processes, forked from one that has imported torch
FORKS.set_forkserver_preload(["ssllib.engine.loop", "torch._dynamo"])  # an optimizer's first step imports the latter


@pytest.mark.parametrize("name", [n for n in OTHERS if n != "vit"])
def test_every_method_killed_continues_to_the_same_result(name: str, tmp_path: Path) -> None:
    """SIGKILL before the first checkpoint, after it, and later; targets, queue and centre come back."""
    config = OTHERS[name].replace(epochs=5, schedule_epochs=5, knn_k=5)
    whole = train(config)
    for epoch, seconds in ((1, 0.0), (2, 0.01), (3, 0.03)):
        ours, theirs = FORKS.Pipe()
        process = FORKS.Process(target=killed.train_and_tell, args=(config, tmp_path, theirs))
        process.start()
        while True:
            assert ours.poll(120), "nothing happened in time"
            if int(ours.recv().split()[1].split("/")[0]) >= epoch:
                break
        time.sleep(seconds)
        process.kill()
        process.join(60)
        assert process.exitcode == -signal.SIGKILL
    epochs: list[str] = []
    rest = train(config, checkpoints=tmp_path, progress=lambda line: epochs.append(line.split("/")[0]))
    assert len(epochs) in (2, 3) and epochs[-1] == "epoch   5", epochs
    assert rest.history == whole.history and rest.final == whole.final


@pytest.mark.parametrize("method", ["simsiam", "byol"])
def test_two_pairings_are_counted_apart(method: str) -> None:
    """A predictor's output against the other view's projection, and the two projections: not the same pairs."""
    rows = train(OTHERS[method].replace(epochs=1)).history
    assert all(0 <= row["opposite_views"] <= 100 for row in rows)
    assert rows[0]["opposite_views"] != rows[0]["opposite"]
    assert "opposite_views" not in train(TINY.replace(epochs=1)).history[0]


def test_adding_methods_changed_nothing_for_simclr() -> None:
    """Numbers of a run made before the other methods existed."""
    row = train(TINY).history[-1]
    before = {
        "loss": 3.9738704562187195, "norm_backbone": 2.156938314437866, "norm_projector": 1.4020329415798187,
        "alignment": 0.7699654698371887, "opposite": 4.6875, "grad_norm": 0.8163277134299278,
        "grad_norm_embedding": 1.5234828740358353, "eff_lr": 0.09426907449960709,
    }  # fmt: skip
    assert {name: row[name] for name in before} == pytest.approx(before, rel=3e-3)  # another CPU rounds otherwise


def views_of(config: TrainConfig, index: torch.Tensor) -> list[torch.Tensor]:
    g = Generators(config, 0, torch.device("cpu"))
    return list(views.views(datasets.load(config).train, index, config, g))


@pytest.mark.parametrize("name", ["byol", "dino"])  # dino with local crops
def test_micro_batches_give_the_gradient_of_the_mean(name: str) -> None:
    config = OTHERS[name].replace(epochs=0, proj_norm=False)
    model = methods.build(config).eval()  # without batch statistics, parts and whole have one gradient
    model.begin()
    data = datasets.load(config).train
    index, gradients = torch.arange(32), []
    views = views_of(config, index)
    for parts in (1, 4):
        with pytest.MonkeyPatch.context() as patch:
            batches = iter(zip(*(v.chunk(parts) for v in views), strict=True))
            patch.setattr(step, "views", lambda *_, b=batches: next(b))
            model.zero_grad()
            values = step.forward_backward(
                model, data, index, config.replace(micro_batch=0 if parts == 1 else 8),
                Generators(config, 0, torch.device("cpu")),
            )  # fmt: skip
        gradients.append([p.grad.clone() for p in model.parameters() if p.grad is not None])
        place = f"norm_{model.embedding}"
        gradients[-1] += [values[key] for key in ("loss", "grad_norm", "grad_norm_embedding", place)]
    torch.testing.assert_close(gradients[0], gradients[1], rtol=1e-4, atol=1e-6)


def test_local_crops_are_small_and_leave_the_global_views_as_they_were() -> None:
    index = torch.arange(8)
    without, with_ = (views_of(OTHERS["dino"].replace(local_crops=n), index) for n in (0, 2))
    assert [tuple(v.shape) for v in with_] == [(8, 3, 32, 32)] * 2 + [(8, 3, 16, 16)] * 2
    for a, b in zip(without, with_, strict=False):
        assert torch.equal(a, b)


def test_rates_of_a_run_follow_the_schedule_but_simsiams_predictor() -> None:
    config = OTHERS["simsiam"]
    model = methods.build(config)
    model.begin()
    optimizer = loop._optimizer(model, config)
    loop._one_epoch(model, optimizer, datasets.load(config).train, config, 3)
    rest, predictor = (group["lr"] for group in optimizer.param_groups)
    assert predictor == config.lr and rest == loop._rate(config, 11, 4) < config.lr


def test_divergence_is_recorded_with_its_history() -> None:
    result = train(TINY.replace(lr=1e4, weight_decay=10.0, schedule_epochs=40, epochs=40, warmup_epochs=0.0))
    assert result.status == "diverged" and result.final == {} and 1 < len(result.history) <= 41


def test_effective_rates_are_rate_over_norm() -> None:
    config = TINY.replace(batch_size=128, epochs=1, warmup_epochs=0.0)  # one step
    row = train(config).history[1]
    assert row["eff_lr"] == pytest.approx(row["lr"] / row["norm_projector"], rel=1e-5)
    assert row["eff_lr2"] == pytest.approx(row["lr"] / row["norm_projector"] ** 2, rel=1e-5)


def test_cut_divides_the_start_and_gradscale_enlarges_the_gradient() -> None:
    plain = train(TINY.replace(epochs=0)).history[0]
    cut = train(TINY.replace(epochs=0, cut=3.0)).history[0]
    assert cut["norm_projector"] < plain["norm_projector"] / 3
    scaled = train(TINY.replace(epochs=0, gradscale=1.0)).history[0]
    ratio = scaled["grad_norm_embedding"] / plain["grad_norm_embedding"]
    assert ratio == pytest.approx(plain["norm_projector"], rel=0.5)


@pytest.mark.parametrize("name", ["resnet18", "resnet50", "resnet50-large"])
def test_backbones_are_torchvisions_with_another_stem(name: str) -> None:
    ours = ResNet(name, 64).eval()
    theirs = getattr(torchvision.models, name.removesuffix("-large"))()
    theirs.fc = torch.nn.Identity()
    if not name.endswith("-large"):
        theirs.conv1, theirs.maxpool = torch.nn.Conv2d(3, 64, 3, 1, 1, bias=False), torch.nn.Identity()

    for block in ours.blocks:  # the same order as torchvision's conv1, bn1, conv2, bn2, ..., downsample
        pairs = [m for pair in zip(block.convs, block.norms, strict=True) for m in pair]
        block.order = torch.nn.ModuleList([*pairs, block.shortcut])
    mine = [v for m in (ours.conv, ours.norm) for v in m.state_dict().values() if v.ndim]
    mine += [v for b in ours.blocks for v in b.order.state_dict().values() if v.ndim]
    for p in ours.parameters():
        torch.nn.init.normal_(p, std=0.05)
    names = [k for k, v in theirs.state_dict().items() if v.ndim]
    theirs.load_state_dict(dict(zip(names, mine, strict=True)), strict=False)
    theirs.eval()
    x = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        torch.testing.assert_close(ours(x), theirs(x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "change,says",
    [
        ({"method": "simsim"}, "unknown method 'simsim'; allowed: simclr"),
        ({"dataset": "cifar11"}, "unknown data set 'cifar11'; allowed: shapes, cifar10, cifar100"),
        ({"lr": 0}, "lr is 0"),
        ({"epochs": 5}, "allowed: epochs <= schedule_epochs"),
        ({"seed": -1}, "seed is -1"),
        (
            {"batch_size": 32, "micro_batch": 5},
            "micro_batch is 5; allowed: 0 or a divisor, at least 2, of batch_size = 32",
        ),
        ({"local_crops": 2}, "local_crops is 2; allowed for simclr: 0"),
        ({"local_min": 0.5}, "local_min is 0.5; allowed: at most local_max = 0.4"),
        ({"optimizer": "lars"}, "unknown optimizer 'lars'; allowed: sgd, adamw"),
        ({"learning_rate": 1}, "unknown setting of training 'learning_rate'"),
    ],
)
def test_bad_settings_are_named(change: dict, says: str) -> None:
    with pytest.raises(InputError, match=says.replace("(", r"\(")):
        TINY.replace(**change)


def test_more_batch_than_images() -> None:
    with pytest.raises(InputError, match="batch_size is 4096; allowed: at most the 128"):
        train(TINY.replace(batch_size=4096))
