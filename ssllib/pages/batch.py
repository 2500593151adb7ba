"""A grid of pages and parameters: checked as a whole, run, and collected into one table.

A grid is a YAML file, a list of entries, each a page with parameters that are fixed and parameters that are swept:

    - page: training/simclr-norms
      fixed: {epochs: 6}
      swept: {seed: [0, 1, 2]}

Each executed notebook carries what it was made from, the seconds it took and the runs it made, so that the output
folder alone says what is done, and the table can be drawn from it again.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import re
import statistics
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from ssllib import paths
from ssllib.errors import InputError, one_of, reason, whole
from ssllib.pages import build, notebooks
from ssllib.pages.boxes import duration
from ssllib.pages.build import Page
from ssllib.runs import export

KEYS = ("page", "fixed", "swept")
MOST = 10_000
"""So many executions may one grid ask for."""
TABLE = "table.csv"
Carried = dict[Path, dict[str, Any]]
"""By a job's output: what the notebook there carries."""
Failed = dict[Path, tuple[float, str]]
"""By a job's output: the seconds until it failed, and why it did."""
COLUMNS = ("status", "seconds", "output", "why", "runs")
"""Of the table, between the parameters and the numbers."""


# --- the grid ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Job:
    """One page with one set of values; `given` are those of the grid, `values` all that the page has."""

    page: Page
    given: Mapping[str, Any]
    values: Mapping[str, Any]

    @cached_property
    def label(self) -> str:
        said = ", ".join(f"{name} {value}" for name, value in self.given.items())
        return f"{self.page.name} ({said})" if said else self.page.name

    @cached_property
    def parameters(self) -> str:
        return json.dumps(dict(self.values), sort_keys=True)

    @cached_property
    def output(self) -> Path:
        """Where its notebook lies in the output folder: a name to be read by people, and a hash that tells it apart."""
        said = re.sub(r"[^\w.+-]+", "-", "-".join(f"{k}-{v}" for k, v in self.given.items()))[:80].strip("-.")
        tag = hashlib.sha256(self.parameters.encode()).hexdigest()[:8]
        return Path(self.page.name, f"{said}-{tag}.ipynb" if said else f"{tag}.ipynb")


class _Strict(yaml.SafeLoader):
    """YAML in which a key that stands twice is an error, where PyYAML takes the last."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        keys = [str(key.value) for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise InputError(f"line {node.start_mark.line + 1}: {key} stands twice; allowed: each key once")
        return super().construct_mapping(node, deep)


def load(path: Path, root: Path | None = None) -> list[Job]:
    """The executions that a grid asks for, each once, in its order.

    Raises:
        InputError: one line that names the entry, for whatever is wrong with any of them.
    """
    try:
        entries = yaml.load(path.read_text(encoding="utf-8"), Loader=_Strict)
    except InputError as e:
        raise InputError(f"{path}, {e}") from e
    except (OSError, yaml.YAMLError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as e:
        why = e.strerror if isinstance(e, OSError) else " ".join(str(e).split())
        raise InputError(f"the grid {path} cannot be read ({why}); allowed: a YAML file") from e
    if not isinstance(entries, list) or not entries:
        raise InputError(f"the grid {path} is no list of entries; allowed: one or more, such as `- page: intro`")
    found: dict[tuple[str, str], Job] = {}
    for n, entry in enumerate(entries, 1):
        try:
            for job in _jobs(entry, root):
                found.setdefault((job.page.name, job.parameters), job)
        except InputError as e:
            raise InputError(f"{path}, entry {n}: {e}") from e
        if len(found) > MOST:
            raise InputError(f"{path} asks for more than {MOST} executions; allowed: {MOST}, in one grid")
    return list(found.values())


def _jobs(entry: Any, root: Path | None) -> list[Job]:
    """The executions of one entry, the last swept parameter changing first."""
    if not isinstance(entry, dict) or not isinstance(entry.get("page"), str):
        raise InputError(f"{str(entry)[:60]!r} names no page; allowed: the keys {', '.join(KEYS)}, page with a name")
    for key in entry:
        one_of("key", key, KEYS)
    page = build.find(entry["page"], root)
    fixed, swept = (_mapping(key, entry.get(key)) for key in ("fixed", "swept"))
    for name, values in swept.items():
        if name in fixed:
            raise InputError(f"parameter {name} is fixed and swept; allowed: one of the two")
        if not isinstance(values, list) or not values:
            raise InputError(f"swept {name} is {values!r}; allowed: a list of values, such as [0, 1, 2]")
    if (count := math.prod(len(values) for values in swept.values())) > MOST:
        raise InputError(f"{count} executions; allowed: {MOST}, in one grid")
    check = notebooks.checker(page.name, page.source)
    same = {name: check(name, value) for name, value in fixed.items()}
    ranges = {name: [check(name, value) for value in values] for name, values in swept.items()}
    defaults = {name: default for name, (_, default) in notebooks.parameters(page.source).items()}
    chosen = (same | dict(zip(ranges, values, strict=True)) for values in itertools.product(*ranges.values()))
    return [Job(page, given, defaults | given) for given in chosen]


def _mapping(key: str, value: Any) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise InputError(f"{key} is {value!r}; allowed: names with values, such as {{seed: 3}}")
    return {str(name): x for name, x in value.items()}


# --- what is done, and what it cost -----------------------------------------------------------------------


def folder_of(grid: Path) -> Path:
    """Where a grid's notebooks go when nothing else is said."""
    return paths.project_dir() / "_build" / "batch" / grid.stem


