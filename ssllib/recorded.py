"""The recorded runs of one experiment as a page shows them: by arm, as curves and as tables.

Where nothing is recorded yet everything still works and says so, so that a page can stand before its runs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ssllib import boxes, estimands, plots, verdicts
from ssllib.records import Record, Store

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


class Recorded(Mapping[str, list[Record]]):
    """The runs of an experiment by arm, finished and diverged ones, in the order in which the arms are declared.

    Args:
        scale: of the records; default the highest that has any (smoke never counts).
        arms: only these, in this order.
        end: runs that stop at this epoch; default the latest at which all arms have one (an untrained network
            fits any).
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
        by_arm: dict[str, list[Record]] = {}
        for r in runs:
            by_arm.setdefault(r.cell, []).append(r)
        self.end = _shared_end(by_arm) if end is None else end
        ends = {self.end, *range(estimands.UNTRAINED_EPOCHS + 1)}
        self._runs = {
            arm: chosen
            for arm in (arms or _declared(experiment, self.scale, by_arm))
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

    @property
    def where(self) -> str:
        """Where the runs were made, in the words of verdicts."""
        from ssllib import words

        return words.WHERE[self.scale] if self else NOTHING

    @property
    def setting(self) -> str:
        """Network, data, epochs and batch in a few words, with where and how many seeds."""
        if not self:
            return NOTHING
        longest = max(self.all, key=estimands.end)
        counts = sorted({len(runs) for runs in self._runs.values()})
        many = f"{counts[0]} to {counts[-1]}" if len(counts) > 1 else str(counts[0])
        return f"{verdicts.describe(longest)}; {many} seed{'s' if counts != [1] else ''} ({self.where})"

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

    def curves(self, axes: Any, panels: Mapping[str, str], **style: Any) -> None:
        """One panel for each metric (name to title), one line for each arm; see `plots.curves`."""
        import numpy as np

        for ax, (metric, title) in zip(np.ravel(axes), panels.items(), strict=True):
            if self:
                plots.curves(ax, {arm: runs for arm, runs in self._runs.items()}, metric, **style)
            else:
                plots.blank(ax, NOTHING)
            ax.set_title(title)

    def table(
        self, columns: Mapping[str, Column | tuple[Column, int]], caption: str | None = None, name: str = "", *,
        labels: Mapping[str, str] | None = None, more: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:  # fmt: skip
        """A row for each arm: mean (range over seeds) of each column; a number of digits goes with the column.

        Args:
            labels: the arms' names in words.
            more: further columns, such as the paper's numbers: title to (arm to text).
        """
        from ssllib import pages

        labels, more = labels or plots.LABEL, more or {}
        rows = []
        for arm, runs in self._runs.items():
            row: list[Any] = [labels.get(arm, arm)]
            for column in columns.values():
                one, digits = column if isinstance(column, tuple) else (column, 1)
                diverged = sum(r.status == "diverged" for r in runs)
                row.append(boxes.mean_range(self.numbers(arm, one), digits, none="diverged" if diverged else "–"))
            rows.append([*row, *(extra.get(arm, "") for extra in more.values()), len(runs)])
        pages.table(rows, ["arm", *columns, *more, "seeds"], caption=caption, name=name)


def _shared_end(by_arm: Mapping[str, Sequence[Record]]) -> int:
    """The latest end that all trained arms have; the latest of any where they share none."""
    ends = [{estimands.end(r) for r in runs} for runs in by_arm.values()]
    trained = [e for e in ends if max(e) > estimands.UNTRAINED_EPOCHS]
    shared = set.intersection(*trained) if trained else set()
    return max(shared or (e for each in ends for e in each), default=0)


def _declared(experiment: str, scale: str, by_arm: Mapping[str, Any]) -> list[str]:
    """The arms that have runs, in the order in which they are declared."""
    from ssllib.experiments import EXPERIMENTS

    declared = EXPERIMENTS[experiment].scales.get(scale, []) if experiment in EXPERIMENTS else []
    order = list(dict.fromkeys(c.name for c in declared))
    return [a for a in order if a in by_arm] + [a for a in by_arm if a not in order]
