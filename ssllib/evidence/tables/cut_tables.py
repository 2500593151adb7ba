"""What the two embedding-norm papers say of cut-initialization, against their tables."""

from __future__ import annotations

from collections.abc import Sequence

from ssllib.evidence.tables import compare as tables
from ssllib.evidence.tables import differences as diff
from ssllib.evidence.tables.compare import (
    Check,
    Finding,
    Load,
    agrees,
    count,
    listed,
    plain,
    points,
    rounds_to,
    signed,
)
from ssllib.evidence.tables.differences import Gain, Rule, compare

EARLY, LATE = "2406.16468", "2502.09252"
DEFAULT, CUT, UNCUT = {"arm": "default"}, {"arm": "cut"}, {"c": 1}
CONSTANTS = [({"c": c}, UNCUT) for c in (2, 4, 8)]
CONTROL = "DINO"


def of_cut(load: Load, paper: str, table: str, **where: object) -> list[Gain]:
    """With the cut less the default."""
    return compare(load(paper).table(table), CUT, DEFAULT, **where)


def constant_gain(method: str, weight_decay: float, c: int, said: int, *, about: bool = False) -> Check:
    """Does the gain of `c` at the default weight decay agree with what the text says?"""
    where = {"method": method, "weight_decay": weight_decay}
    return diff.gains(
        f"{LATE} Table 1", ({"c": c}, UNCUT),
        lambda g: agrees(g[0].points, said, about=about), lambda g: rounds_to(g[0].points, said), **where,
    )  # fmt: skip


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


def all_methods(load: Load) -> Finding:
    """The mean over all printed differences of a method at epoch 100: data sets in Table 3, top-1 and top-5 in 4.

    DINO is the paper's control, which "does not (and should not) benefit"; only the letter includes it.
    """
    found: dict[str, list[Gain]] = {}
    four = load(EARLY).table("4")
    for gain in of_cut(load, EARLY, "3", epoch=100) + compare(four, {"c": 3}, UNCUT):
        found.setdefault(gain.key["method"], []).append(gain)
    means = {method: tables.mean([g.points for g in gains]) for method, gains in found.items()}
    down = [method for method, m in means.items() if m <= 0]
    return Finding(
        set(down) <= {CONTROL},
        f"The mean difference at epoch 100 is positive for {count(len(means) - len(down), len(means))} methods"
        + (f", not for {listed([f'{m} ({signed(means[m])})' for m in down])}." if down else "."),
        tuple(
            (method, f"mean {signed(m)} of {', '.join(signed(g.points) for g in found[method])}")
            for method, m in means.items()
        ),
        not down,
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
    one: list[Gain], other: list[Gain], same: tuple[str, ...], rule: Rule, letter: Rule | None = None
) -> Finding:
    """Does `rule` hold of the gains of `one`, each less the gain of `other` that has the same parts `same`?

    An imbalanced data set is matched with the balanced one that it is drawn from.
    """

    def key(gain: Gain) -> tuple[str, ...]:
        return tuple(str(gain.key.get(part)).removesuffix(" imbalanced") for part in same)

    minus = {key(g): g.points for g in other}
    found = [Gain(g.label, g.points, minus[key(g)], g.key) for g in one if key(g) in minus]
    return diff.finding(found, rule, letter)


def imbalanced_gains_larger(load: Load) -> Finding:
    return difference_of_gains(
        of_cut(load, LATE, "3"), of_cut(load, LATE, "2"), ("method", "dataset"), diff.every
    )


def non_contrastive_more(load: Load) -> Finding:
    """ "Particularly" is said of the whole, so the mean decides."""
    siam, contrast = (of_cut(load, LATE, "2", method=m) for m in ("SimSiam", "SimCLR"))
    return difference_of_gains(siam, contrast, ("dataset",), lambda g: sum(d.points for d in g) > 0)


def attraction_only_trend(load: Load) -> Finding:
    """ "Consistent throughout" is said of each setting: Table 3 of either paper, the later one's is imbalanced."""
    found = of_cut(load, EARLY, "3") + of_cut(load, LATE, "3")
    contrast, others = ([g for g in found if (g.key["method"] == "SimCLR") is one] for one in (True, False))
    same = ("source", "dataset", "epoch")
    return difference_of_gains(others, contrast, same, diff.each, diff.every)


def nearly_always(gains: Sequence[Gain]) -> bool:
    """ "Essentially guarantees": nine of ten positive, and none a point or more the other way."""
    return diff.each(gains) and 10 * diff.up(gains) >= 9 * len(gains)


def all_settings(load: Load) -> Finding:
    """Each of Table 3, with the constants that the papers go on with; to the letter, the grids' others, too."""
    table_3 = of_cut(load, EARLY, "3")
    grids = diff.collect(load, [f"{EARLY} Table 5", f"{EARLY} Table 6"], CONSTANTS)
    return diff.finding([*table_3, *grids], lambda _: diff.each(table_3), diff.every)


CHECKS: dict[str, Check] = {
    "cut-c2-gain": constant_gain("SimCLR", 1e-6, c=2, said=2),
    "cut-c2-best": c2_best,
    "cut-c8-gain": constant_gain("SimSiam", 5e-4, c=8, said=10, about=True),
    "cut-grid-all-up": diff.gains(
        f"{LATE} Table 1", CONSTANTS, diff.in_each("method", diff.most), diff.every
    ),
    "cut-final-often": diff.gains(f"{LATE} Table 2", (CUT, DEFAULT), diff.often),
    "cut-table-3-essentially": diff.gains(f"{EARLY} Table 3", (CUT, DEFAULT), nearly_always),
    "cut-all-methods": all_methods,
    "cut-all-settings": all_settings,
    "cut-attraction-only-trend": attraction_only_trend,
    "flowers-gains": diff.gains(
        f"{EARLY} Table 3", (CUT, DEFAULT), diff.at_least(10), dataset="Flowers", epoch=500
    ),
    "flowers-cells-shared": flowers_cells_shared,
    "imbalanced-gains-larger": imbalanced_gains_larger,
    "non-contrastive-more-500": non_contrastive_more,
}
