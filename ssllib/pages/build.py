"""The book's pages: which there are, which are stale, and running them with papermill, in parallel.

A page is a pair: the `.py` (percent format) that people edit and the `.ipynb` made from it, which holds the
outputs that the book shows and a digest of what they were drawn from.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from ssllib import paths
from ssllib.errors import InputError, listed, one_of, whole
from ssllib.pages import made, notebooks


class PageFailed(InputError):
    """A page failed in its own cells: nothing was wrong with what it was given."""

    status = 1


@dataclass(frozen=True)
class Page:
    """One notebook page of the checkout at `root`; `name` is as in a claim's `page` ("theory/cosine-gradient")."""

    name: str
    root: Path

    @property
    def source(self) -> Path:
        return self.root / "book" / f"{self.name}.py"

    @property
    def notebook(self) -> Path:
        return self.root / "book" / f"{self.name}.ipynb"


def _toc_files(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        yield from (node[key] for key in ("root", "file") if key in node)
    for value in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from _toc_files(value)


def entries(root: Path | None = None) -> list[str]:
    """All pages of `_toc.yml`, in reading order, as paths from the book's root without a suffix."""
    return list(_toc_files(yaml.safe_load(((root or paths.project_dir()) / "_toc.yml").read_text(encoding="utf-8"))))


def pages(root: Path | None = None) -> list[Page]:
    """The notebook pages of `_toc.yml`, in reading order (its Markdown pages are not run)."""
    root = (root or paths.project_dir()).resolve()
    found = []
    for entry in _toc_files(yaml.safe_load((root / "_toc.yml").read_text(encoding="utf-8"))):
        page = Page(entry.removeprefix("book/"), root)
        if page.source.exists():
            found.append(page)
        elif not (root / f"{entry}.md").exists():
            raise InputError(f"_toc.yml names {entry}, but there is no {entry}.py and no {entry}.md")
    return found


def find(name: str, root: Path | None = None) -> Page:
    """The page of that name; a path such as `book/<name>.ipynb` is understood too."""
    wanted = re.sub(r"\.(py|ipynb)$", "", name.removeprefix("book/"))
    known = {page.name: page for page in pages(root)}
    if wanted not in known:
        raise InputError(f"there is no page {name!r}; allowed: {listed(wanted, known)}")
    return known[wanted]


def digest(page: Page) -> str:
    """Hash of what the page's outputs are drawn from.

    That is: its source, its claims, the records (`records.committed`) of the experiments that it or its claims name,
    and the data of the papers that it or its claims name (of all, with the reasons, if it shows deviations), the queue
    if it shows records; for a page that reads every record, all of these and the table of contents.
    """
    source = page.source.read_text(encoding="utf-8")
    words = set(re.findall(r"""["']([\w./-]+)["']""", source))
    everything = re.search(r"\ball_records\(|\brecords\.committed\(", source) is not None
    data = page.root / "data"
    claims = [c for f in sorted(data.glob("claims/*.yml")) for c in _claims(f.read_text(encoding="utf-8"))]
    claims = [c for c in claims if everything or c.get("page") == page.name or c["id"] in words]
    words |= {name for c in claims for name in _experiments(c)}
    text = source + json.dumps(claims, sort_keys=True, default=str)
    other = paths.other_records_dir()
    folders = [data / "records", *filter(None, [other])]
    kept = (f for d in folders for kind in ("json", "npz") for f in d.glob(f"[!.]*/*/[!.]*.{kind}"))
    files = [f for f in kept if everything or f.parent.name in words]
    papers = [f for f in data.glob("papers/*.yml") if re.search(rf"""["']{re.escape(f.stem)}\b""", text)]
    files += [page.root / "_toc.yml", *data.glob("findings.yml"), *data.glob("papers/*.yml")] if everything else papers
    if "page.recorded(" in source:  # it names the place in the queue of what has no record
        files += data.glob("queue.yml")
    if "deviation_table.markdown(" in source:
        files += [data / "deviations.yml", *data.glob("papers/*.yml")]
    total = hashlib.sha256((text + notebooks.colab_cell(page.source)).encode())
    total.update(str(other or "").encode())  # the head of the page names it
    for file in sorted(set(files)):
        above = other if other and file.is_relative_to(other) else page.root
        total.update(f"{file.relative_to(above).as_posix()}\0".encode())
        total.update(hashlib.sha256(file.read_bytes()).digest())
    return total.hexdigest()[:20]


def _experiments(claim: Mapping[str, Any]) -> set[str]:
    """The experiments that a claim's criterion names, for itself, a cell, or a side of one."""
    rule = claim.get("criterion") or {}
    named = [rule, *rule.get("cells", [])]
    named += [side for cell in rule.get("cells", []) for side in cell.values() if isinstance(side, dict)]
    return {str(place["experiment"]) for place in named if "experiment" in place}


@lru_cache(maxsize=16)
def _claims(text: str) -> list[dict[str, Any]]:
    return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)) or []


