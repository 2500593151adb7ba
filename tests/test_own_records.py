"""A user's own records: which of them count, what they say beside the book's, and what the book takes of them."""

from __future__ import annotations

import csv
import json
import os
import shutil
import sys
import types
from pathlib import Path
from typing import Any

import nbformat
import pytest
from made_up import store as made_up_store
from test_bad_input import refused

from ssllib import paths
from ssllib.__main__ import main
from ssllib.errors import InputError
from ssllib.evidence import beside, claims, scoreboard, verdicts
from ssllib.pages import build, notebooks, paper_page
from ssllib.runs import declared, experiments, export, jobs, records
from ssllib.runs.records import Record, Store

ARMS = "simclr-arms"


def one(folder: Path, cell: str, seed: int, value: float, *, criteria: bool = True, **changes: Any) -> Record:
    """A record of a declared cell of the arms at cpu scale, or of one that departs from it."""
    scale, status = changes.pop("scale", "cpu"), changes.pop("status", "finished")
    config = experiments.get(ARMS).cell("cpu", cell).config.replace(seed=seed, **changes)
    stamps = claims.criteria_of(jobs.Job(ARMS, scale, cell, config)) if criteria else {}
    r = Record(
        "training", config.identity(), ARMS, cell, scale, config.to_dict(), status,
        [{"epoch": 0, "norm_projector": 2.0}, {"epoch": config.epochs, "norm_projector": value}],
        {"knn_test": value, "norm_projector_test": value},
        {"date": f"2026-03-0{seed + 1}", "seconds": 60.0, "criteria": stamps},
    )  # fmt: skip
    return records.write(Store(folder).path(scale, ARMS, cell, seed, r.identity), r)


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """Three seeds of two arms as declared; beside them a smoke run, one that goes on, and one at another rate."""
    folder = tmp_path / "own"
    for seed in range(3):
        one(folder, "default", seed, 40.0 + seed)
        one(folder, "cut", seed, 60.0 + seed)
    one(folder, "default", 3, 1.0, scale="smoke")
    one(folder, "default", 3, 1.0, status="interrupted")
    one(folder, "default", 4, 1.0, lr=0.001)
    return folder


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with the claims and no record."""
    for part in ("claims", "papers"):
        shutil.copytree(paths.data_dir() / part, tmp_path / "project" / "data" / part)
    monkeypatch.setenv("SSLLIB_PROJECT", str(tmp_path / "project"))
    return tmp_path / "project"


@pytest.fixture(autouse=True)
def the_book_s_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test starts and ends with the book's records."""
    monkeypatch.setenv(paths.BOOK_RECORDS, "")


# --- which records count ----------------------------------------------------------------------------------


def test_only_whole_runs_as_declared_are_seen(own: Path) -> None:
    store = declared.Declared(own)
    assert [(r.cell, r.seed) for r in store] == [(c, s) for c in ("cut", "default") for s in range(3)]
    assert store.find(ARMS, "smoke") == [] and len(store.find(ARMS)) == 6
    assert store.left_out() == {"of smoke scale": 1, "interrupted": 1, "not as declared": 1}


def test_a_record_under_another_name_stands_for_none(own: Path) -> None:
    before = {r.path for r in declared.Declared(own)}
    file = next(iter(before))
    shutil.copy(file, file.with_name(f"zz {file.name}"))
    shutil.copy(file, file.with_name(f"._{file.name}"))  # as archives of other systems leave them
    assert {r.path for r in declared.Declared(own)} == before


def test_a_record_in_the_place_of_another_is_not_seen(own: Path) -> None:
    (path,) = own.glob("cpu/*/cut-s0-*.json")
    for place in ("gpu/simclr-arms", "cpu/byol-arms"):
        (own / place).mkdir(parents=True)
        shutil.copy(path, own / place)
    store = declared.Declared(own)
    assert store.find(ARMS, "gpu") == [] and store.find("byol-arms") == []
    assert store.left_out()["not as declared"] == 3


def test_a_record_that_changes_is_looked_at_again(own: Path) -> None:
    store = declared.Declared(own)
    assert len(list(store)) == 6
    one(own, "cut", 5, 1.0)
    assert len(list(store)) == 7


