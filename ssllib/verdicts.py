"""Verdicts: what the records say of a claim, by the criterion that it declared.

Nothing here can be told what to conclude.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from ssllib import arithmetic, stats
from ssllib.arithmetic.tables import Finding
from ssllib.claims import ROLES, Claim
from ssllib.records import Record, Store

ORDER = ("paper", "gpu", "cpu", "smoke")  # strongest evidence first


@dataclass(frozen=True)
class CellResult:
    """One estimand of a claim, measured: the mean over seeds with its interval."""

    name: str
    estimate: stats.Estimate
    word: str
    paper: float | None  # the paper's effect, in the same unit
    diverged: int = 0


def mark(word: str) -> str:
    """A verdict's word as it is shown for evidence that cannot settle a claim: + is the claimed side."""
    return {"holds": "+", "opposite": "−", "no effect": "0", "mixed": "±"}.get(word, word)


@dataclass(frozen=True)
class Verdict:
    """What the records say of a claim, and where."""

    claim: Claim
    word: str
    scale: str | None = None
    settles: bool = True
    setting: str = ""
    cells: tuple[CellResult, ...] = ()
    records: tuple[Record, ...] = ()
    finding: Finding | None = None  # of an arithmetic claim

    @property
    def mark(self) -> str:
        """How evidence that cannot settle a claim is shown: + on the claimed side, 0, or the other side."""
        return mark(self.word)

    @property
    def short(self) -> str:
        """The verdict in a word or two, with its scale where it has one."""
        if self.scale is None or self.claim.kind in ("proof", "arithmetic", "question"):
            return self.word
        if not self.settles:
            return f"seen: {self.mark} at {self.scale} scale"
        return f"{self.word} at {self.scale} scale"

    @property
    def sentence(self) -> str:
        """The verdict with the setting it was reached in."""
        return f"{self.short} ({self.setting})" if self.setting else self.short


def verdict(claim: Claim, store: Store) -> Verdict:
    """The verdict on one claim from the records of a store."""
    if claim.kind == "proof":
        return _proof(claim, store)
    if claim.kind == "question":
        return Verdict(claim, "open")
    if claim.kind == "arithmetic":
        finding = arithmetic.find(claim.criterion["check"])
        return Verdict(claim, finding.word if finding else "not yet run", finding=finding)
    for scale in ORDER:
        found = [_measure(claim, cell, store, scale) for cell in claim.cells]
        if any(values or gone for values, gone, _ in found):
            return _judge(claim, scale, found)
    return Verdict(claim, "not yet run")


def _proof(claim: Claim, store: Store) -> Verdict:
    check = claim.criterion["check"]
    records = [r for r in store.find("proofs", "paper") if r.cell == check]
    if not records:
        return Verdict(claim, "not yet run")
    return Verdict(claim, str(records[-1].final["outcome"]), "paper", records=tuple(records))


def _number(record: Record, metric: str, epoch: Any) -> float | None:
    """One metric of one record at `epoch`: a number, `last`, or `best` (the highest of the history)."""
    if epoch == "best":
        column = record.column(metric)
        return max(column) if column else None
    if epoch in ("last", None):
        if metric in record.final:
            number = record.final[metric]
            return float(number) if isinstance(number, (int, float)) else None  # text: there is no such number
        column = record.column(metric)
        return column[-1] if column else None
    row = next((r for r in record.history if r.get("epoch") == epoch), {})
    return row.get(metric)


def _side(side: dict[str, Any], arms: dict[str, Record], used: list[Record]) -> float | None:
    """One side of an estimand from the records of one seed; `KeyError` when an arm has no record yet.

    `{arm, metric, epoch}` is a number; with `less: other` another arm's is subtracted;
    `{spearman: [x, y], arms: [...]}` is the rank correlation of two metrics over arms.
    """
    if "spearman" in side:
        chosen = [arms[name] for name in side["arms"]]
        used += chosen
        x, y = ([_number(r, m, side.get("epoch", "last")) for r in chosen] for m in side["spearman"])
        if None in x or None in y:
            return None
        return stats.spearman([v for v in x if v is not None], [v for v in y if v is not None])
    record = arms[side["arm"]]
    used.append(record)
    number = _number(record, side["metric"], side.get("epoch", "last"))
    if "less" in side and number is not None:
        used.append(arms[side["less"]])
        less = _number(arms[side["less"]], side["metric"], side.get("epoch", "last"))
        return None if less is None else number - less
    return number