def _stamp(job: Job, library: str) -> dict[str, str]:
    """What an execution of the job is made from; an equal one need not be made again."""
    return {"digest": build.digest(job.page), "library": library, "parameters": job.parameters}


def done(jobs: Iterable[Job], into: Path) -> Carried:
    """By output: what the executed notebook of each job carries, where that was made from what is there now."""
    found: Carried = {}
    libraries: dict[Path, str] = {}
    digests: dict[str, str] = {}
    for job in jobs:
        root, name = job.page.root, job.page.name
        carried = notebooks.stamp_of(into / job.output)
        told = isinstance(carried.get("seconds"), (int, float)) and isinstance(carried.get("runs"), list)
        if carried.get("parameters") != job.parameters or not told:
            continue
        libraries.setdefault(root, build.library(root))
        digests.setdefault(name, build.digest(job.page))
        if (carried.get("library"), carried.get("digest")) == (libraries[root], digests[name]):
            found[job.output] = carried
    return found


class Costs:
    """The seconds that pages took in earlier batches, into this folder and into those under `_build/batch`."""

    def __init__(self, *folders: Path) -> None:
        self.exact: dict[tuple[str, str], list[float]] = {}
        self.like: dict[tuple[str, str], list[float]] = {}
        for file in {f.resolve() for folder in folders for f in folder.rglob("*.ipynb")}:
            carried = notebooks.stamp_of(file)
            page, parameters, seconds = (carried.get(key) for key in ("page", "parameters", "seconds"))
            if isinstance(page, str) and isinstance(parameters, str) and isinstance(seconds, (int, float)):
                self.exact.setdefault((page, parameters), []).append(seconds)
                try:
                    self.like.setdefault((page, _scale(json.loads(parameters))), []).append(seconds)
                except (ValueError, AttributeError):  # not of a batch
                    continue

    def seconds(self, job: Job) -> tuple[float | None, str]:
        """Expected seconds of a job, and how that is known: the same values, or the page at the same scale."""
        if times := self.exact.get((job.page.name, job.parameters)):
            return statistics.median(times), ""
        if times := self.like.get((job.page.name, _scale(job.values))):
            return statistics.median(times), "with other values"
        return None, "not run here yet"


def _scale(values: Mapping[str, Any]) -> str:
    return str(values.get("scale", ""))


def forecast(jobs: list[Job], into: Path) -> str:
    """What would be run, line by line, with what it cost before, and the sum."""
    kept, costs = done(jobs, into), Costs(into, folder_of(Path("grid")).parent)
    width = max(len(job.label) for job in jobs)
    lines, known, unknown = [], 0.0, 0
    for job in jobs:
        if job.output in kept:
            lines.append(f"  {job.label:<{width}}  done")
            continue
        seconds, how = costs.seconds(job)
        known, unknown = known + (seconds or 0.0), unknown + (seconds is None)
        took = "" if seconds is None else duration(seconds)
        lines.append(f"  {job.label:<{width}}  {' '.join(filter(None, [took, how]))}")
    todo = len(jobs) - len(kept)
    expected = f"; {duration(known)} one at a time" if todo > unknown else ""
    rest = f"{' and' if expected else ';'} {unknown} not run here yet" if unknown else ""
    return "\n".join([*lines, f"{len(jobs)} executions, {len(kept)} done, {todo} to run{expected}{rest}"])


# --- running ----------------------------------------------------------------------------------------------


