"""The command line: bad input is one line and status 2, before any work; runs are kept and continued."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ssllib.__main__ import main
from ssllib.runs.records import Store, read, write

SMALL = ["--set", "train_images=128", "--set", "held_out=64", "--set", "test_images=64", "--set", "width=4",
         "--set", "epochs=3", "--set", "schedule_epochs=3", "--set", "knn_k=10", "--set", "batch_size=32"]  # fmt: skip


def fails(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    assert main(argv) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and err.startswith("ssllib: ")
    return err


@pytest.mark.parametrize(
    "argv,says",
    [
        (["run", "simclr-army"], "unknown experiment 'simclr-army'; allowed: "),
        (["run", "simclr-arms", "--scale", "huge"], "unknown scale 'huge'; allowed: smoke, cpu, gpu, paper"),
        (["run", "simclr-arms", "--cell", "cutt"], "unknown cell of simclr-arms 'cutt'; allowed: default"),
        (["run", "simclr-arms", "--set", "lr=-1"], "lr is -1; allowed: a number above 0"),
        (["run", "simclr-arms", "--set", "method=simsim"], "unknown method 'simsim'"),
        (
            ["run", "simclr-arms", "--set", "learning_rate=1"],
            "unknown setting of training 'learning_rate'; allowed: ",
        ),
        (["run", "simclr-arms", "--set", "lr"], "not of the form setting=value"),
        (["run", "simclr-arms", "--set", "lr=1", "--commit"], "--commit takes only declared cells"),
        (["run"], "needs the name of an experiment or --queue"),
        (["run", "simclr-arms", "--queue"], "and not both"),
        (["run", "--queue", "--scale", "cpu", "--minutes", "-3"], "--minutes is -3"),
        (["run", "simclr-arms", "--jobs", "0"], "--jobs is 0; allowed: a whole number from 1 to 1024"),
        (["run", "simclr-arms", "--scale", "cpu", "--threads", "2", "--commit"], "recorded runs have one thread"),
        (["run", "--queue", "--seed", "1"], "--queue takes what data/queue.yml says"),
        (["page", "training/nothing"], "there is no page 'training/nothing'; allowed: "),
        (["page", "training/simclr-norms", "-p", "sacle", "smoke"], "sacle"),
        (["records", "add"], "needs the files"),
        (["data", "cifar11"], "unknown data set to download 'cifar11'; allowed: cifar10, cifar100"),
    ],
)
def test_bad_input(capsys: pytest.CaptureFixture[str], argv: list[str], says: str) -> None:
    assert says in fails(capsys, *argv)


RUN = ("run", "simclr-arms", "--scale", "cpu")


def test_missing_data_is_said_before_any_run(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    line = fails(capsys, *RUN, "--data-root", str(tmp_path), "--into", str(tmp_path / "r"))
    assert "cifar10 is not at" in line and "python -m ssllib data cifar10" in line
    assert not list((tmp_path / "r").rglob("*.json"))


def test_corrupt_data_is_said_before_any_run(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    (folder / "data_batch_1").write_bytes(b"not a batch")
    line = fails(capsys, *RUN, "--data-root", str(tmp_path), "--into", str(tmp_path / "r"))
    assert "damaged or incomplete" in line


def test_run_keeps_records_and_does_not_repeat_them(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    argv = ["run", "simclr-arms", "--cell", "default", "--cell", "cut", "--into", str(tmp_path), *SMALL]
    assert main([*argv, "--dry-run"]) == 0
    assert "2 pending" in capsys.readouterr().out and not list(tmp_path.rglob("*.json"))
    assert main(argv) == 0
    found = list(Store(tmp_path))
    assert [r.cell for r in found] == ["cut", "default"] and all(r.status == "finished" for r in found)
    provenance = found[0].provenance
    assert {
        "date",
        "commit",
        "versions",
        "device",
        "seconds",
        "images_per_second",
        "threads",
        "criteria",
    } <= provenance.keys()
    assert "norms-grow-simclr" in provenance["criteria"]
    capsys.readouterr()
    assert main(argv) == 0 and "0 pending" in capsys.readouterr().out
    assert not list((tmp_path / ".checkpoints").glob("*"))


def test_a_killed_run_continues_to_an_equal_record(tmp_path: Path) -> None:
    """SIGKILL at three moments, then to the end: the record equals an unbroken one."""
    settings = [*SMALL, "--set", "epochs=8", "--set", "schedule_epochs=8", "--set", "train_images=512"]
    argv = ["run", "simclr-arms", "--cell", "default", "--threads", "1", *settings]
    assert main([*argv, "--into", str(tmp_path / "whole")]) == 0
    broken = tmp_path / "broken"
    command = [sys.executable, "-u", "-m", "ssllib", *argv, "--into", str(broken)]
    killed = 0
    for wanted in (1, 2, 5):
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"}
        )
        assert process.stdout is not None
        for line in process.stdout:
            if f"epoch   {wanted}/" in line:
                time.sleep(0.01 * wanted)
                process.send_signal(signal.SIGKILL)
                killed += 1
                break
        process.wait()
        assert not list(broken.glob("*/*/*.json"))
    assert killed == 3
    assert main([*argv, "--into", str(broken)]) == 0
    (whole,), (resumed,) = list(Store(tmp_path / "whole")), list(Store(broken))
    assert resumed.equals(whole)


def test_workers_of_a_killed_sweep_end_too(tmp_path: Path) -> None:
    settings = [*SMALL, "--set", "epochs=4000", "--set", "schedule_epochs=4000"]
    command = [sys.executable, "-m", "ssllib", "run", "simclr-arms", "--jobs", "2", "--threads", "1", *settings]
    process = subprocess.Popen([*command, "--into", str(tmp_path)], env=os.environ | {"OMP_NUM_THREADS": "1"})
    checkpoints = tmp_path / ".checkpoints"
    wait_for(lambda: len(list(checkpoints.glob("*.pt"))) >= 2)
    process.send_signal(signal.SIGKILL)
    process.wait()

    def stamps() -> dict[str, float]:
        return {p.name: p.stat().st_mtime for p in checkpoints.glob("*.pt")}

    time.sleep(3)
    before = stamps()
    time.sleep(2)
    assert stamps() == before, "a worker is still training"


def wait_for(condition: Callable[[], bool], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "nothing happened in time"
        time.sleep(0.2)


def test_records_add_takes_only_declared_cells(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["run", "simclr-arms", "--cell", "default", "--into", str(tmp_path), *SMALL]) == 0
    (made,) = Store(tmp_path)
    made.scale = "cpu"  # a smoke run is refused as such
    path = write(Store(tmp_path).path("cpu", made.experiment, made.cell, made.seed, made.identity), made).path
    assert path is not None
    capsys.readouterr()
    assert "not the declared cell" in fails(capsys, "records", "add", str(path))
    body = json.loads(path.read_text())
    body["final"]["knn_test"] = 99.0
    path.write_text(json.dumps(body))
    assert "damaged record" in fails(capsys, "records", "add", str(path))


def test_records_check(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["records", "check"]) == 0
    assert "all whole" in capsys.readouterr().out


def test_experiments_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["experiments"]) == 0
    out = capsys.readouterr().out
    assert "simclr-arms" in out and "cpu (12 runs)" in out


def test_status(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "--summary"]) == 0
    assert "sentences of the papers" in capsys.readouterr().out
    assert main(["status"]) == 0
    assert "norms-grow-simclr" in capsys.readouterr().out


def test_read_is_imported_lazily() -> None:
    """`import ssllib` costs nothing: neither torch nor the pages' packages are loaded."""
    code = "import sys, ssllib; assert not {'torch', 'matplotlib', 'yaml', 'sympy'} & set(sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
    assert callable(read)
