"""What is to be run, in which order and why (`data/queue.yml`), and how far it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ssllib import paths
from ssllib.engine import checkpoint
from ssllib.errors import one_of
from ssllib.runs import experiments
from ssllib.runs.jobs import Job, jobs
from ssllib.runs.records import Store, read
from ssllib.runs.run_time import Speeds


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


# --- in words -----------------------------------------------------------------------------------------------


def speeds(store: Store) -> Speeds:
    """What was measured here, from the store's records and the project's own."""
    from ssllib.runs import records

    if not paths.has_project():
        return Speeds.of(store)
    own = records.project()
    return Speeds.of([*store, *(own if own.folder.resolve() != store.folder.resolve() else ())])


def _left(job: Job, known: Speeds, spent: State | None = None) -> float | None:
    """Expected seconds until a job is done."""
    total = known.seconds(job.config)
    if total is None or spent is None or not spent.epoch:
        return total
    return total * max(0.0, 1 - spent.epoch / max(1, getattr(job.config, "epochs", 1)))


def _hours(times: list[float | None]) -> str:
    """The sum of seconds in hours of one core, and for how many runs there is none."""
    known = [t for t in times if t is not None]
    missing = len(times) - len(known)
    words = f"{sum(known) / 3600:.1f} h" if known else ""
    if not missing:
        return words or "0.0 h"
    rest = "not measured here" if missing == len(times) else f"{missing} runs not measured here"
    return f"{words} + {rest}" if words else rest


def forecast(steps: list[Entry], waiting: list[Job], store: Store) -> str:
    """The pending runs, step by step, with expected times of one core; of several equal runs the others are copies."""
    known, seen, lines = speeds(store), set(), []
    todo, all_times = set(waiting), []
    for step in steps:
        own, times = [j for j in step.jobs if j in todo], []
        rows = []
        for job in own:
            identity = job.config.identity()
            if identity in seen:
                rows.append(f"    {job.label:<52} a copy")
                continue
            seen.add(identity)
            times.append(known.seconds(job.config))
            took = "not measured here" if times[-1] is None else f"{times[-1] / 60:8.1f} min"
            rows.append(f"    {job.label:<52} {took}")
        planned = "" if step.hours is None else f"  (planned: {step.hours:g} h)"
        lines += [f"{step.title}: {len(own)} pending, {_hours(times)}{planned}", *rows]
        if step.why:
            lines.insert(len(lines) - len(rows), f"  {step.why}")
        all_times += times
    return "\n".join([*lines, f"in all {_hours(all_times)} of one core"])


def expectation(waiting: list[Job], store: Store, at_once: int) -> str:
    """One line: what the pending runs are expected to take."""
    known = speeds(store)
    alone = {j.config.identity(): j for j in waiting}.values()
    times = [known.seconds(j.config) for j in alone]
    side = f", {at_once} at a time" if at_once > 1 else ""
    return f"{len(alone)} runs to make{side}: {_hours(times)} of one core"


def status(steps: list[Entry], store: Store) -> str:
    """What is done, running and pending of each step beyond those before it, with times; and the runs in progress."""
    known, lines, active = speeds(store), [], []
    counted: set[Job] = set()
    for step in steps:
        states = {job: state(job, store) for job in step.jobs if job not in counted}
        counted |= states.keys()
        if not states:
            continue
        count = {w: sum(s.word == w for s in states.values()) for w in ("done", "running", "stopped", "pending")}
        spent = sum(s.seconds for s in states.values())
        left = [_left(j, known, s) for j, s in states.items() if s.word != "done"]
        words = ", ".join(f"{n} {w}" for w, n in count.items() if n)
        planned = "" if step.hours is None else f" (planned: {step.hours:g} h)"
        lines.append(f"{step.title}: {words}; spent {spent / 3600:.1f} h, left {_hours(left)}{planned}")
        active += [
            f"  {j.label}: epoch {s.epoch} of {getattr(j.config, 'epochs', 0)}, {s.word}, "
            f"{s.seconds / 60:.1f} min spent"
            for j, s in states.items()
            if s.word in ("running", "stopped")
        ]
    return "\n".join([*lines, *dict.fromkeys(active)])
