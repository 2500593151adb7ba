r"""What collapse is to other losses, to the softmax, and to batch normalisation.

Source: 2403.18699 section 3 and Appendix A; 2406.16468 C.1, footnote 5.
"""

from __future__ import annotations

from typing import Any

import torch

from ssllib.theory import collapse
from ssllib.theory.proofs import circle
from ssllib.theory.proofs.algebra import vanishes
from ssllib.theory.proofs.reading import numbers, value
from ssllib.theory.proofs.statements import Statement, added, examine


def probability(seed: int) -> list[Statement]:
    """The softmax's probability of the positive at equal embeddings, for |I| samples."""
    import sympy as sp

    size, tau = sp.Symbol("samples", integer=True, positive=True), sp.Symbol("tau", positive=True)
    e = sp.exp(1 / tau)
    true = sp.simplify(e / (e + (size - 2) * e))
    words = {r"\mathbb P^*": true, r"\lvert I \rvert": size}
    tex = r"\mathbb P^* = %s\frac{1}{\lvert I \rvert - 1}"
    any_value = {r"\mathbb P^*": sp.Symbol("P"), r"\tau": tau, "z^*": sp.Symbol("z"), r"\lvert I \rvert": size}
    return [
        examine(
            "2403.18699 Appendix A",
            tex % r"-\log ",
            numbers(words, points=[{size: 4}], names=("softmax", "printed")),
            corrected=tex % "",
        ),
        examine(
            "its use",
            r"\tfrac{2 (1 - \mathbb P^*)}{\tau} z^* - 2 (\lvert I \rvert - 2) \tfrac{1 - \mathbb P^*}{\tau}"
            r" \tfrac{1}{\lvert I \rvert - 2} z^* = 0 \text{ with any value of } \mathbb P^*",
            numbers(any_value),
            role="added",
        ),
        examine(
            "what is printed is the loss at collapse",
            r"\mathcal L_i = -\log \tfrac{1}{\lvert I \rvert - 1}",
            numbers({r"\mathcal L_i": -sp.log(true), r"\lvert I \rvert": size}),
            role="added",
        ),
    ]


REPEL = ("info_nce", "info_nce_released", "dcl", "triplet", "supervised_info_nce", "sup_con")
"""The losses that attract positives and repel others, by cosine."""


def most_losses(seed: int) -> list[Statement]:
    """Every loss of the library at equal embeddings and on a line: is more than half of them at a minimum?"""
    statements, saddles = [], []
    for line in (collapse.EQUAL, collapse.RANK_1):
        found = collapse.table(line)
        minima = sorted(name for name, point in found.items() if point.is_minimum)
        most = 2 * len(minima) > len(found)
        words = [point.word for point in found.values()]
        counts = {word: words.count(word) for word in dict.fromkeys(words)}
        statements.append(
            Statement(
                f"2403.18699 section 3, {line.name}",
                r"\text{more than half of the losses have a local minimum}",
                most,
                "autograd",
                None if most else {"losses": len(found), **counts},
            )
        )
        saddles += [found[name].word == "saddle" for name in REPEL]
    two = collapse.table(collapse.TWO_PAIRS)["info_nce"]
    return [
        *statements,
        added(
            "the losses that attract and repel",
            r"\text{all of them have a saddle at both}",
            all(saddles),
            "autograd",
        ),
        added(
            "two pairs, one on each side", r"\text{InfoNCE has a minimum}", two.word == "minimum", "autograd"
        ),
    ]


SAME = (5, 5, 5)
"""A batch of one input, three times."""


def _on_line(c: Any, w: Any, b: Any) -> Any:
    return c * w + b


VARIANCE = r"\frac{v}{v + \varepsilon}"


def batch_norm(seed: int) -> list[Statement]:
    """What batch normalisation gives for equal inputs, for inputs that differ, and for inputs on a line."""
    import sympy as sp

    eps, v = sp.Symbol("epsilon", positive=True), sp.Symbol("v", positive=True)

    def normalised(x: list[Any]) -> list[Any]:
        mean = sum(x) / len(x)
        return [(a - mean) / sp.sqrt(sum((b - mean) ** 2 for b in x) / len(x) + eps) for a in x]

    same = normalised([sp.S(x) for x in SAME])
    apart = len(set(same)) > 1
    free = list(sp.symbols("x1:5", real=True))
    mean = sum(free) / 4
    spread = sum((a - mean) ** 2 for a in free) / 4
    printed = value(VARIANCE, {"v": v, r"\varepsilon": eps})
    law = vanishes(sum(y**2 for y in normalised(free)) / 4 - printed.subs(v, spread))
    positive = circle.always_positive(printed, {v: (">", 0), eps: (">", 0)})
    stated = sp.lambdify([v, eps], printed)
    w, shift = sp.symbols("w1:3", real=True), sp.symbols("b1:3", real=True)
    first, second = (normalised([_on_line(c, w[i], shift[i]) for c in free]) for i in range(2))
    line = all(vanishes(first[0] * second[j] - first[j] * second[0]) for j in (1, 2, 3))
    x = torch.randn(16, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    torch_agrees = all(
        abs(float(torch.nn.functional.batch_norm(s * x, None, None, training=True).var(0, correction=0)[0])
            - float(stated((s * x).var(0, correction=0)[0], 1e-5))) < 1e-12
        for s in (1.0, 1e-2, 1e-4, 1e-6)
    )  # fmt: skip
    variance = rf"\operatorname{{Var}} \mathrm{{BN}}(x) = {VARIANCE}"
    return [
        Statement(
            "2406.16468 C.1, footnote 5",
            r"\mathrm{BN}(x_1), \dots, \mathrm{BN}(x_n) \text{ are not all one point}",
            apart,
            "SymPy",
            None if apart else {"x": list(SAME), "BN(x)": [int(y) for y in same]},
            variance + r" > 0 \text{ if } v = \operatorname{Var}(x) > 0"
            if not apart and law and positive
            else None,
        ),
        added(
            "PyTorch's batch_norm",
            variance,
            torch_agrees,
            "float64",
        ),
        added(
            "inputs on one line",
            r"x_i = c_i w + b \implies \mathrm{BN}(x_i) \text{ on one line through the origin}",
            line,
            "SymPy",
        ),
    ]
