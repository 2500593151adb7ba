"""What the papers say of others' work, and of Flowers-102, beside facts from elsewhere.

Each fact is in `data/papers/other.yml` with its source.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from itertools import combinations

from ssllib.errors import InputError
from ssllib.evidence.papers import Key
from ssllib.evidence.tables import compare
from ssllib.evidence.tables.cloa import PAPER
from ssllib.evidence.tables.compare import Check, Finding, Load, listed, plain, points, signed

# --- SimCLR's augmentation (2403.18699, section 5) --------------------------------------------------------

JITTER = ("brightness", "contrast", "saturation", "hue")


def printed_augmentation(load: Load) -> dict[str, Decimal]:
    """The jitter and crop of Section 5, from the transcribed sentence."""
    (text,) = [o["text"] for o in load(PAPER).oddities if "ColorJitter" in o["text"]]
    found = {part: re.search(rf"{part}=([\d.]*\d)", text) for part in JITTER}
    crop = re.search(r"scale ranging from ([\d.]*\d) to ([\d.]*\d)", text)
    if crop is None or not all(found.values()):
        raise InputError(f"the oddity of {PAPER} on ColorJitter has no four jitters and a crop: {text!r}")
    values = {part: Decimal(match[1]) for part, match in found.items() if match}
    return values | {"crop_from": Decimal(crop[1]), "crop_to": Decimal(crop[2])}


def simclr_augmentation(load: Load) -> Finding:
    """Is there a strength that gives the printed jitter, and is the crop SimCLR's?"""
    said, simclr = printed_augmentation(load), load("other").table("simclr-augmentation")
    theirs = {part: points(simclr, metric=part) for part in said}
    strengths = {part: said[part] / theirs[part] for part in JITTER}
    one = len(set(strengths.values())) == 1
    crop = all(said[part] == theirs[part] for part in ("crop_from", "crop_to"))
    asked: dict[Decimal, list[str]] = {}
    for part, strength in strengths.items():
        asked.setdefault(strength, []).append(part)
    need = listed([f"{plain(s.normalize())} for {listed(parts)}" for s, parts in asked.items()])
    return Finding(
        one and crop,
        (
            "One strength gives the printed jitter: "
            if one
            else "No strength gives the printed jitter; it takes "
        )
        + f"{need}. SimCLR crops from {plain(theirs['crop_from'])} to {plain(theirs['crop_to'])} of the area, "
        f"the text from {plain(said['crop_from'])} to {plain(said['crop_to'])}.",
        (
            *(
                (
                    part,
                    f"{plain(said[part])}; SimCLR {plain(theirs[part])} × strength, so {plain(s.normalize())}",
                )
                for part, s in strengths.items()
            ),
            (
                "crop, share of the area",
                f"{plain(said['crop_from'])} to {plain(said['crop_to'])}; SimCLR {plain(theirs['crop_from'])} to "
                f"{plain(theirs['crop_to'])}",
            ),
            (
                "grayscale",
                f"not named; SimCLR with probability {plain(points(simclr, metric='p_grayscale'))}",
            ),
            (
                "horizontal flip",
                f"not named; SimCLR with probability {plain(points(simclr, metric='p_flip'))}",
            ),
        ),
    )


# --- Flowers-102 (2406.16468, section 4) ------------------------------------------------------------------

SPLITS = ("train", "validation", "test")


def flowers_unions(load: Load) -> dict[tuple[str, ...], tuple[Decimal, Decimal]]:
    """Every union of official splits: images of its smallest and of its largest class.

    A split with as many images in its smallest as in its largest class takes that number from every class, so the
    last split has the rest, and each union's ends are those of the whole set less what is left out.
    """
    table = load("other").table("flowers-splits")
    low, high = (points(table, split="whole set", metric=m) for m in ("smallest", "largest"))
    even = {split: points(table, split=split, metric="smallest") for split in SPLITS[:2]}
    if any(points(table, split=s, metric="largest") != n for s, n in even.items()):
        raise InputError(f"{table.source}: the classes of {' and '.join(even)} are not equally large")
    found = {}
    for n in range(1, len(SPLITS) + 1):
        for union in combinations(SPLITS, n):
            inside = sum((even[s] for s in union if s in even), Decimal(0))
            outside = sum(even.values(), Decimal(0)) - inside
            found[union] = (low - outside, high - outside) if "test" in union else (inside, inside)
    return found


def flowers_class_sizes(load: Load, least: int = 50, most: int = 250) -> Finding:
    """Has every class the images that a training split with at least `least` of each must take from it?

    No choice of images gives a class more than the whole set has. That a class was left out altogether is not
    said, and not assumed. Beside it, the unions of official splits.
    """
    unions = flowers_unions(load)
    whole = unions[SPLITS][0]
    fit = sum(least <= low and high <= most for low, high in unions.values())
    return Finding(
        whole >= least,
        f"The smallest class of the whole set has {plain(whole)} images; a split with {least} to {most} of each "
        f"class needs {least}. {compare.count(fit, len(unions)).capitalize()} unions of official splits have so many.",
        tuple((" + ".join(u), f"{plain(a)} to {plain(b)} images a class") for u, (a, b) in unions.items()),
    )


# --- the published accuracies (2403.18699, Table 1) -------------------------------------------------------


