"""2403.18699 against its own tables. Each check is named by the criterion that it decides."""

from __future__ import annotations

from decimal import Decimal

from ssllib.evidence.tables import compare
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
from ssllib.evidence.tables.differences import Gain, rows

PAPER = "2403.18699"
DEFAULT, ANCHORS = {"arm": "default"}, {"arm": "anchors"}


def gains(load: Load, table: str, **where: object) -> list[Gain]:
    """With anchors less without, in points."""
    return diff.compare(load(PAPER).table(table), ANCHORS, DEFAULT, **where)


def gain_range(labels: int, low: int, high: int) -> Check:
    """Do the smallest and the largest gain of Table 3 agree with `low` and `high`?"""

    def check(load: Load) -> Finding:
        found = gains(load, "3", labels=labels)
        ends = [(diff.smallest(found).points, low), (diff.largest(found).points, high)]
        return Finding(
            all(agrees(value, said) for value, said in ends),
            f"The {len(found)} gains run from {plain(ends[0][0])} to {plain(ends[1][0])} points; the text has "
            f"{low} to {high}.",
            rows(found),
            all(rounds_to(value, said) for value, said in ends),
        )

    return check


def twelve_of_24(load: Load) -> Finding:
    found = sorted(gains(load, "4"), key=lambda g: -g.points)
    twelfth, next_one = found[11].points, found[12].points
    up = sum(g.points > 0 for g in found)
    return Finding(
        twelfth > 0 and next_one < twelfth / 2,
        f"{up} of {len(found)} accuracies are higher with CLOA. The twelfth largest gain is {signed(twelfth)} points "
        f"and the next one {signed(next_one)}: a margin between them "
        + (
            "sets twelve apart."
            if twelfth > 0 and next_one < twelfth / 2
            else "does not set twelve apart clearly."
        ),
        tuple((g.label, f"{g.row[1]}; {n} {'is' if n == 1 else 'are'} larger") for n, g in enumerate(found)),
    )


def one_lower(load: Load) -> Finding:
    lower = sorted((g for g in gains(load, "4") if g.points < 0), key=lambda g: g.points)
    losses = [-g.points for g in lower]
    alone = len(losses) == 1 or len(losses) > 1 and losses[1] < losses[0] / 2
    largest = listed([f"{plain(x)} ({g.label})" for x, g in zip(losses[:2], lower, strict=False)])
    return Finding(
        alone,
        f"{len(lower)} accuracies are lower with CLOA. The largest losses are {largest} points; the second is "
        + ("less than half as large." if alone else "more than half as large, so no margin singles one out.")
        if lower
        else "No accuracy is lower with CLOA.",
        rows(lower),
    )


def doubles_barlow_twins(load: Load) -> Finding:
    found = gains(load, "4", loss="BT", labels=10)
    ratios = {g.key["metric"]: g.value / g.minus for g in found}
    said = [f"{metric.replace('top', 'top-')} is {compare.times(r)} times" for metric, r in ratios.items()]
    return Finding(
        all(r > 2 for r in ratios.values()),
        f"With CLOA {listed(said)} that of Barlow Twins alone.",
        tuple(
            (g.label, f"{plain(g.value)} / {plain(g.minus)} = {compare.times(g.value / g.minus)}")
            for g in found
        ),
    )


def pronounced(load: Load) -> Finding:
    def name(loss: str) -> str:
        return compare.label({"loss": loss})

    losses = load(PAPER).table("4").keys()["loss"]
    means = {loss: compare.mean([g.points for g in gains(load, "4", loss=loss)]) for loss in losses}
    vicreg = means.pop("VICreg")
    said = [f"{signed(m)} over {name(loss)}" for loss, m in means.items()]
    return Finding(
        all(m > vicreg for m in means.values()),
        f"The mean gain is {listed(said)}, and {signed(vicreg)} over VICReg.",
        tuple((f"{name(loss)}, mean of six", signed(m)) for loss, m in {**means, "VICreg": vicreg}.items()),
    )


