"""The embedding-norm papers against each other: one setting, printed in more than one table.

A setting is what a table says of a cell: metric, method, data set, arm, weight decay, epoch. Where it leaves
a part out and the part is inferred, the cell is marked and no verdict rests on it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from ssllib.evidence.tables import compare
from ssllib.evidence.tables.compare import Check, Finding, Load, listed, plain, signed

PARTS = ("metric", "method", "dataset", "arm", "weight_decay", "epoch")
Name = tuple[Any, ...]
"""A setting: its value in each of `PARTS`."""


@dataclass(frozen=True)
class Reading:
    """How the cells of a table are read: what its caption says of all of them, and the defaults it names."""

    source: str
    fixed: dict[str, Any] = field(default_factory=dict)
    where: dict[str, Any] = field(default_factory=dict)  # only these cells
    decay: dict[str, float] = field(default_factory=dict)  # the default weight decay, by method
    inferred: str = ""  # what the table does not say


_C100, _I100 = {"method": "SimCLR", "dataset": "CIFAR-100"}, {"method": "SimSiam", "dataset": "ImageNet-100"}
_DECAY = {"SimCLR": 1e-6, "SimSiam": 5e-4}  # underlined in 2406.16468 Tables 5, 6 and 2502.09252 Table 1
READINGS = (
    Reading("2406.16468 Table 3"),
    Reading("2406.16468 Table 4", {"dataset": "ImageNet-100", "epoch": 100}, {"metric": "top1"}),
    Reading("2406.16468 Table 5", {**_C100, "epoch": 100}, decay=_DECAY),
    Reading("2406.16468 Table 6", {**_I100, "epoch": 100}, decay=_DECAY),
    Reading("2502.09252 Table 1", {"epoch": 100}, decay=_DECAY),
    Reading("2502.09252 Table 2", {"epoch": 500}),
    Reading("2502.09252 Table 3", {"epoch": 500}),
    Reading("2406.16468 Table 2", {"metric": "opposite", "arm": "default"}),
    Reading("2502.09252 Table S1", {"metric": "opposite", "arm": "default"}),
    Reading(
        "2502.09252 Table S2", {"method": "SimSiam", "dataset": "CIFAR-100"}, {"batch": 1024},
        inferred="no data set is named; 1024 is the default batch",
    ),
    Reading(
        "2406.16468 Table 1", {"dataset": "CIFAR-10", "epoch": 100, "arm": "default"},
        {"metric": "knn", "method": "SimSiam"}, _DECAY, "no epoch is printed; taken for 100",
    ),
    Reading(
        "2406.16468 Table 1", {"dataset": "CIFAR-10", "epoch": 100, "arm": "default"},
        {"metric": "knn", "method": "SimCLR"}, {"SimCLR": 5e-6},
        "no epoch is printed; taken for 100; and 5e-6 for the default weight decay",
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Printed:
    """One number of one table, in percent."""

    source: str
    value: Decimal
    inferred: str = ""
    key: dict[str, Any] = field(default_factory=dict, compare=False)  # of the table's cell


@dataclass(frozen=True)
class Setting:
    """A setting with every number that is printed for it."""

    name: Name
    cells: tuple[Printed, ...]

    @property
    def label(self) -> str:
        """ "SimCLR, CIFAR-100, default, epoch 100"."""
        key = {
            p: v for p, v in zip(PARTS, self.name, strict=True) if v not in ("knn", "default weight decay")
        }
        if key.get("metric") == "opposite":
            key = {k: "opposite halves" if k == "metric" else v for k, v in key.items() if k != "arm"}
        return compare.label(key)

    @property
    def epoch(self) -> int:
        return int(self.name[-1])

    @property
    def accuracy(self) -> bool:
        return self.name[0] == "knn"

    @property
    def spread(self) -> Decimal:
        """The largest of its numbers less the smallest."""
        return max(c.value for c in self.cells) - min(c.value for c in self.cells)

    @property
    def stated(self) -> Setting:
        """The setting with only the cells of which nothing was inferred."""
        return Setting(self.name, tuple(c for c in self.cells if not c.inferred))


def _name(key: dict[str, Any], reading: Reading) -> Name:
    full = {"metric": "knn", "weight_decay": "default weight decay"} | key | reading.fixed
    if full["metric"] == "top1":
        full["metric"] = "knn"
    if full["weight_decay"] == reading.decay.get(full["method"]):
        full["weight_decay"] = "default weight decay"
    if full.get("arm", "cut") == "cut":
        full["arm"] = "default" if full["c"] == 1 else f"cut c = {full['c']}"
    return tuple(full[part] for part in PARTS)


def printed(load: Load) -> dict[Name, list[Printed]]:
    """Every number of the k-NN and opposite-halves tables, by setting."""
    found: dict[Name, list[Printed]] = {}
    for reading in READINGS:
        paper, _, table = reading.source.partition(" Table ")
        source = load(paper).table(table)
        for cell in source.cells(**reading.where):
            if cell.value is not None:
                one = Printed(reading.source, compare.number(cell, source.unit), reading.inferred, cell.key)
                found.setdefault(_name(cell.key, reading), []).append(one)
    return found


def settings(load: Load, inferred: bool = True) -> list[Setting]:
    """The settings printed more than once, those that differ most first; without `inferred`, by stated cells only."""
    found = [Setting(name, tuple(cells)) for name, cells in printed(load).items()]
    if not inferred:
        found = [s.stated for s in found]
    return sorted((s for s in found if len(s.cells) > 1), key=lambda s: -s.spread)


@dataclass(frozen=True)
class Spread:
    """How far the papers' accuracies of one setting lie apart at one epoch."""

    epoch: int
    settings: int
    equal: int  # to the last digit
    within: int  # one point
    largest: Decimal


