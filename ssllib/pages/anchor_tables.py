"""Tables 3 and 4 of 2403.18699 beside our runs: the fine-tuned accuracy of four losses without and with anchors."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from ssllib.evidence.papers import Table
from ssllib.pages import boxes, page, plots
from ssllib.pages.recorded import NOTHING, Recorded, final
from ssllib.runs.experiments.orthonormal_anchors import ANCHORED_RATES, PLAIN_RATES
from ssllib.runs.records import Record

LOSSES = {"infonce": "InfoNCE", "dcl": "DCL", "bt": "Barlow Twins", "vicreg": "VICReg"}
PRINTED = {"infonce": "InfoNCE", "dcl": "DCL", "bt": "BT", "vicreg": "VICreg"}
SHARES = (10, 50, 100)
SIDES = {"": ("default", "without anchors"), "cloa-": ("anchors", "with anchors")}
"""An arm's prefix, and what the side is called in the paper's tables and in ours."""
TRIED: dict[str, tuple[str, ...]] = {"": PLAIN_RATES, "cloa-": ANCHORED_RATES}
"""The rates of which a loss's best is taken, without and with anchors."""

Rates = Mapping[str, Sequence[str]]


def arms(loss: str, side: str, rates: Rates) -> list[str]:
    return [f"{side}{loss}-{rate}" for rate in rates[side]]


def best(found: Recorded, names: Sequence[str]) -> dict[int, Record]:
    """For each seed that has all these arms, the run that is best on held-out images after fine-tuning."""
    by_seed = [{r.seed: r for r in found.get(name, ())} for name in names]
    chosen = {}
    for seed in sorted(set.intersection(*(set(runs) for runs in by_seed))):
        read = [(final("finetune_10_val")(runs[seed]), runs[seed]) for runs in by_seed]
        known = [(x, r) for x, r in read if x is not None]
        if known:
            chosen[seed] = max(known, key=lambda pair: pair[0])[1]
    return chosen


def accuracy(record: Record, share: int, suffix: str = "") -> float | None:
    """The accuracy fine-tuned on a share of the labels, of a frozen network that of the classifier on it."""
    found = final(f"finetune_{share}{suffix}")(record)
    return final(f"finetune_frozen_{share}{suffix}")(record) if found is None else found


def numbers(found: Recorded, names: Sequence[str], share: int, suffix: str = "") -> dict[int, float]:
    """By seed, the accuracy of the best of these arms."""
    read = {seed: accuracy(r, share, suffix) for seed, r in best(found, names).items()}
    return {seed: x for seed, x in read.items() if x is not None and math.isfinite(x)}


def gains(found: Recorded, loss: str, rates: Rates, share: int, suffix: str = "") -> list[float]:
    """What the anchors add, seed by seed."""
    without, with_ = (numbers(found, arms(loss, side, rates), share, suffix) for side in SIDES)
    return [with_[s] - without[s] for s in sorted(with_.keys() & without.keys())]


def printed(table: Table, loss: str, side: str, share: int, **where: Any) -> float:
    """The paper's accuracy in percent."""
    return 100 * table.value(loss=PRINTED[loss], arm=SIDES[side][0], labels=share, **where)


def side_by_side(
    found: Recorded, table: Table, rates: Rates, *, caption: str, name: str, suffix: str = "", **where: Any
) -> None:
    """The paper's table beside ours, two rows for each loss and one for what the anchors add."""
    rows = []
    for loss, title in LOSSES.items():
        for side, (_, words) in SIDES.items():
            names = arms(loss, side, rates)
            ours = [list(numbers(found, names, share, suffix).values()) for share in SHARES]
            taken = [r.cell.rpartition(f"{loss}-")[2] for r in best(found, names).values()]
            rows.append(
                [f"{title}, {words}"]
                + [f"{printed(table, loss, side, share, **where):.1f}" for share in SHARES]
                + [boxes.mean_range(v, 1, none="–") for v in ours]
                + [", ".join(f"{_unbroken(rate)} ({taken.count(rate)})" for rate in rates[side] if rate in taken)]
            )
        told = [printed(table, loss, "cloa-", s, **where) - printed(table, loss, "", s, **where) for s in SHARES]
        added = [gains(found, loss, rates, share, suffix) for share in SHARES]
        rows.append(
            [f"*{title}, gain*", *(boxes.mean_range([x], 1, sign="+") for x in told)]
            + [boxes.mean_range(v, 1, sign="+", none="–") for v in added]
            + [""]
        )
    heads = [f"{who}, {share} %" for who in ("paper", "ours") for share in SHARES]
    page.table(rows, ["loss", *heads, "our rates (seeds)"], caption=caption, name=name)


