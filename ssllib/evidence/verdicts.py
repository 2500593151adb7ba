"""Verdicts: what the records say of a claim, by the criterion that it declared.

Nothing here can be told what to conclude.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ssllib.errors import InputError
from ssllib.evidence import claims, stats, tables, words
from ssllib.evidence.claims import Claim
from ssllib.evidence.estimands import UNTRAINED_EPOCHS, Measured, end
from ssllib.evidence.tables.compare import Finding
from ssllib.evidence.words import Reading
from ssllib.runs.records import Record, Store

ORDER = ("paper", "gpu", "cpu")  # strongest evidence first; smoke settles nothing


@dataclass(frozen=True)
class CellResult:
    """One estimand of a claim, measured.

    Args:
        estimate: mean over seeds with its 95 % interval, as it is shown.
        judged: the interval that earned the reading, wider where Holm's procedure asks for it.
        paper: the paper's effect, in the same unit.
        diverged: seeds without a number because a run diverged.
    """

    name: str
    estimate: stats.Estimate
    judged: stats.Estimate
    reading: Reading
    paper: float | None = None
    diverged: int = 0


@dataclass(frozen=True)
class Verdict:
    """What the records say of a claim, and where."""

    claim: Claim
    reading: Reading
    scale: str | None = None  # of the records of a measured claim
    setting: str = ""
    cells: tuple[CellResult, ...] = ()
    records: tuple[Record, ...] = ()
    finding: Finding | None = None  # of an arithmetic claim

    @property
    def word(self) -> str:
        return self.reading.word

    @property
    def where(self) -> str:
        """Where it was reached; empty for what nothing has tested and for questions."""
        if self.word == words.UNTESTED or self.claim.kind == "question":
            return ""
        return words.where(self.claim.kind, self.scale)

    @property
    def small(self) -> bool:
        """Whether it is a verdict about small networks, which never stands for the paper's setting."""
        return self.where == words.WHERE["cpu"]

    @property
    def short(self) -> str:
        """Word, detail and where: "contradicted (the other way; small network)"."""
        behind = "; ".join(filter(None, [self.reading.detail, self.where]))
        return f"{self.word} ({behind})" if behind else self.word

    @property
    def sentence(self) -> str:
        """The verdict with the setting it was reached in."""
        return f"{self.short}: {self.setting}" if self.setting else self.short


def verdict(claim: Claim, store: Store) -> Verdict:
    """The verdict on one claim from the records of a store.

    Raises:
        InputError: if the claim names an experiment or arm that is not declared.
    """
    if claim.kind == "proof":
        return _proof(claim, store)
    if claim.kind == "question":
        return _question(claim, store)
    if claim.kind == "arithmetic":
        finding = tables.find(claim.criterion["check"])
        if finding is None:
            return Verdict(claim, Reading(words.UNTESTED))
        return Verdict(claim, words.of_tables(finding.holds, finding.literally), finding=finding)
    for scale in (s for s in ORDER if s in claim.scales):
        found = [e.measure(store, scale) for e in claim.estimands]
        if not all(m.empty for m in found):
            return judge(claim, scale, found)
    if missing := claim.missing_arms():
        raise InputError(f"claim {claim.id} names what is not declared: {', '.join(missing)}")
    return Verdict(claim, Reading(words.UNTESTED))


def _proof(claim: Claim, store: Store) -> Verdict:
    check = claim.criterion["check"]
    records = [r for r in store.find("proofs", "paper") if r.cell == check]
    if not records:
        return Verdict(claim, Reading(words.UNTESTED))
    return Verdict(claim, words.outcome(str(records[-1].final["outcome"])), "paper", records=tuple(records))


def _question(claim: Claim, store: Store) -> Verdict:
    """Answered when every claim that answers it is decided."""
    found = [verdict(claims.get(name), store) for name in claim.answers]
    decided = [v for v in found if v.word in words.DECIDED]
    if not found:
        return Verdict(claim, Reading(words.OPEN))
    if len(decided) < len(found):
        return Verdict(claim, Reading(words.OPEN, f"{len(decided)} of {len(found)} parts decided"))
    return Verdict(claim, Reading(words.ANSWERED, ", ".join(sorted({v.where for v in found}))))


def judge(claim: Claim, scale: str, found: Sequence[Measured]) -> Verdict:
    """The verdict of what the claim's estimands found at one scale."""
    rule = claim.criterion
    judged = stats.holm([m.sample for m in found])
    cells = tuple(
        CellResult(
            e.name, m.sample.interval(), wide, stats.read(wide, str(rule["direction"]), float(rule["smallest"])),
            e.paper, m.diverged,
        )
        for e, m, wide in zip(claim.estimands, found, judged, strict=True)
    )  # fmt: skip
    reading = words.combine([c.reading for c in cells], claim.quantifier)
    own_setting = scale == "paper" and claim.kind == "experiment"
    if own_setting and reading.word == words.CONFIRMED and _same_numbers(claim, cells):
        reading = Reading(words.CONFIRMED, words.REPRODUCED)
    records = {(r.identity, r.experiment, r.cell): r for m in found for r in m.records}
    setting = ""
    if records:
        seeds = len({seed for m in found for seed in m.seeds})
        setting = f"{_settings(records.values())}, {seeds} seed{'s' if seeds != 1 else ''}"
    return Verdict(claim, reading, scale, setting, cells, tuple(records.values()))


def _same_numbers(claim: Claim, cells: Sequence[CellResult]) -> bool:
    """Whether every printed effect lies in its interval, widened by how far the papers differ from themselves."""
    spread = float(claim.criterion.get("spread", 0.0))
    printed = [c for c in cells if c.paper is not None and c.estimate.n]
    return bool(printed) and all(
        c.estimate.low - spread <= c.paper <= c.estimate.high + spread for c in printed if c.paper is not None
    )


def _settings(records: Iterable[Record]) -> str:
    """The settings of the records that were compared, the longest runs first; an untrained network's is left out."""
    runs = sorted(records, key=end, reverse=True)
    trained = [r for r in runs if end(r) > UNTRAINED_EPOCHS] or runs
    found = list(dict.fromkeys(describe(r) for r in trained))
    return "; ".join(found[:3]) + (f" and {len(found) - 3} more" if len(found) > 3 else "")


NETWORKS = {"resnet18": "ResNet-18", "resnet50": "ResNet-50", "vit-small": "ViT-S", "vit-mini": "small ViT"}
DATA = {
    "cifar10": "CIFAR-10", "cifar100": "CIFAR-100", "flowers102": "Flowers-102", "imagenette": "Imagenette",
    "imagenet100": "ImageNet-100",
}  # fmt: skip


def describe(record: Record) -> str:
    """The setting of a record in a few words."""
    c = record.config
    if record.kind == "training":
        network = NETWORKS.get(c["backbone"].removesuffix("-large"), f"small ResNet (width {c['width']})")
        data = DATA.get(c["dataset"], c["dataset"])
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
