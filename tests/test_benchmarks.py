"""The benchmarks: every comparison runs, its peers compute the same thing, its numbers are added up right."""

import json
import time
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch

from benchmarks import __main__ as command
from benchmarks import augment, gpu, knn, loop, simulation, step, table, timing
from ssllib.engine.evaluation.knn import knn_predict
from ssllib.engine.simulations.norm_and_angle import run_norm_and_angle
from ssllib.engine.step import forward_backward
from ssllib.engine.train_config import TrainConfig
from ssllib.runs import experiments

TINY = TrainConfig(
    dataset="shapes", train_images=64, held_out=32, test_images=32, backbone="mini", width=4, proj_hidden=8,
    proj_dim=8, batch_size=16, knn_k=5,
)  # fmt: skip


def test_readme_has_the_table_of_the_committed_results() -> None:
    readme = (Path(__file__).resolve().parent.parent / "README.md").read_text(encoding="utf-8")
    found = table.results()
    assert found and {r["name"] for r in found} == {f.stem for f in table.RESULTS.glob("*.json")}
    assert table.readme_block(found) in readme, "run `make bench`, or restore benchmarks/results"


@pytest.mark.parametrize("name", table.NAMES)
def test_every_comparison_runs(name: str, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert command.main([name, "--tiny", "--threads", "1", "--into", str(tmp_path)]) == 0
    assert capsys.readouterr().out.startswith(f"{name}: ")
    r = json.loads((tmp_path / f"{name}.json").read_text())
    others = 0 if name == "loop" and find_spec("lightly") is None else 1  # its peer is no dependency
    assert r["ours"] in r["rates"] and len(r["ratios"]) == len(r["rates"]) - 1 >= others
    assert all(rate["min"] > 0 for rate in r["rates"].values())
    if r["goal"] and others:
        assert r["goal"]["ratio"] in r["ratios"]
    assert r["profile"] and r["commit"] and r["hardware"]["processor"] and r["versions"]["torch"]
    assert r["title"] in table.readme_block([r])


def test_names_and_machines_that_do_not_fit(capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    assert command.main(["knnn"]) == 2
    assert "allowed: loop, machine, augment, step, knn, simulation, gpu" in capsys.readouterr().err
    assert command.main(["--processor-time"]) == 2
    assert "goes with --threads 1" in capsys.readouterr().err
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert command.main(["gpu", "--into", "unused"]) == 0
    assert capsys.readouterr().out.startswith("gpu: skipped (no CUDA device here;")


def test_sides_take_turns_and_ratios_are_of_neighbours(monkeypatch: pytest.MonkeyPatch) -> None:
    now, log = [0.0], []

    def side(name: str, *seconds: float):
        left = iter(seconds)

        def work() -> float:
            log.append(name)
            now[0] += next(left)
            return 12.0

        return work

    with monkeypatch.context() as patch:
        patch.setattr(time, "perf_counter", lambda: now[0])
        rates = timing.take_turns({"a": side("a", 9, 1, 2, 4), "b": side("b", 9, 2, 8, 4)}, 3)
    assert "".join(log) == "baabbaab"  # the first round is the warm-up
    assert rates == {"a": [12.0, 6.0, 3.0], "b": [6.0, 1.5, 3.0]}
    report = timing.Report("A race", "laps/s", "a", rates, goal=("a / b", 2))
    r = timing.record("race", report, timing.Witness(), timing.Options())
    assert r["ratios"] == {"a / b": {"median": 2.0, "min": 1.0, "max": 4.0}} and r["goal"]["met"] is True
    assert table.rows([r]) == [["A race", "6 laps/s", "b", "3", "2 (1 to 4)", "2: met, unsure"]]
    r["goal"]["met"] = False
    assert "**missed**" in table.rows([r])[0][-1]


def test_processor_time_counts_work_and_not_waiting() -> None:
    def side(call) -> float:
        start = time.perf_counter()
        while time.perf_counter() - start < 0.03:
            call()
        return time.perf_counter() - start

    rates = timing.take_turns(
        {"works": lambda: side(lambda: None), "waits": lambda: side(lambda: time.sleep(0.01))}, 1, processor_time=True
    )
    assert rates["waits"][0] > 2 * rates["works"][0]


def test_parts_of_a_call() -> None:
    class Work:
        def long(self) -> None:
            time.sleep(0.03)

        def short(self) -> None:
            time.sleep(0.003)

    def call() -> None:
        work.short()
        work.long()

    work = Work()
    found = timing.parts(call, {"short": (Work, "short"), "long": (Work, "long")}, repeats=2)
    assert [part for part, _ in found] == ["long", "short", "the rest"]
    assert sum(share for _, share in found) == pytest.approx(100)


def test_the_per_image_pipeline_gives_views_like_ours() -> None:
    pixels = torch.arange(3 * 32 * 32).reshape(1, 3, 32, 32).remainder(256).to(torch.uint8)
    image = augment.PilImages(pixels, lambda x: x)[0]
    assert image.size == (32, 32) and image.getpixel((5, 2)) == tuple(pixels[0, :, 2, 5].tolist())  # (x, y)
    view = augment.PilImages(pixels, augment.pil_transform())[0]
    assert view.shape == (3, 32, 32) and view.dtype == torch.float32 and 0 <= view.min() and view.max() <= 1


def test_ready_made_views_replace_only_the_views() -> None:
    steps = step.Steps(TINY, 32)
    assert steps.n == 32
    seen = []
    forward = steps.model.forward
    steps.model.forward = lambda a, b: (seen.append((a, b)), forward(a, b))[1]
    steps.on_ready_views()
    assert len(seen) == 2
    assert all(torch.equal(a, b) for pair in seen for a, b in zip(pair, steps.ready, strict=True))
    seen.clear()
    steps.whole()
    assert not torch.equal(seen[0][0], steps.ready[0]) and seen[0][0].shape == steps.ready[0].shape
    assert forward_backward.__globals__["views"].__module__ == "ssllib.engine.views"  # put back


def test_ready_made_views_are_of_the_steps_precision() -> None:
    steps = step.Steps(TINY.replace(precision="bf16"), 32)
    assert all(view.dtype == torch.bfloat16 for view in steps.ready)
    assert all(view.is_contiguous(memory_format=torch.channels_last) for view in steps.ready)


def test_a_run_of_the_loop_counts_its_images_and_its_time() -> None:
    found = loop.run_side(loop.OURS, 2, True)
    assert found["images"] == 2 * loop.config_of(True).batch_size
    assert 0 < found["processor"] and 0 < found["wall"]


def test_a_side_that_fails_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="invalid literal"):
        loop.side_by_side(loop.PEER, "two", timing.Options(tiny=True))  # type: ignore[arg-type]


def test_scikit_learn_votes_as_we_do() -> None:
    (bank, labels), (queries, truth) = knn.features(800, 16, 5, 1), knn.features(300, 16, 5, 2)
    ours = knn_predict(bank, labels, queries, 20, knn.TEMPERATURE).numpy()
    assert (ours == knn.sklearn_predict(bank, labels, queries, 20)).mean() > 0.99
    assert 0.3 < (ours == truth.numpy()).mean()


@pytest.mark.parametrize(("norm", "alpha"), [(0.25, 0.0), (1.0, 0.0), (1.0, -0.8), (0.5, 0.6)])
def test_the_loop_by_autograd_takes_as_many_steps(norm: float, alpha: float) -> None:
    config = experiments.get("norm-and-angle").cell("paper", "released").config
    ours = run_norm_and_angle(config.replace(norms=(norm,), alphas=(alpha,))).arrays["steps"][0, 0]
    assert abs(simulation.descend_one(config, norm, alpha, config.seed, 1000) - ours) <= 1  # its floats have 32 bits


def test_the_peers_loss_is_info_nce() -> None:
    from ssllib.losses import info_nce

    z = torch.randn(12, 5, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(gpu.nt_xent(z), info_nce(*z.chunk(2), temperature=0.5))


def test_the_peers_own_file_is_read_up_to_its_loop(tmp_path: Path) -> None:
    (tmp_path / "simclr-cifar10.py").write_text(
        "from torchvision.datasets import CIFAR10\nfrom torch.utils.data import DataLoader\n"
        "BATCH_SIZE = 512\nN_CPU_WORKERS = 16\n"
        "data = CIFAR10(root='.', train=True, transform=lambda x: x.size)\n"
        "cifar10_loader_ssl = DataLoader(data, batch_size=BATCH_SIZE, num_workers=N_CPU_WORKERS)\n"
        "###### TRAINING LOOP ######\nraise SystemExit\n"
    )
    names = gpu.original(tmp_path, torch.zeros(4, 3, 8, 8, dtype=torch.uint8), 2, 0)
    (width, height), label = next(iter(names["cifar10_loader_ssl"]))
    assert width.tolist() == height.tolist() == [8, 8] and label.tolist() == [0, 0]
    (tmp_path / "simclr-cifar10.py").write_text("BATCHES = 3\n")
    with pytest.raises(timing.Unavailable, match="sets no BATCH_SIZE"):
        gpu.original(tmp_path, torch.zeros(4, 3, 8, 8, dtype=torch.uint8), 2, 0)
