"""Estimands: what a claim's criterion computes, one number for each seed, and where it reads it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ssllib.errors import InputError, one_of
from ssllib.evidence import metrics, stats
from ssllib.runs.records import Record, Store

ROLES = ("value", "minus", "over", "log10_over")
UNTRAINED_EPOCHS = 1  # a run that ends there is an untrained network, whatever it is compared with
_SIDE_KEYS = ("experiment", "arm", "metric", "epoch", "less", "spearman", "arms", "best_of", "by")


@dataclass(frozen=True)
class Side:
    """One side of an estimand: a metric of an arm (less another arm's), or a rank correlation over arms.

    With `by` the arm is, for each seed, the one of `arms` that is best by that metric (on held-out images).
    """

    experiment: str
    metrics: tuple[str, ...]  # one, or the two that are correlated
    arms: tuple[str, ...]  # one, or the arms correlated over
    epoch: int | str = "last"  # last, best (the highest of the history), or a number
    less: str | None = None
    by: str | None = None

    @classmethod
    def of(cls, values: Mapping[str, Any], experiment: str | None, where: str) -> Side:
        for key in values:
            one_of(f"key of {where}", key, _SIDE_KEYS)
        name = values.get("experiment", experiment)
        if not name:
            raise InputError(f"{where} names no experiment")
        ranked = "spearman" in values
        if ("best_of" in values) != ("by" in values):
            raise InputError(f"{where} needs best_of (arms) and by (a metric on held-out images) together")
        side = cls(
            str(name),
            tuple(values["spearman"]) if ranked else (values.get("metric", ""),),
            tuple(values["arms"] if ranked else values.get("best_of", (values.get("arm", ""),))),
            values.get("epoch", "last"),
            values.get("less"),
            values.get("by"),
        )
        for metric in (*side.metrics, *filter(None, [side.by])):
            metrics.get(metric)
        if not isinstance(side.epoch, int):
            one_of(f"epoch of {where}", side.epoch, ("last", "best"))
        if not side.arms or not all(side.arms):
            raise InputError(f"{where} names no arm")
        return side

    @property
    def named(self) -> tuple[str, ...]:
        """All arms that it reads."""
        return (*self.arms, *filter(None, [self.less]))

    @property
    def ranked(self) -> bool:
        return len(self.metrics) == 2

    def number(self, arms: Mapping[str, Record]) -> float | None:
        """Its number from one seed's records; `KeyError` where an arm has none, None where a run diverged."""
        chosen = [arms[name] for name in self.arms]
        if self.ranked:
            x, y = ([read(r, m, self.epoch) for r in chosen] for m in self.metrics)
            if None in x or None in y:
                return None
            return stats.spearman([v for v in x if v is not None], [v for v in y if v is not None])
        if self.by is not None:
            ranks = [(read(r, self.by, "last"), r) for r in chosen]
            known = [(x, r) for x, r in ranks if x is not None]
            if not known:
                return None
            chosen = [max(known, key=lambda pair: pair[0])[1]]
        number = read(chosen[0], self.metrics[0], self.epoch)
        if self.less is None or number is None:
            return number
        less = read(arms[self.less], self.metrics[0], self.epoch)
        return None if less is None else number - less


def read(record: Record, metric: str, epoch: int | str) -> float | None:
    """One metric of one record at `epoch`; None where there is no such number.

    A test accuracy exists at a run's end only; on the way it is read from held-out images.
    """
    if epoch == "best":
        column = record.column(metric)
        return max(column) if column else None
    if epoch in ("last", end(record)):
        if metric in record.final:
            number = record.final[metric]
            return float(number) if isinstance(number, (int, float)) else None
        if epoch == "last":
            column = record.column(metric)
            return column[-1] if column else None
    row = next((r for r in record.history if r.get("epoch") == epoch), {})
    held_out = metrics.get(metric).held_out
    return row.get(metric, row.get(held_out) if held_out else None)


def end(record: Record) -> int:
    """The epoch at which a run stops; 0 for what has no epochs."""
    return int(record.config.get("epochs") or 0)


@dataclass(frozen=True)
class Measured:
    """What an estimand found at one scale."""

    sample: stats.Sample
    diverged: int = 0  # seeds without a number because a run diverged
    records: tuple[Record, ...] = ()
    seeds: tuple[int, ...] = ()

    @property
    def empty(self) -> bool:
        return not self.sample.values and not self.diverged


@dataclass(frozen=True)
class Estimand:
    """One cell of a claim."""

    name: str
    value: Side
    other: Side | None = None
    how: str = "value"  # value, minus, over, log10_over
    target: float = 0.0
    paper_effect: tuple[float, float | None] | None = None  # the paper's numbers for the two sides

    @classmethod
    def of(cls, cell: Mapping[str, Any], experiment: str | None, claim: str) -> Estimand:
        """The estimand that a cell of claim `claim` declares; `InputError` on an unknown key, metric or epoch."""
        where = f"a cell of claim {claim}"
        allowed = (*ROLES, "name", "target", "experiment", "paper_effect", "paper_source")
        for key in cell:
            one_of(f"key of {where}", key, allowed)
        sides = {r: Side.of(cell[r], cell.get("experiment", experiment), where) for r in ROLES if r in cell}
        others = [r for r in ROLES[1:] if r in sides]
        if "value" not in sides or len(others) > 1:
            raise InputError(f"{where} needs a value and at most one of {', '.join(ROLES[1:])}")
        effect = cell.get("paper_effect") or {}
        how = others[0] if others else "value"
        printed = None
        if "value" in effect and (how == "value" or how in effect):
            printed = float(effect["value"]), float(effect[how]) if how != "value" else None
        return cls(
            str(cell.get("name", claim)), sides["value"], sides.get(how) if others else None, how,
            float(cell.get("target", 0.0)), printed,
        )  # fmt: skip

    @property
    def sides(self) -> tuple[Side, ...]:
        return (self.value, self.other) if self.other else (self.value,)

    @property
    def experiments(self) -> set[str]:
        return {side.experiment for side in self.sides}

    def arms(self) -> Iterator[tuple[str, str]]:
        """Each (experiment, arm) that it reads."""
        for side in self.sides:
            yield from ((side.experiment, arm) for arm in side.named)

    # --- the number of a seed ---

    @property
    def axis(self) -> stats.Axis:
        """The scale on which its interval is computed."""
        if self.how == "over":
            return stats.PERCENT
        if self.how == "log10_over":
            return stats.LINEAR
        low, high = (-1.0, 1.0) if self.value.ranked else _bounds(self.value)
        correlation = self.value.ranked or metrics.get(self.value.metrics[0]).correlation
        if correlation and self.how == "value" and self.value.less is None:
            return stats.FISHER
        if self.how == "minus":
            low, high = low - high, high - low
        return stats.bounded(low, high) if math.isfinite(high) or math.isfinite(low) else stats.LINEAR

    def combine(self, value: float, other: float | None = None) -> float:
        """A value, less another, in percent above another, or its logarithm over another; the target not taken off."""
        if self.how == "minus":
            assert other is not None
            return value - other
        if self.how == "over":
            return 100 * (value / other - 1) if other else math.nan
        if self.how == "log10_over":
            return math.log10(value / other) if other and value > 0 else math.nan
        return value

    @property
    def paper(self) -> float | None:
        """The paper's effect in the estimand's unit, the target taken off."""
        return None if self.paper_effect is None else self.combine(*self.paper_effect) - self.target

    def measure(self, store: Store, scale: str) -> Measured:
        """The number of each seed that has all it needs.

        Runs of one arm that stop at different epochs lie side by side. `last` compares runs that stop at the same
        epoch: the latest one that enough seeds share. A number of an epoch is read from runs that reached it, best
        from those that stop there.
        """
        runs: dict[tuple[str, str], dict[int, dict[int, Record]]] = {}  # (experiment, arm): end: seed: record
        for experiment in self.experiments:
            for r in store.find(experiment, scale):
                if r.status != "interrupted":
                    runs.setdefault((experiment, r.cell), {}).setdefault(end(r), {})[r.seed] = r
        best = Measured(stats.Sample((), self.axis, self.target))
        for stop in self._stops(runs):
            found = self._at(stop, runs)
            if (len(found.sample.values), found.diverged) > (len(best.sample.values), best.diverged):
                best = found
            if len(best.sample.values) >= stats.SEEDS:
                break
        return best

    def _stops(self, runs: Mapping[tuple[str, str], Mapping[int, Any]]) -> list[int]:
        """The ends that the compared arms may have, best first."""
        wanted = {runs_end for key in self.arms() for runs_end in runs.get(key, {})}
        trained = sorted({e for e in wanted if e > UNTRAINED_EPOCHS} or wanted, reverse=True)
        epochs = [side.epoch for side in self.sides if isinstance(side.epoch, int)]
        reached = [e for e in trained if not epochs or e >= max(epochs) or e == 0]
        return sorted(reached, key=lambda e: e not in epochs)  # stable: those that stop at the epoch itself first

    def _at(self, stop: int, runs: Mapping[tuple[str, str], Mapping[int, Mapping[int, Record]]]) -> Measured:
        by_seed: dict[tuple[str, str], Mapping[int, Record]] = {}
        for key in self.arms():
            ends = runs.get(key, {})
            untrained = bool(ends) and max(ends) <= UNTRAINED_EPOCHS
            by_seed[key] = ends.get(max(ends) if untrained else stop, {})
        seeds = sorted(set.intersection(*(set(found) for found in by_seed.values())))
        values, gone, used, counted = [], 0, [], []
        for seed in seeds:
            arms: dict[str, dict[str, Record]] = {}
            for (experiment, arm), found in by_seed.items():
                arms.setdefault(experiment, {})[arm] = found[seed]
            numbers = [side.number(arms[side.experiment]) for side in self.sides]
            touched = [found[seed] for found in by_seed.values()]
            if any(n is None for n in numbers):
                if any(r.status == "diverged" for r in touched):
                    gone += 1
                    used += touched
                continue
            number = self.combine(*[n for n in numbers if n is not None])
            if math.isfinite(number):
                values.append(number)
                counted.append(seed)
                used += touched
        sample = stats.Sample(tuple(values), self.axis, self.target)
        return Measured(sample, gone, tuple(used), tuple(counted))


def _bounds(side: Side) -> tuple[float, float]:
    m = metrics.get(side.metrics[0])
    return (m.low - m.high, m.high - m.low) if side.less else (m.low, m.high)


def all_of(cells: Iterable[Mapping[str, Any]], experiment: str | None, claim: str) -> tuple[Estimand, ...]:
    """The estimands of a claim's cells."""
    return tuple(Estimand.of(cell, experiment, claim) for cell in cells)
