"""The recorded runs of one experiment as a page shows them: by arm, as curves and as tables.

Where nothing is recorded yet everything still works and says so, so that a page can stand before its runs.
"""

from __future__ import annotations

import copy
import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ssllib.evidence import estimands, stats, verdicts
from ssllib.pages import boxes, plots
from ssllib.runs.records import Record, Store

NOTHING = "not recorded yet"

Column = Callable[[Record], float | None]
"""What a table shows of one run."""


def first(metric: str) -> Column:
    """A metric before the first step."""
    return at(metric, 0)


def at(metric: str, epoch: int | str) -> Column:
    """A metric at an epoch, as claims read it (a test accuracy on the way from held-out images)."""
    return lambda r: estimands.read(r, metric, epoch)


def final(metric: str) -> Column:
    """A metric at the end of a run."""
    return at(metric, "last")


def number(record: Record, metric: str) -> float:
    """A metric at the end of a run; nan where there is none, as in one that diverged."""
    found = final(metric)(record) if record.status == "finished" else None
    return math.nan if found is None else found


def place(record: Record) -> str:
    """Where a run's loss acts: SimCLR's projector, the predictor of the methods that have one."""
    return "projector" if record.config["method"] == "simclr" else "predictor"


def change(after: float, before: float) -> float:
    """In percent; nan where there is nothing to compare."""
    return 100 * (after / before - 1) if before else math.nan


def norm_at(epoch: int | str) -> Column:
    """The mean norm where the loss acts."""
    return lambda r: estimands.read(r, f"norm_{place(r)}", epoch)


def join(parts: Mapping[str, Recorded]) -> Recorded:
    """Several experiments' runs as one: arm `cut` of the part `simclr` is `simclr-cut`."""
    whole = copy.copy(next((p for p in parts.values() if p), next(iter(parts.values()))))
    whole._runs = {f"{name}-{arm}": runs for name, part in parts.items() for arm, runs in part.items()}
    whole.wanted = [f"{name}-{arm}" for name, part in parts.items() for arm in part.wanted]
    return whole