def spreads(found: list[Setting]) -> list[Spread]:
    """The spread of accuracies at each epoch that has any, in points."""
    result = []
    for epoch in sorted({s.epoch for s in found if s.accuracy}):
        here = [s.spread for s in found if s.accuracy and s.epoch == epoch]
        result.append(
            Spread(epoch, len(here), sum(x == 0 for x in here), sum(x <= 1 for x in here), max(here))
        )
    return result


@dataclass(frozen=True)
class CutGain:
    """What one table says the cut gains, in points."""

    source: str
    c: int
    points: Decimal
    inferred: str


def cut_gains(load: Load) -> dict[str, list[CutGain]]:
    """What the cut gains at the default weight decay, for each setting of which two tables say something different.

    The tables have different constants (3 beside 2, 4 and 8; 9 beside 2, 4 and 8). Numbers that only repeat an
    earlier table's are left out.
    """
    by_name = printed(load)
    found: dict[str, dict[tuple[Decimal, Decimal], CutGain]] = {}
    for (metric, method, dataset, arm, decay, epoch), cells in by_name.items():
        base = {
            p.source: p.value for p in by_name.get((metric, method, dataset, "default", decay, epoch), [])
        }
        if metric == "knn" and decay == "default weight decay" and arm.startswith("cut c = "):
            there = found.setdefault(compare.label({"method": method, "dataset": dataset, "epoch": epoch}), {})
            for p in cells:
                if p.source in base:
                    gain = CutGain(p.source, int(arm[8:]), p.value - base[p.source], p.inferred)
                    there.setdefault((p.value, base[p.source]), gain)
    lists = {name: list(gains.values()) for name, gains in found.items()}
    return {name: gains for name, gains in lists.items() if len({g.source for g in gains}) > 1}


def apart(gains: list[CutGain]) -> Decimal:
    """How far gains of one setting lie apart: the first, and of each other table those with the nearest constant."""
    first, near = gains[0], [gains[0].points]
    for source in {g.source for g in gains} - {first.source}:
        there = [g for g in gains if g.source == source]
        distance = min(abs(g.c - first.c) for g in there)
        near += [g.points for g in there if abs(g.c - first.c) == distance]
    return max(near) - min(near)


def same_nominal_cells(load: Load) -> Finding:
    found = settings(load, inferred=False)
    far = [s for s in found if s.spread > 1]
    equal = sum(s.spread == 0 for s in found)
    said = "; ".join(f"{s.largest} at epoch {s.epoch}" for s in spreads(found))
    return Finding(
        not far,
        f"{len(found)} settings are printed more than once; {equal} of them with the same number to the last digit, "
        f"{len(found) - equal - len(far)} within one point, {len(far)} farther apart"
        + (f": {listed([s.label for s in far])}" if far else "")
        + f". The largest difference in accuracy, in points: {said}.",
        tuple(
            (s.label, "; ".join(f"{plain(c.value)} ({c.source})" for c in s.cells) + f": {signed(s.spread)}")
            for s in found
            if s.spread > 0
        ),
    )


CHECKS: dict[str, Check] = {"same-nominal-cells": same_nominal_cells}