def library(root: Path) -> str:
    """Hash of the library's sources and the lock: with `digest`, what a fresh execution depends on."""
    total = hashlib.sha256()
    sources = [f for pattern in ("*.py", "*.c") for f in (root / "ssllib").rglob(pattern)]
    for file in [root / "requirements.txt", *sorted(sources)]:
        total.update(file.read_bytes() if file.exists() else b"")
    return total.hexdigest()[:20]


def stale(root: Path | None = None) -> list[Page]:
    """The pages whose committed outputs were drawn from something else than what is there now."""
    return [p for p in pages(root) if notebooks.stamp_of(p.notebook).get("digest") != digest(p)]


def cpus() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


_RUNNING: set[subprocess.Popen[str]] = set()
"""The papermills that this process has started; they end with it."""
_STARTING = threading.Lock()
_ended = False


def begin_running() -> None:
    """Papermills may be started (again)."""
    global _ended
    with _STARTING:
        _ended = False


def end_running() -> None:
    """End the papermills that this process has started, and start no further one."""
    global _ended
    with _STARTING:
        _ended = True
        for process in list(_RUNNING):
            process.terminate()


def papermill(
    source: Path, out: Path, cwd: Path, values: Mapping[str, Any], threads: int | None, told: Path | None = None
) -> tuple[float, str]:
    """Run one notebook in a process of its own: (seconds, why it failed or ""); to `told` it tells its runs (`made`).

    A module-level function of plain values, so that any executor can ship it to a worker with the same files.
    """
    began = time.perf_counter()
    line = [sys.executable, "-m", "papermill", str(source), str(out), "--cwd", str(cwd)]
    line += ["--kernel", "python3", "--no-progress-bar"]
    line += ["--parameters_yaml", yaml.safe_dump(dict(values))] if values else []
    environment = dict(os.environ, PYDEVD_DISABLE_FILE_VALIDATION="1")
    if threads:
        environment["OMP_NUM_THREADS"] = str(threads)
    if told:
        environment[made.VARIABLE] = str(told)
    with _STARTING:  # a page that was still being prepared when the others were ended does not begin
        if _ended:
            return time.perf_counter() - began, "stopped before it began"
        process = subprocess.Popen(line, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        _RUNNING.add(process)
    try:
        _, said = process.communicate()
    finally:
        if process.poll() is None:  # this program is being stopped
            process.terminate()
        _RUNNING.discard(process)
    why = ""
    if process.returncode:
        code = process.returncode
        ended = f"its process was ended by signal {-code}" if code < 0 else "papermill failed"
        why = notebooks.failure(out) or ([ended, *said.strip().splitlines()])[-1]
    return time.perf_counter() - began, why


def execute(
    chosen: Iterable[Page],
    values: Mapping[str, Any] | None = None,
    jobs: int | None = None,
    into: Path | None = None,
    executor: Executor | None = None,
    say: Callable[[str], None] = print,
) -> list[str]:
    """Run pages, `jobs` at a time and on one thread each; returns one line per page that failed.

    In place by default. With `into`, a copy of the book is made there, and the pages of the copy that already
    hold what would be computed are left alone; a page of the book that is not run keeps its committed outputs there.
    `values` are parameters, given to each page that has them (in place there can be none). `executor` is any
    `concurrent.futures.Executor` whose workers see the same files.

    Raises:
        InputError: before anything runs, for a parameter that none of the pages has, a value that a page refuses, and
            a folder that cannot be written.
    """
    todo = list(chosen)
    if jobs is not None:
        whole("jobs", jobs, 1, 1024)
    if into is None and (other := paths.other_records_dir()):
        raise InputError(f"pages drawn from {other} are not the book's; allowed: another folder for them (--into)")
    if values and into is None:
        raise InputError("pages are executed in place with their own parameters only; name another folder")
    declared = {page: notebooks.parameters(page.source) for page in todo}
    for name in values or {} if todo else ():
        one_of("parameter of these pages", name, dict.fromkeys(n for names in declared.values() for n in names))
    given = {}
    for page, names in declared.items():
        own = {name: value for name, value in (values or {}).items() if name in names}
        given[page] = notebooks.checked(page.name, page.source, own)
    stamps = {page: {"digest": digest(page)} for page in todo}
    outs = {page: page.notebook for page in todo}
    if into is not None and todo:
        paths.writable("the folder of executed copies", into)
        _copy_book(todo[0].root, into, {page.notebook for page in todo})
        for page in todo:
            stamps[page] |= {"library": library(page.root), "parameters": json.dumps(given[page])}
            outs[page] = into / page.notebook.relative_to(page.root)
        todo = [page for page in todo if notebooks.stamp_of(outs[page]) != stamps[page]]
    say(f"{len(todo)} pages to run" if todo else "every page is up to date")
    if not todo:
        return []
    build, failed = todo[0].root / "_build", []
    build.mkdir(exist_ok=True)
    pool = executor or ThreadPoolExecutor(min(jobs or cpus(), len(todo)))
    with tempfile.TemporaryDirectory(dir=build, prefix="run-") as folder:
        futures = {}
        for page in todo:
            before, after = (Path(folder) / f"{page.name}.{step}.ipynb" for step in ("in", "out"))
            notebooks.write(notebooks.fresh(page.source), before)
            futures[pool.submit(papermill, before, after, page.source.parent, given[page], 1)] = page, after
        try:
            for n, future in enumerate(as_completed(futures), 1):
                page, after = futures[future]
                seconds, why = future.result()
                say(f"[{n}/{len(todo)}] {page.name}  {seconds:.1f} s{'  FAILED' if why else ''}")
                if why:
                    failed.append(f"page {page.name} failed: {why}{_keep(page, after)}")
                else:
                    import nbformat

                    ran = nbformat.read(after, as_version=4)
                    if note := _from_other_records():
                        ran.cells.insert(1, nbformat.v4.new_markdown_cell(note))
                    notebooks.write(notebooks.settle(ran, stamps[page]), outs[page])
        except BaseException:
            end_running()
            raise
        finally:
            if executor is None:
                pool.shutdown(cancel_futures=True)
            begin_running()
    return failed


def run_pages(stale_only: bool = False, jobs: int | None = None, into: Path | None = None) -> int:
    """Run the book's pages, saying how far it is, and one line per page that failed; the exit status."""
    chosen = stale() if stale_only else pages()
    failed = execute(chosen, jobs=jobs, into=into, say=lambda line: print(line, flush=True))
    for line in failed:
        print(line, file=sys.stderr)
    return 1 if failed else 0


def _keep(page: Page, ran: Path) -> str:
    """Put a failed page's notebook where it can be looked at; says where."""
    if not ran.exists():
        return ""
    kept = Path("_build") / "failed" / f"{page.name}.ipynb"
    (page.root / kept).parent.mkdir(parents=True, exist_ok=True)
    shutil.move(ran, page.root / kept)
    return f" (see {kept})"


def _copy_book(root: Path, into: Path, made: Container[Path]) -> None:
    """Copy what the book is built from (records too: pages offer them for download), the notebooks `made` apart.

    Only files that differ are touched, and no notebook that was executed there.
    """
    sources, other = {page.source for page in pages(root)}, paths.other_records_dir()
    files = [root / "_config.yml", root / "_toc.yml", *(root / "book").rglob("*")]
    copies = {f: f.relative_to(root) for f in files} | _records(root, other)
    for file, inside in copies.items():
        if file.is_dir() or file in made or file.suffix in {".part", ".pyc"} or file in sources:
            continue
        copy = into / inside
        if "library" in notebooks.stamp_of(copy):
            continue
        if not copy.exists() or copy.read_bytes() != file.read_bytes():
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, copy)


