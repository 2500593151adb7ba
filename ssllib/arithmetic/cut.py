"""What the two embedding-norm papers say of cut-initialization, against their tables."""

from __future__ import annotations

from decimal import Decimal

from ssllib.arithmetic import tables
from ssllib.arithmetic.tables import (
    Check,
    Finding,
    Gain,
    Load,
    compare,
    count,
    listed,
    plain,
    points,
    rows,
    signed,
)

EARLY, LATE = "2406.16468", "2502.09252"
DEFAULT, CUT, UNCUT = {"arm": "default"}, {"arm": "cut"}, {"c": 1}


def of_cut(load: Load, paper: str, table: str, **where: object) -> list[Gain]:
    """With the cut less the default."""
    return compare(load(paper).table(table), CUT, DEFAULT, **where)


def of_constants(load: Load, paper: str, table: str, **where: object) -> list[Gain]:
    """Each cut constant above 1 less c = 1, in a grid over constants."""
    grid = load(paper).table(table)
    return [g for c in grid.keys()["c"] if c != 1 for g in compare(grid, {"c": c}, UNCUT, **where)]


def constant_gain(method: str, weight_decay: float, c: int, said: int) -> Check:
    """Is the gain of `c` at the default weight decay, in whole points, what the text says?"""

    def check(load: Load) -> Finding:
        (gain,) = compare(load(LATE).table("1"), {"c": c}, UNCUT, method=method, weight_decay=weight_decay)
        whole = tables.whole(gain.points)
        return Finding(
            whole == said,
            f"The difference is {signed(gain.points)} points, {whole} in whole points.",
            (gain.row,),
        )

    return check


def c2_best(load: Load) -> Finding:
    grid = load(LATE).table("1")
    numbers, lost = [], []
    for decay in dict.fromkeys(c.key["weight_decay"] for c in grid.cells(method="SimCLR")):
        column = {c: points(grid, method="SimCLR", weight_decay=decay, c=c) for c in grid.keys()["c"]}
        numbers.append(
            (
                tables.label({"weight_decay": decay}),
                ", ".join(f"c = {c}: {plain(v)}" for c, v in column.items()),
            )
        )
        if any(v >= column[2] for c, v in column.items() if c != 2):
            lost.append(numbers[-1][0])
    return Finding(
        not lost,
        f"c = 2 has the highest SimCLR accuracy in {count(len(numbers) - len(lost), len(numbers))} columns."
        + (f" Not at {listed(lost)}." if lost else ""),
        tuple(numbers),
    )


def grid_all_up(load: Load) -> Finding:
    early = of_constants(load, EARLY, "5") + of_constants(load, EARLY, "6")
    late = of_constants(load, LATE, "1")
    up = sum(g.points > 0 for g in early)
    later = sum(g.points > 0 for g in late)
    names = [f"{'SimCLR' if g.key['source'].endswith('5') else 'SimSiam'}, {g.label}" for g in early]
    down = [f"{name} ({signed(g.points)})" for name, g in zip(names, early, strict=True) if g.points <= 0]
    return Finding(
        up == len(early) and later == len(late),
        f"{count(up, len(early)).capitalize()} differences are positive ({count(later, len(late))} in the later paper)."
        + (f" Not so: {listed(down)}." if down else ""),
        tuple((name, g.row[1]) for name, g in zip(names, early, strict=True)),
    )


def final_often(load: Load) -> Finding:
    found = of_cut(load, LATE, "2")
    up = sum(g.points > 0 for g in found)
    return Finding(
        up >= 4,
        f"{count(up, len(found)).capitalize()} differences are positive; {sum(g.points >= 1 for g in found)} reach one "
        "point.",
        rows(found),
    )


def table_3_essentially(load: Load) -> Finding:
    found = of_cut(load, EARLY, "3")
    up, least = sum(g.points > 0 for g in found), tables.smallest(found)
    rest = f" Not so: {tables.not_positive(found)}." if up < len(found) else ""
    return Finding(
        up >= 30 and least.points >= -1,
        f"{count(up, len(found)).capitalize()} differences are positive, {sum(g.points >= 1 for g in found)} reach one "
        f"point; the smallest is {signed(least.points)}.{rest}",
        rows(found),
    )


def all_methods(load: Load) -> Finding:
    """The mean over all of a method's printed differences at epoch 100: data sets in Table 3, top-1 and top-5 in 4."""
    found: dict[str, list[Gain]] = {}
    four = load(EARLY).table("4")
    for gain in of_cut(load, EARLY, "3", epoch=100) + compare(four, {"c": 3}, UNCUT):
        found.setdefault(gain.key["method"], []).append(gain)
    means = {method: tables.mean([g.points for g in gains]) for method, gains in found.items()}
    down = [method for method, m in means.items() if m <= 0]
    return Finding(
        not down,
        f"The mean difference at epoch 100 is positive for {count(len(means) - len(down), len(means))} methods"
        + (f", not for {listed([f'{m} ({signed(means[m])})' for m in down])}." if down else "."),
        tuple(
            (method, f"mean {signed(m)} of {', '.join(signed(g.points) for g in found[method])}")
            for method, m in means.items()
        ),
    )


