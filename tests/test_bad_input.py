"""Bad input, in one table: one line that says what is wrong and what is allowed, status 2, before any work."""

from __future__ import annotations

import re
import shutil
import sys
import types
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
from test_records import put, record

from ssllib import __main__, errors, paths
from ssllib.__main__ import main
from ssllib.engine.train_config import TrainConfig
from ssllib.errors import InputError, in_range, nearest, one_of
from ssllib.pages import build, notebooks
from ssllib.runs import jobs, records
from ssllib.runs.records import Store

ARMS = ["run", "simclr-arms"]
PAGE = ["page", "training/simclr-norms"]


@pytest.fixture(autouse=True)
def nothing_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    """No page's kernel and no run."""
    monkeypatch.setattr(build, "papermill", lambda *args: pytest.fail("a kernel was started"))
    monkeypatch.setattr(jobs, "run_pending", lambda *args, **options: pytest.fail("a run was started"))


def refused(capsys: pytest.CaptureFixture[str], *argv: str, status: int = 2) -> str:
    assert main(argv) == status
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and err.startswith("ssllib: "), err
    return err


@pytest.mark.parametrize(
    "argv,says",
    [
        ([], "required: COMMAND; `ssllib --help`"),
        (["stat"], "invalid choice: 'stat'"),
        (["status", "--verbose"], "unrecognized arguments: --verbose"),
        ([*ARMS, "--jobs", "two"], "argument --jobs: invalid int value: 'two'"),
        ([*ARMS, "--jobs", "-1"], "--jobs is -1; allowed: a whole number from 1 to 1024"),
        ([*ARMS, "--threads", "0"], "--threads is 0; allowed: a whole number from 1 to 1024"),
        ([*ARMS, "--threads", "-2"], "--threads is -2; allowed: a whole number from 1 to 1024"),
        ([*ARMS, "--minutes", "-5"], "--minutes is -5.0; allowed: a number from 0 to 1000000"),
        ([*ARMS, "--minutes", "nan"], "--minutes is nan; allowed: a number from 0"),
        ([*ARMS, "--seed", "-1"], "seed is -1; allowed: a number from 0 to 2147483647"),
        ([*ARMS, "--set", "batch_size=2.5"], "batch_size is 2.5; allowed: a whole number"),
        ([*ARMS, "--set", "epochs=2.5"], "epochs is 2.5; allowed: a whole number"),
        ([*ARMS, "--set", "width=1.5"], "width is 1.5; allowed: a whole number"),
        ([*ARMS, "--set", "proj_dim=7.5"], "proj_dim is 7.5; allowed: a whole number"),
        ([*ARMS, "--set", "train_images=1000.5"], "train_images is 1000.5; allowed: a whole number"),
        ([*ARMS, "--set", "batchsize=8"], "the nearest batch_size"),
        ([*ARMS, "--commit"], "--commit at smoke scale; allowed: cpu, gpu, paper"),
        ([*ARMS, "--commit", "--scale", "cpu", "--into", "x"], "leave out --into"),
        (["run", "simclr-arm"], "names, the nearest simclr-arms, "),
        (["records", "check", "/nope.json"], "there is no record /nope.json; allowed: "),
        (["records", "add", "/nope.json"], "there is no record /nope.json; allowed: "),
        (["records"], "required: add|check|export"),
        (["records", "ad"], "invalid choice: 'ad'"),
        (["records", "export"], "required: out"),
        (["records", "export", "runs.txt"], "cannot write a table to runs.txt; allowed: a name ending in .csv or"),
        (["records", "export", "/proc/none/runs.csv"], "cannot be written"),
        (["records", "export", "runs.csv", "--records", "/nope"], "/nope is not there; allowed: own, book, or a"),
        (["status", "--records", "README.md"], "README.md is a file; allowed: own, book, or a folder"),
        (["pages", "--records", "book"], "--records draws pages from other records into a folder of their own"),
        (["pages", "--records", "/nope", "--into", "x"], "/nope is not there; allowed: own, book, or a folder"),
        (["pages", "--jobs", "0"], "--jobs is 0; allowed: a whole number from 1 to 1024"),
        (["pages", "--jobs", "-1"], "--jobs is -1; allowed: a whole number from 1 to 1024"),
        (["look", "--built", "/nope"], "no built book at /nope"),
        (["pdf", "--built", "/nope"], "no built book at /nope"),
        (["page", "simclr-norm"], "the nearest training/simclr-norms"),
        ([*PAGE, "-p", "epochs"], "argument -p/--parameter: expected 2 arguments"),
        ([*PAGE, "-p", "seed", "1", "-p", "seed", "2"], "a parameter is given twice"),
        ([*PAGE, "-p", "epochs", "-3"], "parameter epochs is -3; allowed: a number from 1 to 500"),
        ([*PAGE, "-p", "epochs", "2.5"], "'2.5'; allowed: a whole number, such as 6"),
        ([*PAGE, "-p", "scale", "gpuu"], "parameter scale: 'gpuu'; allowed: smoke, cpu, gpu"),
        (["page", "anchors/learning-rate", "-p", "rate", "2"], "parameter rate: 2.0; allowed: 1.0, 0.01, 0.001, 1e-06"),
        (["page", "theory/random-angles", "-p", "threshold", "nan"], "threshold is nan; allowed: a number from 0.5 to"),
        ([*PAGE, "-o", "README.md"], "allowed: a name ending in .ipynb"),
    ],
)  # fmt: skip
def test_the_command_line(capsys: pytest.CaptureFixture[str], argv: list[str], says: str) -> None:
    assert says in refused(capsys, *argv)