def top_5(load: Load) -> Finding:
    table = load(PAPER).table("4")
    chance = Decimal(5)  # per cent: five guesses among CIFAR-100's 100 classes
    pairs, failed = [], []
    for cell in table.cells(metric="top1"):
        key = {k: v for k, v in cell.key.items() if k != "metric"}
        one, five = points(table, **key, metric="top1"), points(table, **key, metric="top5")
        name = compare.label({k: v for k, v in key.items() if k != "arm"}) + (
            ", CLOA" if key["arm"] == "anchors" else ""
        )
        pairs.append((name, f"top-1 {plain(one)}, top-5 {plain(five)}"))
        if not (five > one and five > chance):
            failed.append(f"{name} ({plain(one)} and {plain(five)})")
    return Finding(
        not failed,
        f"{count(len(pairs) - len(failed), len(pairs)).capitalize()} pairs pass."
        + (f" Those that do not: {listed(failed)}." if failed else ""),
        tuple(pairs),
    )


def resnet_width(blocks: int = 4, stem: int = 64, expansion: int = 4) -> int:
    """Width of a ResNet's pooled features: the stem's, doubled at each stage after the first, times the expansion.

    A bottleneck block expands four-fold (ResNet-50), a basic block does not (ResNet-18). Source: He et al. 2016,
    Table 1 and Figure 5.
    """
    return stem * 2 ** (blocks - 1) * expansion


def pooled_width(name: str, expansion: int, said: int) -> Check:
    """Decided from the architecture alone; the tests hold the formula against `ssllib.engine.methods.backbones`."""

    def check(load: Load) -> Finding:
        width, basic = resnet_width(expansion=expansion), resnet_width(expansion=1)
        return Finding(
            width == said,
            f"The pooled features of a {name} have {width} dimensions; the text has {said}. Basic blocks, as in the "
            f"ResNet-18 of Section 5.1, would give {basic}.",
            (
                ("expansion of a block", f"{expansion}"),
                ("width of the pooled features", f"64 × 2³ × {expansion} = {width}"),
            ),
        )

    return check


def overview_below(load: Load) -> Finding:
    """Of the losses that change InfoNCE's terms or similarity: below SimCLR, or no accuracy at all."""
    table = load(PAPER).table("1")
    simclr = points(table, method="SimCLR", metric="top1")
    group = [c for c in table.cells(metric="top1") if c.key["group"] not in ("baselines", "Innovations")]
    silent = [c for c in group if c.value is None]
    below = [c for c in group if c.value is not None and compare.number(c, table.unit) < simclr]
    met = len(silent) + len(below)
    return Finding(
        met >= 4,
        f"Of {len(group)} losses {len(below)} are below SimCLR's {plain(simclr)}, and of {len(silent)} no top-1 "
        "accuracy is printed.",
        tuple(
            (
                str(c.key["method"]),
                plain(compare.number(c, table.unit)) if c.value is not None else "not reported",
            )
            for c in group
        ),
    )


CHECKS: dict[str, Check] = {
    "cloa-gains-10": gain_range(10, 25, 37),
    "cloa-gains-50": gain_range(50, 19, 24),
    "cloa-gains-100": gain_range(100, 16, 27),
    "cloa-within-3": diff.gains(
        f"{PAPER} Table 3",
        (ANCHORS | {"labels": 100}, ANCHORS | {"labels": 10}),
        lambda g: diff.largest(g).points <= 3,
    ),
    "cloa-12-of-24": twelve_of_24,
    "cloa-one-lower": one_lower,
    "cloa-doubles-bt": doubles_barlow_twins,
    "cloa-pronounced": pronounced,
    "cloa-full-labels": diff.gains(f"{PAPER} Table 4", (ANCHORS, DEFAULT), diff.most, labels=100),
    "cloa-top-5": top_5,
    "resnet50-width": pooled_width("ResNet-50", expansion=4, said=512),
    "cloa-overview-below": overview_below,
}
