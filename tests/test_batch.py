"""Batches: a grid is checked as a whole, what is done is not done again, a failing page and a kill lose nothing."""

from __future__ import annotations

import csv
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import filelock
import pytest
import yaml
from test_bad_input import refused
from test_cli import wait_for
from test_records import record

from ssllib import paths
from ssllib.__main__ import main
from ssllib.errors import InputError
from ssllib.pages import batch, build, made, notebooks
from ssllib.pages import page as pages
from ssllib.runs import jobs as runs

GRIDS = sorted((paths.data_dir() / "batch").glob("*.yml"))
TWO = "- page: theory/cosine-gradient\n  fixed: {draws: 30}\n  swept: {seed: [0, 1]}\n"


def grid(folder: Path, text: str = TWO) -> Path:
    file = folder / "grid.yml"
    file.write_text(text)
    return file


class Papermill:
    """Stands in for the kernels: remembers what ran, tells a run, and fails where `fails` says so."""

    def __init__(self, fails: Callable[[dict[str, Any]], bool] = lambda values: False) -> None:
        self.ran: list[dict[str, Any]] = []
        self.threads: list[int | None] = []
        self.fails = fails

    def __call__(
        self, source: Path, out: Path, cwd: Path, values: dict[str, Any], threads: int | None, told: Path
    ) -> tuple[float, str]:
        self.ran.append(dict(values))
        self.threads.append(threads)
        shutil.copy(source, out)
        with pytest.MonkeyPatch.context() as m:
            m.setenv(made.VARIABLE, str(told))
            made.tell(record(int(values["seed"]), knn_test=40.0 + values["seed"]))
        return 2.5, "ValueError in cell [3]: no" if self.fails(values) else ""


@pytest.fixture
def papermill(monkeypatch: pytest.MonkeyPatch) -> Papermill:
    fake = Papermill()
    monkeypatch.setattr(build, "papermill", fake)
    return fake


def table(into: Path) -> list[dict[str, str]]:
    with open(into / batch.TABLE, newline="") as f:
        return list(csv.DictReader(f))


# --- the grids of the repository --------------------------------------------------------------------------


def test_every_numbered_part_of_the_book_has_a_grid_of_its_own_pages() -> None:
    toc = yaml.safe_load((paths.project_dir() / "_toc.yml").read_text())
    parts = {
        part["caption"]: {c["file"].removeprefix("book/") for c in part["chapters"]}
        for part in toc["parts"]
        if part.get("numbered")
    }
    used = [{job.page.name for job in batch.load(file)} for file in GRIDS]
    assert len(GRIDS) == len(parts)
    for caption, names in parts.items():
        assert sum(names >= mine for mine in used) == 1, f"{caption} has no grid, or two"


@pytest.mark.parametrize("file", GRIDS, ids=lambda f: f.stem)
def test_the_grids_are_small_and_say_what_they_are(file: Path) -> None:
    assert 2 <= len(batch.load(file)) <= 12
    assert file.read_text().startswith("# ")
    assert {job.values.get("scale", "smoke") for job in batch.load(file)} == {"smoke"}


def test_the_grid_of_running_md_is_one(tmp_path: Path) -> None:
    text = (paths.project_dir() / "book" / "running.md").read_text()
    (example,) = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    assert len(batch.load(grid(tmp_path, example))) == 3 + 4


# --- what a grid means ------------------------------------------------------------------------------------


def test_a_grid_is_every_combination_once_in_order(tmp_path: Path) -> None:
    text = (
        "- page: theory/cosine-gradient\n  fixed: {draws: 30}\n  swept: {dimension: [8, 16], seed: [0, 1, 1]}\n"
        "- page: book/theory/cosine-gradient.ipynb\n  fixed: {draws: 30, dimension: 8, seed: 1}\n"
        "- page: theory/cosine-gradient\n"
    )
    found = batch.load(grid(tmp_path, text))
    assert [(j.values["dimension"], j.values["seed"]) for j in found] == [(8, 0), (8, 1), (16, 0), (16, 1), (256, 0)]
    assert found[-1].given == {} and found[-1].values["draws"] == 210  # the page's own
    assert len({j.output for j in found}) == 5 and found[0].output.parent == Path("theory/cosine-gradient")
    assert found[0].label == "theory/cosine-gradient (draws 30, dimension 8, seed 0)"


