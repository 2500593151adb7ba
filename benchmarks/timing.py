"""Sides that take turns, what they took, and on what machine."""

from __future__ import annotations

import datetime
import multiprocessing
import os
import platform
import resource
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import torch

from ssllib.engine.train_config import TrainConfig
from ssllib.runs import provenance


@dataclass(frozen=True)
class Options:
    """What the command line says; `tiny` only shows that everything works, its numbers mean nothing."""

    tiny: bool = False
    threads: int = 2
    repeats: int = 0  # 0: each comparison's own number
    processor_time: bool = False  # in place of wall time: for a machine that is busy with other programs
    peer: Path | None = None  # a checkout of the GPU comparison's peer


class Unavailable(Exception):
    """A comparison cannot be made on this machine; the message says why, in one line."""


@dataclass
class Report:
    """What one comparison measured; `rates` and `ratios` are lists with an entry per turn.

    A ratio is named `ours / theirs`; `goal` is (name of the ratio, at least). A side that could not be measured
    is in `skipped`, with the reason.
    """

    title: str
    unit: str
    ours: str
    rates: dict[str, list[float]]
    goal: tuple[str, float] | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    profile: list[list[Any]] = field(default_factory=list)  # (part, share of the time in percent)

    def ratios(self) -> dict[str, list[float]]:
        """Ours over each other side, turn by turn."""
        mine = self.rates[self.ours]
        return {
            f"{self.ours} / {other}": [a / b for a, b in zip(mine, rates, strict=True)]
            for other, rates in self.rates.items()
            if other != self.ours
        }


def processor_seconds() -> float:
    """Processor time of this process and of the workers it has now (theirs in hundredths of a second)."""
    spent = time.process_time()
    for child in multiprocessing.active_children():
        fields = Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()
        spent += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return spent


def take_turns(
    sides: dict[str, Callable[[], float]],
    repeats: int,
    *,
    warmup: int = 1,
    sync: bool = False,
    processor_time: bool = False,
) -> dict[str, list[float]]:
    """Units a second of each side, `repeats` times in turn (`warmup` rounds before are not counted).

    A side does some work and returns how many units it did. With `sync` the GPU is waited for. The order is
    turned round every other time, so that no side always comes first.
    """
    clock = processor_seconds if processor_time else time.perf_counter
    rates: dict[str, list[float]] = {name: [] for name in sides}
    for turn in range(-warmup, repeats):
        for name in sides if turn % 2 == 0 else reversed(list(sides)):
            if sync:
                torch.cuda.synchronize()
            start = clock()
            units = sides[name]()
            if sync:
                torch.cuda.synchronize()
            if turn >= 0:
                rates[name].append(units / (clock() - start))
    return rates


def spread(values: list[float]) -> dict[str, float]:
    """Median, smallest and largest, to four digits."""
    return {
        name: float(f"{f(values):.4g}") for name, f in (("median", statistics.median), ("min", min), ("max", max))
    }


def profiled(call: Callable[[], Any], rows: int = 12, *, cuda: bool = False) -> list[list[Any]]:
    """The operations that a call spends most of its time in: (name, percent of the time), by torch.profiler."""
    from torch.profiler import ProfilerActivity, profile

    with _quiet(), profile(activities=[ProfilerActivity.CUDA if cuda else ProfilerActivity.CPU]) as p:
        call()
        if cuda:
            torch.cuda.synchronize()
    spent = {e.key: e.self_device_time_total if cuda else e.self_cpu_time_total for e in p.key_averages()}
    whole = sum(spent.values())
    most = sorted(spent, key=lambda k: -spent[k])[:rows]
    return [[k.removeprefix("aten::"), round(100 * spent[k] / whole, 1)] for k in most]


