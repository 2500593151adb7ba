"""Stop and go: runs end after their epoch when asked to and go on, also from a sooner end; two at once are as one."""

import dataclasses
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest
import torch

from ssllib.__main__ import main
from ssllib.engine import checkpoint, loop, stopping
from ssllib.engine.train_config import TrainConfig
from ssllib.runs import agenda
from ssllib.runs import jobs as sweep
from ssllib.runs.jobs import Job
from ssllib.runs.records import Store

TINY = TrainConfig(
    dataset="shapes", train_images=128, held_out=64, test_images=64, backbone="small", width=8, proj_hidden=8,
    proj_dim=8, batch_size=32, epochs=2, schedule_epochs=8, warmup_epochs=0.5, crop_min=0.3, knn_k=10,
    precision="bf16", evaluate_at="powers of two",
)  # fmt: skip
SIMSIAM = TINY.replace(method="simsiam", proj_layers=3, micro_batch=16, pred_hidden=8, momentum=0.8)


@pytest.fixture(autouse=True)
def one_thread() -> object:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
    stopping.ignore()


def job(config: TrainConfig) -> Job:
    return Job("simclr-arms", "cpu", "default", config)


def declared(monkeypatch: pytest.MonkeyPatch, *configs: TrainConfig) -> None:
    monkeypatch.setattr(sweep, "_courses", lambda: {configs[0].course(): list(configs)})


