"""Running what is pending of an experiment and keeping the results.

`run_pending` takes any `concurrent.futures.Executor`, so a process pool on one machine and a Dask cluster's
`Client.get_executor()` are the same call. A run is locked, so two processes never do the same one.

A run that is stopped leaves its checkpoint, and the next call goes on from there. A finished one keeps it where another
declared run of the same course (`TrainConfig.course`) has no record yet: the longer one goes on from it, and one that
is only measured otherwise is not trained again. See `checkpoint` for the folder.
"""

from __future__ import annotations

import dataclasses
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Executor, as_completed
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from ssllib.engine import checkpoint, stopping
from ssllib.engine.config import RunConfig
from ssllib.engine.train_config import TrainConfig
from ssllib.runs import experiments
from ssllib.runs.provenance import commit, provenance
from ssllib.runs.records import Record, Result, Store, write

Progress = Callable[[str], None]
Criteria = Callable[["Job"], dict[str, str]]


@dataclass(frozen=True)
class Job:
    """One run: a configuration with its place in an experiment's grid."""

    experiment: str
    scale: str
    cell: str
    config: RunConfig

    @property
    def label(self) -> str:
        """Its name, with the epoch it goes to where that is a further end of its cell."""
        cell = experiments.get(self.experiment).cell(self.scale, self.cell)
        end = getattr(self.config, "epochs", None)
        further = f" to epoch {end}" if end in cell.longer else ""
        return f"{self.experiment}/{self.cell} seed {self.config.seed}{further}"


def jobs(
    experiment: str,
    scale: str,
    *,
    cells: Iterable[str] = (),
    seeds: Iterable[int] = (),
    ends: Iterable[int] | None = None,
    **changes: Any,
) -> list[Job]:
    """The jobs of an experiment at a scale, seed by seed so that arms can be compared early.

    `ends`: only runs that stop at these epochs; default each end that a cell has.
    """
    grid = experiments.get(experiment)
    chosen = [grid.cell(scale, name) for name in cells] or grid.cells(scale)
    seeds, wanted = tuple(seeds), None if ends is None else set(ends)
    found = [
        Job(experiment, scale, cell.name, config.replace(**changes) if changes else config)
        for cell in chosen
        for config in (dataclasses.replace(cell, seeds=seeds) if seeds else cell).configs()
        if wanted is None or getattr(config, "epochs", None) in wanted
    ]
    return sorted(dict.fromkeys(found), key=lambda j: j.config.seed)


def pending(todo: Iterable[Job], store: Store) -> list[Job]:
    """The jobs without a finished or diverged record in the store.

    A run that another experiment has made already is pending too: its record is copied, which takes no time.
    """
    there, found = _identities(store), []
    for j in todo:
        identity = j.config.identity()
        r = store.get(identity, j.experiment, j.cell) if identity[:8] in there else None
        if r is None or r.status == "interrupted" or not _belongs(r, j):
            found.append(j)
    return found


def _identities(store: Store) -> set[str]:
    """The first 8 characters of the identity of each record in a store."""
    return {path.stem[-8:] for path in store.folder.glob("*/*/*.json")}


def _belongs(record: Record, job: Job) -> bool:
    return (record.experiment, record.cell, record.scale) == (job.experiment, job.cell, job.scale)


def _copy(record: Record, job: Job, path: Path) -> Record:
    """The record of the same run in another experiment, as this job's own."""
    provenance = record.provenance | {"copy_of": f"{record.scale}/{record.experiment}/{record.cell}"}
    own = dataclasses.replace(
        record, experiment=job.experiment, cell=job.cell, scale=job.scale, provenance=provenance
    )
    return write(path, own, record.arrays)