@pytest.mark.parametrize("place", ["a file", "a file/below", "/proc/none/here"])
@pytest.mark.parametrize("by", ["--into", "SSLLIB_RECORDS", "-o", "pages"])
def test_folders_that_cannot_be_written(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, by: str
) -> None:
    (tmp_path / "a file").write_text("as it was")
    folder = tmp_path / place
    argv = [*PAGE, "-o", str(folder / "n.ipynb")]
    if by == "pages":
        argv = ["pages", "--into", str(folder)]
    elif by != "-o":
        argv = [*ARMS, "--into", str(folder)] if by == "--into" else ARMS
        monkeypatch.setenv("SSLLIB_RECORDS", str(folder))
    assert re.search(r"(cannot be written|is a file).*; allowed: a folder", refused(capsys, *argv))
    assert (tmp_path / "a file").read_text() == "as it was"


def test_the_folder_of_an_executed_page_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def ran(source: Path, out: Path, *rest: Any) -> tuple[float, str]:
        shutil.copy(source, out)
        return 0.0, ""

    monkeypatch.setattr(build, "papermill", ran)
    out = tmp_path / "missing" / "folder" / "n-run.ipynb"
    assert main([*PAGE, "-p", "seed", "3", "-o", str(out)]) == 0
    assert out.exists() and [f.name for f in out.parent.iterdir()] == ["n-run.ipynb"]


