"""Which runs are pending, in which order, and whose a run is that two experiments share."""

import time
from pathlib import Path

import pytest

from ssllib.engine import data
from ssllib.engine.train_config import TrainConfig
from ssllib.errors import InputError
from ssllib.evidence import claims
from ssllib.runs import agenda, experiments, run_time
from ssllib.runs import jobs as sweep
from ssllib.runs.experiments import Cell, Experiment
from ssllib.runs.provenance import device
from ssllib.runs.records import Record, Store
from ssllib.runs.run_time import Speeds

TINY = TrainConfig(
    dataset="shapes", train_images=128, held_out=64, test_images=64, backbone="mini", width=4, proj_hidden=8,
    proj_dim=8, proj_norm=False, batch_size=32, epochs=1, schedule_epochs=4, warmup_epochs=0.5, crop_min=0.3,
    knn_k=10,
)  # fmt: skip


@pytest.fixture
def two(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two experiments that share a cell."""
    shared, own = Cell("default", TINY, (0,)), Cell("cut", TINY.replace(cut=3.0), (0,))
    for name, cells in (("first", [shared]), ("second", [Cell("base", TINY, (0,)), own])):
        monkeypatch.setitem(experiments.EXPERIMENTS, name, Experiment(name, name, {"smoke": cells}))


def test_a_shared_run_is_made_once_and_belongs_to_both(two: None, tmp_path: Path) -> None:
    store = Store(tmp_path)
    (first,) = sweep.run_pending(sweep.jobs("first", "smoke"), tmp_path)
    todo = sweep.jobs("second", "smoke")
    assert [j.cell for j in sweep.pending(todo, store)] == ["base", "cut"]
    start = time.perf_counter()
    copied = sweep.run_job(todo[0], tmp_path)
    assert copied.equals(first) and (copied.experiment, copied.cell) == ("second", "base")
    assert copied.provenance["copy_of"] == "smoke/first/default"
    assert time.perf_counter() - start < first.provenance["seconds"] + 5  # nothing was trained
    assert [j.cell for j in sweep.pending(todo, store)] == ["cut"]
    assert [r.cell for r in store.find("second")] == ["base"] and len(store.find("first")) == 1
    assert sweep.pending(sweep.jobs("first", "smoke"), store) == []


def test_criteria_of_every_claim_that_shares_the_run_are_kept() -> None:
    default = experiments.get("simclr-arms").cell("gpu", "default").config
    kept = claims.criteria_of(sweep.Job("simclr-arms", "gpu", "default", default))
    used = {c.id for c in claims.load().values() if {"confidence", "simclr-arms"} & set(c.experiments)}
    assert used <= kept.keys()
    lonely = experiments.get("loss-halves").cell("gpu", "attraction").config
    kept = claims.criteria_of(sweep.Job("loss-halves", "gpu", "attraction", lonely))
    assert kept.keys() == {c.id for c in claims.load().values() if "loss-halves" in c.experiments}


def test_no_job_starts_after_the_deadline(two: None, tmp_path: Path) -> None:
    done = sweep.run_pending(sweep.jobs("second", "smoke"), tmp_path, deadline=time.monotonic() - 1)
    assert done == [] and list(Store(tmp_path)) == []


def test_a_step_of_the_queue_goes_seed_by_seed_to_the_end_it_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ssllib.paths.data_dir", lambda: tmp_path)
    (tmp_path / "queue.yml").write_text(
        """
        cpu:
          - together:
              - {experiment: simclr-arms, cells: [default]}
              - {experiment: byol-arms, cells: [cut], seeds: [1, 0]}
            hours: 2
            why: both
          - {experiment: simclr-arms, cells: [default], epochs: 100, seeds: [0]}
        """
    )
    first, second = agenda.entries("cpu")
    assert (first.title, first.hours, first.why) == ("simclr-arms, byol-arms", 2, "both")
    found = [(j.experiment, j.config.seed, j.config.epochs) for j in first.jobs]
    assert found == [
        ("simclr-arms", 0, 16), ("byol-arms", 0, 16), ("simclr-arms", 1, 16), ("byol-arms", 1, 16),
        ("simclr-arms", 2, 16),
    ]  # fmt: skip
    assert [j.label for j in second.jobs] == ["simclr-arms/default seed 0 to epoch 100"]
    assert agenda.queue("cpu") == [*first.jobs, *second.jobs]


@pytest.mark.parametrize("scale", ["gpu", "cpu"])
def test_the_queue_names_what_there_is_and_starts_with_the_most_telling(scale: str) -> None:
    jobs = agenda.queue(scale)
    assert jobs and all(j.scale == scale for j in jobs)
    if scale == "cpu":
        assert {j.experiment for j in jobs[:9]} == {"rates"}
        assert all(e.why for e in agenda.entries(scale))
        longer = [j for j in jobs if j.config.epochs == 100]
        assert {j.experiment for j in longer} <= {"simclr-arms", "simsiam-arms", "byol-arms"}
        for j in longer:  # the sooner end comes first, so that it can go on from there
            sooner = agenda.Job(j.experiment, scale, j.cell, j.config.replace(epochs=16))
            assert jobs.index(sooner) < jobs.index(j)
    if scale == "gpu":
        first = [j.label for j in jobs[:6]]
        assert first == [f"simsiam-arms/{c} seed {s}" for s in (0, 1, 2) for c in ("default", "cut")]
        listed = {(j.experiment, j.cell) for j in jobs}
        assert {("over-fusion", "cloa-infonce-1"), ("imbalanced-cifar10", "simsiam-cut")} <= listed


def test_a_queue_with_a_slip_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ssllib.paths.data_dir", lambda: tmp_path)
    for text, says in (
        ("gpu: [{experiment: simclr-army}]", "unknown experiment"),
        ("gpu: [{experiment: simclr-arms, cells: [cutt]}]", "unknown cell of simclr-arms"),
        ("gpu: [{experiment: simclr-arms, seed: 1}]", "unknown key of queue.yml 'seed'"),
    ):
        (tmp_path / "queue.yml").write_text(text)
        with pytest.raises(InputError, match=says):
            agenda.queue("gpu")
    with pytest.raises(InputError, match="unknown scale of queue.yml 'paper'"):
        agenda.queue("paper")


# --- what is declared --------------------------------------------------------------------------------------


def test_every_arm_that_a_claim_reads_is_declared() -> None:
    assert {c.id: c.missing_arms() for c in claims.load().values() if c.missing_arms()} == {}


def test_paper_scale_has_the_papers_settings() -> None:
    simclr = experiments.get("simclr-arms").cell("paper", "default").config
    assert (simclr.backbone, simclr.batch_size, simclr.epochs, simclr.lr) == ("resnet50", 256, 500, 0.3)
    simsiam = experiments.get("simsiam-arms").cell("paper", "cut").config
    assert (simsiam.batch_size, simsiam.cut, simsiam.weight_decay, simsiam.lr) == (1024, 9.0, 5e-4, 0.2)
    table_s2 = experiments.get("batch-size").cells("paper")
    assert [(c.config.batch_size, c.config.cut) for c in table_s2] == [
        (b, c) for b in (256, 512, 1024) for c in (1.0, 9.0)
    ]
    fusion = experiments.get("over-fusion").cell("paper", "cloa-dcl-1e-2").config
    assert (fusion.loss, fusion.lr, fusion.anchor_weight, fusion.image_size) == ("dcl", 0.01, 1.0, 224)
    gradscale = experiments.get("simsiam-arms").cell("paper", "gradscale").config
    assert gradscale.lr == pytest.approx(0.2 / 6) and gradscale.warmup_epochs == 100


def test_a_gpu_run_is_a_paper_run_stopped_at_epoch_100_with_a_smaller_backbone() -> None:
    small = experiments.get("simsiam-arms").cell("gpu", "cut").config
    large = experiments.get("simsiam-arms").cell("paper", "cut").config
    assert small == large.replace(backbone="resnet18", epochs=100, precision="bf16")


# --- how long it will take ---------------------------------------------------------------------------------


def test_images_of_a_configuration() -> None:
    assert run_time.images(TINY) == (128, 64, 64)
    full = TrainConfig(dataset="cifar10")
    assert run_time.images(full) == (45_000, 5000, 10_000)
    assert run_time.images(full.replace(imbalance=1.5, held_out=0))[0] == 14_736


@pytest.mark.parametrize("change", [{}, {"held_out": 64}, {"imbalance": 1.5}, {"train_images": 64, "test_images": 8}])
def test_as_many_images_are_loaded_as_are_counted(change: dict) -> None:
    config = TrainConfig(dataset="shapes", batch_size=32, held_out=0).replace(**change)
    splits = data.load(config)
    assert run_time.images(config) == tuple(len(part) for part in (splits.train, splits.held_out, splits.test))
    assert data.side(config) == splits.train.images.shape[-1]


def record_of(config: TrainConfig, **provenance: object) -> Record:
    known = {"device": device(), "images_per_second": 100.0, "other_seconds": 30.0} | provenance
    return Record("training", config.identity(), "x", "y", "cpu", config.to_dict(), "finished", [], {}, known)


def test_expected_times_are_those_of_like_runs() -> None:
    known = Speeds.of([record_of(TINY), record_of(TINY.replace(seed=1), images_per_second=50.0)])
    assert known.seconds(TINY.replace(seed=5)) == pytest.approx(128 / 75 + 30)
    assert known.seconds(TINY.replace(epochs=4, lr=0.7, cut=3.0)) == pytest.approx(4 * 128 / 75 + 30)
    for unlike in ({"width": 8}, {"precision": "bf16"}, {"proj_dim": 4}, {"method": "byol"}, {"dataset": "folder:x"}):
        assert known.seconds(TINY.replace(**unlike)) is None
    assert known.seconds(experiments.get("norm-and-angle").cells("smoke")[0].config) is None


@pytest.mark.parametrize("change", [{"device": "another"}, {"copy_of": "cpu/x/y"}, {"images_per_second": 0.0}])
def test_what_was_not_measured_here_is_no_measure(change: dict) -> None:
    assert Speeds.of([record_of(TINY, **change)]).seconds(TINY) is None


def test_evaluations_and_measures_are_those_of_runs_with_the_same() -> None:
    probed = TINY.replace(measures=("linear",))
    known = Speeds.of([record_of(TINY), record_of(probed, other_seconds=90.0)])
    assert known.seconds(TINY) == pytest.approx(1.28 + 30) and known.seconds(probed) == pytest.approx(1.28 + 90)
    assert known.seconds(TINY.replace(measures=("spread",))) == pytest.approx(1.28 + 60)
