"""`python -m ssllib`: run experiments, see where the claims stand, execute pages.

Exit status: 0 done; 1 a page failed, or a check found a fault; 2 bad input, said in one line before any work; 3 all is
run, and at least one run diverged; 130 or 143 stopped by Ctrl-C or SIGTERM.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from pathlib import Path
from typing import Any, NoReturn

from ssllib.errors import InputError, in_range, one_of, whole

DIVERGED = 3
"""Exit status when everything was run and a run diverged."""


class WorkerDied(InputError):
    """A process that carried out a run was ended from outside, by want of memory for example."""

    status = 1


class _Parser(argparse.ArgumentParser):
    """Says what is wrong with a command line in one line, as everything else here does."""

    def error(self, message: str) -> NoReturn:
        raise InputError(f"{message}; `{self.prog} --help` says what is allowed")


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit status (2 for bad input, with one line on standard error)."""
    goes_on = False
    try:
        args = _parser().parse_args(argv)
        goes_on = args.call in (_run, _batch)
        return int(args.call(args) or 0)
    except InputError as e:
        print(f"ssllib: {e}", file=sys.stderr)
        return int(getattr(e, "status", 2))
    except (PermissionError, NotADirectoryError, IsADirectoryError, FileExistsError) as e:
        print(f"ssllib: {e.filename}: {e.strerror}; allowed: a place you may read or write", file=sys.stderr)
        return 2
    except BrokenPipeError:  # `ssllib status | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except KeyboardInterrupt:
        rest = "; what was finished is kept, and the same command continues" if goes_on else ""
        print(f"ssllib: stopped{rest}", file=sys.stderr)
        return 130


_WHOSE = "records: own ($SSLLIB_RECORDS or the cache), book, or a folder"


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="ssllib", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    p = commands.add_parser("status", help="the verdict on every claim")
    p.add_argument("--summary", action="store_true", help="only how many claims have which verdict")
    p.add_argument("--records", default="book", metavar="WHOSE", help=f"{_WHOSE} (default book)")
    p.set_defaults(call=_status)

    p = commands.add_parser("experiments", help="the experiments, with their scales and numbers of runs")
    p.set_defaults(call=_experiments)

    p = commands.add_parser("run", help="run what is pending of an experiment; can be stopped and continued")
    p.add_argument("experiment", nargs="?")
    p.add_argument("--queue", action="store_true", help="all experiments, in the order of data/queue.yml")
    p.add_argument("--scale", default="smoke", help="smoke, cpu, gpu or paper (default smoke)")
    p.add_argument("--cell", action="append", default=[], help="only this cell (repeatable)")
    p.add_argument("--seed", action="append", default=[], type=int, help="only this seed (repeatable)")
    p.add_argument("--set", action="append", default=[], metavar="K=V", help="change a setting (repeatable)")
    p.add_argument("--minutes", type=float, help="start no further epoch after this many minutes (0 or more)")
    p.add_argument("--data-root", help="folder of the image sets (default $SSLLIB_DATA or the cache)")
    p.add_argument(
        "--jobs", type=int, help="runs at the same time, each in a process (default: at cpu scale one a core, else 1)"
    )
    p.add_argument("--threads", type=int, help="CPU threads of each run (default 1 without a GPU)")
    p.add_argument("--into", type=Path, help="folder of records (default $SSLLIB_RECORDS or the cache)")
    p.add_argument("--commit", action="store_true", help="write into the project's own data/records")
    p.add_argument("--compile", action="store_true", help="put the backbone through torch.compile")
    p.add_argument("--dry-run", action="store_true", help="list the runs with expected times here, and stop")
    p.add_argument("--status", action="store_true", help="say what of it is done, running and pending, and stop")
    p.set_defaults(call=_run)

    p = commands.add_parser("data", help="download and check an image set into the data root")
    p.add_argument("name", help="cifar10, cifar100, cifar-n, cifar-10h, flowers102 or imagenette")
    p.add_argument("--data-root")
    p.set_defaults(call=_data)

    p = commands.add_parser("records", help="check records, propose your own for the book, or write them as a table")
    actions = p.add_subparsers(required=True, metavar="add|check|export")
    p = actions.add_parser("add", help="copy whole runs of declared cells, your own, into data/records")
    p.add_argument("files", nargs="*", type=Path, help="records (.json), or folders of them")
    p.add_argument("--dry-run", action="store_true", help="say what would be added, and stop")
    p.set_defaults(call=_add_records)
    p = actions.add_parser("check", help="whether records are whole")
    p.add_argument("files", nargs="*", type=Path, help="records (.json; default all that are kept with the book)")
    p.set_defaults(call=_check_records)
    p = actions.add_parser("export", help="one row a run, or a row an epoch, as CSV or Parquet")
    p.add_argument("out", type=Path, help="a name ending in .csv, or in .parquet where pandas and pyarrow are")
    p.add_argument("--epochs", action="store_true", help="a row for each epoch of each run")
    p.add_argument("--records", default="book", metavar="WHOSE", help=f"{_WHOSE} (default book)")
    p.set_defaults(call=_export_records)

    p = commands.add_parser("pages", help="execute the book's pages")
    p.add_argument("--stale", action="store_true", help="only pages whose source or records changed")
    p.add_argument("--jobs", type=int, default=2, help="pages at the same time (default 2)")
    p.add_argument("--into", type=Path, help="write executed copies there instead of in place")
    p.add_argument("--check", action="store_true", help="run nothing; say which outputs cannot be checked any more")
    p.add_argument("--records", metavar="WHOSE", help=f"draw the pages from these: {_WHOSE}; needs --into")
    p.set_defaults(call=_pages)

    p = commands.add_parser("look", help="the built book in headless Chromium: its faults, and a picture of each page")
    p.add_argument("only", nargs="*", help="parts of pages' names, for example theory/ (default all)")
    p.add_argument("--built", type=Path, help="folder of the built book (default the newest in _build)")
    p.set_defaults(call=_look)

    p = commands.add_parser("pdf", help="the built book as one PDF, through headless Chromium")
    p.add_argument("--built", type=Path, help="folder of the built book (default the newest in _build)")
    p.add_argument("-o", "--out", type=Path, default=Path("_build/book.pdf"))
    p.set_defaults(call=_pdf)

    p = commands.add_parser("page", help="execute one page with other parameters")
    p.add_argument("name", help="for example training/simclr-norms")
    p.add_argument("-p", "--parameter", nargs=2, action="append", default=[], metavar=("NAME", "VALUE"))
    p.add_argument("-o", "--out", type=Path, help="the executed notebook (default NAME with -run, here)")
    p.add_argument("--html", action="store_true", help="render it too, alone, in _build/page")
    p.set_defaults(call=_page)

    p = commands.add_parser("batch", help="execute a grid of pages and parameters; can be stopped and continued")
    p.add_argument("grid", type=Path, help="a YAML file, such as data/batch/theory.yml")
    p.add_argument("--into", type=Path, help="folder of notebooks and table (default _build/batch/GRID)")
    p.add_argument("--jobs", type=int, default=1, help="pages at the same time (default 1)")
    p.add_argument("--dry-run", action="store_true", help="check the grid, list it with its cost, and stop")
    p.set_defaults(call=_batch)
    return parser