def test_values_have_the_types_that_the_page_declares(tmp_path: Path) -> None:
    (job,) = batch.load(grid(tmp_path, "- page: simulations/norm-and-angle\n  fixed: {rate: 5, power: 1e-1}\n"))
    assert type(job.values["rate"]) is float and job.values["power"] == 0.1
    spelled = grid(tmp_path, "- page: simulations/norm-and-angle\n  fixed: {rate: 5.0, power: 0.1}\n")
    assert batch.load(spelled)[0].output == job.output


def test_names_of_files_are_plain(tmp_path: Path) -> None:
    page = build.find("theory/cosine-gradient")
    text = "../../etc/x y\nz" * 20
    name = batch.Job(page, {"a": text}, {"a": text}).output.name
    assert name.endswith(".ipynb") and len(name) < 120 and not set(name) & set("/ \n'\"") and name[0] not in ".-"


@pytest.mark.parametrize(
    "text,says",
    [
        ("", "is no list of entries; allowed: "),
        ("page: intro\n", "is no list of entries"),
        ("- intro\n", "entry 1: 'intro' names no page; allowed: the keys page, fixed, swept"),
        ("- page: [intro]\n", "entry 1: "),
        ("- fixed: {seed: 1}\n", "names no page"),
        (TWO + "- page: theory/cosine-gradint\n", "entry 2: there is no page 'theory/cosine-gradint'; allowed: "),
        ("- page: theory/cosine-gradint\n", "the nearest theory/cosine-gradient"),
        ("- page: intro\n  sweep: {}\n", "unknown key 'sweep'; allowed: page, fixed, swept"),
        (TWO.replace("draws", "drawz"), "parameter of page theory/cosine-gradient 'drawz'; allowed: seed, draws"),
        (TWO.replace("seed", "sed"), "entry 1: unknown parameter of page theory/cosine-gradient 'sed'; allowed: seed"),
        (TWO.replace("[0, 1]", "[0, -1]"), "parameter seed is -1; allowed: a number from 0"),
        (TWO.replace("[0, 1]", "[0, 1.5]"), "is 1.5; allowed: a whole number"),
        (TWO.replace("[0, 1]", "[0, yes]"), "is True; allowed: a whole number"),
        (TWO.replace("[0, 1]", "[0, 2026-01-01]"), "allowed: a whole number"),
        (TWO.replace("[0, 1]", "[0, null]"), "is None; allowed: a whole number"),
        (TWO.replace("[0, 1]", "[[0, 1]]"), "is [0, 1]; allowed: a whole number"),
        (TWO.replace("[0, 1]", "0"), "swept seed is 0; allowed: a list of values"),
        (TWO.replace("[0, 1]", "[]"), "swept seed is []; allowed: a list of values"),
        (TWO.replace("draws: 30", "seed: 30"), "parameter seed is fixed and swept"),
        (TWO.replace("{draws: 30}", "[draws, 30]"), "fixed is ['draws', 30]; allowed: names with values"),
        (TWO.replace("{draws: 30}", "{draws: 30, draws: 40}"), "line 2: draws stands twice"),
        (TWO + "  page: intro\n", "line 1: page stands twice"),
        ("- page: training/simclr-norms\n  swept: {scale: [smoke, gpuu]}\n", "'gpuu'; allowed: smoke, cpu, gpu"),
        ("- page: theory/random-angles\n  swept: {threshold: [.nan]}\n", "threshold is nan; allowed: "),
        ("- page: theory/random-angles\n  swept: {threshold: [.inf]}\n", "threshold is inf; allowed: "),
        (TWO.replace("[0, 1]", str(list(range(20_000)))), "20000 executions; allowed: 10000"),
        ("- page: intro\n  fixed: {a: [\n", "cannot be read"),
        ("- page: !!python/object:os.system {}\n", "cannot be read"),
        ("- page: \x00\n", "cannot be read"),
    ],
)  # fmt: skip
def test_a_bad_grid_is_one_line_before_any_work(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, papermill: Papermill, text: str, says: str
) -> None:
    assert says in refused(capsys, "batch", str(grid(tmp_path, text)), "--into", str(tmp_path / "out"))
    assert not papermill.ran and not (tmp_path / "out").exists()