def run(jobs: list[Job], into: Path, at_once: int = 1, say: Callable[[str], None] = print) -> int:
    """Execute what is not done, `at_once` at a time, and write the table after each; 1 if a page failed, else 0.

    A page that fails leaves its notebook beside the others, as `...-failed.ipynb`, and the rest goes on. Stopped or
    killed, the same call goes on with what is left.

    Raises:
        InputError: if the folder cannot be written, or another batch is writing into it.
    """
    import filelock

    whole("jobs", at_once, 1, 1024)
    paths.writable("the folder of executed pages", into)
    try:
        with filelock.FileLock(into / ".lock", timeout=0):
            return _run(jobs, into, at_once, say)
    except filelock.Timeout as e:
        raise InputError(f"another batch is writing into {into}; allowed: another folder (--into)") from e


def _run(jobs: list[Job], into: Path, at_once: int, say: Callable[[str], None]) -> int:
    carried = done(jobs, into)
    todo = [job for job in jobs if job.output not in carried]
    say(f"{len(jobs)} executions, {len(todo)} to run, into {into}")
    failed: Failed = {}
    collect(jobs, into / TABLE, carried, failed)
    threads = 1 if at_once > 1 else None
    pool = ThreadPoolExecutor(min(at_once, max(1, len(todo))))
    try:
        futures = {pool.submit(_one, job, into, threads, say): job for job in todo}
        for n, future in enumerate(as_completed(futures), 1):
            job, (seconds, why) = futures[future], future.result()
            if why:
                failed[job.output] = round(seconds, 2), why
                say(f"[{n}/{len(todo)}] {job.label}  FAILED: {why}")
            else:
                carried[job.output] = notebooks.stamp_of(into / job.output)
                say(f"[{n}/{len(todo)}] {job.label}  {carried[job.output]['seconds']:.1f} s")
            collect(jobs, into / TABLE, carried, failed)
    except BaseException:
        build.end_running()
        raise
    finally:
        pool.shutdown(cancel_futures=True)
        build.begin_running()
    say(f"{into / TABLE}: {len(carried)} done, {len(failed)} failed")
    if why := export.no_parquet():
        say(f"no {Path(TABLE).with_suffix('.parquet')} beside it: {why}")
    else:
        collect(jobs, (into / TABLE).with_suffix(".parquet"), carried, failed)
    return 1 if failed else 0


def _one(job: Job, into: Path, threads: int | None, say: Callable[[str], None]) -> tuple[float, str]:
    """Execute one job; the seconds, and why it failed or ""."""
    began = time.perf_counter()
    out, root = into / job.output, job.page.root

    def watched(line: str) -> None:
        if line.startswith(" "):  # how far it is; not that it begins
            say(f"  {job.label}: {line.strip()}")

    try:
        stamp = {"page": job.page.name, **_stamp(job, build.library(root))}
        build.run_page(job.page.name, job.given, out, root, watched, threads=threads, stamp=stamp)
    except InputError as e:
        return time.perf_counter() - began, str(e)
    except OSError as e:
        return time.perf_counter() - began, f"{job.output}: {reason(e)}"
    out.with_name(f"{out.stem}-failed.ipynb").unlink(missing_ok=True)
    return time.perf_counter() - began, ""


# --- the table --------------------------------------------------------------------------------------------


def rows(jobs: Iterable[Job], carried: Carried, failed: Failed) -> list[dict[str, Any]]:
    """A row for each job: `done`, `failed` or `left`, its parameters, and the final numbers of the runs it made.

    A parameter is `parameter.NAME`; a number at the end of a run is `EXPERIMENT/CELL.NAME`, with `#2`, `#3` after
    the cell for further runs of it.
    """
    found = []
    for job in jobs:
        known, (seconds, why) = carried.get(job.output, {}), failed.get(job.output, (0.0, ""))
        row: dict[str, Any] = {"page": job.page.name}
        row |= {f"parameter.{name}": value for name, value in job.values.items()}
        row |= {"status": "failed" if why else "done" if known else "left"}
        if why:
            row |= {"seconds": seconds, "why": why}
        elif known:
            row |= {"seconds": known["seconds"], "output": job.output.as_posix(), "runs": len(known["runs"])}
        seen: dict[str, int] = {}
        for r in known.get("runs", ()):
            name = f"{r['experiment']}/{r['cell']}"
            seen[name] = seen.get(name, 0) + 1
            name += f"#{seen[name]}" if seen[name] > 1 else ""
            row |= {f"{name}.status": r["status"]} if r["status"] != "finished" else {}
            row |= {f"{name}.{metric}": value for metric, value in r["final"].items()}
        found.append(row)
    return found


def collect(jobs: list[Job], table: Path, carried: Carried, failed: Failed) -> None:
    """Write the table as it stands: pages and parameters, what became of them, and the numbers."""
    names = dict.fromkeys(f"parameter.{name}" for job in jobs for name in job.values)
    export.write_table(rows(jobs, carried, failed), table, ("page", *names, *COLUMNS))