def _status(args: argparse.Namespace) -> None:
    from ssllib.evidence import beside, scoreboard
    from ssllib.runs import declared, records

    if args.records == "book":
        print(scoreboard.summary(records.project()) if args.summary else scoreboard.text(records.project()))
        return
    own = declared.Declared(declared.folder(args.records))
    if args.summary:
        print(beside.counted(own), scoreboard.summary(own), sep="\n")
    else:
        print(beside.text(own, records.project()))


def _experiments(args: argparse.Namespace) -> None:
    from ssllib.runs.experiments import EXPERIMENTS

    for name, e in sorted(EXPERIMENTS.items()):
        scales = ", ".join(f"{s} ({sum(len(c.seeds) for c in cells)} runs)" for s, cells in e.scales.items())
        cells = [c.name for c in e.cells(min(e.scales))]
        more = f", ... ({len(cells)})" if len(cells) > 8 else ""
        print(f"{name:<24}  {e.title}\n{'':<24}  {scales}; cells {', '.join(cells[:8])}{more}")


def _settings(pairs: Sequence[str]) -> dict[str, Any]:
    import ast

    found = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise InputError(f"--set {pair!r} is not of the form setting=value")
        try:
            found[name] = ast.literal_eval(value)
        except (ValueError, SyntaxError):
            found[name] = value
    return found