def test_other_bad_input(capsys: pytest.CaptureFixture[str], tmp_path: Path, papermill: Papermill) -> None:
    file = str(grid(tmp_path))
    (tmp_path / "bytes.yml").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "a file").write_text("as it was")
    for argv, says in (
        ([str(tmp_path / "none.yml")], "cannot be read (No such file or directory)"),
        ([str(tmp_path)], "cannot be read (Is a directory)"),
        ([str(tmp_path / "bytes.yml")], "cannot be read"),
        ([file, "--jobs", "0"], "--jobs is 0; allowed: a whole number from 1 to 1024"),
        ([file, "--into", str(tmp_path / "a file")], "cannot be written"),
        ([file, "--into", "/proc/none/here"], "cannot be written"),
    ):
        assert says in refused(capsys, "batch", *argv)
    assert (tmp_path / "a file").read_text() == "as it was" and not papermill.ran


# --- running ----------------------------------------------------------------------------------------------


def test_what_ran_is_in_one_table_and_is_not_run_again(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, papermill: Papermill
) -> None:
    argv, into = ["batch", str(grid(tmp_path)), "--into", str(tmp_path / "out")], tmp_path / "out"
    assert main([*argv, "--dry-run"]) == 0 and not into.exists()
    assert "2 executions, 0 done, 2 to run; 2 not run here yet" in capsys.readouterr().out
    assert main(argv) == 0
    first, second = table(into)
    assert list(first)[:4] == ["page", "parameter.seed", "parameter.draws", "parameter.dimension"]
    assert first["page"] == "theory/cosine-gradient" and second["parameter.seed"] == "1"
    assert (second["status"], second["seconds"], second["runs"], second["why"]) == ("done", "2.5", "1", "")
    assert second["simclr-arms/default.knn_test"] == "41.0" and first["simclr-arms/default.knn_test"] == "40.0"
    assert (into / second["output"]).is_file()
    assert [f.name for f in into.rglob("*.part")] == []
    before = (into / batch.TABLE).read_bytes()
    assert main(argv) == 0 and len(papermill.ran) == 2 and (into / batch.TABLE).read_bytes() == before
    capsys.readouterr()
    assert main([*argv, "--dry-run"]) == 0 and "2 executions, 2 done, 0 to run" in capsys.readouterr().out