def overview_better(load: Load) -> Finding:
    """Are exactly the methods under "Innovations" above every baseline, by at most two points over the best?"""
    table = load(PAPER).table("1")
    best = max(table.cells(group="baselines", metric="top1"), key=lambda c: compare.number(c, table.unit))
    bar = compare.number(best, table.unit)
    others = [c for c in table.cells(metric="top1") if c.key["group"] != "baselines" and c.value is not None]
    above = [c for c in others if compare.number(c, table.unit) > bar]
    new = {str(c.key["method"]) for c in table.cells(group="Innovations", metric="top1")}
    most = max((compare.number(c, table.unit) - bar for c in above), default=Decimal(0))
    baselines = [c.key for c in table.cells(group="baselines", metric="top1")]
    columns = ("affinity", "probability", "divergence")

    def shared(key: Key) -> str:
        same = [p for p in columns if all(b[p] == key[p] for b in baselines)]
        return f"as in all baselines: {listed(same)}" if same else "nothing as in all baselines"

    return Finding(
        {str(c.key["method"]) for c in above} == new and most <= 2,
        f"{listed([str(c.key['method']) for c in above])} exceed the best baseline, {best.key['method']} "
        f"({plain(bar)}), by at most {plain(most)} points.",
        tuple(
            (
                f"{c.key['method']}, under {c.key['group']!r}",
                f"{plain(compare.number(c, table.unit))} − {plain(bar)} = "
                f"{signed(compare.number(c, table.unit) - bar)}; {shared(c.key)}",
            )
            for c in others
        ),
    )


NETWORK, PROTOCOL = "ResNet-50", "fine-tuning"  # what the caption says of all
UNKNOWN = "not found"


@dataclass(frozen=True)
class Source:
    """Where a method's accuracy comes from: a row of the sources, with Table 1's number beside it.

    `of` is "paper", "released model" or "none"; accuracies in per cent, None where the source has none.
    """

    method: str
    group: str
    of: str
    network: str
    protocol: str
    epochs: int | None
    found: str
    url: str
    printed: dict[str, Decimal]
    theirs: dict[str, Decimal]

    @property
    def differs(self) -> list[str]:
        """The metrics whose number is not the source's."""
        return [m for m, v in self.theirs.items() if m in self.printed and v != self.printed[m]]

    @property
    def counts(self) -> bool:
        """Is it the paper's own number, for the network of Table 1's caption as far as is known?"""
        return self.of == "paper" and self.network in (NETWORK, UNKNOWN)


def overview_sources(load: Load) -> list[Source]:
    """Each row of the sources, in the order of Table 1."""
    table, sources = load(PAPER).table("1"), load("other").table("overview-sources")
    found = []
    for key, cells in sources.rows():
        own = [c for c in table.cells(method=key["method"]) if c.value is not None]
        found.append(
            Source(
                **{k: str(key[k]) for k in ("method", "of", "network", "protocol", "found", "url")},
                group=str(table.cells(method=key["method"])[0].key["group"]),
                epochs=key["epochs"] if isinstance(key["epochs"], int) else None,
                printed={str(c.key["metric"]): compare.number(c, table.unit) for c in own},
                theirs={
                    str(c.key["metric"]): compare.number(c, "per cent") for c in cells if c.value is not None
                },
            )
        )
    return found


def overview_protocol(load: Load) -> Finding:
    """Any number, protocol or network that is not what the caption says, or epochs that differ, make it false."""
    rows = overview_sources(load)
    wrong = [(s, m) for s in rows if s.counts for m in s.differs]
    protocols = {s.method: s.protocol for s in rows if s.protocol != UNKNOWN}
    other = [m for m, p in protocols.items() if p != PROTOCOL]
    epochs = sorted({s.epochs for s in rows if s.epochs})
    checked = {s.method for s in rows if s.counts and s.theirs}
    numbers = []
    for s in rows:
        facts = [
            f"{m.replace('top', 'top-')} {plain(s.printed[m])}, source {plain(v)}"
            + (f" ({signed(s.printed[m] - v)})" if m in s.differs else "")
            for m, v in s.theirs.items()
            if m in s.printed
        ] or [f"top-1 {plain(s.printed['top1'])}, no source found"]
        facts += [s.network if s.network != UNKNOWN else "network not found"]
        facts += [s.protocol if s.protocol != UNKNOWN else "protocol not found"]
        facts += [f"{s.epochs} epochs" if s.epochs else "epochs not found"]
        name = s.method if s.network in (NETWORK, UNKNOWN) else f"{s.method}, {s.network}"
        numbers.append((name + (", released model" if s.of == "released model" else ""), "; ".join(facts)))
    values = listed([f"{m.replace('top', 'top-')} of {s.method} ({plain(s.printed[m])}, in its paper "
                     f"{plain(s.theirs[m])} with {s.network})" for s, m in wrong])  # fmt: skip
    return Finding(
        not wrong and not other and len(epochs) <= 1,
        f"The papers' own numbers were found for {len(checked)} methods. Those that differ: {values}. "
        f"Protocols found: {listed(sorted(set(protocols.values())))}, for {len(protocols)} methods; the caption has "
        f"{PROTOCOL}. Epochs found: {listed([str(n) for n in epochs])}.",
        tuple(numbers),
    )


CHECKS: dict[str, Check] = {
    "cloa-overview-better": overview_better,
    "simclr-augmentation": simclr_augmentation,
    "flowers-class-sizes": flowers_class_sizes,
    "cloa-overview-protocol": overview_protocol,
}