def _run(args: argparse.Namespace) -> int:
    from ssllib import paths
    from ssllib.runs import agenda, experiments, jobs, records

    changes = _settings(args.set)
    if args.commit and changes:
        raise InputError("--commit takes only declared cells; leave out --set")
    one_of("scale", args.scale, records.SCALES)
    if args.commit and args.scale == "smoke":
        raise InputError("--commit at smoke scale; allowed: cpu, gpu, paper (a smoke run is no evidence)")
    if args.commit and args.into:
        raise InputError("--commit writes into data/records; leave out --into")
    if args.queue == bool(args.experiment):
        raise InputError("run needs the name of an experiment or --queue, and not both")
    if args.queue and (args.cell or args.seed or changes):
        raise InputError("--queue takes what data/queue.yml says; allowed without --cell, --seed and --set")
    if args.minutes is not None:
        in_range("--minutes", args.minutes, 0, 10**6)
    for name in ("jobs", "threads"):
        if getattr(args, name) is not None:
            whole(f"--{name}", getattr(args, name), 1, 1024)
    if args.commit and (args.threads or 1) != 1:
        raise InputError(f"--threads is {args.threads} with --commit: recorded runs have one thread; allowed: 1")
    if args.queue:
        steps, title = agenda.entries(args.scale), "The queue"
    else:
        todo = jobs.jobs(args.experiment, args.scale, cells=args.cell, seeds=args.seed, **changes)
        title = experiments.get(args.experiment).title
        steps = [agenda.Entry(args.experiment, "", tuple(todo))]
    todo = list(dict.fromkeys(job for step in steps for job in step.jobs))
    folder = paths.project_records_dir() if args.commit else args.into or paths.user_records_dir()
    if folder.exists() and not folder.is_dir():
        raise InputError(f"the folder of records {folder} is a file; allowed: a folder (--into, SSLLIB_RECORDS)")
    store = records.Store(folder)
    if args.status:
        print(agenda.status(steps, store))
        return 0
    waiting = jobs.pending(todo, store)
    print(f"{title}: {len(todo)} runs at {args.scale} scale, {len(waiting)} pending, records in {folder}")
    _without_gpu(waiting)
    if args.dry_run:
        print(agenda.forecast(steps, waiting, store))
        return 0
    paths.writable("the folder of records", folder)
    return _carry_out(args, waiting, store)


def _without_gpu(todo: Sequence[Any]) -> None:
    """Say at once, when a training made for a GPU is to start without one."""
    import torch

    made_for = [j for j in todo if j.config.kind == "training" and j.scale in ("gpu", "paper")]
    if made_for and not torch.cuda.is_available():
        print(f"ssllib: no GPU here; {made_for[0].scale} scale takes days a training without one", file=sys.stderr)


def _carry_out(args: argparse.Namespace, waiting: list[Any], store: Any) -> int:
    import torch

    from ssllib import paths
    from ssllib.engine import stopping
    from ssllib.evidence import claims
    from ssllib.runs import agenda, jobs

    _check_data(waiting, args.data_root)
    on_cpu = not torch.cuda.is_available()
    options: dict[str, Any] = {"threads": args.threads or (1 if on_cpu else None)}
    if paths.has_project():  # outside a checkout a record serves no claim
        options["criteria"] = claims.criteria_of
    if args.minutes is not None:
        options["deadline"] = time.monotonic() + 60 * args.minutes
    if any(j.config.kind == "training" for j in waiting):
        options["data_root"] = args.data_root
        if args.compile:
            options["compiled"] = True
    at_once = args.jobs or (len(os.sched_getaffinity(0)) if args.scale == "cpu" and on_cpu else 1)
    at_once = min(at_once, max(1, len(waiting)))
    say = jobs.say
    say(agenda.expectation(waiting, store, at_once))
    try:
        if at_once > 1:
            import multiprocessing

            spawn = multiprocessing.get_context("spawn")
            stop = spawn.Event()
            stopping.listen(stop)
            with ProcessPoolExecutor(
                at_once, mp_context=spawn, initializer=jobs.start_worker, initargs=(stop,)
            ) as pool:
                done = jobs.run_pending(
                    waiting, store.folder, executor=pool, progress=say, worker_progress=jobs.say, **options
                )
        else:
            stopping.listen()
            done = jobs.run_pending(waiting, store.folder, progress=say, **options)
        stopped = stopping.asked()
    except BrokenExecutor as e:
        raise WorkerDied(f"{e}; what was finished is kept, and the same command continues (with fewer --jobs?)") from e
    finally:
        stopping.ignore()
    for r in done:
        numbers = "  ".join(f"{k} {v:.4g}" for k, v in list(r.final.items())[:4] if isinstance(v, (int, float)))
        print(f"{r.cell} seed {r.seed}: {r.status}  {numbers}")
    if stopped:
        print("ssllib: stopped; what was done is kept, and the same command continues", file=sys.stderr)
        return 143
    diverged = sum(r.status == "diverged" for r in done)
    left = len(waiting) - sum(r.status != "interrupted" for r in done)
    if diverged:
        print(f"{diverged} of {len(done)} runs diverged")
    if left:
        print(f"time was up: {left} of {len(waiting)} runs are left; the same command continues")
    return DIVERGED if diverged and not left else 0