@pytest.mark.parametrize("what", ["digest", "library"])
def test_a_changed_page_or_library_is_run_again(
    tmp_path: Path, papermill: Papermill, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    todo = batch.load(grid(tmp_path))
    assert batch.run(todo, tmp_path / "out") == 0
    monkeypatch.setattr(build, what, lambda of: "another")
    assert batch.done(todo, tmp_path / "out") == {}
    assert batch.run(todo, tmp_path / "out") == 0 and len(papermill.ran) == 4
    assert len(batch.done(todo, tmp_path / "out")) == 2


def test_a_page_that_fails_does_not_stop_the_others(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, papermill: Papermill
) -> None:
    argv, into = ["batch", str(grid(tmp_path)), "--into", str(tmp_path / "out")], tmp_path / "out"
    papermill.fails = lambda values: values["seed"] == 0
    assert main(argv) == 1
    out = capsys.readouterr().out
    assert "FAILED: page theory/cosine-gradient failed: ValueError in cell [3]: no" in out and "1 done, 1 failed" in out
    first, second = table(into)
    assert (first["status"], first["output"], second["status"]) == ("failed", "", "done")
    assert "ValueError in cell [3]: no" in first["why"] and first["simclr-arms/default.knn_test"] == ""
    assert len(list(into.rglob("*-failed.ipynb"))) == 1
    papermill.fails = lambda values: False
    assert main(argv) == 0 and [v["seed"] for v in papermill.ran] == [0, 1, 0]
    assert [row["status"] for row in table(into)] == ["done", "done"] and not list(into.rglob("*-failed.ipynb"))


def test_side_by_side_each_page_has_one_thread(tmp_path: Path, papermill: Papermill) -> None:
    six = grid(tmp_path, TWO.replace("[0, 1]", "[0, 1, 2, 3, 4, 5]"))
    assert main(["batch", str(six), "--into", str(tmp_path / "out"), "--jobs", "3"]) == 0
    assert sorted(v["seed"] for v in papermill.ran) == list(range(6)) and papermill.threads == [1] * 6
    assert [row["parameter.seed"] for row in table(tmp_path / "out")] == list("012345")
    assert main(["batch", str(grid(tmp_path)), "--into", str(tmp_path / "other")]) == 0
    assert papermill.threads[6:] == [None, None]


def test_a_page_whose_process_is_killed_fails_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its notebook is half written, as a kill leaves it."""
    script = tmp_path / "python"
    script.write_text('#!/bin/sh\nprintf \'{"cells": [\' > "$4"\nkill -9 $$\n')
    script.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(script))
    assert batch.run(batch.load(grid(tmp_path)), tmp_path / "out", say=lambda line: None) == 1
    rows = table(tmp_path / "out")
    assert [row["status"] for row in rows] == ["failed", "failed"]
    assert "its process was ended by signal 9" in rows[0]["why"]


KILLED = """
import shutil, sys, time
from pathlib import Path
from ssllib.__main__ import main
from ssllib.pages import build
def papermill(source, out, cwd, values, *rest):
    if values["seed"]:
        Path(sys.argv[3]).touch()
        time.sleep(600)
    shutil.copy(source, out)
    return 1.0, ""
build.papermill = papermill
main(["batch", sys.argv[1], "--into", sys.argv[2]])
"""


def test_a_killed_batch_goes_on_with_what_is_left(tmp_path: Path, papermill: Papermill) -> None:
    file, into, second = grid(tmp_path), tmp_path / "out", tmp_path / "second"
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(file), str(into), str(second)], stdout=-3)
    wait_for(second.exists)
    with pytest.raises(InputError, match="another batch is writing into"):
        batch.run(batch.load(file), into)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert [row["status"] for row in table(into)] == ["done", "left"]
    assert batch.run(batch.load(file), into) == 0
    assert [v["seed"] for v in papermill.ran] == [1] and [r["status"] for r in table(into)] == ["done", "done"]


@pytest.mark.parametrize("how,status", [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_stopped_batch_ends_its_pages(tmp_path: Path, how: signal.Signals, status: int) -> None:
    script, told = tmp_path / "python", tmp_path / "told"
    script.write_text(f"#!/bin/sh\necho $$ > {told}\nexec sleep 600\n")
    script.chmod(0o755)
    code = "import sys; from ssllib.__main__ import main; _, sys.executable, *argv = sys.argv; sys.exit(main(argv))"
    argv = ["batch", str(grid(tmp_path)), "--into", str(tmp_path / "out")]
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(script), *argv], stdout=-3, stderr=-3,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # what runs in the background ignores it
    )  # fmt: skip
    wait_for(lambda: told.exists() and told.read_text().endswith("\n"))
    began = time.monotonic()
    process.send_signal(how)
    assert process.wait(60) == status and time.monotonic() - began < 50
    with pytest.raises(ProcessLookupError):
        os.kill(int(told.read_text()), 0)
    with filelock.FileLock(tmp_path / "out" / ".lock", timeout=0):
        assert [row["status"] for row in table(tmp_path / "out")] == ["left", "left"]


# --- cost and runs ----------------------------------------------------------------------------------------


def test_the_cost_is_that_of_earlier_executions(tmp_path: Path, papermill: Papermill, monkeypatch: Any) -> None:
    monkeypatch.setattr(batch, "folder_of", lambda grid: tmp_path / "elsewhere" / "grid")
    todo = batch.load(grid(tmp_path))
    batch.run(todo[:1], tmp_path / "elsewhere" / "one")
    more = [*todo, *batch.load(grid(tmp_path, "- page: intro\n"))]
    costs = batch.Costs(tmp_path / "out", tmp_path / "elsewhere")
    assert [costs.seconds(job) for job in more] == [(2.5, ""), (2.5, "with other values"), (None, "not run here yet")]
    lines = batch.forecast(more, tmp_path / "out").splitlines()
    assert lines[0].endswith("  2.5 s") and lines[1].endswith("  2.5 s with other values")
    assert lines[-1] == "3 executions, 0 done, 3 to run; 5.0 s one at a time and 1 not run here yet"


def test_another_scale_is_no_measure_of_the_cost(tmp_path: Path, papermill: Papermill) -> None:
    page = "- page: training/simclr-norms\n  fixed: {scale: %s, seed: 1}\n"
    batch.run(batch.load(grid(tmp_path, page % "smoke")), tmp_path / "out")
    costs = batch.Costs(tmp_path / "out")
    assert costs.seconds(batch.load(grid(tmp_path, page % "gpu"))[0]) == (None, "not run here yet")
    assert costs.seconds(batch.load(grid(tmp_path, page.replace("1", "2") % "smoke"))[0])[0] == 2.5


def test_a_page_tells_its_runs_only_to_who_asks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    r = record()
    r.final |= {"outcome": "fine", "statements": [1, 2]}
    monkeypatch.setattr(runs, "run_job", lambda *args, **options: r)
    page = pages.Page("training/simclr-norms", {})
    page.run("simclr-arms", "default")
    monkeypatch.setenv(made.VARIABLE, str(tmp_path / "told"))
    page.run("simclr-arms", "default")
    page.run("simclr-arms", "default")  # found in the store: the same run, told once
    (told,) = made.read(tmp_path / "told")
    assert told["experiment"] == "simclr-arms" and told["identity"] == r.identity
    assert told["final"] == {"knn_test": 31.25, "outcome": "fine"}


def test_runs_of_one_cell_have_columns_each(tmp_path: Path) -> None:
    (job,) = batch.load(grid(tmp_path, "- page: intro\n"))
    said = {"experiment": "e", "cell": "c", "status": "finished", "final": {"x": 1}}
    carried = {job.output: {"seconds": 1.0, "runs": [said, said | {"status": "diverged", "final": {"x": 2}}]}}
    (row,) = batch.rows([job], carried, {})
    assert (row["e/c.x"], row["e/c#2.x"], row["e/c#2.status"], row["runs"]) == (1, 2, "diverged", 2)
    assert "e/c.status" not in row


def test_the_notebook_carries_what_it_was_made_from(tmp_path: Path, papermill: Papermill) -> None:
    (job, _) = batch.load(grid(tmp_path))
    batch.run([job], tmp_path)
    carried = notebooks.stamp_of(tmp_path / job.output)
    assert carried["digest"] == build.digest(job.page) and carried["parameters"] == job.parameters
    assert carried["page"] == job.page.name and carried["runs"][0]["final"] == {"knn_test": 40.0}


# --- what lies about ----------------------------------------------------------------------------------------


ODD = ('{"page": "intro", "seconds": 1}', '{"page": "p", "seconds": 1, "parameters": "{"}', "[]", "null")


@pytest.mark.parametrize("text", ["[]", '{"metadata": null}', *(f'{{"metadata": {{"ssllib": {x}}}}}' for x in ODD)])
def test_a_notebook_that_is_none_of_ours_is_passed_over(tmp_path: Path, papermill: Papermill, text: str) -> None:
    todo, into = batch.load(grid(tmp_path)), tmp_path / "out"
    for path in (into / "odd.ipynb", into / todo[0].output):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert batch.forecast(todo, into) and batch.run(todo, into) == 0
    assert [row["status"] for row in table(into)] == ["done", "done"]


@pytest.mark.parametrize("value", ["2024-13-01", "!!int abc", "!!bool maybe", "[" * 3000])
def test_yaml_that_is_no_value_is_refused_in_a_line(tmp_path: Path, value: str) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        batch.load(grid(tmp_path, f"- page: intro\n  fixed: {{parts: {value}}}\n"))


def test_a_page_that_was_being_prepared_when_the_batch_was_stopped_does_not_begin(tmp_path: Path) -> None:
    build.begin_running()
    build.end_running()
    try:
        seconds, why = build.papermill(tmp_path / "no.ipynb", tmp_path / "out.ipynb", tmp_path, {}, 1)
        assert "stopped" in why and seconds < 5 and not (tmp_path / "out.ipynb").exists()
    finally:
        build.begin_running()


def test_the_code_in_c_is_part_of_the_library(tmp_path: Path) -> None:
    (tmp_path / "ssllib").mkdir()
    before = build.library(tmp_path)
    (tmp_path / "ssllib" / "nearest.c").write_text("int x;")
    assert build.library(tmp_path) != before