def functions(call: Callable[[], Any], rows: int = 8) -> list[list[Any]]:
    """The same by function, callees left out, from Python's own profiler."""
    import cProfile
    import pstats

    profiler = cProfile.Profile()
    profiler.runcall(call)
    stats: dict[tuple[str, int, str], Any] = pstats.Stats(profiler).stats  # type: ignore[attr-defined]
    own = {key: float(s[2]) for key, s in stats.items()}
    whole = sum(own.values())
    most = sorted(own, key=lambda k: -own[k])[:rows]
    return [[k[2].strip("<{}>"), round(100 * own[k] / whole, 1)] for k in most]


def parts(call: Callable[[], Any], where: dict[str, tuple[Any, str]], repeats: int = 5) -> list[list[Any]]:
    """Shares of a call's time that named functions take: (part, percent), longest first, and the rest.

    Args:
        where: part: (object, name of its attribute that is called); none may call another.
    """
    spent = dict.fromkeys(where, 0.0)

    def timed(part: str, function: Callable) -> Callable:
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            start = time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                spent[part] += time.perf_counter() - start

        return wrapper

    with ExitStack() as stack:
        for part, (owner, name) in where.items():
            stack.enter_context(mock.patch.object(owner, name, timed(part, getattr(owner, name))))
        start = time.perf_counter()
        for _ in range(repeats):
            call()
        whole = time.perf_counter() - start
    longest = sorted(spent, key=lambda part: -spent[part])
    found: list[list[Any]] = [[part, round(100 * spent[part] / whole, 1)] for part in longest]
    return [*found, ["the rest", round(100 - sum(share for _, share in found), 1)]]


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what the profiler's native part says on standard error."""
    sys.stderr.flush()
    kept = os.dup(2)
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)


class Witness:
    """Watches how busy the machine is with other programs while a comparison runs."""

    def __init__(self) -> None:
        self.wall, self.own, self.machine = time.perf_counter(), _own_seconds(), _busy_seconds()

    def others(self) -> float | None:
        """Cores that other programs used on average since the start; None where the system does not say."""
        now = _busy_seconds()
        if now is None or self.machine is None:
            return None
        elsewhere = now - self.machine - (_own_seconds() - self.own)
        return round(max(0.0, elsewhere / (time.perf_counter() - self.wall)), 1)


def _own_seconds() -> float:
    """Processor time of this process and of its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used)


def _busy_seconds() -> float | None:
    """Processor time that the whole machine has spent working."""
    try:
        fields = Path("/proc/stat").read_text().splitlines()[0].split()[1:]
    except OSError:
        return None
    user, nice, system, _idle, _wait, irq, soft = map(int, fields[:7])
    return (user + nice + system + irq + soft) / os.sysconf("SC_CLK_TCK")


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((x.partition(":")[2].strip() for x in lines if x.startswith("model name")), platform.machine())


def record(name: str, report: Report, witness: Witness, options: Options) -> dict[str, Any]:
    """Everything that `benchmarks/results/<name>.json` holds."""
    seconds = time.perf_counter() - witness.wall
    whence = provenance.provenance(seconds, TrainConfig.revision)
    ratios = {k: spread(v) for k, v in report.ratios().items()}
    goal = None
    if report.goal is not None:
        what, least = report.goal
        goal = {"ratio": what, "at least": least, "met": ratios[what]["median"] >= least if what in ratios else None}
    return {
        "name": name,
        "title": report.title,
        "unit": report.unit.replace("/s", " per processor second") if options.processor_time else report.unit,
        "ours": report.ours,
        "rates": {k: spread(v) for k, v in report.rates.items()},
        "ratios": ratios,
        "goal": goal,
        "turns": {k: [float(f"{x:.4g}") for x in v] for k, v in report.rates.items()},
        "skipped": report.skipped,
        "settings": {"threads": options.threads} | report.settings,
        "notes": report.notes,
        "profile": report.profile,
        "hardware": {
            "processor": _processor(),
            "cores": os.cpu_count(),
            "instructions": torch.backends.cpu.get_cpu_capability(),
            "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
            "cores used by other programs": witness.others(),
        },
        "versions": whence["versions"],
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "commit": provenance.commit(),
        "seconds": round(seconds, 1),
    }