def all_settings(load: Load) -> Finding:
    grids = of_constants(load, EARLY, "5") + of_constants(load, EARLY, "6")
    names = {f"{EARLY} Table 5": "SimCLR on CIFAR-100, ", f"{EARLY} Table 6": "SimSiam on ImageNet-100, "}
    found = of_cut(load, EARLY, "3")
    found += [Gain(names[g.key["source"]] + g.label, g.value, g.minus, g.key) for g in grids]
    up = sum(g.points > 0 for g in found)
    return Finding(
        up == len(found),
        f"{count(up, len(found)).capitalize()} differences are positive."
        + (f" Not so: {tables.not_positive(found)}." if up < len(found) else ""),
        rows(found),
    )


def attraction_only_trend(load: Load) -> Finding:
    """Decided by 2406.16468's Table 3; the sentence stands in both papers, so the later one's Table 3 is shown too."""

    def by_column(paper: str) -> dict[str, dict[str, Decimal]]:
        found: dict[str, dict[str, Decimal]] = {}
        for g in of_cut(load, paper, "3"):
            found.setdefault(tables.label(g.key, ("method", "source")), {})[g.key["method"]] = g.points
        return found

    def ordered(gain: dict[str, Decimal]) -> bool:
        return all(value > gain["SimCLR"] for method, value in gain.items() if method != "SimCLR")

    early, late = by_column(EARLY), by_column(LATE)
    down = [name for name, gain in early.items() if not ordered(gain)]
    later = [name for name, gain in late.items() if not ordered(gain)]
    return Finding(
        not down,
        f"It holds in {count(len(early) - len(down), len(early))} columns"
        + (f", not in: {listed(down)}. " if down else ". ")
        + f"In the later paper's Table 3 it holds in {count(len(late) - len(later), len(late))}"
        + (f", not in: {listed(later)}." if later else "."),
        tuple(
            (f"{name}{mark}", ", ".join(f"{method} {signed(value)}" for method, value in gain.items()))
            for columns, mark in ((early, ""), (late, f" ({LATE})"))
            for name, gain in columns.items()
        ),
    )


def flowers_gains(load: Load) -> Finding:
    found = of_cut(load, EARLY, "3", dataset="Flowers")
    last = [g for g in found if g.key["epoch"] == 500]
    least = tables.smallest(last)
    return Finding(
        least.points >= 10,
        f"At epoch 500 the gains are {listed([signed(g.points) for g in last])} points; the smallest is "
        f"{signed(least.points)} ({least.key['method']}).",
        rows(found),
    )


def flowers_cells_shared(load: Load) -> Finding:
    table = load(EARLY).table("3")
    pairs = {
        f"epoch {epoch}": [
            points(table, method=m, dataset="Flowers", epoch=epoch, **CUT) for m in ("SimSiam", "BYOL")
        ]
        for epoch in (100, 300, 500)
    }
    equal = [epoch for epoch, (a, b) in pairs.items() if a == b]
    return Finding(
        not equal,
        f"Equal at {listed(equal)}." if equal else "No two cells are equal.",
        tuple((epoch, f"SimSiam {plain(a)}, BYOL {plain(b)}") for epoch, (a, b) in pairs.items()),
    )


def difference_of_gains(
    one: list[Gain], other: list[Gain], names: tuple[str, str], same: tuple[str, ...]
) -> Finding:
    """Is each gain of `one` larger than the gain of `other` that agrees with it in the parts `same`?

    An imbalanced data set is matched with the balanced one that it is drawn from.
    """

    def key(gain: Gain) -> tuple[str, ...]:
        return tuple(str(gain.key[part]).removesuffix(" imbalanced") for part in same)

    minus = {key(g): g for g in other}
    pairs = [(", ".join(key(g)), g.points, minus[key(g)].points) for g in one if key(g) in minus]
    down = [f"{name} ({signed(a)} and {signed(b)})" for name, a, b in pairs if a <= b]
    return Finding(
        not down,
        f"The gain is larger {names[0]} than {names[1]} in {count(len(pairs) - len(down), len(pairs))} cases"
        + (f", not for {listed(down)}." if down else "."),
        tuple((name, f"{names[0]} {signed(a)}, {names[1]} {signed(b)}") for name, a, b in pairs),
    )


def imbalanced_gains_larger(load: Load) -> Finding:
    names = ("imbalanced", "balanced")
    return difference_of_gains(of_cut(load, LATE, "3"), of_cut(load, LATE, "2"), names, ("method", "dataset"))


def non_contrastive_more(load: Load) -> Finding:
    by = [of_cut(load, LATE, "2", method=m) for m in ("SimSiam", "SimCLR")]
    return difference_of_gains(by[0], by[1], ("with SimSiam", "with SimCLR"), ("dataset",))


CHECKS: dict[str, Check] = {
    "cut-c2-gain": constant_gain("SimCLR", 1e-6, c=2, said=2),
    "cut-c2-best": c2_best,
    "cut-c8-gain": constant_gain("SimSiam", 5e-4, c=8, said=10),
    "cut-grid-all-up": grid_all_up,
    "cut-final-often": final_often,
    "cut-table-3-essentially": table_3_essentially,
    "cut-all-methods": all_methods,
    "cut-all-settings": all_settings,
    "cut-attraction-only-trend": attraction_only_trend,
    "flowers-gains": flowers_gains,
    "flowers-cells-shared": flowers_cells_shared,
    "imbalanced-gains-larger": imbalanced_gains_larger,
    "non-contrastive-more-500": non_contrastive_more,
}