def test_an_undeclared_setting_is_named(own: Path) -> None:
    (r,) = [r for r in Store(own) if r.config["lr"] == 0.001]
    lr = experiments.get(ARMS).cell("cpu", "default").config.lr
    with pytest.raises(InputError, match=f"declared cell simclr-arms/default: lr is 0.001, declared {lr}; allowed: "):
        declared.check(r)
    for name, wrong, says in (
        ("experiment", "simclr-army", "unknown experiment 'simclr-army'; allowed: .*simclr-arms"),
        ("cell", "cutt", "unknown cell of simclr-arms 'cutt'; allowed: default, "),
        ("scale", "huge", "unknown scale 'huge'; allowed: "),
        ("identity", "0" * 64, "its settings and its identity differ"),
        ("config", r.config | {"lrr": 1}, "unknown setting of training 'lrr'"),
    ):
        other = records.read(next(own.glob("cpu/*/cut-s0-*.json")))
        setattr(other, name, wrong)
        with pytest.raises(InputError, match=says):
            declared.check(other)


# --- verdicts beside the book's ---------------------------------------------------------------------------


def test_status_of_own_records_stands_beside_the_book_s(
    capsys: pytest.CaptureFixture[str], own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["status", "--records", str(own)]) == 0
    out = capsys.readouterr().out
    assert "6 may be evidence; left out: 1 interrupted, 1 not as declared, 1 of smoke scale." in out
    lines = [line for line in out.splitlines() if line.startswith("  ")]
    names = {line.split()[0] for line in lines}
    used = {c.id for c in claims.load().values() if ARMS in c.experiments}
    assert names and names <= used, "claims on other records or on none are listed"
    mine = {v.claim.id: v for v in scoreboard.all_verdicts(declared.Declared(own))}
    book = {v.claim.id: v for v in scoreboard.all_verdicts(records.project())}
    for line in lines:
        name = line.split()[0]
        assert mine[name].short in line
        assert (f"[the book: {book[name].short}]" in line) == (mine[name].short != book[name].short)
    monkeypatch.setenv("SSLLIB_RECORDS", str(own))
    assert main(["status", "--records", "own"]) == 0 and capsys.readouterr().out == out
    assert main(["status", "--records", str(own), "--summary"]) == 0
    assert "6 may be evidence" in (said := capsys.readouterr().out) and "; 6 records." in said


def test_undeclared_runs_change_no_verdict(own: Path) -> None:
    """The run at another rate, alone, would stand for the cell."""
    bare = [v.short for v in scoreboard.all_verdicts(declared.Declared(own))]
    for path in own.glob("cpu/*/default-s4-*.json"):
        path.unlink()
    assert [v.short for v in scoreboard.all_verdicts(declared.Declared(own))] == bare


