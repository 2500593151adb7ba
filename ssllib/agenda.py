"""What is to be run, in which order and why (`data/queue.yml`), and how far it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ssllib import checkpoint, experiments, paths
from ssllib.errors import one_of
from ssllib.records import Store, read
from ssllib.sweep import Job, jobs


@dataclass(frozen=True)
class Entry:
    """A step of the queue: jobs, seed by seed, with the reason for their place and the hours of one core expected."""

    title: str
    why: str
    jobs: tuple[Job, ...]
    hours: float | None = None


_PART = ("experiment", "cells", "seeds", "epochs")


def entries(scale: str) -> list[Entry]:
    """The steps of `data/queue.yml` at a scale, in its order.

    A step is an experiment with its cells (default all), seeds (default those declared) and the epochs at which its
    runs stop (default the sooner end, where a cell has two); or several of these `together`, seed by seed.

    Raises:
        InputError: if the file names an experiment, cell or key that there is not.
    """
    import yaml

    path = paths.data_dir() / "queue.yml"
    steps = yaml.safe_load(path.read_text(encoding="utf-8"))
    one_of(f"scale of {path.name}", scale, steps)
    found = []
    for step in steps[scale]:
        parts = step.get("together", [step])
        for part in parts:
            for key in part:
                one_of(f"key of {path.name}", key, (*_PART, "why", "hours") if part is step else _PART)
        for key in step if "together" in step else ():
            one_of(f"key of {path.name}", key, ("together", "why", "hours"))
        todo = [job for part in parts for job in _jobs_of(part, scale)]
        title = ", ".join(dict.fromkeys(part["experiment"] for part in parts))
        ordered = sorted(dict.fromkeys(todo), key=lambda j: j.config.seed)
        found.append(Entry(title, step.get("why", ""), tuple(ordered), step.get("hours")))
    return found


def _jobs_of(part: dict[str, Any], scale: str) -> list[Job]:
    grid = experiments.get(part["experiment"])
    names = part.get("cells") or [c.name for c in grid.cells(scale)]
    found = []
    for name in names:
        own = getattr(grid.cell(scale, name).config, "epochs", None)
        ends = None if own is None else [part.get("epochs", own)]
        found += jobs(grid.name, scale, cells=[name], seeds=part.get("seeds", ()), ends=ends)
    return found


def queue(scale: str) -> list[Job]:
    """The jobs of `data/queue.yml` at a scale, in its order; see `entries`."""
    return list(dict.fromkeys(job for entry in entries(scale) for job in entry.jobs))


@dataclass(frozen=True)
class State:
    """Where a job is: `done`, `running`, `stopped` (it has a checkpoint) or `pending`."""

    word: str
    seconds: float = 0.0  # spent so far
    epoch: int = 0


def state(job: Job, store: Store) -> State:
    """Where a job is, by its record, its lock and what its checkpoint says; cheap enough for hundreds of jobs."""
    import filelock

    identity = job.config.identity()
    path = store.path(job.scale, job.experiment, job.cell, job.config.seed, identity)
    if path.exists():
        record = read(path)
        if record.status != "interrupted":
            copied = "copy_of" in record.provenance
            return State("done", 0.0 if copied else _spent(record.provenance))
    said = checkpoint.noted(store.folder / ".checkpoints" / f"{identity}.pt")
    if not said:
        return State("pending")
    try:
        with filelock.FileLock(store.folder / ".locks" / f"{identity[:16]}.lock", timeout=0):
            word = "stopped"
    except filelock.Timeout:
        word = "running"
    return State(word, float(said.get("seconds", 0.0)), int(said.get("epoch", 0)))


def _spent(provenance: dict[str, Any]) -> float:
    """Seconds that a run took in all its parts."""
    if "other_seconds" in provenance:
        return float(provenance["training_seconds"] + provenance["other_seconds"])
    return float(provenance.get("seconds", 0.0))