def _check_data(todo: Sequence[Any], root: str | None) -> None:
    """Missing or damaged data is said before any run starts."""
    from ssllib.engine import data
    from ssllib.engine.evaluation import at_the_end

    seen = set()
    for job in todo:
        if job.config.kind == "training" and (what := (job.config.dataset, job.config.measures)) not in seen:
            data.check(job.config, root)
            at_the_end.check(job.config, root)
            seen.add(what)


def _data(args: argparse.Namespace) -> None:
    from ssllib.engine.data import download

    folder = download.get(args.name, args.data_root, say=print)
    if args.name.startswith("cifar1"):  # what torchvision reads is checked file by file
        from ssllib.engine.data.cifar import cifar

        cifar(args.name, folder)
    print(f"{args.name} is in {folder}, checked")


def _add_records(args: argparse.Namespace) -> int:
    from ssllib.evidence import proposals

    return proposals.add(args.files, dry_run=args.dry_run)


def _export_records(args: argparse.Namespace) -> None:
    from ssllib.runs import declared, export, records

    out = export.table_file(args.out)
    found = list(records.Store(declared.folder(args.records)))
    rows = export.epochs(found) if args.epochs else export.runs(found)
    export.write_table(rows, out, export.NAMES)
    print(f"{out}: {len(rows)} rows of {len(found)} runs, {len(export.columns(rows))} columns")


def _check_records(args: argparse.Namespace) -> int:
    """Check the named records, or the project's; every damaged one is a line on standard error, and status 1."""
    from ssllib.runs import records

    for path in args.files:
        if not path.is_file():
            raise InputError(f"there is no record {path}; allowed: records (.json), or none for all of the project's")
    chosen = args.files or sorted(records.project().folder.glob("*/*/*.json"))
    wrong = records.damaged(chosen)
    for line in wrong:
        print(f"ssllib: {line}", file=sys.stderr)
    if not wrong:
        print(f"{len(chosen)} records, all whole")
    return bool(wrong)


def _end_on_sigterm() -> None:
    """SIGTERM ends a command that runs pages as Ctrl-C does: its kernels end, its temporary files go; status 143."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))


def _pages(args: argparse.Namespace) -> int:
    from ssllib.pages import build

    whole("--jobs", args.jobs, 1, 1024)
    if args.records and (args.check or not args.into):
        raise InputError("--records draws pages from other records into a folder of their own; allowed: with --into")
    if args.check:
        for line in (lines := build.doubtful()):
            print(f"ssllib: {line}", file=sys.stderr)
        return bool(lines)
    if args.records:
        from ssllib import paths
        from ssllib.runs import declared

        paths.use_records(None if args.records == "book" else declared.evidence(args.records))
    _end_on_sigterm()
    status = build.run_pages(stale_only=args.stale, jobs=args.jobs, into=args.into)
    if args.into is None:
        from ssllib.pages import score_board
        from ssllib.runs import records

        if score_board.update_readme(records.committed()):
            print("README.md: summary of verdicts updated")
    return status


def _look(args: argparse.Namespace) -> int:
    from ssllib import paths
    from ssllib.pages import look

    shots = paths.project_dir() / "_build" / "look"
    found = look.faults(args.built or look.newest(), shots, lambda line: print(line, flush=True), args.only)
    print(f"{len(found)} faults; pictures in {shots}")
    return bool(found)


def _pdf(args: argparse.Namespace) -> None:
    from ssllib.pages import build as book
    from ssllib.pages import look, printed

    count = printed.pdf(args.built or look.newest(), book.entries(), args.out)
    print(f"{args.out}: {count} pages")


def _page(args: argparse.Namespace) -> None:
    from ssllib.pages import build

    leaf = build.find(args.name).name.rpartition("/")[2]
    out = args.out or Path(f"{leaf}-run.ipynb")
    values = dict(args.parameter)
    if len(values) < len(args.parameter):
        raise InputError("a parameter is given twice; allowed: each once")
    _end_on_sigterm()
    build.run_page(args.name, values, out, say=lambda line: print(line, flush=True))
    print(f"executed page: {out}")
    if args.html:
        print(f"rendered, without the other pages: {build.render(args.name, out).resolve().as_uri()}")


def _batch(args: argparse.Namespace) -> int:
    from ssllib.pages import batch

    whole("--jobs", args.jobs, 1, 1024)
    todo = batch.load(args.grid)
    into = args.into or batch.folder_of(args.grid)
    if args.dry_run:
        print(batch.forecast(todo, into))
        return 0
    _end_on_sigterm()
    return batch.run(todo, into, args.jobs, say=lambda line: print(line, flush=True))


if __name__ == "__main__":
    sys.exit(main())
