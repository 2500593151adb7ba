"""What the two embedding-norm papers say of weight decay, GradScale and batch sizes, against their tables."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from ssllib.evidence.tables import compare as tables
from ssllib.evidence.tables import differences as diff
from ssllib.evidence.tables.compare import (
    Check,
    Finding,
    Load,
    agrees,
    listed,
    plain,
    points,
    rounds_to,
    signed,
)
from ssllib.evidence.tables.cut_tables import CUT, DEFAULT, EARLY, LATE
from ssllib.evidence.tables.differences import Gain, compare, rows

GRADSCALE = {"arm": "gradscale"}
ZERO = Decimal("0.05")  # a norm up to here is printed as 0.0


def small_embeddings_higher(load: Load) -> Finding:
    """Does the accuracy rise with most steps down in norm, for each method? To the letter: with every step.

    Embeddings whose norm is printed as zero (0.0) are left out: nothing is left to classify.
    """
    table = load(EARLY).table("1")
    numbers, steps = [], []
    for method in table.keys()["method"]:
        found = [
            tuple(points(table, method=method, metric=m, weight_decay=w) for m in ("norm", "knn"))
            for w in table.keys()["weight_decay"]
        ]
        line = sorted((pair for pair in found if pair[0] > ZERO), key=lambda pair: -pair[0])
        numbers.append((method, ", ".join(f"norm {plain(n)}: {plain(k)}" for n, k in line)))
        steps += [
            Gain(f"{method} at norm {plain(norm)}", after, before, {"method": method})
            for (_, before), (norm, after) in zip(line, line[1:], strict=False)
        ]
    turned = [f"{g.label} ({plain(g.minus)} to {plain(g.value)})" for g in steps if g.points <= 0]
    return Finding(
        diff.in_each("method", diff.most)(steps),
        f"From large norms to small ones it rises in {tables.count(diff.up(steps), len(steps))} steps"
        + (f"; it falls for {listed(turned)}." if turned else "."),
        tuple(numbers),
        diff.every(steps),
    )


def close_to_5(gains: Sequence[Gain]) -> bool:
    return all(agrees(g.points, 5, about=True) for g in gains)


def gradscale_more_pronounced(load: Load) -> Finding:
    found = compare(load(LATE).table("3"), GRADSCALE, DEFAULT)
    stable = [
        g
        for d in ("CIFAR-10", "CIFAR-100")
        for g in compare(load(LATE).table("2"), GRADSCALE, DEFAULT, dataset=d)
    ]
    least, most = diff.smallest(found), diff.largest(stable)
    return Finding(
        least.points > most.points,
        f"The smallest gain of Table 3 is {signed(least.points)}, the largest of Table 2, where training was stable, "
        f"{signed(most.points)}.",
        rows(found + stable),
    )


# --- batches (2502.09252 Table S2) ------------------------------------------------------------------------


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


B256, B512, B1024 = ({"batch": n} for n in (256, 512, 1024))
CHECKS: dict[str, Check] = {
    "small-embeddings-higher": small_embeddings_higher,
    "imbalanced-double-digit": diff.gains(
        f"{LATE} Table 3", [(CUT, DEFAULT), (GRADSCALE, DEFAULT)], lambda g: diff.largest(g).points >= 10
    ),
    "gradscale-roughly-5": diff.gains(
        f"{LATE} Table 3", (GRADSCALE, DEFAULT), close_to_5, lambda g: all(rounds_to(x.points, 5) for x in g)
    ),
    "gradscale-more-pronounced": gradscale_more_pronounced,
    "large-batches-slow": diff.gains(
        f"{LATE} Table S2", [(B256, B512), (B512, B1024)], diff.every, epoch=100, arm="default"
    ),
    "large-batches-improve": diff.gains(
        f"{LATE} Table S2", [(B1024, B256), (B512, B256)], diff.most, diff.every, epoch=500
    ),
    "cut-large-batch-best": cut_large_batch_best,
}