def _records(root: Path, other: Path | None) -> dict[Path, Path]:
    """Each file of the records that the book shows, and where it lies in a copy of the book."""
    if other is None:
        return {f: f.relative_to(root) for f in (root / "data" / "records").glob("[!.]*/*/*")}
    from ssllib.runs import records

    shown = [r.path.with_suffix(s) for r in records.committed() if r.path for s in (".json", ".npz")]
    return {f: Path("data", "records", *f.parts[-3:]) for f in shown if f.exists()}


def _from_other_records() -> str:
    """What the head of a page says that is drawn from a user's records; "" where it is drawn from the book's."""
    from ssllib.runs import declared, records

    store = records.committed()
    if not isinstance(store, declared.Instead):
        return ""
    mine = ", ".join(f"`{name}`" for name in store.experiments())
    return (
        ":::{admonition} Not the book's own evidence\n"
        f"The records in `{store.folder}` stand in the place of the book's for {mine}. All other experiments are the "
        "book's.\n:::"
    )


def run_page(
    name: str,
    values: Mapping[str, Any],
    out: Path,
    root: Path | None = None,
    say: Callable[[str], None] = lambda line: None,
    *,
    threads: int | None = None,
    stamp: Mapping[str, Any] | None = None,
) -> None:
    """Run one page with other parameters into a notebook of its own, `out`.

    What lies at `out` is replaced when the page has run through; what a failed page left goes beside it, to
    `<out>-failed.ipynb`. The page uses as many threads as torch likes, or `threads`. With a `stamp` the notebook
    carries it (`notebooks.stamp_of`), with the seconds that the page took and the runs that it made.

    Raises:
        InputError: before any kernel starts, for a page or parameter that does not exist, a value that the page
            refuses, and an `out` that is a page of the book or cannot be written; after it, with the page's own
            message, if the page refuses its input.
        PageFailed: if the page fails otherwise.
    """
    page = find(name, root)
    given = notebooks.checked(page.name, page.source, values)
    if out.suffix != ".ipynb" or out.is_dir() or out.resolve() in {p.notebook for p in pages(root)}:
        raise InputError(f"cannot write to {out}; allowed: a name ending in .ipynb, not a page of the book")
    paths.writable("the folder of the executed page", out.parent)
    with_values = ", ".join(f"{k} {v}" for k, v in given.items()) or "its own parameters"
    say(f"{page.name} with {with_values}: running; {out} is written when it has run through")
    failed = out.with_name(f"{out.stem}-failed.ipynb")
    with tempfile.TemporaryDirectory() as folder:
        before, after = Path(folder) / out.name, Path(folder) / f"{out.stem}.out.ipynb"
        notebooks.write(notebooks.fresh(page.source), before)
        ended = threading.Event()
        watch = threading.Thread(target=_watch, args=(after, ended, say), daemon=True)
        watch.start()
        told = None if stamp is None else Path(folder) / "runs"
        line = (before, after, page.source.parent, given, threads)
        try:
            seconds, why = papermill(*line, told) if told else papermill(*line)
        finally:
            ended.set()
            watch.join()
        if told and not why:
            notebooks.mark(after, {**(stamp or {}), "seconds": round(seconds, 2), "runs": made.read(told)})
        if after.exists():
            part = out.with_suffix(".part")  # on the disk of `out`, so that the renaming is one step
            shutil.copyfile(after, part)
            os.replace(part, failed if why else out)
    if why:
        seen = f" (see {failed})" if failed.exists() else ""
        refused = notebooks.refused(failed) if failed.exists() else False
        raise (InputError if refused else PageFailed)(f"page {page.name} failed: {why}{seen}")