def test_a_page_that_fails_never_replaces_an_earlier_result(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failed(source: Path, out: Path, *rest: Any) -> tuple[float, str]:
        shutil.copy(source, out)
        return 0.0, "ValueError in cell [3]: no"

    monkeypatch.setattr(build, "papermill", failed)
    out = tmp_path / "good.ipynb"
    out.write_text("good")
    line = refused(capsys, *PAGE, "-o", str(out), status=1)
    assert "page training/simclr-norms failed: ValueError in cell [3]: no (see " in line
    assert out.read_text() == "good" and (tmp_path / "good-failed.ipynb").exists()


@pytest.mark.parametrize("page", build.pages(), ids=lambda page: page.name)
def test_every_page_says_its_checks_without_running(page: build.Page) -> None:
    declared, checks = notebooks.parameters(page.source), notebooks.checks(page.source)
    assert set(checks) == set(declared)
    for name, (kind, default) in declared.items():
        assert notebooks.checked(page.name, page.source, {name: default}) == {name: default}
        if kind in (int, float):
            with pytest.raises(InputError, match=f"parameter {name}"):
                notebooks.checked(page.name, page.source, {name: kind(-1)})


@pytest.mark.parametrize("line", ["width = 2 * 8", "seed = int('3')", "a, b = 1, 2", "import os", "x: int", "f(1)"])
def test_a_parameters_cell_holds_plain_values(tmp_path: Path, line: str) -> None:
    source = tmp_path / "page.py"
    source.write_text(f'# %% [markdown]\n# # A page\n\n# %% tags=["parameters"]\nseed = 0\n{line}\n')
    with pytest.raises(InputError) as e:
        notebooks.parameters(source)
    assert f"has `{line}`; allowed: one name and one plain value" in str(e.value) and "\n" not in str(e.value)
    source.write_text(source.read_text().replace(line, "seed = = 1"))
    with pytest.raises(InputError, match="parameters cell is no Python at `seed = = 1`"):
        notebooks.parameters(source)


def test_values_for_several_pages_go_to_those_that_have_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = [build.find("intro"), build.find("training/simclr-norms")]
    with pytest.raises(InputError, match="unknown parameter of these pages 'sed'"):
        build.execute(chosen, {"sed": 3}, into=tmp_path)
    with pytest.raises(InputError, match="parameter seed is -3"):
        build.execute(chosen, {"seed": -3}, into=tmp_path)
    with pytest.raises(InputError, match="jobs is 0"):
        build.execute(chosen, jobs=0, into=tmp_path)
    assert not list(tmp_path.iterdir())


# --- records ------------------------------------------------------------------------------------------------


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with the committed claims and no record."""
    shutil.copytree(paths.data_dir() / "claims", tmp_path / "data" / "claims")
    monkeypatch.setenv("SSLLIB_PROJECT", str(tmp_path))
    return tmp_path


def test_what_is_no_evidence_is_not_added(capsys: pytest.CaptureFixture[str], project: Path, tmp_path: Path) -> None:
    smoke = put(tmp_path / "own", record())
    assert "is of smoke scale; allowed: cpu, gpu, paper" in refused(capsys, "records", "add", str(smoke.path))
    cut_short = record()
    cut_short.scale, cut_short.status = "cpu", "interrupted"
    path = str(put(tmp_path / "own", cut_short).path)
    assert "was interrupted; allowed: finished or diverged" in refused(capsys, "records", "add", path)
    assert not (project / "data" / "records").exists()


def test_a_record_never_replaces_another_result(
    capsys: pytest.CaptureFixture[str], project: Path, tmp_path: Path
) -> None:
    from ssllib.evidence import claims
    from ssllib.runs import experiments

    config = experiments.get("simclr-arms").cell("cpu", "cut").config

    def made(folder: str, **final: float) -> records.Record:
        r = record(**final)
        r.provenance["criteria"] = claims.criteria_of(jobs.Job("simclr-arms", "cpu", "cut", config))
        r.scale, r.cell, r.config, r.identity = "cpu", "cut", config.to_dict(), config.identity()
        return put(tmp_path / folder, r)

    first, second = made("one"), made("two", knn_test=99.0)
    assert main(["records", "add", str(first.path)]) == 0
    assert main(["records", "add", str(first.path)]) == 0 and "is there already" in capsys.readouterr().out
    assert "with another result" in refused(capsys, "records", "add", str(second.path))
    (kept,) = records.committed()
    assert kept.equals(first)


def test_a_damaged_record_is_named_and_its_remedy_works(
    capsys: pytest.CaptureFixture[str], project: Path, tmp_path: Path
) -> None:
    own = tmp_path / "own"
    path = put(own, record()).path
    assert path is not None
    assert main(["records", "check", str(path)]) == 0 and "1 records, all whole" in capsys.readouterr().out
    path.write_text(path.read_text().replace("31.25", "99.25"))
    line = refused(capsys, "records", "check", str(path), status=1)
    assert path.name in line and (remedy := f"delete {path.name} and run it again") in line
    todo = [jobs.Job("simclr-arms", "smoke", "default", TrainConfig(dataset="shapes"))]
    with pytest.raises(InputError, match=remedy):
        jobs.pending(todo, Store(own))
    path.unlink()
    assert jobs.pending(todo, Store(own)) == todo


# --- the rest -----------------------------------------------------------------------------------------------


def test_a_gpu_scale_without_a_gpu_says_so_at_once(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for experiment, scale, warned in (
        ("simclr-arms", "gpu", True), ("simclr-arms", "cpu", False), ("norm-and-angle", "paper", False),
    ):  # fmt: skip
        assert main(["run", experiment, "--scale", scale, "--dry-run", "--into", str(tmp_path)]) == 0
        assert ("no GPU here" in capsys.readouterr().err) == warned


@pytest.mark.parametrize(
    "states,left,status", [(["finished"], 0, 0), (["finished", "diverged"], 0, 3), (["diverged"], 1, 0)]
)
def test_the_exit_status_tells_a_diverged_run(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    states: list[str], left: int, status: int,
) -> None:  # fmt: skip
    found = []
    for state in states:
        found.append(record())
        found[-1].status = state
    monkeypatch.setattr(jobs, "run_pending", lambda todo, folder, **options: found)
    cells = ["default", "cut"][: len(states) + left]
    argv = [*ARMS, *(word for cell in cells for word in ("--cell", cell)), "--seed", "0", "--into", str(tmp_path)]
    assert main(argv) == status
    out = capsys.readouterr().out
    assert ("runs diverged" in out) == ("diverged" in states) and ("time was up" in out) == bool(left)


def test_minutes_hold_for_simulations_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, Any] = {}

    def run(todo: list[jobs.Job], folder: Path, **options: Any) -> list[records.Record]:
        seen.update(options)
        return []

    monkeypatch.setattr(jobs, "run_pending", run)
    assert main(["run", "norm-and-angle", "--minutes", "0", "--into", str(tmp_path)]) == 0
    assert "deadline" in seen


def test_the_status_that_running_md_documents_is_the_one_given() -> None:
    text = (paths.project_dir() / "book" / "running.md").read_text()
    assert f"| {__main__.DIVERGED} | all is run, and at least one run diverged" in text
    assert f"| {build.PageFailed.status} | a page failed" in text


def test_the_batch_examples_of_running_md_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The Python of the page is run; kernels and the cluster are not."""
    text = (paths.project_dir() / "book" / "running.md").read_text()
    examples = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert len(examples) == 2
    ran = []

    def papermill(source: Path, out: Path, cwd: Path, values: dict[str, Any], threads: int | None) -> tuple[float, str]:
        ran.append(dict(values))
        shutil.copy(source, out)
        return 0.0, ""

    class Client:
        def __init__(self, cluster: Any) -> None: ...

        def get_executor(self) -> Any:
            return self

        def submit(self, call: Any, *args: Any) -> Future[tuple[float, str]]:
            done: Future[tuple[float, str]] = Future()
            done.set_result(call(*args))
            return done

    cluster = types.SimpleNamespace(scale=lambda jobs: None)
    fakes = {"dask.distributed": {"Client": Client}, "dask_jobqueue": {"SLURMCluster": lambda **options: cluster}}
    for name, members in fakes.items():
        module = types.ModuleType(name)
        vars(module).update(members)
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setitem(sys.modules, "dask", types.ModuleType("dask"))
    monkeypatch.setattr(build, "papermill", papermill)
    monkeypatch.chdir(tmp_path)
    for example in examples:
        space: dict[str, Any] = {}
        exec(example, space)
    assert space["failed"] == [] and sorted(v["seed"] for v in ran) == [0, 1, 2, 3, 3, 3, 4, 5, 6, 7]
    made = tmp_path / "_build" / "seed-3"
    for entry in build.entries():  # everything that jupyter-book wants is there
        assert (made / f"{entry}.ipynb").exists() or (made / f"{entry}.md").exists(), entry


def test_nearest_names() -> None:
    names = ["training/simclr-norms", "theory/collapse", "intro"]
    assert nearest("training/simclr-norm", names) == ["training/simclr-norms"]
    assert nearest("simclr", names) == ["training/simclr-norms"]
    assert nearest("Colapse", names) == ["theory/collapse"] and nearest("zzz", names) == []
    many = [f"name-{i}" for i in range(errors.LISTED + 1)]
    with pytest.raises(InputError, match="allowed: 13 names, the nearest name-1, name-1"):
        one_of("thing", "name-1x", many)
    with pytest.raises(InputError, match=f"allowed: {', '.join(many)}$"):
        one_of("thing", "zzz", many)


@pytest.mark.parametrize(
    "bounds,open_low,says",
    [
        ((0, 2**31 - 1), False, "a number from 0 to 2147483647"),
        ((0.0, 1.0), True, "a number above 0, at most 1"),
        ((1e-30, 1e6), False, "a number from 1e-30 to 1000000"),
        ((0, 1 - 1e-12), True, "a number above 0, at most 0.999999999999"),
    ],
)
def test_ranges_are_said_in_words(bounds: tuple[float, float], open_low: bool, says: str) -> None:
    with pytest.raises(InputError) as e:
        in_range("x", -1, *bounds, open_low=open_low)
    assert str(e.value) == f"x is -1; allowed: {says}"