def test_the_book_s_status_is_what_it_was(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status"]) == 0
    first = capsys.readouterr().out
    assert main(["status", "--records", "book"]) == 0 and capsys.readouterr().out == first
    book = str(paths.project_records_dir())
    assert main(["status", "--records", book]) == 0  # as a folder: the same verdicts, none differs
    out = capsys.readouterr().out
    assert "[the book:" not in out and ", 0 other than the book's; 0 of the book's" in out and "left out" not in out


# --- the book from other records --------------------------------------------------------------------------


def test_the_variable_changes_what_pages_are_drawn_from(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = build.find("training/simclr-norms")
    before = build.digest(page)
    assert records.committed().folder == paths.project_records_dir()
    monkeypatch.setenv(paths.BOOK_RECORDS, str(own))
    book = list(records.project())
    assert [r.experiment for r in records.committed()].count(ARMS) == 6 == len(list(records.committed())) - len(book)
    assert records.project().folder == paths.project_records_dir() and ARMS not in {r.experiment for r in book}
    mine = build.digest(page)
    assert mine != before
    one(own, "cut", 5, 1.0)
    assert build.digest(page) != mine
    shutil.copytree(own, own.parent / "copy")
    now = build.digest(page)
    monkeypatch.setenv(paths.BOOK_RECORDS, str(own.parent / "copy"))
    assert build.digest(page) != now  # the head of the page names the folder
    monkeypatch.setenv(paths.BOOK_RECORDS, "")
    assert build.digest(page) == before


def test_an_experiment_is_wholly_the_user_s_or_wholly_the_book_s(tmp_path: Path) -> None:
    one(tmp_path / "own", "cut", 0, 60.0)
    for cell, seed in (("cut", 1), ("default", 0)):
        one(tmp_path / "book", cell, seed, 50.0)
    made_up_store(tmp_path / "book", "cpu", {"default": [1.0]}, experiment="byol-arms")
    store = declared.Instead(declared.Declared(tmp_path / "own"), Store(tmp_path / "book"))
    assert [(r.cell, r.seed) for r in store.find(ARMS)] == [("cut", 0)] and store.experiments() == [ARMS]
    assert len(store.find("byol-arms")) == 1 and len(list(store)) == 2
    one(tmp_path / "own", "cut", 5, 1.0, scale="smoke")
    assert len(store.find(ARMS)) == 1


def test_a_letter_rests_on_the_book_s_records_and_says_so(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(paths.project_records_dir() / "paper" / "norm-and-angle", own / "paper" / "norm-and-angle")
    for path in sorted((own / "paper" / "norm-and-angle").glob("*.json"))[1:]:
        path.unlink()  # one run decides nothing
    store, decided = declared.Instead(declared.Declared(own), records.project()), {"notebook_factor_norm": "confirmed"}
    assert verdicts.verdict(claims.get("notebook-factor-norm"), store).word != "confirmed"
    assert set(paper_page.rests_on(store, **decided)) == set(decided)
    assert "rests on the records that are kept with the book" in capsys.readouterr().out
    paper_page.rests_on(store.book, **decided)
    assert capsys.readouterr().out == ""


def test_a_folder_without_evidence_builds_no_book(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    one(tmp_path / "own", "cut", 0, 1.0, scale="smoke")
    argv = ["pages", "--into", str(tmp_path / "x"), "--records", str(tmp_path / "own")]
    assert "may be evidence (1 of smoke scale); allowed: whole runs" in refused(capsys, *argv)
    (tmp_path / "none").mkdir()
    assert "(it holds none)" in refused(capsys, *argv[:-1], str(tmp_path / "none"))
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("value", ["own", "/nope", "README.md"])
def test_a_bad_variable_is_one_line(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.chdir(paths.project_dir())
    monkeypatch.setenv(paths.BOOK_RECORDS, value)
    with pytest.raises(InputError, match="SSLLIB_BOOK_RECORDS is .*; allowed: the full path of a folder of records"):
        records.committed()


def test_a_book_from_other_records_says_so_and_holds_only_them(
    own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = []

    def papermill(source: Path, out: Path, *rest: Any) -> tuple[float, str]:
        drawn.append(os.environ[paths.BOOK_RECORDS])
        shutil.copy(source, out)
        return 0.0, ""

    monkeypatch.setattr(build, "papermill", papermill)
    monkeypatch.setattr(build, "pages", lambda root=None: [build.Page("intro", paths.project_dir())])
    monkeypatch.chdir(own.parent)
    into = tmp_path / "built"
    argv = ["pages", "--into", str(into)]
    assert main([*argv, "--records", "own"]) == 2  # $SSLLIB_RECORDS and the cache are not this folder's name
    assert main([*argv, "--records", "./own"]) == 0 and drawn == [str(own)]
    cells = nbformat.read(into / "book" / "intro.ipynb", as_version=4).cells
    assert f"`{own}` stand in the place of the book's for `simclr-arms`." in cells[1].source
    assert [c.source for c in cells[:1] + cells[2:]] == [
        c.source for c in notebooks.fresh(build.find("intro").source).cells
    ]
    copied = {f.name for f in (into / "data" / "records").rglob("*.json")}
    assert copied == {r.path.name for store in (declared.Declared(own), records.project()) for r in store if r.path}
    assert main([*argv, "--records", "./own"]) == 0 and len(drawn) == 1  # up to date


def test_other_records_never_reach_the_book_s_pages(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(paths.BOOK_RECORDS, str(own))
    with pytest.raises(InputError, match="are not the book's; allowed: another folder"):
        build.execute([build.find("intro")])


# --- proposing them ---------------------------------------------------------------------------------------


@pytest.fixture
def good(own: Path) -> Path:
    """The same without the run at another rate, which is refused."""
    for path in own.glob("cpu/*/default-s4-*.json"):
        path.unlink()
    return own


def test_a_folder_is_proposed(capsys: pytest.CaptureFixture[str], good: Path, project: Path) -> None:
    assert main(["records", "add", str(good), "--dry-run"]) == 0
    out = capsys.readouterr().out
    assert out.count("would add data/records/cpu/simclr-arms/") == 6 and not (project / "data" / "records").exists()
    assert "passed over: 1 interrupted" in out and "passed over: 1 of smoke scale" in out
    told = [line for line in out.splitlines() if line.startswith("verdict on ")]
    assert told and all(": untested -> " in line for line in told) and f"6 records, {len(told)} verdicts change" in out
    assert main(["records", "add", str(good)]) == 0
    assert [line for line in capsys.readouterr().out.splitlines() if line.startswith("verdict on ")] == told
    assert len(list(records.project())) == 6 and not list(project.rglob("*.part"))
    assert all(a.equals(b) for a, b in zip(records.project(), declared.Declared(good), strict=True))
    before = {v.claim.id: v.short for v in scoreboard.all_verdicts(records.project()) if v.records}
    assert set(before) == {line.split()[2].rstrip(":") for line in told}
    assert main(["records", "add", str(good)]) == 0
    assert "is there already" in (out := capsys.readouterr().out) and "and 3 more" in out and "added" not in out


def test_one_that_is_wrong_keeps_all_out(capsys: pytest.CaptureFixture[str], own: Path, project: Path) -> None:
    for flags in ([], ["--dry-run"]):
        line = refused(capsys, "records", "add", str(own), *flags)
        assert "default-s4" in line and "lr is 0.001, declared" in line
    one(own, "cut", 4, 1.0, width=8)
    assert line.count("more)") == 0 and "(and 1 more)" in refused(capsys, "records", "add", str(own))
    assert not (project / "data" / "records").exists()


def test_what_else_is_refused(capsys: pytest.CaptureFixture[str], good: Path, project: Path, tmp_path: Path) -> None:
    (empty := tmp_path / "empty").mkdir()
    assert "holds no records; allowed: " in refused(capsys, "records", "add", str(empty))
    twin = one(tmp_path / "twin", "cut", 0, 99.0)
    assert "is named twice, with another result" in refused(capsys, "records", "add", str(good), str(twin.path))
    path = next(good.glob("cpu/*/cut-s0-*.json"))
    path.write_text(path.read_text().replace("60.0", "61.0"))
    assert "damaged record" in refused(capsys, "records", "add", str(good))
    assert not (project / "data" / "records").exists()


def test_a_run_that_began_under_another_criterion_is_refused(
    capsys: pytest.CaptureFixture[str], project: Path, tmp_path: Path
) -> None:
    late = one(tmp_path / "late", "cut", 0, 60.0, criteria=False)
    line = refused(capsys, "records", "add", str(late.path))
    assert "began without criterion of" in line and "allowed: runs that began when" in line
    first = one(tmp_path / "first", "cut", 1, 61.0)  # the first of the claim being in time excuses no later one
    assert main(["records", "add", str(first.path)]) == 0
    assert "began without criterion of" in refused(capsys, "records", "add", str(late.path))


@pytest.mark.parametrize("criteria", [{}, None, "other"])
def test_each_proposed_run_began_under_the_criteria_as_they_stand(
    capsys: pytest.CaptureFixture[str], good: Path, project: Path, criteria: Any
) -> None:
    file = next(good.rglob("cut-s0*.json"))
    text = json.loads(file.read_text())
    known = text["provenance"]["criteria"]
    text["provenance"] |= {"date": "2099-01-01", "criteria": dict.fromkeys(known, "dead") if criteria else criteria}
    file.write_text(json.dumps(text))
    assert main(["records", "add", str(good), "--dry-run"]) == 2
    assert "criterion of" in capsys.readouterr().err


def test_joined_records_are_found_as_in_a_folder(own: Path, tmp_path: Path) -> None:
    made_up_store(tmp_path / "more", "cpu", {"default": [1.0], "cut": [2.0]}, experiment="byol-arms")
    joined = beside.Joined(declared.Declared(own), list(Store(tmp_path / "more")))
    assert len(list(joined)) == 8 and len(joined.find("byol-arms", "cpu")) == 2
    assert joined.find("byol-arms", "gpu") == [] and len(joined.find(ARMS)) == 6


# --- tables -----------------------------------------------------------------------------------------------


def read(path: Path) -> list[dict[str, str]]:
    with open(path, newline="") as f:
        return list(csv.DictReader(f))


def test_one_row_a_run(capsys: pytest.CaptureFixture[str], own: Path, tmp_path: Path) -> None:
    out = tmp_path / "tables" / "runs.csv"
    assert main(["records", "export", str(out), "--records", str(own)]) == 0
    rows = read(out)
    assert f"{out}: 9 rows of 9 runs, {len(rows[0])} columns" in capsys.readouterr().out
    for row, r in zip(rows, Store(own), strict=True):
        assert [row[n] for n in export.NAMES] == [r.experiment, r.cell, r.scale, str(r.seed), r.identity]
        assert (row["status"], row["seconds"], row["date"]) == (r.status, "60.0", r.provenance["date"])
        assert float(row["final.knn_test"]) == r.final["knn_test"] and float(row["config.lr"]) == r.config["lr"]
        assert json.loads(row["config.measures"]) == r.config["measures"]
    assert {name.removeprefix("config.") for name in rows[0] if name.startswith("config.")} | {"seed"} == set(r.config)
    assert [f.name for f in out.parent.iterdir()] == ["runs.csv"]


def test_one_row_an_epoch(own: Path, tmp_path: Path) -> None:
    out = tmp_path / "epochs.csv"
    assert main(["records", "export", str(out), "--records", str(own), "--epochs"]) == 0
    wanted = [(r.identity, row) for r in Store(own) for row in r.history]
    rows = read(out)
    assert len(rows) == len(wanted) == 18 and list(rows[0]) == [*export.NAMES, "epoch", "norm_projector"]
    for row, (identity, epoch) in zip(rows, wanted, strict=True):
        assert row["identity"] == identity and float(row["norm_projector"]) == epoch["norm_projector"]


def test_the_book_s_records_make_a_table(tmp_path: Path) -> None:
    assert main(["records", "export", str(tmp_path / "all.csv")]) == 0
    assert len(read(tmp_path / "all.csv")) == sum(1 for _ in records.project())


def test_cells_keep_their_text_and_numbers_in_full(tmp_path: Path) -> None:
    rows = [{"a": 'x,"y"\nz', "b": 0.1 + 0.2, "c": [1, "é"]}, {"d": True, "b": None, "a": "", "e": float("nan")}]
    (path,) = [export.write_table(rows, tmp_path / "t.csv", ["z"])]
    first, second = read(path)
    assert list(first) == ["z", "a", "b", "c", "d", "e"]
    assert first["a"] == 'x,"y"\nz' and float(first["b"]) == 0.1 + 0.2 and json.loads(first["c"]) == [1, "é"]
    assert (second["d"], second["b"], second["e"], second["z"]) == ("True", "", "nan", "")
    assert read(export.write_table([], tmp_path / "none.csv", ["a"])) == []
    assert (tmp_path / "none.csv").read_text() == "a\n"


def test_a_column_of_parquet_has_one_type() -> None:
    assert export._one_type([1, 2]) == [1, 2] and export._one_type([True, None]) == [True, None]
    mixed = export._one_type([1, 2.5, None])
    assert mixed == [1.0, 2.5, None] and type(mixed[0]) is float
    assert export._one_type([1, None]) == [1.0, None] and export._one_type([True, 1]) == ["True", "1"]
    assert export._one_type([[1, 2], "x", None]) == ["[1, 2]", "x", None]


def test_parquet_only_where_its_packages_are(
    capsys: pytest.CaptureFixture[str], own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    argv = ["records", "export", str(tmp_path / "runs.parquet"), "--records", str(own)]
    monkeypatch.setattr(export, "find_spec", lambda name: None)
    line = refused(capsys, *argv)
    assert "Parquet needs pandas and pyarrow (pip install pandas pyarrow); allowed here: a name ending in .csv" in line
    monkeypatch.setattr(export, "find_spec", lambda name: None if name == "pyarrow" else object())
    assert "Parquet needs pyarrow (pip" in refused(capsys, *argv)

    class Frame:
        def __init__(self, data: dict[str, list[Any]], columns: list[str]) -> None:
            self.text = json.dumps([columns, data["seed"]])

        def to_parquet(self, path: Path, engine: str, index: bool) -> None:
            assert engine == "pyarrow" and not index
            Path(path).write_text(self.text)

    fake = types.ModuleType("pandas")
    vars(fake)["DataFrame"] = Frame
    monkeypatch.setitem(sys.modules, "pandas", fake)
    monkeypatch.setattr(export, "find_spec", lambda name: object())
    assert main(argv) == 0
    columns, seeds = json.loads((tmp_path / "runs.parquet").read_text())
    assert columns[:5] == list(export.NAMES) and seeds == [r.seed for r in Store(own)]