def render(name: str, ran: Path, root: Path | None = None) -> Path:
    """One executed page as HTML, with the glossary and the references and without the other pages; its file.

    Links to other pages lead nowhere there. It is made in `_build/page` from the notebook at `ran`.

    Raises:
        InputError: if Jupyter Book fails, with the last line that it said.
    """
    page = find(name, root)
    into, beside = page.root / "_build" / "page", ("book/glossary", "book/references")
    _copy_book(page.root, into, {p.notebook for p in pages(page.root)})
    copy = into / page.notebook.relative_to(page.root)
    copy.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(ran, copy)
    toc = {"format": "jb-book", "root": f"book/{page.name}", "chapters": [{"file": file} for file in beside]}
    (into / "_toc.yml").write_text(yaml.safe_dump(toc), encoding="utf-8")
    line = [sys.executable, "-c", "from jupyter_book.cli.main import main; main()", "build", str(into), "--all", "-q"]
    done = subprocess.run(line, capture_output=True, text=True)
    if done.returncode:
        last = (["no message", *(done.stdout + done.stderr).strip().splitlines()])[-1]
        raise PageFailed(f"page {page.name} ran, but Jupyter Book failed: {last}")
    return into / "_build" / "html" / "book" / f"{page.name}.html"


def _watch(ran: Path, ended: threading.Event, say: Callable[[str], None], every: float = 30.0) -> None:
    """Say every so many seconds how many cells of the notebook at `ran` are done, until `ended`."""
    began = time.monotonic()
    while not ended.wait(every):
        try:
            cells = [c for c in json.loads(ran.read_text(encoding="utf-8"))["cells"] if c["cell_type"] == "code"]
        except (OSError, ValueError, KeyError):  # not there yet, or half written
            continue
        done = sum(c["metadata"].get("papermill", {}).get("status") == "completed" for c in cells)
        say(f"  {(time.monotonic() - began) / 60:.1f} min: {done} of {len(cells)} cells done")


def doubtful(root: Path | None = None) -> list[str]:
    """A line for each committed record that is damaged, and one naming the pages whose outputs cannot be checked.

    These are the pages drawn from something else than what is there now. Empty when all is as it was.
    """
    from ssllib.runs import records

    folder = (root or paths.project_dir()) / "data" / "records"
    lines = records.damaged(sorted(folder.glob("*/*/*.json")))
    if changed := [page.name for page in stale(root)]:
        lines.append(f"drawn from other sources or records than those here: {', '.join(changed)}; run `make pages`")
    return lines