def _unbroken(rate: str) -> str:
    return rate.replace("-", "\u2011")


CONTROLS = {
    "anchors-only-1e-2": "anchors alone, rate 0.01", "anchors-only-1e-1": "anchors alone, rate 0.1",
    "anchors-only": "anchors alone, rate 1", "supervised": "supervised on the same labels",
    "random-frozen": "classifier on a frozen random network",
}  # fmt: skip


def controls(found: Recorded, *, name: str) -> None:
    """The same labels without a contrastive loss, which the paper does not have."""
    chosen = found.only(*CONTROLS)
    columns = {f"{share} % of labels": partial(accuracy, share=share) for share in SHARES}
    caption = "The controls, which the paper does not have: accuracy (percent), mean (range over seeds): "
    caption += f"{chosen.setting}."
    chosen.table(columns, labels=CONTROLS, caption=caption, name=name)


def parts(found: Recorded, rates: Rates, *, caption: str, name: str) -> None:
    """What anchors add with a tenth of the labels: what the labels alone do, and what the loss adds to them."""
    rows = []
    alone = numbers(found, [arm for arm in CONTROLS if arm.startswith("anchors-only")], SHARES[0])
    for loss, title in LOSSES.items():
        plain, joined = (numbers(found, arms(loss, side, rates), SHARES[0]) for side in SIDES)
        seeds = sorted(plain.keys() & joined.keys() & alone.keys())
        both = [[alone[s] - plain[s] for s in seeds], [joined[s] - alone[s] for s in seeds]]
        rows.append([title, *(boxes.mean_range(v, 1, sign="+", none="–") for v in both)])
    page.table(rows, ["loss", "the labels alone", "what the loss adds to the labels"], caption=caption, name=name)


def draw(axes: Sequence[Any], found: Recorded, table: Table, rates: Rates, suffix: str = "", **where: Any) -> None:
    """A panel for each loss: accuracy against the share of labels, the paper's dashed and hollow, ours filled."""
    places = range(len(SHARES))
    style = {"": ("o", plots.BLUE), "cloa-": ("s", plots.ORANGE)}
    for ax, (loss, title) in zip(axes, LOSSES.items(), strict=True):
        for side, (_, words) in SIDES.items():
            shape, color = style[side]
            told = [printed(table, loss, side, share, **where) for share in SHARES]
            ax.plot(places, told, f"{shape}--", color=color, mfc="white", ms=5, lw=1.2, label=f"paper, {words}")
            ours = [list(numbers(found, arms(loss, side, rates), share, suffix).values()) for share in SHARES]
            known = [(i, v) for i, v in zip(places, ours, strict=True) if v]
            if known:
                means = [sum(v) / len(v) for _, v in known]
                ax.plot([i for i, _ in known], means, f"{shape}-", color=color, ms=5, label=f"ours, {words}")
                ax.vlines([i for i, _ in known], [min(v) for _, v in known], [max(v) for _, v in known], color=color)
        ax.set(title=title, xlabel="labels (%)", xticks=list(places), xticklabels=[str(s) for s in SHARES])


def over_rates(axes: Sequence[Any], found: Recorded) -> None:
    """A panel for each loss: accuracy against the rate, a line for each share of labels; dashed with anchors."""
    looks = dict(zip(SHARES, (("o", plots.BLUE), ("^", plots.GREEN), ("s", plots.RED)), strict=True))
    for ax, (loss, title) in zip(axes, LOSSES.items(), strict=True):
        drawn = False
        for share, (shape, color) in looks.items():
            for side, (_, words) in SIDES.items():
                points = {}
                for rate in TRIED[side]:
                    read = [accuracy(r, share) for r in found.finished(f"{side}{loss}-{rate}")]
                    if known := [x for x in read if x is not None]:
                        points[float(rate)] = sum(known) / len(known)
                if points:
                    line = "--" if side else "-"
                    label = f"{share} %, {words}"
                    ax.plot(list(points), list(points.values()), f"{shape}{line}", color=color, ms=4, label=label)
                    drawn = True
        ax.set_title(title)
        if drawn:
            ax.set(xscale="log", xlabel="learning rate", xlim=(5e-5, 2), xticks=[1e-4, 1e-2, 1])
            ax.minorticks_off()
        else:
            plots.blank(ax, NOTHING)
