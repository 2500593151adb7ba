"""What the two embedding-norm papers say of weight decay, GradScale and batch sizes, against their tables."""

from __future__ import annotations

from decimal import Decimal

from ssllib.arithmetic import tables
from ssllib.arithmetic.cut import DEFAULT, EARLY, LATE, of_cut
from ssllib.arithmetic.tables import (
    Check,
    Finding,
    Gain,
    Load,
    compare,
    listed,
    plain,
    points,
    rows,
    signed,
)

GRADSCALE = {"arm": "gradscale"}


def small_embeddings_monotone(load: Load) -> Finding:
    """Does the accuracy rise with every step down in norm? A step to the same norm counts as one."""
    table = load(EARLY).table("1")
    numbers, turned = [], []
    for method in table.keys()["method"]:
        decays = table.keys()["weight_decay"]
        found = [
            tuple(points(table, method=method, metric=m, weight_decay=w) for m in ("norm", "knn"))
            for w in decays
        ]
        line = sorted(found, key=lambda pair: -pair[0])
        numbers.append((method, ", ".join(f"norm {plain(n)}: {plain(k)}" for n, k in line)))
        for (_, before), (norm, after) in zip(line, line[1:], strict=False):
            if after <= before:
                turned.append(f"{method} at norm {plain(norm)} ({plain(before)} to {plain(after)})")
    return Finding(
        not turned,
        f"From large norms to small ones, the accuracy turns down for {listed(turned)}."
        if turned
        else "The accuracy rises with every step down in norm.",
        tuple(numbers),
    )


def interventions(load: Load) -> list[Gain]:
    """All gains of 2502.09252's Table 3: the cut, and GradScale."""
    scaled = compare(load(LATE).table("3"), GRADSCALE, DEFAULT)
    return [
        Gain(f"{g.label}, {name}", g.value, g.minus, g.key)
        for name, found in (("cut", of_cut(load, LATE, "3")), ("GradScale", scaled))
        for g in found
    ]


def double_digit(load: Load) -> Finding:
    found = interventions(load)
    most = tables.largest(found)
    return Finding(
        most.points >= 10,
        f"The largest gain is {signed(most.points)} ({most.label}); {sum(g.points >= 10 for g in found)} of "
        f"{len(found)} reach 10 points.",
        rows(found),
    )


def gradscale_roughly_5(load: Load) -> Finding:
    found = compare(load(LATE).table("3"), GRADSCALE, DEFAULT)
    return Finding(
        all(tables.whole(g.points) == 5 for g in found),
        f"The gains are {listed([signed(g.points) for g in found])} points, in whole points "
        f"{listed([str(tables.whole(g.points)) for g in found])}.",
        rows(found),
    )


def gradscale_more_pronounced(load: Load) -> Finding:
    found = compare(load(LATE).table("3"), GRADSCALE, DEFAULT)
    stable = [
        g
        for d in ("CIFAR-10", "CIFAR-100")
        for g in compare(load(LATE).table("2"), GRADSCALE, DEFAULT, dataset=d)
    ]
    least, most = tables.smallest(found), tables.largest(stable)
    return Finding(
        least.points > most.points,
        f"The smallest gain of Table 3 is {signed(least.points)}, the largest of Table 2, where training was stable, "
        f"{signed(most.points)}.",
        rows(found + stable),
    )


# --- batches (2502.09252 Table S2) ------------------------------------------------------------------------


def batch_gain(load: Load, epoch: int, arm: str, batch: int, other: int) -> Gain:
    """One batch size less another, in one row."""
    value, minus = (points(load(LATE).table("S2"), epoch=epoch, arm=arm, batch=n) for n in (batch, other))
    return Gain(f"{arm}, batch {batch} less {other}", value, minus, {"batch": batch})


def large_batches_slow(load: Load) -> Finding:
    found = [batch_gain(load, 100, "default", b, a) for a, b in ((256, 512), (512, 1024))]
    return Finding(
        all(g.points < 0 for g in found),
        f"From batch to batch the default accuracy at epoch 100 changes by {listed([signed(g.points) for g in found])} "
        "points.",
        rows(found),
    )


def large_batches_improve(load: Load) -> Finding:
    found = [batch_gain(load, 500, arm, batch, 256) for batch in (1024, 512) for arm in ("default", "cut")]
    decide = [g for g in found if g.key["batch"] == 1024]
    beside = [g for g in found if g.key["batch"] == 512]
    return Finding(
        all(g.points > 0 for g in decide),
        f"At epoch 500 the differences are {listed([signed(g.points) for g in decide])} points (default, cut); at "
        f"batch 512 they are {listed([signed(g.points) for g in beside])}.",
        rows(found),
    )


def cut_large_batch_best(load: Load) -> Finding:
    table = load(LATE).table("S2")

    def ranking(epoch: int) -> list[tuple[Decimal, str]]:
        cells = [c for c in table.cells(epoch=epoch)]
        named = [(tables.number(c, table.unit), tables.label(c.key, ("epoch", "c"))) for c in cells]
        return sorted(named, key=lambda pair: -pair[0])

    ours = "cut, batch 1024"
    last, first = ranking(500), ranking(100)
    best = last[0][1] == ours and last[0][0] > last[1][0]
    place = [name for _, name in first].index(ours) + 1
    value = dict((name, v) for v, name in last)[ours]
    rival = max(v for v, name in last if name != ours)
    return Finding(
        best,
        f"At epoch 500 it is {signed(value - rival)} points from the best other one; at epoch 100 it has place "
        f"{place} of {len(first)}.",
        tuple(
            (f"epoch {e}", ", ".join(f"{name}: {plain(v)}" for v, name in line))
            for e, line in ((500, last), (100, first))
        ),
    )


CHECKS: dict[str, Check] = {
    "small-embeddings-monotone": small_embeddings_monotone,
    "imbalanced-double-digit": double_digit,
    "gradscale-roughly-5": gradscale_roughly_5,
    "gradscale-more-pronounced": gradscale_more_pronounced,
    "large-batches-slow": large_batches_slow,
    "large-batches-improve": large_batches_improve,
    "cut-large-batch-best": cut_large_batch_best,
}