@pytest.mark.parametrize("config", [TINY, SIMSIAM.replace(measures=("knn",))], ids=["simclr", "simsiam"])
def test_a_longer_run_goes_on_from_the_finished_shorter_one(
    config: TrainConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To a record equal to an unbroken run's, bit for bit; a run that is only measured otherwise is not trained."""
    long = config.replace(epochs=5)
    measured = config.replace(measures=(*config.measures, "linear", "spread"))
    unbroken = {c: sweep.run_job(job(c), tmp_path / "whole") for c in (config, measured, long)}
    declared(monkeypatch, config, measured, long)
    lines: list[str] = []
    folder, store = tmp_path / "parts", Store(tmp_path / "parts")
    kept = checkpoint.kept(folder / ".checkpoints", config.course(), 2)
    for c, epochs in ((config, [1, 2]), (measured, []), (long, [3, 4, 5])):
        lines.clear()
        record = sweep.run_job(job(c), folder, progress=lines.append)
        assert [int(line.split("epoch")[1].split("/")[0]) for line in lines] == epochs
        assert record.equals(unbroken[c]) and record.status == "finished"
        assert kept.exists() is (c is not long)
    assert not list((folder / ".checkpoints").glob("*.*")) and len(list(store)) == 3


def test_a_checkpoint_is_kept_only_where_a_declared_run_needs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    declared(monkeypatch, TINY, TINY.replace(epochs=1))  # the other one is shorter
    sweep.run_job(job(TINY), tmp_path)
    assert not list((tmp_path / ".checkpoints").rglob("*.pt"))


def test_a_run_that_ended_where_the_longer_is_not_evaluated_is_no_start(tmp_path: Path) -> None:
    short = TINY.replace(epochs=3)
    path = checkpoint.kept(tmp_path, short.course(), 3)
    checkpoint.save(path, {"history": []})
    assert loop._found(tmp_path, TINY.replace(epochs=5)) is None
    assert loop._found(tmp_path, short.replace(measures=("linear",))) == {"history": []}
    assert loop._found(tmp_path, TINY) is None  # it goes less far
    assert loop._found(tmp_path, short.replace(lr=0.1)) is None


def test_a_course_is_all_but_the_end_and_what_is_measured_after_it() -> None:
    same = [{"epochs": 5}, {"measures": ("linear", "samples")}, {"finetune_epochs": 3}]
    other = [{"seed": 1}, {"lr": 0.1}, {"schedule_epochs": 9}, {"measures": ("knn",)}, {"held_out": 32}]
    assert {TINY.replace(**c).course() for c in same} == {TINY.course()}
    assert TINY.course() not in {TINY.replace(**c).course() for c in other}
    fields = {f.name for f in dataclasses.fields(TINY) if f.name.startswith("finetune")}
    assert fields == {"finetune_epochs", "finetune_shares"}  # which `course` leaves out


def test_two_processes_side_by_side_are_as_one(tmp_path: Path) -> None:
    todo = [job(TINY.replace(seed=s)) for s in (0, 1)] + [job(SIMSIAM)]
    todo.append(Job("confidence", "cpu", "simclr-cifar10", TINY))  # the first again
    alone = sweep.run_pending(todo, tmp_path / "alone", threads=1)
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(2, spawn, sweep.start_worker, (spawn.Event(),)) as pool:
        both = sweep.run_pending(todo, tmp_path / "both", executor=pool, threads=1)
    assert len(alone) == len(both) == 4
    assert all(a.equals(b) for a, b in zip(alone, both, strict=True))
    assert [r.experiment for r in both] == ["simclr-arms"] * 3 + ["confidence"]
    assert both[3].provenance["copy_of"] == "cpu/simclr-arms/default" and both[0].provenance["threads"] == 1


RUN = [
    "run", "simclr-arms", "--cell", "default", "--cell", "cut", "--threads", "1", "--jobs", "2",
    *(f"--set={x}" for x in ("train_images=256", "held_out=64", "test_images=64", "width=4", "epochs=24",
                             "schedule_epochs=24", "knn_k=10", "batch_size=32")),
]  # fmt: skip


def started(folder: Path) -> subprocess.Popen:
    command = [sys.executable, "-m", "ssllib", *RUN, "--into", str(folder)]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    end = time.monotonic() + 300
    while time.monotonic() < end and process.poll() is None:
        notes = [json.loads(p.read_text()) for p in (folder / ".checkpoints").glob("*.json")]
        if len(notes) == 2 and all(n["epoch"] >= 1 for n in notes):
            return process
        time.sleep(0.05)
    process.kill()
    raise AssertionError("no epoch was done in time")


@pytest.mark.parametrize("to_all", [False, True], ids=["the command", "the whole group"])
def test_sigterm_ends_both_runs_after_their_epoch_and_nothing_is_lost(tmp_path: Path, to_all: bool) -> None:
    folder = tmp_path / "records"
    process = started(folder)
    jobs = sweep.jobs("simclr-arms", "smoke", cells=("default", "cut"), train_images=256, held_out=64, test_images=64,
                      width=4, epochs=24, schedule_epochs=24, knn_k=10, batch_size=32)  # fmt: skip
    step = agenda.Entry("arms", "", tuple(jobs))
    during = agenda.status([step], Store(folder))
    assert "2 running" in during and "default seed 0: epoch" in during
    (os.killpg if to_all else os.kill)(process.pid, signal.SIGTERM)
    out, err = process.communicate(timeout=300)
    assert process.returncode == 143, err
    assert "the same command continues" in err and "interrupted" in out
    records = list(Store(folder))
    assert len(records) == 2 and {r.status for r in records} == {"interrupted"}
    for r in records:  # the record is as far as the checkpoint
        state = checkpoint.load(folder / ".checkpoints" / f"{r.identity}.pt")
        assert state is not None and state["history"] == r.history and 2 <= len(r.history) < 25
    assert "2 stopped" in agenda.status([step], Store(folder))
    if not to_all:
        assert main([*RUN, "--into", str(folder)]) == 0
        whole = [sweep.run_job(j, tmp_path / "whole", threads=1) for j in jobs]
        rest = [Store(folder).get(j.config.identity()) for j in jobs]
        assert all(a is not None and a.equals(b) for a, b in zip(rest, whole, strict=True))
        assert "2 done" in agenda.status([step], Store(folder)) and not list((folder / ".checkpoints").glob("*"))


def test_a_second_sigterm_ends_at_once() -> None:
    code = (
        "import os, signal, time; from ssllib.engine import stopping; stopping.listen();"
        "os.kill(os.getpid(), signal.SIGTERM); assert stopping.asked();"
        "os.kill(os.getpid(), signal.SIGTERM); time.sleep(60)"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=50).returncode == -signal.SIGTERM


def test_no_time_left_starts_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*RUN, "--minutes", "0", "--into", str(tmp_path)]) == 0
    assert not list(Store(tmp_path))
    for bad in ("-1", "nan", "inf"):
        assert main([*RUN, "--minutes", bad, "--into", str(tmp_path)]) == 2
        assert "--minutes is" in capsys.readouterr().err
    assert main([*RUN[:-2], "--jobs", "0", "--into", str(tmp_path)]) == 2


def test_asked_to_stop_a_run_ends_and_no_further_starts(tmp_path: Path) -> None:
    stopping.listen()
    todo = [job(TINY.replace(seed=s, epochs=8)) for s in (0, 1)]

    def stop(line: str) -> None:
        if "epoch   3/" in line:
            os.kill(os.getpid(), signal.SIGTERM)

    (record,) = sweep.run_pending(todo, tmp_path, progress=stop)
    assert record.status == "interrupted" and [r["epoch"] for r in record.history] == [0, 1, 2, 3]
    stopping.ignore()
    rest = sweep.run_pending(todo[:1], tmp_path)[0]
    assert rest.equals(sweep.run_job(todo[0], tmp_path / "whole"))