def run_job(
    job: Job,
    folder: Path,
    *,
    threads: int | None = None,
    progress: Progress | None = None,
    criteria: Criteria | None = None,
    **options: Any,
) -> Record:
    """Carry out one job and write its record into the store at `folder`; a record that is there is returned.

    Only one process works on a job at a time; another waits and then reads the record. A training leaves a
    checkpoint after each epoch under `folder/.checkpoints` and continues from it.

    Args:
        criteria: gives the criteria, as hashes, that the record is evidence for as they stand when the run begins
            (`ssllib.evidence.claims.criteria_of`); without it the record serves no claim.
    """
    import filelock

    store, identity = Store(folder), job.config.identity()
    path = store.path(job.scale, job.experiment, job.cell, job.config.seed, identity)
    locks = folder / ".locks"
    locks.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(locks / f"{identity[:16]}.lock"):
        known = store.get(identity, job.experiment, job.cell)
        if known is not None and known.status != "interrupted":
            return known if _belongs(known, job) else _copy(known, job, path)
        if threads is not None:
            import torch

            torch.set_num_threads(threads)
        running = folder / ".checkpoints" / f"{identity}.pt"
        if job.config.kind == "training":
            if not checkpoint.noted(running):
                checkpoint.note(running, epoch=0)
            options["checkpoints"] = folder / ".checkpoints"
            if progress:
                options["progress"] = lambda line: progress(f"{job.label}: {line}")
        else:
            options = {}
        stamps, code = criteria(job) if criteria else {}, commit()
        start = time.perf_counter()
        result: Result = job.config.run(**options)
        seconds = time.perf_counter() - start
        record = Record(
            kind=job.config.kind,
            identity=identity,
            experiment=job.experiment,
            cell=job.cell,
            scale=job.scale,
            config=job.config.to_dict(),
            status=result.status,
            history=result.history,
            final=result.final,
            provenance=provenance(seconds, job.config.revision)
            | result.speed
            | {"commit": code, "criteria": stamps},
        )
        written = write(path, record, result.arrays)
        if result.status != "interrupted":
            _keep(job, running, store, finished=result.status == "finished")
            running.unlink(missing_ok=True)
            running.with_suffix(".json").unlink(missing_ok=True)
        return written


def _keep(job: Job, state: Path, store: Store, *, finished: bool) -> None:
    """Keep the checkpoint `state` of a run that is done as long as another declared run can go on from it."""
    config = job.config
    if not isinstance(config, TrainConfig) or job.scale == "smoke":
        return
    course = config.course()
    there = _identities(store)
    waiting = [c.epochs for c in _courses().get(course, []) if c.identity()[:8] not in there]
    if finished and state.exists() and any(e >= config.epochs for e in waiting):
        target = checkpoint.kept(state.parent, course, config.epochs)
        target.parent.mkdir(exist_ok=True)
        os.replace(state, target)
    for epoch, path in checkpoint.latest(state.parent, course, 10**9):
        if not any(e >= epoch for e in waiting):
            path.unlink(missing_ok=True)


@lru_cache(maxsize=1)
def _courses() -> dict[str, list[TrainConfig]]:
    """The declared trainings, each once, by their course, where that has several."""
    found: dict[str, dict[TrainConfig, None]] = {}
    for e in experiments.EXPERIMENTS.values():
        for scale, cells in e.scales.items():
            for config in (c for cell in cells for c in cell.configs()):
                if isinstance(config, TrainConfig) and scale != "smoke":
                    found.setdefault(config.course(), {})[config] = None
    return {course: list(configs) for course, configs in found.items() if len(configs) > 1}


def run_pending(
    todo: Iterable[Job],
    folder: Path,
    *,
    executor: Executor | None = None,
    progress: Progress | None = None,
    worker_progress: Progress | None = None,
    **options: Any,
) -> list[Record]:
    """Run the pending jobs, here one after the other or through `executor`, and return all records, in that order.

    `worker_progress` goes along to the executor's workers, so it has to be a function of a module, such as `say`.
    After the `deadline` among the options, and when `stopping.asked()`, no further job starts.
    """
    todo = list(todo)
    if executor is None:
        return run_jobs(todo, folder, progress=progress, **options)
    same: dict[str, list[Job]] = {}  # one run in several experiments: made once, then copied
    for job in todo:
        same.setdefault(job.config.identity(), []).append(job)
    sent = options | {"progress": worker_progress}
    futures = {executor.submit(run_jobs, group, folder, **sent): group for group in same.values()}
    done: dict[Job, Record] = {}
    for future in as_completed(futures):
        if future.cancelled():
            continue
        for job, record in zip(futures[future], future.result(), strict=False):
            done[job] = record
            if progress:
                progress(f"{job.label}: {record.status}  ({len(done)}/{len(todo)})")
        if _over(options):
            for waiting in futures:
                waiting.cancel()
    return [done[job] for job in todo if job in done]


def say(line: str) -> None:
    """Print a line at once, whole even where several processes print."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def run_jobs(todo: list[Job], folder: Path, **options: Any) -> list[Record]:
    """The records of the jobs, made one after the other until the `deadline` or until `stopping.asked()`."""
    done = []
    for job in todo:
        if _over(options):
            break
        done.append(run_job(job, folder, **options))
    return done


def _over(options: dict[str, Any]) -> bool:
    """Whether no further job is to start."""
    deadline = options.get("deadline")
    return stopping.asked() or (deadline is not None and time.monotonic() > deadline)


def start_worker(shared: Any) -> None:
    """Initializer of pool workers: end when the parent does, and stop when it is asked to (see `stopping`)."""
    die_with_parent()
    stopping.listen(shared, worker=True)


def die_with_parent() -> None:
    """Initializer of pool workers: end when the process that started them is gone, however it went.

    Otherwise a killed sweep leaves workers behind that hold its locks and go on with old code.
    """
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