def _measure(
    claim: Claim, cell: dict[str, Any], store: Store, scale: str
) -> tuple[list[float], int, list[Record]]:
    """A cell's number for each seed that has all it needs, how many seeds diverged, and the records used."""
    sides = {role: cell[role] for role in ROLES if role in cell}
    default = cell.get("experiment", claim.criterion.get("experiment"))
    by_seed: dict[str, dict[int, dict[str, Record]]] = {}
    for experiment in {side.get("experiment", default) for side in sides.values()}:
        arms = by_seed.setdefault(experiment, {})
        for r in store.find(experiment, scale):
            if r.status != "interrupted":
                arms.setdefault(r.seed, {})[r.cell] = r
    values, gone, used = [], 0, []
    for seed in sorted(set.intersection(*(set(arms) for arms in by_seed.values()))):
        touched: list[Record] = []
        try:
            got = {
                role: _side(side, by_seed[side.get("experiment", default)][seed], touched)
                for role, side in sides.items()
            }
        except KeyError:
            continue
        used += touched
        numbers = {k: float(v) for k, v in got.items() if v is not None}
        if len(numbers) < len(got):
            gone += any(r.status == "diverged" for r in touched)
        else:
            values.append(_combine(cell, numbers))
    return values, gone, used


def _combine(cell: dict[str, Any], got: dict[str, float]) -> float:
    """The estimand: a value, less another, in percent over another, or its logarithm over another."""
    number = got["value"]
    if "minus" in got:
        number = got["value"] - got["minus"]
    elif "over" in got:
        number = 100 * (got["value"] / got["over"] - 1)
    elif "log10_over" in got:
        number = math.log10(got["value"] / got["log10_over"])
    return number - float(cell.get("target", 0.0))


def _paper(cell: dict[str, Any]) -> float | None:
    effect = cell.get("paper_effect")
    return None if not effect or "value" not in effect else _combine(cell, {k: float(v) for k, v in effect.items()})


def _judge(claim: Claim, scale: str, found: list[tuple[list[float], int, list[Record]]]) -> Verdict:
    rule = claim.criterion
    estimates = stats.holm([values for values, _, _ in found])
    cells = tuple(
        CellResult(
            str(cell.get("name", claim.id)),
            e,
            stats.word(e, rule["direction"], float(rule["smallest"])),
            _paper(cell),
            gone,
        )
        for cell, e, (_, gone, _) in zip(claim.cells, estimates, found, strict=True)
    )
    word = stats.combine([c.word for c in cells])
    settles = scale in rule.get("settles", ["gpu", "paper"])
    if scale == "paper" and claim.kind == "experiment" and word != "undecided":
        inside = [
            c.estimate.low - rule.get("spread", 0.0) <= c.paper <= c.estimate.high + rule.get("spread", 0.0)
            for c in cells
            if c.paper is not None
        ]
        if inside:
            word = "reproduced" if all(inside) else "not reproduced"
    records = {r.identity: r for _, _, used in found for r in used}
    seeds = {r.seed for r in records.values()}
    first = next(iter(records.values()))
    setting = f"{describe(first)}, {len(seeds)} seed{'s' if len(seeds) != 1 else ''}"
    return Verdict(claim, word, scale, settles, setting, cells, tuple(records.values()))


def describe(record: Record) -> str:
    """The setting of a record in a few words."""
    c = record.config
    if record.kind == "training":
        known = {"resnet18": "ResNet-18", "resnet50": "ResNet-50", "vit-small": "ViT-S"}
        network = known.get(c["backbone"].removesuffix("-large"), f"width-{c['width']} ResNet")
        data = {"cifar10": "CIFAR-10", "cifar100": "CIFAR-100"}.get(c["dataset"], c["dataset"])
        images = f"{c['train_images']:,} images of {data}" if c["train_images"] else data
        epochs = f"{c['epochs']} epochs"
        if c["epochs"] != c["schedule_epochs"]:
            epochs = f"{c['epochs']} of {c['schedule_epochs']} epochs"
        return f"{network}, {images}, {epochs}, batch {c['batch_size']}"
    if record.kind == "simulation:latent-classes":
        points = f"{c['classes'] * c['per_class']:,} points"
        return f"{c['classes']} latent classes in $\\mathbb{{R}}^{{{c['dim']}}}$, {points}, {c['epochs']} epochs"
    if "pairs" in c and "dim" in c:
        return f"{c['pairs']} pairs in $\\mathbb{{R}}^{{{c['dim']}}}$"
    if record.kind == "simulation:three-lines":
        rate = "each arm at the rate with its lowest loss"
        return f"{3 * c['points']} points near three lines in $\\mathbb{{R}}^3$, {c['steps']:,} steps, {rate}"
    return record.kind
