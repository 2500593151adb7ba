"""The machinery that runs pages: which are stale, running them, what it refuses. (The book: test_pages.)"""

from __future__ import annotations

import json
import os
import pickle
import shutil
import subprocess
import sys
import time
from concurrent.futures import Executor, Future
from pathlib import Path

import nbformat
import pytest
import yaml

from ssllib.__main__ import main
from ssllib.errors import InputError
from ssllib.pages import build, notebooks

HEADER = """\
# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # A page

# %% tags=["parameters"]
scale: str = "smoke"
seed = 0
rate: float = 0.5
norms: list = [1, 2]
limit: int = None

# %%
"""
PAGE = HEADER + 'print("seed", seed)\nprint("sum", rate + sum(norms))\n'


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A checkout with two notebook pages and a Markdown page, and a little data."""
    toc = {
        "format": "jb-book",
        "root": "book/intro",
        "parts": [{"chapters": [{"file": "book/training/norms"}, {"file": "book/glossary"}]}],
    }
    arms, check = {"experiment": "arms"}, {"check": "x"}
    claims = [
        {"id": "a-claim", "page": "training/norms", "criterion": arms, "paper": ["2406.16468"]},
        {"id": "another", "page": "intro", "criterion": check, "paper": ["2403.18699"]},
    ]
    files = {
        "_toc.yml": yaml.safe_dump(toc),
        "_config.yml": "title: small",
        "book/intro.py": PAGE,
        "book/training/norms.py": PAGE + 'r = lambda page: page.recorded("widths")\n',
        "book/glossary.md": "# Glossary",
        "data/claims/training.yml": yaml.safe_dump(claims),
        "data/papers/2406.16468.yml": "title: one",
        "data/papers/2403.18699.yml": "title: two",
        "data/records/gpu/arms/cut-s0-12345678.json": "{}",
        "data/records/gpu/widths/wide-s0-12345678.json": "{}",
        "data/records/gpu/other/cell-s0-12345678.json": "{}",
        "ssllib/loss.py": "",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def edit(root: Path, name: str, text: str = "# changed\n") -> None:
    file = root / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text((file.read_text() if file.exists() else "") + text)


def test_pages_in_reading_order(root: Path) -> None:
    assert [p.name for p in build.pages(root)] == ["intro", "training/norms"]
    assert build.find("book/training/norms.ipynb", root).name == "training/norms"


def test_a_page_without_files_and_an_unknown_page(root: Path) -> None:
    with pytest.raises(InputError, match="there is no page 'norms'; allowed: intro, training/norms"):
        build.find("norms", root)
    (root / "book/glossary.md").unlink()
    with pytest.raises(InputError, match="book/glossary"):
        build.pages(root)


@pytest.mark.parametrize(
    ("name", "intro", "norms"),
    [
        ("book/intro.py", True, False),
        ("data/papers/2406.16468.yml", False, True),  # the paper of its claim
        ("data/papers/2403.18699.yml", True, False),
        ("data/records/gpu/arms/cut-s0-12345678.json", False, True),  # the experiment of its claim
        ("data/records/gpu/arms/cut-s1-12345678.json", False, True),  # a new seed
        ("data/records/paper/widths/wide-s0-12345678.npz", False, True),  # named in its source
        ("data/records/gpu/other/cell-s0-12345678.json", False, False),
        ("ssllib/loss.py", False, False),  # what nbval is for
    ],
)
def test_what_makes_a_page_stale(root: Path, name: str, intro: bool, norms: bool) -> None:
    before = {p.name: build.digest(p) for p in build.pages(root)}
    edit(root, name)
    changed = {p.name: before[p.name] != build.digest(p) for p in build.pages(root)}
    assert changed == {"intro": intro, "training/norms": norms}


def test_a_changed_claim_makes_its_page_stale_and_those_that_show_it(root: Path) -> None:
    edit(root, "book/intro.py", 'x = lambda page: page.card("a-claim")\n')
    before = {p.name: build.digest(p) for p in build.pages(root)}
    claims = yaml.safe_load((root / "data/claims/training.yml").read_text())
    claims[0]["ours"] = "said better"
    (root / "data/claims/training.yml").write_text(yaml.safe_dump(claims))
    assert all(before[p.name] != build.digest(p) for p in build.pages(root))


@pytest.mark.parametrize("name", ["data/deviations.yml", "data/papers/2403.18699.yml"])
def test_a_page_of_deviations_is_drawn_from_all_papers_and_the_reasons(root: Path, name: str) -> None:
    page = root / "book/training/norms.py"
    (root / "data/deviations.yml").write_text("reasons: []\n")
    for shows in (False, True):
        page.write_text(PAGE + 'f = lambda: deviation_table.markdown("widths", "gpu")\n' * shows)
        before = build.digest(build.find("training/norms", root))
        edit(root, name)
        assert (build.digest(build.find("training/norms", root)) != before) == shows


@pytest.mark.parametrize("call", ["page.all_records()", "scoreboard.table(records.committed())"])
@pytest.mark.parametrize("name", ["data/records/cpu/new/cell-s0-12345678.json", "data/claims/training.yml", "_toc.yml"])
def test_a_page_of_all_records_depends_on_every_record_claim_and_page(root: Path, call: str, name: str) -> None:
    edit(root, "book/intro.py", f"y = lambda page: {call}\n")
    before = build.digest(build.find("intro", root))
    edit(root, name, "- {id: new}\n" if "claims" in name else "# changed\n")
    assert build.digest(build.find("intro", root)) != before


def test_cell_ids_stay_when_a_cell_is_put_before_them(root: Path) -> None:
    source = root / "book/intro.py"
    before = [c.id for c in notebooks.fresh(source).cells]
    first = "# %% [markdown]\n"
    source.write_text(source.read_text().replace(first, f"# %%\nnew = 1\n\n{first}", 1))
    after = [c.id for c in notebooks.fresh(source).cells]
    assert after[1:] == before and len(set(after)) == len(after)


def test_executed_in_place_only_what_is_stale_and_nothing_volatile_kept(root: Path) -> None:
    assert [p.name for p in build.stale(root)] == ["intro", "training/norms"]
    lines: list[str] = []
    assert build.execute(build.stale(root), jobs=2, say=lines.append) == []
    assert build.stale(root) == [] and len(lines) == 3 and lines[-1].startswith("[2/2] ")
    written = json.loads((root / "book/intro.ipynb").read_text())
    assert set(written["metadata"]) == {"jupytext", "kernelspec", "language_info", "ssllib"}
    assert not any({"papermill", "execution"} & set(cell["metadata"]) for cell in written["cells"])
    streams = [o for cell in written["cells"] for o in cell.get("outputs", [])]
    assert [o["text"] for o in streams] == [["seed 0\n", "sum 3.5\n"]]  # one stream, however it came
    assert list(root.rglob("*.part")) == [] and list((root / "_build").iterdir()) == []
    edit(root, "book/intro.py", "\n# %% [markdown]\n# More.\n")
    assert [p.name for p in build.stale(root)] == ["intro"]
    assert build.execute([], jobs=2, say=lines.append) == [] and lines[-1] == "every page is up to date"


def test_a_failing_page_leaves_its_old_outputs_and_gives_one_line(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    edit(root, "book/intro.py", "\n# %%\nraise ValueError('the first line\\nand more')\n")
    (root / "book/intro.ipynb").write_text("{}")
    monkeypatch.setenv("SSLLIB_PROJECT", str(root))
    assert build.run_pages(jobs=2) == 1
    out, err = capsys.readouterr()
    assert "intro" in out and "FAILED" in out
    assert err == "page intro failed: ValueError in cell [3]: the first line (see _build/failed/intro.ipynb)\n"
    assert (root / "book/intro.ipynb").read_text() == "{}" and (root / "_build/failed/intro.ipynb").exists()
    assert [p.name for p in build.stale(root)] == ["intro"]  # the other page was run


def test_into_a_copy_of_the_book_once_per_state_of_the_library(root: Path) -> None:
    into, lines = root / "_build" / "live", list[str]()
    page, record = build.find("intro", root), "data/records/paper/proofs/a-s0-00000000.json"
    (root / record).parent.mkdir(parents=True, exist_ok=True)
    (root / record).write_text("{}")
    (root / "book/training/norms.ipynb").write_text("kept")
    for _ in range(2):
        assert build.execute([page], into=into, say=lines.append) == []
    assert (into / "book/training/norms.ipynb").read_text() == "kept", "a page that is not run keeps its outputs"
    said = [line.split("  ")[0] for line in lines]
    assert said == ["1 pages to run", "[1/1] intro", "every page is up to date"]
    assert all((into / name).exists() for name in ("_toc.yml", "book/glossary.md", record))
    assert (into / "book/intro.ipynb").exists() and not page.notebook.exists()
    edit(root, "ssllib/loss.py")
    pool = Recorder()
    build.execute([page], into=into, executor=pool, say=lines.append)
    assert pool.jobs == 1


class Recorder(Executor):
    """An executor that ships its jobs, as one on a cluster does, and pretends to have run them."""

    jobs = 0

    def submit(self, fn, /, *args, **kwargs):  # type: ignore[no-untyped-def]
        fn, args = pickle.loads(pickle.dumps((fn, args)))
        assert fn is build.papermill
        self.jobs += 1
        args[1].write_text(args[0].read_text())
        future: Future[tuple[float, str]] = Future()
        future.set_result((0.0, ""))
        return future


def test_any_executor_runs_the_pages(root: Path) -> None:
    pool = Recorder()
    assert build.execute(build.pages(root), executor=pool, say=lambda line: None) == []
    assert pool.jobs == 2 and build.stale(root) == []


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"sed": "1"}, "unknown parameter of page intro 'sed'; allowed: scale, seed, rate, norms, limit"),
        ({"seed": "many"}, "parameter seed of page intro is 'many'; allowed: a whole number, such as 0"),
        ({"seed": "1.5"}, "a whole number"),
        ({"seed": "true"}, "a whole number"),
        ({"rate": "[1"}, "a number, such as 0.5"),
        ({"norms": "3"}, "a list"),
        ({"scale": 3}, "a text"),
    ],
)
def test_a_wrong_parameter_is_refused_before_a_kernel_starts(
    root: Path, monkeypatch: pytest.MonkeyPatch, values: dict[str, object], message: str
) -> None:
    monkeypatch.setattr(build, "papermill", lambda *args: pytest.fail("a kernel was started"))
    with pytest.raises(InputError) as refused:
        build.run_page("intro", values, root / "out.ipynb", root)
    assert message in str(refused.value) and "\n" not in str(refused.value)


def test_parameters_are_read_as_the_types_that_the_page_declares(root: Path) -> None:
    values = {"scale": "3", "seed": "7", "rate": "1e-3", "norms": "[4, 5]", "limit": "9"}
    read = notebooks.checked("intro", root / "book/intro.py", values)
    assert read == {"scale": "3", "seed": 7, "rate": 0.001, "norms": [4, 5], "limit": 9}
    read = notebooks.checked("intro", root / "book/intro.py", {"rate": 2, "limit": "null"})
    assert read == {"rate": 2.0, "limit": None} and isinstance(read["rate"], float)


def test_a_page_with_other_parameters(root: Path) -> None:
    out = root / "runs" / "one.ipynb"
    build.run_page("intro", {"seed": "4", "norms": "[10]"}, out, root)
    cells = nbformat.read(out, as_version=4).cells
    assert "".join(o.text for o in cells[-1].outputs) == "seed 4\nsum 10.5\n"
    assert not (root / "book/intro.ipynb").exists()


def test_a_failing_run_says_what_the_page_said(root: Path) -> None:
    edit(root, "book/intro.py", "\nclass InputError(ValueError): pass\n")
    edit(root, "book/intro.py", "raise InputError('seed is 4; allowed: 5')\n")
    (root / "one.ipynb").write_text("an earlier result")
    says = "^page intro failed: seed is 4; allowed: 5 \\(see .*one-failed.ipynb\\)$"
    with pytest.raises(InputError, match=says) as e:
        build.run_page("intro", {}, root / "one.ipynb", root)
    assert not isinstance(e.value, build.PageFailed) and notebooks.refused(root / "one-failed.ipynb")
    assert (root / "one.ipynb").read_text() == "an earlier result" and not list(root.glob("*.part"))


@pytest.mark.parametrize("out", ["book/intro.ipynb", "book/training/norms.ipynb", "out.html"])
def test_a_run_never_overwrites_a_page_of_the_book(root: Path, out: str) -> None:
    with pytest.raises(InputError, match="cannot write to"):
        build.run_page("intro", {}, root / out, root)


def test_pages_can_be_listed_without_loading_torch() -> None:
    line = "import sys, ssllib.pages.build; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", line]).returncode == 0


def test_a_damaged_record_is_named_with_the_pages_that_it_leaves_unchecked(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(root / "data" / "records")
    build.execute(build.pages(root), executor=Recorder(), say=lambda line: None)
    monkeypatch.setenv("SSLLIB_PROJECT", str(root))
    assert build.doubtful(root) == [] and main(["pages", "--check"]) == 0
    edit(root, "data/records/gpu/arms/cut-s0-12345678.json", '{"half": ')
    damaged, pages = build.doubtful(root)
    assert "cut-s0-12345678.json: not readable" in damaged
    assert "training/norms; run `make pages`" in pages and "intro" not in pages
    assert main(["pages", "--check"]) == 1 and len(capsys.readouterr().err.splitlines()) == 2


def test_sigterm_ends_the_kernels_and_leaves_nothing(root: Path) -> None:
    slow = "import os, time\nopen('began', 'w').write(str(os.getpid()))\ntime.sleep(300)\n"
    edit(root, "book/intro.py", f"\n# %%\n{slow}")
    line = [sys.executable, "-m", "ssllib", "pages", "--jobs", "1"]
    process = subprocess.Popen(line, env=os.environ | {"SSLLIB_PROJECT": str(root)}, stdout=subprocess.PIPE)
    began, end = root / "book" / "began", time.monotonic() + 120
    while not (began.exists() and began.read_text()) and process.poll() is None and time.monotonic() < end:
        time.sleep(0.1)
    kernel = int(began.read_text())
    process.terminate()
    process.communicate(timeout=60)
    assert process.returncode == 143 and list((root / "_build").iterdir()) == []
    while Path(f"/proc/{kernel}").exists() and time.monotonic() < end:
        time.sleep(0.1)
    assert not Path(f"/proc/{kernel}").exists(), "the kernel goes on"
