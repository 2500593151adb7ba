"""Running what is pending of an experiment and keeping the results.

`run_pending` takes any `concurrent.futures.Executor`, so a process pool on one machine and a Dask cluster's
`Client.get_executor()` are the same call. A run is locked, so two processes never do the same one.
"""

from __future__ import annotations

import dataclasses
import datetime
import importlib.metadata
import os
import platform
import subprocess
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Executor, as_completed
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from ssllib import experiments, paths
from ssllib.config import RunConfig
from ssllib.errors import one_of
from ssllib.records import Record, Result, Store, write

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Job:
    """One run: a configuration with its place in an experiment's grid."""

    experiment: str
    scale: str
    cell: str
    config: RunConfig

    @property
    def label(self) -> str:
        return f"{self.experiment}/{self.cell} seed {self.config.seed}"


def jobs(
    experiment: str, scale: str, *, cells: Iterable[str] = (), seeds: Iterable[int] = (), **changes: Any
) -> list[Job]:
    """The jobs of an experiment at a scale, seed by seed so that arms can be compared early."""
    grid = experiments.get(experiment)
    chosen = [grid.cell(scale, name) for name in cells] or grid.cells(scale)
    seeds = tuple(seeds)
    found = [
        Job(experiment, scale, cell.name, config.replace(**changes) if changes else config)
        for cell in chosen
        for config in (dataclasses.replace(cell, seeds=seeds) if seeds else cell).configs()
    ]
    return sorted(found, key=lambda j: j.config.seed)


def pending(todo: Iterable[Job], store: Store) -> list[Job]:
    """The jobs without a finished or diverged record in the store.

    A run that another experiment has made already is pending too: its record is copied, which takes no time.
    """
    return [
        j
        for j in todo
        if (r := store.get(j.config.identity(), j.experiment, j.cell)) is None
        or r.status == "interrupted"
        or not _belongs(r, j)
    ]


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
    **options: Any,
) -> Record:
    """Carry out one job and write its record into the store at `folder`; a record that is there is returned.

    Only one process works on a job at a time; another waits and then reads the record. A training leaves a
    checkpoint after each epoch under `folder/.checkpoints` and continues from it.
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
        if job.config.kind == "training":
            options["checkpoints"] = folder / ".checkpoints"
            if progress:
                options["progress"] = lambda line: progress(f"{job.label}: {line}")
        else:
            options = {}
        criteria, commit = _criteria(job), _commit()
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
            | {"commit": commit, "criteria": criteria},
        )
        written = write(path, record, result.arrays)
        if result.status != "interrupted":
            (folder / ".checkpoints" / f"{identity}.pt").unlink(missing_ok=True)
        return written


def run_pending(
    todo: Iterable[Job],
    folder: Path,
    *,
    executor: Executor | None = None,
    progress: Progress | None = None,
    **options: Any,
) -> list[Record]:
    """Run the pending jobs, here one after the other or through `executor`, and return all records.

    After the `deadline` among the options no further job starts here; one given to an executor ends at once,
    interrupted.
    """
    todo = list(todo)
    if executor is None:
        return [run_job(job, folder, progress=progress, **options) for job in todo if not _late(options)]
    futures = {executor.submit(run_job, job, folder, **options): job for job in todo}
    done = {}
    for future in as_completed(futures):
        job = futures[future]
        done[job] = future.result()
        if progress:
            progress(f"{job.label}: {done[job].status}  ({len(done)}/{len(todo)})")
    return [done[job] for job in todo]


def _late(options: dict[str, Any]) -> bool:
    deadline = options.get("deadline")
    return deadline is not None and time.monotonic() > deadline


def queue(scale: str) -> list[Job]:
    """The jobs of `data/queue.yml` at a scale, in its order.

    Raises:
        InputError: if the file names an experiment, cell or key that there is not.
    """
    import yaml

    path = paths.data_dir() / "queue.yml"
    entries = yaml.safe_load(path.read_text(encoding="utf-8"))
    one_of(f"scale of {path.name}", scale, entries)
    found = []
    for entry in entries[scale]:
        for key in entry:
            one_of(f"key of {path.name}", key, ("experiment", "cells", "seeds", "why"))
        found += jobs(entry["experiment"], scale, cells=entry.get("cells", ()), seeds=entry.get("seeds", ()))
    return found


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


def _criteria(job: Job) -> dict[str, str]:
    """The criteria, as hashes, of the claims this run will be evidence for, as they stand now."""
    try:
        from ssllib import claims
    except ImportError:  # PyYAML is not installed: the record serves no claim
        return {}
    used = {job.experiment} | {
        e.name
        for e in experiments.EXPERIMENTS.values()
        for cell in e.scales.get(job.scale, [])
        if cell.config.kind == job.config.kind and cell.config.replace(seed=job.config.seed) == job.config
    }
    return {c.id: c.fingerprint() for c in claims.load().values() if used & set(c.experiments)}


def provenance(seconds: float, revision: int) -> dict[str, Any]:
    """Where a result came from: packages, device, date, time."""
    import torch

    cuda = torch.cuda.is_available()
    return {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "engine": revision,
        "versions": {"python": platform.python_version()} | {p: _version(p) for p in ("ssllib", "torch", "numpy")},
        "device": torch.cuda.get_device_name() if cuda else f"CPU {torch.backends.cpu.get_cpu_capability()}",
        "threads": torch.get_num_threads(),
        "seconds": round(seconds, 2),
    }


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "source"


@lru_cache(maxsize=1)
def _commit() -> str:
    """The commit of the code that this process has loaded, with `+` when the working tree differs from it.

    Asked once, when the first run starts: a later commit must not be credited with an earlier program's work.
    """
    here = Path(__file__).resolve().parent
    git = ["git", "-C", str(here)]
    try:
        head = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout
        dirty = subprocess.run(
            [*git, "status", "--porcelain", "--", str(here)], capture_output=True, text=True, check=True
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return head.strip() + ("+" if dirty.strip() else "")