class Recorded(Mapping[str, list[Record]]):
    """The runs of an experiment by arm, finished and diverged ones, in the order in which the arms are declared.

    Args:
        scale: of the records; default the highest that has any (smoke never counts).
        arms: only these, in this order.
        end: runs that stop at this epoch; default the latest at which all arms have three seeds, or as many as
            they ever share (an untrained network fits any).
    """

    def __init__(
        self,
        experiment: str,
        store: Store,
        *,
        scale: str | None = None,
        arms: Sequence[str] = (),
        end: int | None = None,
    ) -> None:
        self.experiment = experiment
        runs: list[Record] = []
        for level in [scale] if scale else verdicts.ORDER:
            runs = [
                r for r in store.find(experiment, level)
                if r.status != "interrupted" and (not arms or r.cell in arms)
            ]  # fmt: skip
            if runs:
                break
        self.scale = runs[0].scale if runs else scale or "cpu"
        self.wanted = [a for a in _declared(experiment, self.scale) if not arms or a in arms]
        by_arm: dict[str, list[Record]] = {}
        for r in runs:
            by_arm.setdefault(r.cell, []).append(r)
        self.end = _shared_end(by_arm) if end is None else end
        ends = {self.end, *range(estimands.UNTRAINED_EPOCHS + 1)}
        self._runs = {
            arm: chosen
            for arm in (arms or dict.fromkeys([*self.wanted, *by_arm]))
            if (chosen := [r for r in by_arm.get(arm, ()) if r.kind != "training" or estimands.end(r) in ends])
        }

    def __getitem__(self, arm: str) -> list[Record]:
        return self._runs[arm]

    def __iter__(self) -> Iterator[str]:
        return iter(self._runs)

    def __len__(self) -> int:
        return len(self._runs)

    @property
    def all(self) -> list[Record]:
        return [r for runs in self._runs.values() for r in runs]

    @property
    def seeds(self) -> int:
        """How many seeds the arm with the fewest has."""
        return min((len(runs) for runs in self._runs.values()), default=0)

    def under(self, prefix: str) -> Recorded:
        """The arms whose names begin with `prefix`, without it."""
        part = copy.copy(self)
        part._runs = {a.removeprefix(prefix): runs for a, runs in self._runs.items() if a.startswith(prefix)}
        part.wanted = [a.removeprefix(prefix) for a in self.wanted if a.startswith(prefix)]
        return part

    def only(self, *arms: str) -> Recorded:
        """These arms, in this order, as far as they have runs."""
        part = copy.copy(self)
        part._runs = {a: self._runs[a] for a in arms if a in self._runs}
        part.wanted = [a for a in arms if a in self.wanted]
        return part

    @property
    def missing(self) -> list[str]:
        """The arms that are declared at this scale and have no run yet."""
        return [a for a in self.wanted if a not in self._runs]

    @property
    def epochs(self) -> list[int]:
        """The epochs from 1 on at which every trained run has a held-out accuracy."""
        seen = [{row["epoch"] for row in r.history if "knn_val" in row} for r in self.all if self._trained(r)]
        return sorted(set.intersection(*seen) - {0}) if seen else []

    @staticmethod
    def _trained(r: Record) -> bool:
        return r.status == "finished" and estimands.end(r) > estimands.UNTRAINED_EPOCHS

    @property
    def where(self) -> str:
        """Where the runs were made, in the words of verdicts."""
        from ssllib.evidence import words

        return words.WHERE[self.scale] if self else NOTHING

    @property
    def setting(self) -> str:
        """Network, data, epochs and batch in a few words, with where and how many seeds."""
        if not self:
            return NOTHING
        longest = max(map(estimands.end, self.all))
        different = list(dict.fromkeys(verdicts.describe(r) for r in self.all if estimands.end(r) == longest))
        what = " and ".join(different) if len(different) < 3 else f"the first arm: {different[0]}"
        counts = sorted({len(runs) for runs in self._runs.values()})
        many = f"{counts[0]} to {counts[-1]}" if len(counts) > 1 else str(counts[0])
        return f"{what}; {many} seed{'s' if counts != [1] else ''} ({self.where})"

    def finished(self, arm: str) -> list[Record]:
        """The runs of an arm that did not diverge; none for an arm without records."""
        return [r for r in self._runs.get(arm, ()) if r.status == "finished"]

    def numbers(self, arm: str, column: Column) -> list[float]:
        """What a column says of an arm's finished runs, without what is missing or not finite."""
        found = [column(r) for r in self.finished(arm)]
        return [x for x in found if x is not None and math.isfinite(x)]

    def mean(self, arm: str, column: Column) -> float:
        """Mean over seeds; nan for an arm without numbers."""
        found = self.numbers(arm, column)
        return sum(found) / len(found) if found else math.nan

    def paired(self, arm: str, other: str, column: Column, *, percent: bool = False) -> list[float]:
        """An arm's number less another's (or in percent above it), seed by seed, where both have a finished run."""
        two = [{r.seed: column(r) for r in self.finished(a)} for a in (arm, other)]
        both = [(two[0][s], two[1][s]) for s in sorted(two[0].keys() & two[1].keys())]
        found = [change(a, b) if percent else a - b for a, b in both if a is not None and b is not None]
        return [x for x in found if math.isfinite(x)]

    def inventory(self, labels: Mapping[str, str] | None = None) -> None:
        """Say what the runs are, how many seeds each arm has, and which arms have none; nothing without runs."""
        from ssllib.pages import page

        if not self:
            return
        labels = labels or plots.LABEL
        seeds = "; ".join(f"{labels.get(a, a)} {len(runs)}" for a, runs in self._runs.items())
        none = "; ".join(labels.get(a, a) for a in self.missing)
        page.show(f"Recorded: {self.setting}. Seeds: {seeds}." + (f" No run yet of: {none}." if none else ""))

    def config(self, key: str, spec: str = "g", factor: float = 1.0) -> dict[str, str]:
        """A setting of each arm, for a table's further columns."""
        return {arm: format(factor * runs[0].config[key], spec) for arm, runs in self._runs.items() if runs}

    def curves(self, axes: Any, panels: Mapping[str, str], *, legend: bool = True, **style: Any) -> None:
        """One panel for each metric (name to title), one line for each arm; see `plots.curves`.

        The lowest row of panels is labelled, and the figure gets a legend.
        """
        import numpy as np

        grid = np.atleast_2d(np.asarray(axes, dtype=object))
        for ax, (metric, title) in zip(grid.flat, panels.items(), strict=True):
            plots.curves(ax, self._runs, metric, **style)
            ax.set_title(title)
        for ax in grid[-1]:
            ax.set_xlabel("epoch")
        if legend:
            plots.legend(grid.flat[0].figure)

    def table(
        self, columns: Mapping[str, Column | tuple[Column, int]], caption: str | None = None, name: str = "", *,
        labels: Mapping[str, str] | None = None, more: Mapping[str, Mapping[str, Any]] | None = None,
        plain: Sequence[str] = (), fold: str = "",
    ) -> None:  # fmt: skip
        """A row for each arm: mean (range over seeds) of each column; a number of digits goes with the column.

        Args:
            labels: the arms' names in words.
            plain: columns that show the mean alone.
            more: further columns, such as the paper's numbers: title to (arm to text).
            fold: the title of a dropdown to fold the table into.
        """
        from ssllib.pages import page

        labels, more = labels or plots.LABEL, more or {}
        rows = []
        for arm, runs in self._runs.items():
            row: list[Any] = [labels.get(arm, arm)]
            nothing = "diverged" if any(r.status == "diverged" for r in runs) else "–"
            for title, column in columns.items():
                one, digits = column if isinstance(column, tuple) else (column, 1)
                found = [self.mean(arm, one)] if title in plain else self.numbers(arm, one)
                row.append(boxes.mean_range(found, digits, none=nothing))
            rows.append([*row, *(extra.get(arm, "") for extra in more.values()), len(runs)])
        page.table(rows, ["arm", *columns, *more, "seeds"], caption=caption, name=name, fold=fold)


def _shared_end(by_arm: Mapping[str, Sequence[Record]]) -> int:
    """The latest end at which all trained arms have three seeds, else the most; of any where they share none."""
    counts = [Counter(map(estimands.end, runs)) for runs in by_arm.values()]
    trained = [c for c in counts if max(c) > estimands.UNTRAINED_EPOCHS]
    shared = set.intersection(*map(set, trained)) if trained else set()
    if not shared:
        return max((e for c in counts for e in c), default=0)
    return max(shared, key=lambda e: (min(stats.SEEDS, *(c[e] for c in trained)), e))


def _declared(experiment: str, scale: str) -> list[str]:
    """The arms of an experiment at a scale, in the order in which they are declared."""
    from ssllib.runs.experiments import EXPERIMENTS

    cells = EXPERIMENTS[experiment].scales.get(scale, []) if experiment in EXPERIMENTS else []
    return list(dict.fromkeys(c.name for c in cells))
