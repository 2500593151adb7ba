"""What the two embedding-norm papers count: pairs in opposite halves, images of a class, dimensions of a sphere."""

from __future__ import annotations

import re
from decimal import Decimal

from ssllib.errors import InputError
from ssllib.evidence.tables import compare
from ssllib.evidence.tables.compare import Check, Finding, Load, agrees, listed, plain, rounds_to
from ssllib.evidence.tables.cut_tables import EARLY, LATE

# --- opposite halves (2406.16468 Table 2, 2502.09252 Table S1) --------------------------------------------


def _rates(load: Load, epoch: int) -> list[tuple[str, str, Decimal]]:
    """(source, method, rate in percent) of every cell at an epoch, in both papers."""
    both = (load(EARLY).table("2"), load(LATE).table("S1"))
    return [
        (t.source, str(c.key["method"]), compare.number(c, t.unit)) for t in both for c in t.cells(epoch=epoch)
    ]


def opposite_rates(load: Load) -> Finding:
    numbers, means = [], []
    for source in dict.fromkeys(s for s, _, _ in _rates(load, 1)):
        for name, said, methods in (("SimCLR", 5, ["SimCLR"]), ("SimSiam and BYOL", 25, ["SimSiam", "BYOL"])):
            rates = [rate for s, method, rate in _rates(load, 1) if s == source and method in methods]
            means.append((compare.mean(rates), said, name))
            numbers.append(
                (
                    f"{name}, {source}",
                    f"mean of {', '.join(map(plain, rates))} is {plain(means[-1][0])}; said {said}",
                )
            )
    text = dict.fromkeys(f"{plain(m)} % for {name} (the text has {said})" for m, said, name in means)
    return Finding(
        all(agrees(m, said, about=True) for m, said, _ in means),
        f"The means are {listed(list(text))}.",
        tuple(numbers),
        all(rounds_to(m, said) for m, said, _ in means),
    )


def opposite_rates_16(load: Load) -> Finding:
    found = _rates(load, 16)
    least, most = (end(rate for *_, rate in found) for end in (min, max))
    return Finding(
        all(rate in (0, 1) for _, _, rate in found),
        f"The rates at epoch 16 lie between {plain(least)} and {plain(most)} %.",
        tuple((f"{method}, {source}", f"{plain(rate)} %") for source, method, rate in found),
    )


# --- class sizes (2502.09252, section 6) ------------------------------------------------------------------


def class_sizes(load: Load) -> dict[str, list[int]]:
    """Data set: images of each class by the printed formula, classes counted from 0, sizes rounded down.

    The formulas are transcribed with Table 3; the number of classes is in the data set's name.
    """
    text = " ".join(load(LATE).table("3").notes)
    found = re.findall(r"[Cc]lass i of CIFAR-(\d+) has (\d+) x ([\d.]+)\^-i", text)
    if len(found) != 2:
        raise InputError(
            f"2502.09252 Table 3 has {len(found)} formulas for class sizes in its notes, 2 are wanted"
        )
    return {
        f"CIFAR-{classes}": [int(Decimal(base) / Decimal(factor) ** i) for i in range(int(classes))]
        for classes, base, factor in found
    }


def imbalanced_sizes(load: Load) -> Finding:
    sums = {name: sum(sizes) for name, sizes in class_sizes(load).items()}
    return Finding(
        all(agrees(Decimal(s), 15000, about=True, unit=1000) for s in sums.values()),
        f"The sums are {listed([f'{s:,} ({name})' for name, s in sums.items()])}.",
        tuple(
            (name, f"{s:,} images, {100 * (s / 15000 - 1):+.1f} % of 15,000".replace("-", "−"))
            for name, s in sums.items()
        ),
        all(rounds_to(Decimal(s), 15000, unit=1000) for s in sums.values()),
    )


def imbalanced_smallest_class(load: Load) -> Finding:
    least = {name: min(sizes) for name, sizes in class_sizes(load).items()}
    return Finding(
        min(least.values()) >= 1,
        f"The smallest classes have {listed([f'{n} images ({name})' for name, n in least.items()])}.",
        tuple(
            (name, f"largest class {max(s):,}, smallest {min(s)}") for name, s in class_sizes(load).items()
        ),
    )


def simulation_sphere(load: Load) -> Finding:
    """Text and appendix are transcribed among the paper's oddities."""

    def R(n: int) -> str:
        return rf"$\mathbb{{R}}^{{{n}}}$"

    def S(n: int) -> str:
        return rf"$S^{{{n}}}$"

    (text,) = [o["text"] for o in load(LATE).oddities if "S^" in o["text"] and "500 pairs" in o["text"]]
    said, space = (int(re.search(pattern, text)[1]) for pattern in (r"on S\^(\d+)", r"points in R\^(\d+)"))  # type: ignore[index]
    return Finding(
        space - 1 == said,
        f"The unit vectors of {R(space)} are {S(space - 1)}; the text has {S(said)}, which lies in {R(said + 1)}.",
        (
            ("text, Section 4.1", f"{S(said)}, in {R(said + 1)}"),
            ("Appendix B.1", f"{R(space)}, normalised: {S(space - 1)}"),
        ),
    )


CHECKS: dict[str, Check] = {
    "opposite-rates": opposite_rates,
    "opposite-rates-16": opposite_rates_16,
    "imbalanced-sizes": imbalanced_sizes,
    "imbalanced-smallest-class": imbalanced_smallest_class,
    "simulation-sphere": simulation_sphere,
}
